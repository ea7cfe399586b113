#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Messages from a real dataplane at full speed into NATS JetStream, while nats-server is restarted (by SIGTERM and kill -9 in turn) and the
control plane is killed, to two pull consumers: every message that was accepted comes, in the order of its queue and priority.

AGENT_MESSAGES=1000000 asks for at least so many, with a kill of the control plane about every second and a restart about every three; by
default it is shorter. The spool is small, so that the traffic lasts as long as NATS takes messages: what finds no room is counted
`agents_full`. SLOWER as in agents_kill_test.py."""
import contextlib
import json
import multiprocessing
import os
import random
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "kit")]
sys.dont_write_bytecode = True
from agents_kill_test import MANY, SLOWER, Flow  # noqa: E402
from gateway import Gateway, main, wait_for  # noqa: E402
from native import message  # noqa: E402
from nats import Client, Server, free_ports  # noqa: E402

MESSAGES, KILLS, RESTARTS, RESTART_S, SPOOL_MB = (MANY, 20, 12, 3, 64) if MANY else (50000, 4, 4, 1.5, 16)
KILL_S = 1  # on average, as RESTART_S
ROUND = 1024  # messages that may be on their way at once (docs/agents-nats.md)
PULL, ACK_WAIT_S = 500, 2
QUEUES = ("left", "right")
PRIORITIES = ("emergency", "urgent", "normal", "non-urgent")
RULES = """version = 1;
tenants = ( { id = 1; name = "one"; }, { id = 2; name = "two"; } );
queues = ( { name = "left"; }, { name = "right"; } );
rules = ( { name = "two"; match = { tenant = "two"; }; action = { agents = "right"; }; } );
default = { agents = "left"; };
"""


def bodies():
    """Of the messages of the capture: (tenant, priority, body)."""
    rnd = random.Random(4711)
    return [(1 + i // 4 % 2, i % 4, rnd.randbytes(8 * (i % 40))) for i in range(1024)]


class Restarts(threading.Thread):
    """Ends nats-server at random moments and starts it again, until `end`."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.random, self.over, self.error, self.n = server, random.Random(1147), threading.Event(), None, 0
        self.start()

    def run(self):
        try:
            while not self.over.wait(self.random.uniform(0, 2 * RESTART_S * SLOWER)):
                if self.n % 2:
                    self.server.kill()
                else:
                    self.server.stop()
                self.server.start()
                self.n += 1
        except Exception as error:  # raised again by `end`
            self.error = error

    def end(self):
        self.over.set()
        self.join(60)
        if self.error:
            raise self.error


class Consumer:
    """A pull consumer of one queue, in a process of its own. Its journal has a line for each delivery, in their order."""

    def __init__(self, port, queue, journal):
        self.port, self.queue, self.journal = port, queue, journal
        self.known = {(priority, body) for tenant, priority, body in bodies() if QUEUES[tenant - 1] == queue}
        with Client(port) as client:
            config = {"durable_name": queue, "filter_subject": f"weir.agents.{queue}.>", "ack_policy": "explicit", "deliver_policy": "all",
                      "ack_wait": ACK_WAIT_S * 10**9, "max_ack_pending": 2 * PULL}
            answer = client.api(f"CONSUMER.DURABLE.CREATE.weir-agents.{queue}", {"stream_name": "weir-agents", "config": config})
            assert "error" not in answer, answer
        self.over, self.came, self.seen = multiprocessing.Event(), multiprocessing.Value("Q", 0), set()
        self.process = multiprocessing.Process(target=self.work, daemon=True)
        self.process.start()

    def work(self):
        with open(self.journal, "w", encoding="ascii") as out:
            while not self.over.is_set():
                with contextlib.suppress(OSError):  # a server that goes and comes
                    with Client(self.port) as client:
                        while not self.over.is_set():
                            self.pull(client, out)

    def pull(self, client, out):
        inbox = client.inbox + ".pull"
        client.publish(f"$JS.API.CONSUMER.MSG.NEXT.weir-agents.{self.queue}", json.dumps({"batch": PULL, "expires": 10**9}).encode(), inbox)
        for _ in range(PULL):
            taken = client.next(3)
            if "Nats-Msg-Id" not in taken.headers:  # it ends before its time
                return
            priority = PRIORITIES.index(taken.headers["Weir-Priority"])
            whole = (priority, taken.data) in self.known and taken.headers["Weir-Queue"] == self.queue
            delivered, sequence = taken.reply.split(".")[4:6]
            out.write(f"{taken.headers['Nats-Msg-Id']} {taken.headers['Weir-Id']} {priority} {delivered} {sequence} {int(whole)}\n")
            client.publish(taken.reply, b"+ACK")
            self.seen.add(taken.headers["Weir-Id"])
            self.came.value = len(self.seen)

    def end(self):
        self.over.set()
        self.process.join(60)
        assert self.process.exitcode == 0, f"the consumer of {self.queue} ended with {self.process.exitcode}"


