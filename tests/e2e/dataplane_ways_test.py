#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""How messages reach members: in namespaces, a sender on one cable of the gateway and a member on the other. Sockets of the kernel
where the kernel takes the message (l2, nat; tunnels: tunnel_test), the bytes on the cable everywhere."""
import ipaddress
import json
import os
import re
import socket
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
import routes  # noqa: E402
from dataplane_peer_test import Peer  # noqa: E402
from dataplane_routes_test import offer_routes  # noqa: E402
from gateway import Gateway, check_books, main, wait_for  # noqa: E402
from network import Network  # noqa: E402
from weir_model import checksum  # noqa: E402

PORTS = ['name = "in0"; device = "net_af_packet0,iface=in0";', 'name = "out0"; device = "net_af_packet1,iface=out0";']
SERVICE = {4: "10.0.0.1", 6: "2001:db8:0::1"}
SENDER = {4: "10.0.1.2", 6: "2001:db8:1::2"}
MEMBER = {4: "10.1.0.11", 6: "2001:db8:a::11"}
OUTER = {4: "10.1.0.1", 6: "2001:db8:a::1"}  # the gateway's end of a tunnel
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
PROTOCOL = {4: 4, 6: 41}
ASKS = 1
SIZES = [0, 1, 2, 3, 17, 100, 511, 1000, 1300]


def message(number, size=None, flags=0):
    body = bytes(i * 7 + number & 0xff for i in range(SIZES[number % len(SIZES)] if size is None else size))
    return struct.pack(">BBBBIHHI", 0x57, 0x10 | flags, 2, 1, 1 + number, 0x4445, len(body), number) + body


def packed(address):
    return ipaddress.ip_address(address).packed


class Ways:
    """A gateway between a sender and a member. The pool `p` has the member `m`, by `pool` (the pool's settings)."""

    SETTINGS = {}  # of the gateway, beside these

    def __init__(self, net, pool, family=4, exceed=""):
        self.net, self.family = net, family
        net.veth("gw", "in0", "snd", "s0")
        net.veth("gw", "out0", "mem", "m0")
        self.mac = {name: self.mac_of(where, name) for where, name in
                    (("gw", "in0"), ("gw", "out0"), ("snd", "s0"), ("mem", "m0"))}
        for where, interface, address in (("snd", "s0", SENDER), ("mem", "m0", MEMBER)):
            net.sysctl(where, f"net/ipv6/conf/{interface}/disable_ipv6", 0)
            net.sysctl(where, "net/ipv6/conf/lo/disable_ipv6", 0)
            net.ip(where, "addr", "add", address[4] + "/24", "dev", interface)
            net.ip(where, "addr", "add", address[6] + "/64", "dev", interface, "nodad")
        for version in (4, 6):
            self.known("snd", "s0", SERVICE[version], self.mac["in0"])
            self.known("mem", "m0", OUTER[version], self.mac["out0"])
            net.ip("mem", f"-{version}", "route", "add", "default", "via", OUTER[version], "dev", "m0")
        self.g = Gateway(PORTS, memory_mb=64, **self.SETTINGS)
        image = self.g.compile(self.g.write("rules.conf", self.rules(pool, family, exceed)))
        with open(image, "rb") as file:
            self.table = routes.Table(file.read())
        self.process = self.g.start("weir-dataplane", "--config", self.g.config, "--table", image, prefix=net.prefix("gw"))
        wait_for("its socket", lambda: self.process.poll() is not None or os.path.exists(self.g.path("run/t/dp.sock")))
        assert self.process.poll() is None, self.g.log("weir-dataplane")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.g.__exit__(*error)

    def rules(self, pool, family, exceed):
        return (f'version = 1; pools = ( {{ name = "p"; port = "out0"; {pool} members = ( {{ name = "m"; '
                f'address = "{MEMBER[family]}"; mac = "{self.mac["m0"]}"; }} ); }} ); default = {{ forward = "p"; {exceed} }};\n')

    def mac_of(self, where, interface):
        return re.search(r"link/ether (\S+)", self.net.ip(where, "link", "show", interface)).group(1)

    def known(self, where, interface, address, mac):
        """A host that answers no ARP: the gateway has no kernel interface here."""
        length = ipaddress.ip_address(address).max_prefixlen
        self.net.ip(where, "route", "add", f"{address}/{length}", "dev", interface)
        self.net.ip(where, "neigh", "add", address, "lladdr", mac, "dev", interface, "nud", "permanent")

    def routes(self, **kwargs):
        peer = Peer(self.g.path("run/t/dp.sock"))
        status = offer_routes(peer, routes.make(self.table, kwargs.pop("macs", {}), **kwargs), 1)
        peer.close()
        assert status == (0, ""), status

    def towards_the_sender(self):
        return [("10.0.1.0/24", 0, self.mac["s0"]), ("2001:db8:1::/64", 0, self.mac["s0"]),
                ("0.0.0.0/0", 1, "02:00:00:00:00:99"), ("::/0", 1, "02:00:00:00:00:99")]

    def sender(self, version=4):
        """A socket of the kernel that speaks to the service address alone."""
        sender = self.net.socket("snd", FAMILY[version], socket.SOCK_DGRAM)
        sender.settimeout(20)
        sender.bind((SENDER[version], 0))
        sender.connect((SERVICE[version], 5700))
        return sender

    def member(self, address, version=4):
        member = self.net.socket("mem", FAMILY[version], socket.SOCK_DGRAM)
        member.settimeout(20)
        member.bind((address, 5700))
        return member

    def ready(self, sender, member):
        """Sends until the member's kernel, whose interface is new, takes a message (IPv6 drops some at first); how many that took."""
        for sent in range(1, 50):
            sender.send(message(0))
            member.settimeout(0.5)
            try:
                member.recvfrom(65536)
                member.settimeout(20)
                return sent
            except TimeoutError:
                pass
        raise AssertionError("the member's kernel takes nothing")

    def stats(self):
        name, = [name for name in os.listdir(self.g.path("run/t")) if name.startswith("segment.")]
        return json.loads(self.g.run("spool_check", "--stats", self.g.path("run/t/" + name)).stdout)

    def ended(self, disposition, n):
        """Statistics once `n` frames have ended so, in balance."""
        stats = wait_for(f"{n} frames to end as {disposition}",
                         lambda: (lambda s: s["dispositions"][disposition] >= n and s["dispositions"]["held"] == 0 and s)(self.stats()))
        check_books(stats)
        assert stats["dispositions"][disposition] == n, stats["dispositions"]
        return stats

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=60) == 0, self.g.log("weir-dataplane")


