#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Checksums and long frames on ports whose devices help with them (TAP) and on such that do not: the same reasons, to the frame."""
import os
import random
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from decap_test import TUNNELS, in_tunnel, messages, packet_of, padded  # noqa: E402
from gateway import Gateway, check_books, main, wait_for  # noqa: E402
from network import Network  # noqa: E402
from xdp import XdpGateway, XdpNetwork  # noqa: E402

MEMBER = bytes.fromhex("0200000000aa")
RULES = """version = 1;
pools = ( { name = "p"; port = 0; members = ( { name = "m"; address = "10.0.0.9"; mac = "02:00:00:00:00:aa"; } ); } );
default = { forward = "p"; };
"""
ASKS = '( { port = 5700; protocol = "native"; decap = [ "ipip", "gue", "vxlan" ]; } )'
VERIFIED = "UDP checksums are verified by the device,"


class Port:
    """A gateway whose one port's other end is `raw`."""

    def __init__(self, net, device, interface, port="", far="gw"):
        self.net, self.interface, self.far = net, interface, far
        self.gateway = Gateway([f'name = "in0"; device = "{device}"; promiscuous = true; {port}'], name=f"o{os.getpid()}", listeners=ASKS)

    def __enter__(self):
        g = self.gateway.__enter__()
        g.write("rules.conf", RULES)
        g.start("weir-dataplane", "--config", g.config, prefix=self.net.prefix("gw"))
        wait_for("the port", lambda: g.processes[0].poll() is not None or "UDP checksums are verified" in self.log())
        assert g.processes[0].poll() is None, self.log()
        g.start("weir-controlplane", "--config", g.config)
        wait_for("a table", self.is_ready)
        self.raw = self.net.raw(self.far, self.interface)
        return self

    def __exit__(self, *what):
        for process in self.gateway.processes:
            process.terminate()
        for process in self.gateway.processes:
            process.wait()
        self.raw.close()
        self.gateway.__exit__(*what)

    def is_ready(self):
        try:
            return self.stats()["generation"] == 1
        except AssertionError:
            return False

    def log(self):
        return self.gateway.log("weir-dataplane")

    def stats(self):
        return self.gateway.stats()



def send(gateway, raw, frames):
    """All of them, no faster than they are counted; the statistics then."""
    before = gateway.stats()["rx"]
    for i, frame in enumerate(frames):
        raw.send(frame)
        if i % 50 == 49:
            wait_for("frames", lambda i=i: gateway.stats()["rx"] - before > i)
    stats = wait_for("all frames", lambda: (lambda now: now["rx"] - before >= len(frames) and now)(gateway.stats()))
    check_books(stats)
    return stats


def received(raw, n):
    """Frames that the member gets."""
    got = []
    while len(got) < n:
        data = raw.recv(65536)
        if data[:6] == MEMBER:
            got.append(data)
    return got


