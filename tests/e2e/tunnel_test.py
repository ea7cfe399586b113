#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Members whose kernels take the datagrams out of ipip and GUE, over both families: what no encoder of ours can say of itself. Skipped where
this machine's kernel has no tunnels; xdp_vm_test runs it in a virtual machine with Debian's."""
import os
import re
import socket
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
import routes  # noqa: E402
from dataplane_ways_test import MEMBER, OUTER, SERVICE, Ways, caught, message, network  # noqa: E402
from gateway import SkipTest, main  # noqa: E402

POOLS = [(mode, outer) for mode in ("ipip", "gue") for outer in (4, 6)]  # tenant 1 + i gets the i-th
# Datagrams of which family inside of which: the kind of device that takes them out.
DEVICES = [("t44", "type ipip", 4), ("t64", "type sit mode ip6ip", 4), ("t6", "type ip6tnl mode any", 6)]
MESSAGES = 9  # of each size one


class Tunnels(Ways):
    """One gateway whose pools are the same member, reached in each way."""

    def rules(self, *_):
        pools, rules, tenants = [], [], []
        for i, (mode, outer) in enumerate(POOLS):
            pools.append(f'{{ name = "p{i}"; port = "out0"; mode = "{mode}"; source = "{OUTER[outer]}"; members = ( {{ name = "m"; '
                         f'address = "{MEMBER[outer]}"; mac = "{self.mac["m0"]}"; }} ); }}')
            rules.append(f'{{ name = "r{i}"; match = {{ tenant = "t{i}"; }}; action = {{ forward = "p{i}"; }}; }}')
            tenants.append(f'{{ id = {1 + i}; name = "t{i}"; }}')
        return (f'version = 1; tenants = ( {", ".join(tenants)} ); pools = ( {", ".join(pools)} ); default = {{ drop = "nobody"; }}; '
                f'rules = ( {", ".join(rules)} );\n')


def make_devices(net):
    """The member's ends of the tunnels."""
    lines = [f"ip link add {name} {kind} local {MEMBER[outer]} remote {OUTER[outer]}" for name, kind, outer in DEVICES]
    lines += [f"ip -{family} fou add port 6080 gue" for family in (4, 6)]
    try:
        net.run("mem", "sh", "-ec", "\n".join(lines))
    except AssertionError as error:
        why = str(error).rsplit(": ", 1)[-1].strip()
        raise SkipTest(f"this kernel has not all of ipip, sit, ip6_tunnel, fou and fou6: {why}") from error
    lines = ["cd /proc/sys/net", "echo 0 > ipv4/conf/all/rp_filter"]
    for name, _, _ in DEVICES:
        lines += [f"echo 0 > ipv6/conf/{name}/disable_ipv6", f"echo 0 > ipv4/conf/{name}/rp_filter", f"ip link set {name} up"]
    lines += [f"ip addr add {SERVICE[4]}/32 dev lo", f"ip addr add {SERVICE[6]}/128 dev lo nodad"]
    net.run("mem", "sh", "-ec", "\n".join(lines))


def to_pool(i, number):
    """A message whose tenant is the pool's."""
    data = bytearray(message(number))
    struct.pack_into(">I", data, 4, 1 + i)
    return bytes(data)


def checksum_errors(net):
    """UDP datagrams that the member's kernel has dropped for their checksums, over IPv4 and IPv6."""
    rows = [line.split() for line in net.run("mem", "cat", "/proc/net/snmp").splitlines() if line.startswith("Udp:")]
    found = re.search(r"^Udp6InCsumErrors\s+(\d+)", net.run("mem", "cat", "/proc/net/snmp6"), re.M)
    return int(dict(zip(*rows))["InCsumErrors"]) + int(found.group(1))


def through(ways, i, inner, sender, member):
    """All messages of one way, in order, as the socket behind the tunnel gets them; the last one's frame on the cable."""
    raw = ways.net.raw("mem", "m0")
    for number in range(MESSAGES):
        sender.send(to_pool(i, number))
        data, source = member.recvfrom(65536)
        assert data == to_pool(i, number) and source[:2] == sender.getsockname()[:2], (POOLS[i], inner, number, source)
        frame = caught(raw, lambda f: f[:12] == routes.mac(ways.mac["m0"]) + routes.mac(ways.mac["out0"]))
    raw.close()
    return frame


def a_members_kernel_takes_messages_out_of_ipip_and_gue():
    with network() as net:
        with Tunnels(net, "") as ways:
            make_devices(net)
            gateway, sent, harmed = net.raw("gw", "out0"), 0, 0
            for inner in (4, 6):
                sender, member = ways.sender(inner), ways.member(SERVICE[inner], inner)
                sent += ways.ready(sender, member)
                for i, (mode, outer) in enumerate(POOLS):
                    frame = through(ways, i, inner, sender, member)
                    # The kernel does look: of the same frame with one bit turned in the message nothing arrives.
                    gateway.send(frame[:-1] + bytes([frame[-1] ^ 1]))
                    sender.send(to_pool(i, 0))
                    assert member.recv(65536) == to_pool(i, 0), (mode, outer, inner)
                    harmed, sent = harmed + 1, sent + MESSAGES + 1
                    print(f"   IPv{inner} in {mode} over IPv{outer}", flush=True)
                sender.close()
                member.close()
            assert checksum_errors(net) == harmed
            ways.ended("forward", sent)
            ways.stop()


if __name__ == "__main__":
    main([a_members_kernel_takes_messages_out_of_ipip_and_gue])