def network():
    return Network("gw", "snd", "mem")


def a_member_on_the_lan_takes_messages_for_the_service_address():
    for version in (4, 6):
        with network() as net, Ways(net, "", version) as ways:
            net.ip("mem", "addr", "add", SERVICE[version] + ("/32" if version == 4 else "/128"), "dev", "lo",
                   *([] if version == 4 else ["nodad"]))
            member, sender = ways.member(SERVICE[version], version), ways.sender(version)
            sent = ways.ready(sender, member)
            for number in range(40):
                sender.send(message(number))
                data, source = member.recvfrom(65536)
                assert data == message(number), number
                assert source[:2] == sender.getsockname()[:2], source
            ways.ended("forward", 40 + sent)
            ways.stop()


def a_member_behind_nat_knows_nothing_and_its_answers_come_from_the_service_address():
    for version in (4, 6):
        with network() as net, Ways(net, f'mode = "nat"; source = "{SERVICE[version]}";', version) as ways:
            ways.routes(neighbours=ways.towards_the_sender())
            member, sender = ways.member(MEMBER[version], version), ways.sender(version)
            sent = ways.ready(sender, member)
            for number in range(60):
                sender.send(message(number))
                data, source = member.recvfrom(65536)
                assert data == message(number) and source[:2] == sender.getsockname()[:2], (number, source)
                member.sendto(b"answer to " + data, source)
                assert sender.recv(65536) == b"answer to " + data, number  # a connected socket: from the service address alone
            ways.ended("forward", 120 + sent)
            ways.stop()


