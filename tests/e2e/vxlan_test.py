#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Messages that Linux's own vxlan device puts into VXLAN, over both families and with both: weir takes them out, the member's kernel gets
them, and answers come back without the tunnel. Skipped where this machine's kernel has no such device; xdp_vm_test runs it in a virtual
machine with Debian's."""
import os
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from dataplane_ways_test import FAMILY, SENDER, SERVICE, SIZES, Ways, message, network  # noqa: E402
from gateway import SkipTest, check_books, main, wait_for  # noqa: E402

END = {4: "10.0.0.5", 6: "2001:db8:0::5"}  # the gateway's end of the tunnels
# Devices by outer family; whether the outer checksum is there, by the kernel's defaults and otherwise.
DEVICES = [(4, ""), (4, "udpcsum"), (6, ""), (6, "udp6zerocsumtx")]
VNIS = [0, 42, 0x123456, 0xFFFFFF]
ANSWERED = 98  # the message for tenant 99, whom a template answers


class Tunnelled(Ways):
    SETTINGS = {"listeners": f'( {{ address = "{END[4]}"; port = 9; protocol = "native"; decap = "vxlan"; }}, '
                             f'{{ address = "{END[6]}"; port = 9; protocol = "native"; decap = "vxlan"; }}, '
                             '{ port = 5700; protocol = "native"; decap = [ "vxlan" ]; } )'}

    def rules(self, pool, family, exceed):
        return super().rules(pool, family, exceed).replace(
            "default", 'tenants = ( { id = 99; name = "t"; } ); replies = ( { name = "r"; status = "busy"; retry_after = 3; } ); '
                       'rules = ( { name = "a"; match = { tenant = "t"; }; action = { reply = "r"; }; } ); default')


def inner(i, version):
    """The sender's address on its i-th device."""
    return f"172.16.{i}.2" if version == 4 else f"fd00:{i}::2"


def make_devices(ways):
    for version in (4, 6):
        ways.known("snd", "s0", END[version], ways.mac["in0"])
    lines = [f"ip link add vx{i} type vxlan id {VNIS[i]} dstport 4789 local {SENDER[outer]} remote {END[outer]} dev s0 {flags}"
             for i, (outer, flags) in enumerate(DEVICES)]
    try:
        ways.net.run("snd", "sh", "-ec", "\n".join(lines))
    except AssertionError as error:
        raise SkipTest("this kernel has no vxlan device: " + str(error).rsplit(": ", 1)[-1].strip()) from error
    lines = ["cd /proc/sys/net", "echo 0 > ipv4/conf/all/rp_filter", "echo 0 > ipv4/conf/s0/rp_filter"]
    for i in range(len(DEVICES)):
        lines += [f"echo 0 > ipv6/conf/vx{i}/disable_ipv6", f"ip addr add {inner(i, 4)}/24 dev vx{i}", f"ip addr add {inner(i, 6)}/64 dev vx{i} nodad",
                  f"ip link set vx{i} up"]
    ways.net.run("snd", "sh", "-ec", "\n".join(lines))


def enter(ways, i, version):
    """A socket whose datagrams to the service address go into the i-th device; the far end's MAC address is any."""
    bits = 32 if version == 4 else 128
    ways.net.ip("snd", "route", "replace", f"{SERVICE[version]}/{bits}", "dev", f"vx{i}", "src", inner(i, version))
    ways.net.ip("snd", "neigh", "replace", SERVICE[version], "lladdr", "02:00:00:00:77:01", "dev", f"vx{i}", "nud", "permanent")
    sender = ways.net.socket("snd", FAMILY[version], socket.SOCK_DGRAM)
    sender.settimeout(20)
    sender.bind((inner(i, version), 0))
    sender.connect((SERVICE[version], 5700))
    return sender


def through(ways, i, version, member):
    """Messages of all sizes, the last one in fragments inside; then one that is answered. How many were forwarded."""
    sender = enter(ways, i, version)
    sent = ways.ready(sender, member) if i == 0 else 0
    for number in range(len(SIZES) + 1):
        data = message(number, 3000 if number == len(SIZES) else None)
        sender.send(data)
        got, source = member.recvfrom(65536)
        assert got == data and source[:2] == sender.getsockname()[:2], (DEVICES[i], version, number, source)
    sender.send(message(ANSWERED))
    answer = sender.recv(65536)  # a connected socket: from the service address alone
    assert answer[:3] == b"\x57\x12\x02" and answer[4:8] == (1 + ANSWERED).to_bytes(4, "big"), answer.hex()
    sender.close()
    print(f"   IPv{version} in VXLAN over IPv{DEVICES[i][0]} {DEVICES[i][1]}", flush=True)
    return sent + len(SIZES) + 1


def received(ways, device):
    """Packets that the sender's kernel has had by a device."""
    return int(ways.net.run("snd", "cat", f"/sys/class/net/{device}/statistics/rx_packets"))


def messages_that_a_kernel_puts_into_vxlan_are_taken_out_and_answered_without():
    with network() as net, Tunnelled(net, "") as ways:
        make_devices(ways)
        for version in (4, 6):
            net.ip("mem", "addr", "add", f"{SERVICE[version]}/{32 if version == 4 else 128}", "dev", "lo", *([] if version == 4 else ["nodad"]))
        sent = 0
        for version in (4, 6):
            member = ways.member(SERVICE[version], version)
            sent += sum(through(ways, i, version, member) for i in range(len(DEVICES)))
            member.close()
        assert not any(received(ways, f"vx{i}") for i in range(len(DEVICES)))  # answers went beside the tunnels
        ways.ended("forward", sent)
        stats = ways.ended("reply", 2 * len(DEVICES))
        assert stats["answers"] == 2 * len(DEVICES), stats["answers"]
        # What is inside and no message is what the outer packet is without decap: ARP here, which nobody answers.
        before = stats["reasons"].get("exception", {}).get("no-listener", 0)
        net.socket("snd", socket.AF_INET, socket.SOCK_DGRAM).sendto(b"who has?", ("172.16.0.3", 9))
        stats = wait_for("ARP in the tunnel", lambda: (lambda s: s["reasons"].get("exception", {}).get("no-listener", 0) > before and s)(ways.stats()))
        check_books(stats)
        assert "malformed" not in stats["reasons"], stats["reasons"]
        ways.stop()


if __name__ == "__main__":
    main([messages_that_a_kernel_puts_into_vxlan_are_taken_out_and_answered_without])
