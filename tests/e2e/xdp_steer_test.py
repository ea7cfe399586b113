#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Steering on a port of type xdp, on a veth cable: one sender's flood over two workers by the dispatcher, weights, and messages that the
program in the kernel sends to a sibling gateway, live and back, over restarts of either daemon."""
import json
import os
import socket
import struct
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from dataplane_workers_test import message  # noqa: E402
from dispatch_test import GW2, Held, dispatch, rows  # noqa: E402
from gateway import check_books, main, program, wait_for  # noqa: E402
from xdp import XdpGateway, XdpNetwork, take_what_programs_send  # noqa: E402
from xdp_test import lost_on_the_cable, mac_of, settled, with_addresses  # noqa: E402

MEMBER, SIBLING = (bytes.fromhex(mac.replace(":", "")) for mac in ("02:00:00:00:00:09", GW2))
IDS = 4000     # a flood's ids come again after so many, so that what is moved can be compared with what was
WINDOW = 256   # messages that may be on their way
ID_AT, NUMBER_AT, SIZE = 54, 60, 68
SIBLINGS = f'( {{ name = "gw2"; port = "in0"; mac = "{GW2}"; }} )'


def flood_frame(number):
    """A message of one and the same sender; its id, and behind that which of the flood it is."""
    frame = bytearray(message(7, size=8))
    struct.pack_into(">I", frame, ID_AT, number % IDS)
    struct.pack_into(">Q", frame, NUMBER_AT, number)
    assert len(frame) == SIZE
    return bytes(frame)


class Flood:
    """`with Flood(gw) as flood`: a thread at the far end sends, and notes where each message comes back to: `flood.to[number]`."""

    def __init__(self, gw):
        self.gw, self.mac = gw, mac_of(gw.net)
        self.to, self.error = [], None  # None: still on its way
        self.back = 0
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        if self.thread.is_alive():  # send_all alone was used, or it ended before
            self.thread.join()

    def run(self):
        try:
            while not self.ends.is_set():
                self.send_all(2 * WINDOW)
        except Exception as error:  # the test's thread raises it
            self.error = error

    def send_all(self, n):
        """Sends `n` messages, no more than WINDOW of them on their way at once; all have come back then."""
        for _ in range(n):
            self.to.append(None)
            self.gw.far.send(flood_frame(len(self.to) - 1))
            self.take(len(self.to) - WINDOW)
        self.take(len(self.to))

    def take(self, n):
        """Receives until `n` messages have come back."""
        while self.back < n:
            frame, address = self.gw.far.recvfrom(65536)
            if address[2] == socket.PACKET_OUTGOING or len(frame) != SIZE or frame[:6] not in (MEMBER, SIBLING):
                continue
            number = struct.unpack_from(">Q", frame, NUMBER_AT)[0]
            assert frame[6:12] == self.mac and frame[12:] == flood_frame(number)[12:], f"message {number} is harmed: {frame.hex()}"
            assert self.to[number] is None, f"message {number} came twice"
            self.to[number] = frame[:6]
            self.back += 1

    def pass_by(self, n):
        """The numbers of `n` messages that were all sent after this was called."""
        first = len(self.to) + 1  # one may be in the sender's hand
        wait_for(f"{n} messages", lambda: self.error or self.back >= first + n + WINDOW, 60)
        self.raise_error()
        return range(first, first + n)

    def raise_error(self):
        if self.error:
            raise AssertionError(f"{type(self.error).__name__}: {self.error}: {self.back} of {len(self.to)} are back, "
                                 f"{json.dumps(self.gw.stats_or_none())[:3000]}\n{self.gw.log()[-800:]}")

    def moved(self, numbers):
        """Ids of those that went to the sibling."""
        wait_for("them to be back", lambda: all(self.to[number] for number in numbers))
        return {number % IDS for number in numbers if self.to[number] == SIBLING}

    def end(self):
        """Ends it; the statistics when all is counted: every message came back once, and the books say where."""
        self.__exit__()
        self.raise_error()
        stats = settled(self.gw, len(self.to))
        fates, moved = stats["ports"][0]["xdp"], self.to.count(SIBLING)
        assert None not in self.to and lost_on_the_cable(self.gw.net) == 0, self.to.count(None)
        assert fates["moved"] == moved and fates["socket"] == len(self.to) - moved, (fates, moved, len(self.to))
        assert stats["rx"] == stats["dispositions"]["forward"] == self.to.count(MEMBER), stats["dispositions"]
        return stats


def cabled(net, queues):
    """A cable of two queues each way; the far end sends by `queues` of them."""
    net.veth("gw", "gw0", "far", "far0")
    net.run("gw", "ethtool", "-L", "gw0", "rx", "2", "tx", "2")
    net.run("far", "ethtool", "-L", "far0", "rx", "2", "tx", str(queues))
    net.run("far", "ethtool", "-K", "far0", "gro", "on")


class Steered(XdpGateway):
    """One that has taken up what its control plane wants of steering."""

    def __enter__(self):
        super().__enter__()
        wait_in_use(self)
        return self


class TwoWorkers(Steered):
    """A port of so many queues over two workers."""

    def __init__(self, net, queues, port="", **settings):
        cabled(net, queues)
        super().__init__(net, port=f"queues = {queues}; {port}", cable=False, workers=2, memory_mb=128, **settings)


class Siblings(Steered):
    """A port with a sibling gateway at the far end of its cable."""

    def __init__(self, net):
        super().__init__(net, siblings=SIBLINGS)
        take_what_programs_send(net)


def weirctl(gw, *words):
    done = gw.g.run("weirctl", "--config", gw.g.config, "--json", *words)
    assert done.returncode == 0, f"{words}: {done.returncode}: {done.stderr}"
    return json.loads(done.stdout)


def wait_in_use(gw):
    wait_for("steering in use", lambda: gw.stats_or_none() and weirctl(gw, "steer", "show")["in_use"])


def restart_controlplane(gw, between):
    """Kills it, lets `between` happen, starts another."""
    process, = [process for process in gw.g.processes if process is not gw.dataplane]
    process.kill()
    process.wait()
    gw.g.processes.remove(process)
    between()
    gw.g.start("weir-controlplane", "--config", gw.g.config)
    wait_in_use(gw)


def shares_are_alike(gw):
    with Flood(gw) as flood:
        flood.pass_by(20000)
        stats = flood.end()
    workers, dispatcher = rows(stats)
    assert dispatcher["name"] == "dispatch" and dispatcher["rx"] == 0, dispatcher
    share = [worker["rx"] / stats["rx"] for worker in workers]
    assert sum(worker["rx"] for worker in workers) == stats["rx"] == len(flood.to)
    assert max(share) - min(share) <= 0.1 * max(share), share
    print(f"   shares {share[0]:.4f} {share[1]:.4f} of {stats['rx']} messages", flush=True)


def one_sender_loads_both_workers_alike_by_one_queue():
    with XdpNetwork("gw", "far") as net, TwoWorkers(net, 1, dataplane=dispatch()) as gw:
        shares_are_alike(gw)


def one_sender_loads_both_workers_alike_where_each_has_a_queue_and_the_port_is_dispatched():
    with XdpNetwork("gw", "far") as net, TwoWorkers(net, 2, 'dispatch = "on";', dataplane=dispatch()) as gw:
        shares_are_alike(gw)


def without_a_dispatcher_one_sender_stays_on_one_queue_and_a_weight_is_refused():
    with XdpNetwork("gw", "far") as net, TwoWorkers(net, 2) as gw:
        with Flood(gw) as flood:
            flood.pass_by(2000)
            stats = flood.end()
        assert sorted(worker["rx"] for worker in stats["workers"]) == [0, len(flood.to)], stats["workers"]
        done = gw.g.run("weirctl", "--config", gw.g.config, "steer", "weight", "1", "0")
        assert done.returncode == 1 and "dataplane.dispatch_cpu" in done.stderr and done.stderr.count("\n") == 1, done
        assert all(worker["weight"] == 100 for worker in weirctl(gw, "steer", "show")["workers"])


def a_weight_takes_load_off_a_worker_and_gives_it_back():
    with XdpNetwork("gw", "far") as net, TwoWorkers(net, 1, dataplane=dispatch()) as gw:
        flood, before = Flood(gw), [0, 0]
        for weight, buckets, least, most in ((50, 1365, 0.28, 0.39), (0, 0, 0, 0), (100, 2048, 0.45, 0.55)):
            shown = weirctl(gw, "steer", "weight", "1", str(weight))
            assert [worker["buckets"] for worker in shown["workers"]] == [4096 - buckets, buckets], shown
            flood.send_all(8000)
            now = [worker["rx"] for worker in rows(settled(gw, len(flood.to)))[0]]
            share = (now[1] - before[1]) / 8000
            assert now[0] + now[1] == len(flood.to) and least <= share <= most, (weight, before, now)
            before = now
        flood.end()


def a_worker_that_stands_still_is_taken_out_and_given_back():
    with XdpNetwork("gw", "far") as net, TwoWorkers(net, 1, dataplane=dispatch()) as gw:
        flood = Flood(gw)
        flood.send_all(1000)  # both run
        before = [worker["rx"] for worker in rows(settled(gw, 1000))[0]]
        with Held(gw.dataplane.pid, "rte-worker-2"):
            wait_for("the stall", lambda: weirctl(gw, "steer", "show")["workers"][1]["stalled"], 10)
            flood.send_all(4000)
            assert [worker["rx"] for worker in rows(settled(gw, 5000))[0]] == [before[0] + 4000, before[1]]
        wait_for("it to run", lambda: not weirctl(gw, "steer", "show")["workers"][1]["stalled"], 10)
        flood.send_all(4000)
        workers = rows(flood.end())[0]
        assert workers[1]["rx"] > before[1] + 1000 and workers[1]["stalls"] >= 1, workers
        assert "worker 1 stands still: what is dispatched goes to the others" in gw.log(), gw.log()


def where_no_port_is_dispatched_nothing_is_said_of_others_when_a_worker_stands_still():
    with XdpNetwork("gw", "far") as net, XdpGateway(net) as gw:
        Flood(gw).send_all(10)  # it runs
        with Held(gw.dataplane.pid, "rte-worker-1"):
            wait_for("the stall", lambda: gw.stats()["workers"][0]["stalled"], 10)
        assert "worker 0 stands still\n" in gw.log() and "dispatched" not in gw.log(), gw.log()


def a_part_moves_to_a_sibling_and_back_while_messages_flow():
    with XdpNetwork("gw", "far") as net, Siblings(net) as gw, Flood(gw) as flood:
        before = weirctl(gw, "steer", "show")
        assert before["steers"] and before["here_percent"] == 100, before
        assert not flood.moved(flood.pass_by(IDS))
        shown = weirctl(gw, "steer", "move", "--percent", "30", "--to", "gw2")
        assert shown["siblings"] == [{"name": "gw2", "percent": 30, "buckets": 1229}] and shown["here_percent"] == 70, shown
        assert shown["in_use"] and shown == weirctl(gw, "steer", "show")
        numbers = flood.pass_by(2 * IDS)
        moved = flood.moved(numbers)
        assert 0.25 < len(moved) / IDS < 0.35, len(moved)
        assert sum(flood.to[number] == SIBLING for number in numbers) == 2 * len(moved), "an id went both ways"
        assert weirctl(gw, "steer", "move", "--percent", "30", "--to", "here") == before
        assert not flood.moved(flood.pass_by(IDS))
        stats = flood.end()
        events = [(entry["event"], entry["file"]) for entry in weirctl(gw, "rules", "history")]
        assert ("steer", "move 30 % to gw2") in events and ("steer", "move 30 % to here") in events, events
        print(f"   {len(moved)} of {IDS} ids went to gw2: {stats['ports'][0]['xdp']['moved']} of {len(flood.to)} messages", flush=True)


def what_is_moved_stays_so_over_a_restart_of_the_control_plane():
    with XdpNetwork("gw", "far") as net, Siblings(net) as gw, Flood(gw) as flood:
        shown = weirctl(gw, "steer", "move", "--percent", "30", "--to", "gw2")
        moved = flood.moved(flood.pass_by(IDS))
        assert 0.25 < len(moved) / IDS < 0.35, len(moved)
        with_no_controlplane = []
        restart_controlplane(gw, lambda: with_no_controlplane.append(flood.moved(flood.pass_by(IDS))))
        assert with_no_controlplane == [moved]
        assert weirctl(gw, "steer", "show") == shown
        assert flood.moved(flood.pass_by(IDS)) == moved
        assert weirctl(gw, "steer", "move", "--percent", "30", "--to", "here")["here_percent"] == 100
        assert not flood.moved(flood.pass_by(IDS))
        flood.end()


def the_next_dataplane_moves_what_the_one_before_it_did():
    with XdpNetwork("gw", "far") as net, Siblings(net) as gw:
        shown = weirctl(gw, "steer", "move", "--percent", "30", "--to", "gw2")
        gw.dataplane.kill()
        gw.dataplane.wait()
        gw.start()
        gw.wait_generation(1)
        wait_in_use(gw)
        assert weirctl(gw, "steer", "show") == shown
        wait_for("sockets", lambda: gw.lines_of("xsks_map"))
        with Flood(gw) as flood:
            assert 0.25 < len(flood.moved(flood.pass_by(IDS))) / IDS < 0.35
            flood.end()


def where_all_is_moved_the_kernel_and_what_a_sibling_sent_stay():
    with XdpNetwork("gw", "far") as net, Siblings(net) as gw:
        with_addresses(net)
        weirctl(gw, "steer", "move", "--percent", "100", "--to", "gw2")
        with Flood(gw) as flood:
            assert len(flood.moved(flood.pass_by(IDS))) == IDS
        flood.raise_error()
        assert " 0% packet loss" in net.run("far", "ping", "-c", "3", "-i", "0.05", "10.9.0.1")
        for number in range(20):
            frame = flood_frame(number)
            gw.far.send(frame[:6] + SIBLING + frame[12:])
        stats = wait_for("them to be judged here", lambda: (lambda s: s["dispositions"]["forward"] == 20 and s)(gw.stats()))
        check_books(stats)
        assert stats["rx"] == 20 and stats["ports"][0]["xdp"]["moved"] == len(flood.to), stats["ports"]


if __name__ == "__main__":
    assert os.path.exists(program("weir-dataplane")), "build first"
    cases = [one_sender_loads_both_workers_alike_by_one_queue,
             one_sender_loads_both_workers_alike_where_each_has_a_queue_and_the_port_is_dispatched,
             without_a_dispatcher_one_sender_stays_on_one_queue_and_a_weight_is_refused,
             a_weight_takes_load_off_a_worker_and_gives_it_back,
             a_worker_that_stands_still_is_taken_out_and_given_back,
             where_no_port_is_dispatched_nothing_is_said_of_others_when_a_worker_stands_still,
             a_part_moves_to_a_sibling_and_back_while_messages_flow,
             what_is_moved_stays_so_over_a_restart_of_the_control_plane,
             the_next_dataplane_moves_what_the_one_before_it_did,
             where_all_is_moved_the_kernel_and_what_a_sibling_sent_stay]
    main([case for case in cases if case.__name__ in sys.argv[1:] or len(sys.argv) == 1])