def an_answer_of_a_member_without_a_next_hop_is_given_up_and_other_traffic_is_not_touched():
    with network() as net, Ways(net, f'mode = "nat"; source = "{SERVICE[4]}";') as ways:
        member, sender = ways.member(MEMBER[4]), ways.sender()
        sender.send(message(1))
        data, source = member.recvfrom(65536)
        member.sendto(b"lost", source)
        stats = ways.ended("tx_full", 1)
        assert stats["reasons"]["tx_full"] == {"no-next-hop": 1}, stats["reasons"]
        ways.routes(neighbours=ways.towards_the_sender())
        member.sendto(b"found", source)
        assert sender.recv(65536) == b"found"
        other = net.socket("mem", socket.AF_INET, socket.SOCK_DGRAM)  # a port that is no listener's
        other.bind((MEMBER[4], 9999))
        other.sendto(b"no answer", source)
        # beside what a kernel says by itself (router solicitations), which is no UDP
        wait_for("an exception", lambda: ways.stats()["reasons"].get("exception", {}).get("no-listener") == 1)
        assert ways.stats()["dispositions"]["forward"] == 2
        ways.stop()


def datagram(frame):
    """The IP datagram of a frame, without padding."""
    data = frame[14:]
    length = struct.unpack_from(">H", data, 2)[0] if data[0] >> 4 == 4 else 40 + struct.unpack_from(">H", data, 4)[0]
    assert length <= len(data), (length, len(data))
    return data[:length]


def caught(raw, wanted):
    """The next frame from or to the cable that is wanted."""
    while True:
        frame = raw.recv(65536)
        if wanted(frame):
            return frame


def unwrap(outer, mode, version):
    """Checks the outer headers of a datagram to the member; the datagram inside and the rest."""
    size = 20 if version == 4 else 40
    protocol = outer[9] if version == 4 else outer[6]
    if version == 4:
        assert outer[0] == 0x45 and checksum(outer[:20]) == 0 and outer[8] == 64, outer[:20].hex()
        source, destination, traffic_class = outer[12:16], outer[16:20], outer[1]
    else:
        assert outer[0] >> 4 == 6 and outer[7] == 64, outer[:40].hex()
        source, destination, traffic_class = outer[8:24], outer[24:40], (outer[0] << 4 | outer[1] >> 4) & 0xff
    assert source == packed(OUTER[version]) and destination == packed(MEMBER[version]), outer[:40].hex()
    if mode == "ipip":
        return protocol, traffic_class, outer[size:], None
    assert protocol == 17
    udp = outer[size:]
    port, to, length, given = struct.unpack_from(">HHHH", udp)
    assert to == 6080 and length == len(udp) and port >= 49152, udp[:8].hex()
    if version == 4:
        assert given == 0
    else:
        assert given != 0 and checksum(source + destination + struct.pack(">II", len(udp), 17) + udp) == 0
    assert udp[8] == 0 and udp[10:12] == b"\0\0", udp[8:12].hex()
    return udp[9], traffic_class, udp[12:], port


