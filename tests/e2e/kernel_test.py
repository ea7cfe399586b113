#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The kernel interface beside a port: what goes in and out of it, byte by byte; how it comes and goes; what is said when it cannot
be made. In network namespaces of our own."""
import os
import random
import re
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from dataplane_errors_test import ENVIRONMENT, expect  # noqa: E402
from gateway import Gateway, SkipTest, check_books, main, program, read_pcap, wait_for, write_pcap  # noqa: E402
from live_test import frame  # noqa: E402
from network import Network  # noqa: E402

PORT = 'name = "in0"; device = "net_pcap0,rx_pcap=@/in.pcap,tx_pcap=@/out.pcap"; kernel = "weir0";'
NULL_PORT = 'name = "in0"; device = "net_null0,no-rx=1"; kernel = "weir0";'
RULES = """version = 1;
pools = ( { name = "p"; port = 0; members = ( { name = "m"; address = "10.0.0.9"; mac = "02:00:00:00:00:09"; } ); } );
default = { forward = "p"; };
"""


def foreign(number, size=60):
    """A frame of the experimental ethertype: no message."""
    return (bytes.fromhex("ffffffffffff02000000000288b5") + number.to_bytes(4, "big") + bytes(size))[:size]


def links(net, name):
    return net.ip(name, "-brief", "link")


class Beside:
    """A gateway in namespace "gw" whose port in0 has the kernel interface weir0; it has no table until load()."""

    def __init__(self, net, frames, port=PORT):
        self.net = net
        self.g = Gateway([port])
        write_pcap(self.g.path("in.pcap"), frames)
        self.g.write("rules.conf", RULES)

    def __enter__(self):
        self.dataplane = self.start()
        return self

    def start(self):
        process = self.g.start("weir-dataplane", "--config", self.g.config, prefix=self.net.prefix("gw"))
        wait_for("its socket", lambda: process.poll() is not None or os.path.exists(self.g.path("run/t/dp.sock")))
        assert process.poll() is None, self.g.log("weir-dataplane")
        return process

    def __exit__(self, *error):
        self.g.__exit__(*error)

    def load(self):
        self.g.start("weir-controlplane", "--config", self.g.config)
        wait_for("a table", lambda: (self.stats() or {}).get("generation") == 1)

    def settled(self, n):
        """Statistics when the main thread has had all of `n` exception frames, in balance."""
        def all_of_them():
            stats = self.stats()
            port = stats["ports"][0]
            return port["kernel_rx"] + port["kernel_lost"] == n and stats
        stats = wait_for("the main thread to have all", all_of_them)
        check_books(stats)
        return stats

    def stats(self):
        try:
            return self.g.stats()
        except AssertionError:
            return None


def frames_that_are_no_messages_come_in_by_it_and_its_frames_go_out():
    inside = [foreign(i, size) for i, size in enumerate((60, 61, 590, 1514))]
    outside = [bytes.fromhex("020000000077") + foreign(i, size)[6:] for i, size in enumerate((60, 14, 999, 1514))]
    with Network("gw") as net, Beside(net, [frame(1), *inside, frame(2)]) as beside:
        raw = net.raw("gw", "weir0")
        beside.load()
        got = [raw.recv(65536) for _ in inside]
        assert got == inside, [(len(a), len(b)) for a, b in zip(got, inside)]
        wait_for("carrier", lambda: "LOWER_UP" in links(net, "gw").split("weir0")[1])
        for data in outside:
            raw.send(data)
        wait_for("the frames to be sent", lambda: beside.stats()["ports"][0]["kernel_tx"] == len(outside))
        beside.dataplane.send_signal(signal.SIGTERM)
        assert beside.dataplane.wait(30) == 0, beside.g.log("weir-dataplane")
        sent = [data for data in read_pcap(beside.g.path("out.pcap")) if data[12:14] == b"\x88\xb5"]
        assert sent == outside, [len(data) for data in sent]


def it_is_counted_beside_the_equation():
    with Network("gw") as net, Beside(net, [frame(i % 200) if i % 3 else foreign(i) for i in range(9000)]) as beside:
        net.raw("gw", "weir0").close()
        beside.load()
        wait_for("all frames", lambda: beside.stats()["rx"] == 9000)
        stats = beside.settled(3000)
        port = stats["ports"][0]
        print(f"   of 3000 frames sent at once the kernel got {port['kernel_rx']}, {port['kernel_lost']} found no room", flush=True)
        assert stats["dispositions"]["exception"] == 3000 and stats["dispositions"]["forward"] == 6000, stats["dispositions"]
        assert port["kernel"] == "weir0" and port["kernel_rx"] > 0, port
        page = beside.g.run("weirctl", "--config", beside.g.config, "stats").stdout
        assert "kernel interface" in page and "weir0" in page, page


def frames_for_an_interface_that_is_down_are_lost_and_counted():
    with Network("gw") as net, Beside(net, [foreign(i) for i in range(20)]) as beside:
        net.ip("gw", "link", "set", "weir0", "down")
        beside.load()
        port = wait_for("the losses", lambda: (lambda p: p["kernel_lost"] == 20 and p)(beside.stats()["ports"][0]))
        assert port["kernel_rx"] == 0 and port["dispositions"]["exception"] == 20, port
        assert port["nic"] == {"missed": 0, "errors": 0, "no_buffer": 0, "tx_errors": 0}, port


def it_has_the_ports_mac_and_mtu_and_follows_its_link():
    with Network("gw", "far") as net:
        net.veth("gw", "w0", "far", "f0")
        device = 'name = "in0"; device = "net_af_packet0,iface=w0"; kernel = "weir0";'
        with Beside(net, [], device) as beside:
            before = links(net, "gw")
            assert before.count(net.run("gw", "cat", "/sys/class/net/w0/address").strip()) == 2, before
            assert "LOWER_UP" not in before.split("weir0")[1] and "mtu 1500" in net.ip("gw", "link", "show", "weir0"), before
            beside.load()
            wait_for("carrier", lambda: "LOWER_UP" in links(net, "gw").split("weir0")[1])
            log = beside.g.log("weir-dataplane")
            assert re.findall(r'port "in0": (link is \w+.*)', log) == ["link is up, 10000 Mbit/s, MTU 1500"], log


def it_goes_with_the_dataplane_even_with_a_killed_one():
    with Network("gw") as net, Beside(net, []) as beside:
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
            assert "weir0" in links(net, "gw")
            beside.dataplane.send_signal(number)
            beside.dataplane.wait(30)
            wait_for("it to go", lambda: "weir0" not in links(net, "gw"))
            if number == signal.SIGKILL:
                os.unlink(beside.g.path("run/t/dp.sock"))
            beside.dataplane = beside.start()


def it_is_made_anew_when_someone_deletes_it():
    with Network("gw") as net, Beside(net, []) as beside:
        beside.load()
        for times in (1, 2):
            net.ip("gw", "link", "del", "weir0")
            wait_for("it to come back", lambda: beside.g.log("weir-dataplane").count("weir0 was deleted: made anew") == times)
            wait_for("carrier", lambda: "LOWER_UP" in links(net, "gw").split("weir0")[1])
        raw = net.raw("gw", "weir0")
        raw.send(foreign(7))
        wait_for("the frame to be sent", lambda: beside.stats()["ports"][0]["kernel_tx"] >= 1)


def a_name_that_is_taken_is_refused():
    with Network("gw") as net, Gateway([NULL_PORT]) as g:
        for kind in (("link", "add", "weir0", "type", "veth", "peer", "name", "w1"), ("tuntap", "add", "weir0", "mode", "tap")):
            net.ip("gw", *kind)
            done = g.run("weir-dataplane", "--config", g.config, prefix=net.prefix("gw"))
            expect(done, ENVIRONMENT, 'port "in0": kernel interface weir0: ', "the name is taken")
            net.ip("gw", "link", "del", "weir0")


def a_machine_without_tun_is_said():
    with Network("gw") as net, Gateway([NULL_PORT]) as g:
        hide = [*net.prefix("gw"), "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh"]
        if subprocess.run([*hide, "true"], capture_output=True, check=False).returncode:
            raise SkipTest("/dev/net cannot be hidden: no right to mount")
        expect(g.run("weir-dataplane", "--config", g.config, prefix=hide), ENVIRONMENT, "/dev/net/tun", "modprobe tun")


def a_lack_of_rights_is_said():
    if not shutil.which("setpriv"):
        raise SkipTest("setpriv is not here")
    with Network("gw") as net, Gateway([NULL_PORT]) as g:
        weak = [*net.prefix("gw"), "setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]
        expect(g.run("weir-dataplane", "--config", g.config, prefix=weak), ENVIRONMENT, "weir0", "CAP_NET_ADMIN")


def messages_do_not_wait_for_a_flood_of_other_frames():
    draw = random.Random(5)
    with Network("gw", "far") as net:
        net.veth("gw", "w0", "far", "f0")
        device = 'name = "in0"; device = "net_af_packet0,iface=w0,blocksz=65536,framesz=2048,framecnt=2048"; kernel = "weir0";'
        with Beside(net, [], device) as beside:
            beside.load()
            wait_for("the port", lambda: beside.stats()["ports"][0]["link"])
            far = net.raw("far", "f0")
            storm, messages = 0, 0
            for turn in range(200):  # by steps that the device's ring holds, each waited for: loss before weir is another thing
                for _ in range(300):
                    far.send(foreign(draw.randrange(1 << 32)))
                    storm += 1
                far.send(frame(turn))
                messages += 1
                wait_for("the frames to arrive", lambda: beside.stats()["rx"] >= storm + messages) if turn % 4 == 3 else None
            stats = beside.settled(storm)
            port = stats["ports"][0]
            print(f"   {storm} foreign frames: kernel got {port['kernel_rx']}, lost {port['kernel_lost']}; "
                  f"{messages} messages forwarded", flush=True)
            assert stats["dispositions"]["forward"] == messages and stats["dispositions"]["exception"] == storm, stats


if __name__ == "__main__":
    assert os.path.exists(program("weir-dataplane")), "build first"
    main([frames_that_are_no_messages_come_in_by_it_and_its_frames_go_out,
          it_is_counted_beside_the_equation,
          frames_for_an_interface_that_is_down_are_lost_and_counted,
          it_has_the_ports_mac_and_mtu_and_follows_its_link,
          it_goes_with_the_dataplane_even_with_a_killed_one,
          it_is_made_anew_when_someone_deletes_it,
          a_name_that_is_taken_is_refused,
          a_machine_without_tun_is_said,
          a_lack_of_rights_is_said,
          messages_do_not_wait_for_a_flood_of_other_frames])