def plain_messages(sizes=(0, 90, 600, 1300)):
    """Whole datagrams without tags, which raw sockets and devices might take off."""
    chance = random.Random(11)
    frames = []
    for frame in messages(chance, sizes, cut=0):
        packet = packet_of(frame)
        frames.append(frame[:12] + (b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet)
    return padded(frames)


def spoilt(frame, what):
    """With a wrong byte in the message, a wrong IPv4 header, or no checksum at all."""
    data = bytearray(frame)
    v4 = data[14] >> 4 == 4
    udp = 34 if v4 else 54
    if what == "header":
        data[22] ^= 1
    elif what == "none":
        data[udp + 6:udp + 8] = bytes(2)
    else:
        data[udp + 8 + 12] ^= 1
    return bytes(data)


def check_reasons(gateway, raw):
    """Right and wrong ones, mixed and in bursts of one kind."""
    good = plain_messages()
    four, six = ([frame for frame in good if frame[14] >> 4 == version] for version in (4, 6))
    wrong = [spoilt(frame, "message") for frame in good]
    tunnels = [in_tunnel(random.Random(1), frame, tunnel, 4) for frame in wrong[:10] if frame[14] >> 4 == 4 for tunnel in TUNNELS]
    tunnels += [in_tunnel(random.Random(1), frame, tunnel, 4) for frame in good if len(frame) < 700 for tunnel in ("gue", "vxlan")]
    sent = good + wrong + [frame for pair in zip(good, wrong) for frame in pair]
    sent += [spoilt(frame, "header") for frame in four] + [spoilt(frame, "none") for frame in good] + tunnels
    stats = send(gateway, raw, sent)
    carried = 2 * sum(len(frame) < 700 for frame in good)
    want = {"ip-checksum": len(four), "udp-checksum": 2 * len(wrong) + len(six) + len(tunnels) - carried}
    assert stats["reasons"].get("malformed") == want, (stats["reasons"], want)
    assert stats["dispositions"]["forward"] == 2 * len(good) + len(four) + carried, stats["dispositions"]


def reasons_are_exact_where_a_tap_device_sums():
    with Network("gw") as net:
        with Port(net, "net_tap0,iface=tap0", "tap0") as port:
            assert VERIFIED in port.log(), port.log()
            check_reasons(port, port.raw)
        with Port(net, "net_tap0,iface=tap0", "tap0", 'udp_checksum = "trust";') as port:
            assert VERIFIED not in port.log()
            stats = send(port, port.raw, [spoilt(frame, "message") for frame in plain_messages()])
            assert "malformed" not in stats["reasons"], stats["reasons"]


def reasons_are_exact_where_nobody_sums():
    with Network("gw", "far") as net:
        net.veth("gw", "gw0", "far", "far0")
        with Port(net, "net_af_packet0,iface=gw0", "far0", far="far") as port:
            assert VERIFIED not in port.log()
            check_reasons(port, port.raw)


def reasons_are_exact_on_an_xdp_port():
    with XdpNetwork("gw", "far") as net, XdpGateway(net, rules=RULES, listeners=ASKS) as gw:
        check_reasons(gw, gw.far)


def jumbo_frames_come_in_segments():
    """DPDK's TAP driver takes long frames, and sends none above 1,500 bytes of IP: what is to leave is given up, and stops nothing."""
    short, jumbo = plain_messages((1, 600)), plain_messages((2000, 4000, 8800))
    with Network("gw") as net:
        with Port(net, "net_tap0,iface=tap0", "tap0") as port:
            net.ip("gw", "link", "set", "tap0", "mtu", "9000")
            send(port, port.raw, jumbo + [spoilt(frame, "message") for frame in jumbo] + short)
            assert sorted(data[12:] for data in received(port.raw, len(short))) == sorted(frame[12:] for frame in short)
            send(port, port.raw, [in_tunnel(random.Random(2), frame, "ipip", 4) for frame in jumbo + short])
            assert sorted(data[12:] for data in received(port.raw, len(short))) == sorted(frame[12:] for frame in short)
            stats = wait_for("all to be settled", lambda: (lambda now: not now["dispositions"]["held"] and now)(port.stats()))
            check_books(stats)
            assert stats["reasons"] == {"malformed": {"udp-checksum": len(jumbo)}, "tx_full": {"mtu": 2 * len(jumbo)}}, stats["reasons"]
            assert stats["countries"] == [
                {"name": "DE", "count": 2 * (len(jumbo) + len(short))}], stats["countries"]  # decoded, every one


def a_port_gets_the_mtu_that_is_given_or_says_that_it_cannot():
    with Network("gw", "far") as net:
        net.veth("gw", "gw0", "far", "far0")
        with Port(net, "net_af_packet0,iface=gw0", "far0", "mtu = 1400;", far="far") as port:
            assert "MTU 1400" in port.log() and "mtu 1400" in net.ip("gw", "link", "show", "gw0"), port.log()
        with Gateway(['name = "in0"; device = "net_af_packet0,iface=gw0"; mtu = 9000;']) as gateway:
            done = gateway.run("weir-dataplane", "--config", gateway.config, prefix=net.prefix("gw"))
            assert done.returncode == 3 and 'port "in0": device net_af_packet0,iface=gw0 cannot have mtu = 9000' in done.stderr, done.stderr


if __name__ == "__main__":
    if not os.path.exists("/dev/net/tun"):
        raise SystemExit(77)
    main([reasons_are_exact_where_a_tap_device_sums,
          reasons_are_exact_where_nobody_sums,
          reasons_are_exact_on_an_xdp_port,
          jumbo_frames_come_in_segments,
          a_port_gets_the_mtu_that_is_given_or_says_that_it_cannot])