def tunnel(mode, version, inner):
    with network() as net, Ways(net, f'mode = "{mode}"; source = "{OUTER[version]}";', version) as ways:
        sent, received = net.raw("snd", "s0"), net.raw("mem", "m0")
        sender = ways.sender(inner)
        level, option = (socket.IPPROTO_IP, socket.IP_TOS) if inner == 4 else (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
        ports = set()
        for number in range(30):
            sender.setsockopt(level, option, [0, 0xb8, 0x02, 0x68 | 1][number % 4])
            if inner == 4:
                sender.setsockopt(socket.IPPROTO_IP, 10, number % 2 * 2)  # IP_MTU_DISCOVER: DF or not
            sender.send(message(number))
            before = datagram(caught(sent, lambda f: f[:6] == routes.mac(ways.mac["in0"]) and b"\x57\x10\x02\x01" in f))
            frame = caught(received, lambda f: f[:12] == routes.mac(ways.mac["m0"]) + routes.mac(ways.mac["out0"]))
            assert frame[12:14] == (b"\x08\x00" if version == 4 else b"\x86\xdd"), frame[:14].hex()
            outer = datagram(frame)
            assert len(outer) == len(frame) - 14, "padding"
            protocol, traffic_class, after, port = unwrap(outer, mode, version)
            assert after == before and protocol == PROTOCOL[inner], number
            assert traffic_class == [0, 0xb8, 0x02, 0x69][number % 4], traffic_class
            if version == 4:
                wanted = inner == 6 or before[6] & 0x40
                assert (outer[6] & 0x40 != 0) == bool(wanted), (outer[6], before[6])
            ports.add(port)
        assert mode == "ipip" or len(ports) > 10, ports  # each tenant its own, so that routers spread
        ways.ended("forward", 30)
        ways.stop()


def datagrams_go_in_ip_and_in_gue_over_both_families():
    for mode in ("ipip", "gue"):
        for version in (4, 6):
            for inner in (4, 6):
                tunnel(mode, version, inner)
                print(f"   IPv{inner} in {mode} over IPv{version}", flush=True)


def status_of(answer):
    assert answer[0] == 0x57 and answer[1] & 2, answer[:16].hex()
    return answer[2]


def a_message_that_does_not_fit_is_refused():
    for pool, fits, too_large in (("", 600 - 44, 600 - 43), (f'mode = "gue"; source = "{OUTER[4]}";', 600 - 44 - 32, 600 - 43 - 32),
                                  (f'mode = "nat"; source = "{SERVICE[4]}";', 600 - 44, 600 - 43)):
        with network() as net, Ways(net, pool) as ways:
            ways.routes(mtu=600)
            sender = ways.sender()
            sender.send(message(1, too_large))
            sender.send(message(2, too_large, ASKS))
            assert status_of(sender.recv(65536)) == 1
            sender.send(message(3, fits))
            stats = ways.ended("forward", 1)
            assert stats["reasons"]["tx_full"] == {"mtu": 2} and stats["answers"] == 1, stats["reasons"]
            ways.stop()


def a_tunnel_takes_no_more_than_the_port_does():
    with network() as net, Ways(net, f'mode = "ipip"; source = "{OUTER[4]}";') as ways:
        sender = ways.sender()
        sender.send(message(1, 1500 - 44 - 20))
        sender.send(message(2, 1500 - 44 - 19, ASKS))
        assert status_of(sender.recv(65536)) == 1
        stats = ways.ended("forward", 1)
        assert stats["reasons"]["tx_full"] == {"mtu": 1}, stats["reasons"]
        ways.stop()


def a_message_of_the_other_family_finds_no_member_behind_nat():
    with network() as net, Ways(net, f'mode = "nat"; source = "{SERVICE[4]}";') as ways:
        sender = ways.sender(6)
        sender.send(message(1, flags=ASKS))
        assert status_of(sender.recv(65536)) == 2  # busy
        stats = ways.ended("tx_full", 1)
        assert stats["reasons"]["tx_full"] == {"no-member": 1}, stats["reasons"]
        ways.stop()


if __name__ == "__main__":
    main([a_member_on_the_lan_takes_messages_for_the_service_address,
          a_member_behind_nat_knows_nothing_and_its_answers_come_from_the_service_address,
          an_answer_of_a_member_without_a_next_hop_is_given_up_and_other_traffic_is_not_touched,
          datagrams_go_in_ip_and_in_gue_over_both_families,
          a_message_that_does_not_fit_is_refused, a_tunnel_takes_no_more_than_the_port_does,
          a_message_of_the_other_family_finds_no_member_behind_nat])
