#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Members that ICMP errors take out: in namespaces, both daemons between a sender and members of whom one is not there. The member's
kernel says so by itself; then the test writes such errors, right ones and forged ones."""
import json
import os
import re
import socket
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "kit"), HERE]
sys.dont_write_bytecode = True
from dataplane_ways_test import FAMILY, MEMBER, OUTER, SENDER, SERVICE, message  # noqa: E402
from gateway import Gateway, check_books, main, wait_for  # noqa: E402
from live_test import counts  # noqa: E402
from network import Network  # noqa: E402
from weir_model import checksum  # noqa: E402
from xdp import XdpNetwork  # noqa: E402

OTHER = {4: "10.1.0.12", 6: "2001:db8:a::12"}
PORTS = {"bare": 'device = "net_af_packet1,iface=out0";',
         "with a kernel interface": 'device = "net_af_packet1,iface=out0"; kernel = "weir0";',
         "that the kernel keeps": 'type = "xdp"; device = "out0";'}
FLOWS = 24


class Scene:
    """sender snd ── in0 gateway gw out0 ── members a and b in mem. A pool `p` of both, in `mode`; b's address is nobody's but for nat."""

    def __init__(self, net, mode, version=4, port="bare", eject="errors = 3; base = 2;"):
        self.net, self.version = net, version
        net.veth("gw", "in0", "snd", "s0")
        net.veth("gw", "out0", "mem", "m0")
        self.mac = {name: re.search(r"link/ether (\S+)", net.ip(where, "link", "show", name)).group(1)
                    for where, name in (("gw", "in0"), ("gw", "out0"), ("snd", "s0"), ("mem", "m0"))}
        members = [MEMBER[version]] + ([OTHER[version]] if mode == "nat" else [])
        for where, interface, addresses in (("snd", "s0", [SENDER[version]]), ("mem", "m0", members)):
            net.sysctl(where, f"net/ipv6/conf/{interface}/disable_ipv6", 0)
            for address in addresses:
                net.ip(where, "addr", "add", address + ("/24" if version == 4 else "/64"), "dev", interface,
                       *([] if version == 4 else ["nodad"]))
        net.sysctl("mem", "net/ipv4/icmp_ratelimit", 0)
        net.sysctl("mem", "net/ipv6/icmp/ratelimit", 0)
        self.known("snd", "s0", SERVICE[version], self.mac["in0"])
        self.known("mem", "m0", OUTER[version], self.mac["out0"])
        net.ip("mem", f"-{version}", "route", "add", "default", "via", OUTER[version], "dev", "m0")
        self.g = Gateway(['name = "in0"; device = "net_af_packet0,iface=in0";', f'name = "out0"; {PORTS[port]}'],
                         name=f"wt{os.getpid()}", agents="{ spool_mb = 64; }")
        source = SERVICE[version] if mode == "nat" else OUTER[version]
        rows = ", ".join(f'{{ name = "{name}"; address = "{address}"; mac = "{self.mac["m0"]}"; }}'
                         for name, address in (("a", MEMBER[version]), ("b", OTHER[version])))
        self.g.write("rules.conf", f'version = 1; pools = ( {{ name = "p"; port = "out0"; mode = "{mode}"; source = "{source}"; '
                     f'slots = 1021; members = ( {rows} ); eject = {{ {eject} }}; }} ); default = {{ forward = "p"; }};\n')
        self.living = {OTHER[version]: None} if mode == "nat" else {}
        self.senders, self.sent = [], 0

    def known(self, where, interface, address, mac):
        """A host that answers no ARP."""
        self.net.ip(where, "route", "add", f"{address}/{32 if self.version == 4 else 128}", "dev", interface)
        self.net.ip(where, "neigh", "add", address, "lladdr", mac, "dev", interface, "nud", "permanent")

    def __enter__(self):
        self.living = {address: self.member(address) for address in self.living}
        self.g.start("weir-dataplane", "--config", self.g.config, prefix=self.net.prefix("gw"))
        self.g.start("weir-controlplane", "--config", self.g.config, prefix=self.net.prefix("gw"))
        wait_for("generation 1", lambda: (self.stats() or {}).get("generation") == 1)
        for _ in range(FLOWS):
            sender = self.net.socket("snd", FAMILY[self.version], socket.SOCK_DGRAM)
            sender.bind((SENDER[self.version], 0))
            sender.connect((SERVICE[self.version], 5700))
            self.senders.append(sender)
        wait_for("messages to go to both", lambda: self.pump() and min(self.forwarded().values()) > 0)
        return self

    def __exit__(self, *error):
        for process in reversed(self.g.processes):  # in order, so that nothing stays attached or pinned
            if process.poll() is None:
                process.terminate()
            process.wait(30)
        self.g.__exit__(*error)

    def member(self, address):
        member = self.net.socket("mem", FAMILY[self.version], socket.SOCK_DGRAM)
        member.settimeout(20)
        member.bind((address, 5700))
        return member

    def pump(self):
        for sender in self.senders:
            self.sent += 1
            try:
                sender.send(message(self.sent % 500))  # of many tenants, to both members
            except ConnectionError:
                pass  # what a member's kernel said about an earlier one may come through
        return True

    def stats(self):
        done = self.g.run("weirctl", "--config", self.g.config, "--json", "stats")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def forwarded(self):
        stats = self.stats()
        check_books(stats)
        found = counts(stats, "members")
        return {name: found.get(f"p/{name}", 0) for name in ("a", "b")}

    def show(self, name="a"):
        done = self.g.run("weirctl", "--config", self.g.config, "--json", "pool", "show", "p")
        assert done.returncode == 0, done
        return next(m for m in json.loads(done.stdout)["members"] if m["name"] == name)

    def wait_ejected(self, why, pump=True):
        shown = wait_for("a to be ejected", lambda: (not pump or self.pump()) and (lambda m: m["state"] == "ejected" and m)(self.show()))
        assert shown["ejected"]["why"] == why and self.show("b")["state"] == "up", shown
        return shown["ejected"]

    def wait_rising(self, *names):
        """Until each of these has risen twice: what a worker counted before it took new routes up is published by then."""
        for _ in range(2):
            before = self.forwarded()
            wait_for(f"{names} to rise", lambda b=before: self.pump() and all(self.forwarded()[name] > b[name] for name in names))

    def log(self):
        return self.g.log("weir-controlplane")


def received(member):
    member.settimeout(0.1)
    try:
        return member.recv(65536)
    except TimeoutError:
        return None


def a_member_whose_kernel_has_no_such_port_gets_nothing_until_its_time_is_over(port="bare", version=4):
    with (XdpNetwork if "xdp" in PORTS[port] else Network)("gw", "snd", "mem") as net, Scene(net, "nat", version, port) as scene:
        assert scene.wait_ejected("port unreachable")["times"] == 1
        assert "pool p: member a is ejected for 2 s: 3 ICMP errors within 10000 ms, the last: port unreachable" in scene.log()
        scene.wait_rising("b")
        before = scene.forwarded()
        for _ in range(5):
            scene.pump()
        after = scene.forwarded()
        if "no longer ejected" not in scene.log():  # on a slow machine its time may be over by now
            assert after["a"] == before["a"] and received(scene.living[OTHER[version]]), (before, after)
        wait_for("its time to be over", lambda: "pool p: member a is no longer ejected: its time is over" in scene.log())
        wait_for("another try", lambda: scene.pump() and scene.forwarded()["a"] > after["a"])
        wait_for("the next ejection", lambda: scene.pump() and "member a is ejected for 4 s" in scene.log())
        born = scene.member(MEMBER[version])
        wait_for("its time to be over", lambda: scene.log().count("no longer ejected") == 2)
        wait_for("messages", lambda: scene.pump() and scene.show()["state"] == "up" and received(born))
        stats = scene.stats()
        check_books(stats)
        if "xdp" not in PORTS[port]:
            assert stats["reasons"]["exception"]["not-udp"] >= 6, stats["reasons"]


def that_is_so_for_ipv6():
    a_member_whose_kernel_has_no_such_port_gets_nothing_until_its_time_is_over(version=6)


def that_is_so_beside_a_kernel_interface():
    a_member_whose_kernel_has_no_such_port_gets_nothing_until_its_time_is_over("with a kernel interface")


def that_is_so_on_a_port_that_the_kernel_keeps():
    for version in (4, 6):
        a_member_whose_kernel_has_no_such_port_gets_nothing_until_its_time_is_over("that the kernel keeps", version)


def a_member_that_takes_no_tunnel_is_ejected():
    for mode in ("ipip", "gue"):
        for version in (4, 6):
            with Network("gw", "snd", "mem") as net, Scene(net, mode, version) as scene:
                shown = wait_for("a to be ejected", lambda: scene.pump() and (lambda m: m["state"] == "ejected" and m)(scene.show()))
                print(f"   IPv{version} {mode}: {shown['ejected']['why']}", flush=True)
                assert shown["ejected"]["why"] in ("port unreachable", "protocol unreachable"), shown


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


class Errors(Scene):
    """Both members live; errors are the test's own, written on the members' cable about a message that went to a."""

    def __enter__(self):
        self.living[MEMBER[4]] = None
        self.raw = self.net.raw("mem", "m0")
        super().__enter__()
        self.about = self.fresh()
        return self

    def fresh(self):
        """The datagram of a message that goes to a now."""
        self.raw.settimeout(0)
        try:
            while self.raw.recv(65536):
                pass
        except BlockingIOError:
            self.raw.settimeout(30)
        self.pump()
        while True:
            data = self.raw.recv(65536)
            if data[30:34] == socket.inet_aton(MEMBER[4]) and data[23] == 17 and data[36:38] == struct.pack(">H", 5700):
                return data[14:]

    def error(self, about, code=3, source=MEMBER[4], to=None, lladdr=None):
        quoted = about[:28 + 16]
        icmp = struct.pack(">BBHI", 3, code, 0, 0) + quoted
        icmp = icmp[:2] + struct.pack(">H", checksum(icmp)) + icmp[4:]
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(icmp), 7, 0, 64, 1, 0) + socket.inet_aton(source)
        head += socket.inet_aton(to) if to else about[12:16]
        head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
        return mac(self.mac["out0"]) + mac(lladdr or self.mac["m0"]) + b"\x08\x00" + head + icmp

    def say(self, frames, raw=None):
        """Sends, and waits until the gateway has had all."""
        before = self.exceptions()
        for one in frames:
            (raw or self.raw).send(one)
        wait_for("the errors to be had", lambda: self.exceptions() >= before + len(frames))

    def exceptions(self):
        return self.stats()["reasons"].get("exception", {}).get("not-udp", 0)


def an_error_that_somebody_else_wrote_ejects_nobody():
    with Network("gw", "snd", "mem") as net, Errors(net, "nat") as scene:
        about = scene.about
        unsent = about[:20] + struct.pack(">H", struct.unpack_from(">H", about, 20)[0] ^ 0x5555) + about[22:]
        elsewhere = about[:22] + struct.pack(">H", 9999) + about[24:]
        stranger = about[:12] + socket.inet_aton("10.0.1.77") + about[16:]
        fragment = about[:6] + b"\x00\x10" + about[8:]
        for what, frames in (("from another machine on the LAN", [scene.error(about, lladdr="02:00:00:00:00:66")]),
                             ("about a flow that is none", [scene.error(unsent), scene.error(elsewhere), scene.error(stranger)]),
                             ("to somebody else", [scene.error(about, to="10.0.1.3")]),
                             ("of a port, not by the member", [scene.error(about, source="10.1.0.99")]),
                             ("of a code that says less", [scene.error(about, code) for code in (0, 4, 5, 9, 13)]),
                             ("about a fragment", [scene.error(fragment)]),
                             ("cut off", [scene.error(about[:27])])):
            scene.say(frames * 5)
            assert scene.show()["state"] == "up", what
        far = net.raw("snd", "s0")
        scene.say([mac(scene.mac["in0"]) + scene.error(about)[6:]] * 5, far)
        assert scene.show()["state"] == "up", "by another port"
        assert "ejected" not in scene.log(), scene.log()
        scene.pump()
        scene.say([scene.error(scene.fresh())] * 3)
        scene.wait_ejected("port unreachable", pump=False)


def who_guesses_flows_guesses_in_vain():
    with Network("gw", "snd", "mem") as net, Errors(net, "nat") as scene:
        about = scene.about
        right = {sender.getsockname()[1] for sender in scene.senders}
        for start in range(1024, 65536, 8192):
            scene.pump()
            scene.say([scene.error(about[:20] + struct.pack(">H", port) + about[22:])
                       for port in range(start, min(start + 8192, 65536), 29) if port not in right])
        assert scene.show()["state"] == "up" and "ejected" not in scene.log(), scene.log()


def a_router_s_word_that_the_host_is_gone_counts():
    with Network("gw", "snd", "mem") as net, Errors(net, "nat", eject="errors = 5; interval_ms = 3600000; base = 60;") as scene:
        for _ in range(4):
            scene.say([scene.error(scene.fresh(), code=1, source="10.1.0.99")])
        assert scene.show()["state"] == "up"
        scene.say([scene.error(scene.fresh(), code=1, source="10.1.0.99")])
        scene.wait_ejected("host unreachable", pump=False)
        done = scene.g.run("weirctl", "--config", scene.g.config, "member", "enable", "p/a")
        assert done.returncode == 0 and scene.show()["state"] == "up", "an operator knows better"


def a_pool_may_be_without():
    with Network("gw", "snd", "mem") as net, Errors(net, "nat", eject="errors = 0;") as scene:
        scene.say([scene.error(scene.fresh())] * 20)
        assert scene.show()["state"] == "up" and "ejected" not in scene.log()


if __name__ == "__main__":
    main([a_member_whose_kernel_has_no_such_port_gets_nothing_until_its_time_is_over, that_is_so_for_ipv6,
          that_is_so_beside_a_kernel_interface, that_is_so_on_a_port_that_the_kernel_keeps,
          a_member_that_takes_no_tunnel_is_ejected, an_error_that_somebody_else_wrote_ejects_nobody,
          who_guesses_flows_guesses_in_vain, a_router_s_word_that_the_host_is_gone_counts, a_pool_may_be_without])