class Tally:
    """What came to one consumer: `ids` by their number in the spool; how many were stored twice, delivered again, and late."""

    def __init__(self, journal):
        self.ids, self.stored, self.twice, self.again, self.late = {}, {}, 0, 0, 0
        last = 0
        with open(journal, encoding="ascii") as file:
            for line in file:
                name, arrival, priority, delivered, sequence, whole = line.split()
                arrival, sequence = int(arrival), int(sequence)
                assert whole == "1", f"no message of the capture: {line}"
                came = sequence in self.stored
                assert self.stored.setdefault(sequence, (name, arrival, priority)) == (name, arrival, priority), f"it was another: {line}"
                assert self.ids.setdefault(arrival, name) == name, f"another message has its number: {line}"
                if came:
                    self.again += 1
                elif delivered == "1":
                    assert sequence > last, f"before its turn: {line}"
                    last = sequence
                else:  # it was on its way when the server went, and comes again when its time to be acknowledged is over
                    self.late += 1
        self.check_order()
        assert len(set(self.ids.values())) == len(self.ids), "an id that two messages have"

    def check_order(self):
        """In the stream: rising within each priority, but for what is there a second time."""
        seen, last = set(), {}
        for sequence in sorted(self.stored):
            name, arrival, priority = self.stored[sequence]
            if name in seen:
                self.twice += 1
                continue
            seen.add(name)
            assert arrival > last.get(priority, 0), f"{arrival} came after {last[priority]} in priority {priority}"
            last[priority] = arrival
        assert len(last) == 4, "not every priority"


def spool_is_empty(gateway):
    done = gateway.run("weirctl", "--config", gateway.config, "--json", "status")
    return done.returncode == 0 and all(queue["depth"] == 0 for queue in json.loads(done.stdout)["spool"]["queues"])


def wait_all(gateway, consumers, accepted):
    """Until all that was accepted has come; what has not come by then, the tally says."""
    wait_for("an empty spool", lambda: spool_is_empty(gateway), 300)
    with contextlib.suppress(AssertionError):
        wait_for("all messages", lambda: sum(consumer.came.value for consumer in consumers) >= accepted, 120)


def every_message_comes_while_nats_server_is_restarted_and_the_control_plane_is_killed():
    port, = free_ports(1)
    device = 'name = "in0"; device = "net_pcap0,rx_pcap=@/in.pcap,infinite_rx=1"; queues = 1;'
    agents = f"""{{ slots = 4096; spool_mb = {SPOOL_MB}; backend = "nats"; url = "nats://127.0.0.1:{port}";
        nats = {{ timeout_ms = 1000; }}; }}"""
    with Gateway([device], agents=agents, state_on_disk=True) as g, Server(g.state, port=port) as server:
        began = time.monotonic()
        flow = Flow(g, RULES, [message(i, tenant, priority, body=body) for i, (tenant, priority, body) in enumerate(bodies())], KILL_S)
        flow.start()
        with Client(port) as client:
            wait_for("the stream", lambda: client.state("weir-agents"))
        consumers = [Consumer(port, queue, g.path(f"state/{queue}")) for queue in QUEUES]
        restarts = Restarts(server)
        while flow.kills < KILLS or restarts.n < RESTARTS or (MANY and flow.accepted() < MANY):
            assert restarts.error is None, restarts.error
            flow.kill()
            flow.start()
        if not MANY:  # the machine may be slow
            restarts.end()
        wait_for("the rest", lambda: flow.accepted() >= MESSAGES, 120)
        flow.kill()
        accepted = flow.stop_traffic()
        restarts.end()
        wait_all(g, consumers, accepted)
        flow.end()
        for consumer in consumers:
            consumer.end()
        tallies = [Tally(consumer.journal) for consumer in consumers]
        numbers = [number for tally in tallies for number in tally.ids]
        lost, foreign = set(range(1, accepted + 1)).difference(numbers), set(numbers).difference(range(1, accepted + 1))
        found = {name: sum(getattr(tally, name) for tally in tallies) for name in ("twice", "again", "late")}
        print(f"   {accepted} accepted, {flow.kills} kills of the control plane, {restarts.n} restarts of nats-server "
              f"({restarts.n // 2} by kill -9), {time.monotonic() - began:.0f} s: {len(set(numbers))} ids came, {len(lost)} lost; "
              f"{found['twice']} stored twice, {found['again']} delivered again, {found['late']} late", flush=True)
        assert not lost and not foreign and len(numbers) == accepted, (sorted(lost)[:9], sorted(foreign)[:9], len(numbers))
        # What the consumers took out and the server forgot when it was restarted, it takes again: at most a round each time.
        assert found["twice"] <= ROUND * restarts.n, found


if __name__ == "__main__":
    main([every_message_comes_while_nats_server_is_restarted_and_the_control_plane_is_killed])
