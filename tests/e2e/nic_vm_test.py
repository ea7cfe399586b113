#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir on a PCI NIC, in a virtual machine: an emulated one behind an IOMMU, bound to vfio-pci, on a processor without AVX-512. Messages
in, forwarded frames out, the kernel interface beside it, the cable pulled and plugged."""
import json
import os
import re
import socket
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from gateway import check_books, main, ones_sum, program  # noqa: E402
from live_test import frame  # noqa: E402
from vm import Machine, nic_model  # noqa: E402

NIC, MEMBER, HOST, OTHER = (bytes.fromhex(mac) for mac in ("525400000001", "020000000009", "020000000002", "020000000077"))
JOB = """set -e
for device in /sys/bus/pci/devices/*; do
	read class < $device/class
	[ ${class:0:6} = 0x0200 ] && nic=${device##*/}
done
[ -n "$nic" ]
grep -q avx2 /proc/cpuinfo
[ ! -e /sys/bus/pci/devices/$nic/driver ] || echo $nic > /sys/bus/pci/devices/$nic/driver/unbind
echo vfio-pci > /sys/bus/pci/devices/$nic/driver_override
echo $nic > /sys/bus/pci/drivers_probe
echo 64 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
mkdir /run/etc
sed "s/NIC/$nic/" /share/gateway.conf > /run/etc/gateway.conf
cp /share/rules.conf /run/etc/
DATAPLANE --config /run/etc/gateway.conf 2> /share/dataplane.log &
dataplane=$!
CONTROLPLANE --config /run/etc/gateway.conf 2> /share/controlplane.log &
controlplane=$!
until [ -e /sys/class/net/weir0 ]; do kill -0 $dataplane; sleep 0.1; done
ip addr add 10.9.0.11/24 dev weir0
until [ -e /share/stop ]; do
	kill -0 $dataplane
	WEIRCTL --config /run/etc/gateway.conf --json stats > /share/stats.new 2> /dev/null && mv /share/stats.new /share/stats || sleep 0.1
done
kill $dataplane
wait $dataplane
kill $controlplane
wait $controlplane
"""
GATEWAY = """name = "t"; run_dir = "/run/weir"; state_dir = "/run/state";
dataplane = {{ main_cpu = 0; worker_cpus = {workers}; memory_mb = 96; hugepages = "required"; }};
ports = ( {{ name = "in0"; device = "NIC"; queues = {queues}; kernel = "weir0"; emergency_queue = {many}; }} );
"""
RULES = """version = 1;
pools = ( { name = "p"; port = 0; members = ( { name = "m"; address = "10.0.0.9"; mac = "02:00:00:00:00:09"; } ); } );
default = { forward = "p"; };
"""


def arp_request(address):
    return (b"\xff" * 6 + HOST + struct.pack(">HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + HOST + bytes([10, 9, 0, 1]) + bytes(6) +
            socket.inet_aton(address)).ljust(60, b"\0")


def echo_request(address, sequence):
    icmp = struct.pack(">BBHHH", 8, 0, 0, 77, sequence) + b"a word to be echoed"
    icmp += bytes(len(icmp) % 2)
    icmp = icmp[:2] + struct.pack(">H", 0xffff ^ ones_sum(icmp)) + icmp[4:]
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp), sequence, 0, 64, 1, 0, bytes([10, 9, 0, 1]), socket.inet_aton(address))
    ip = ip[:10] + struct.pack(">H", 0xffff ^ ones_sum(ip)) + ip[12:]
    return NIC + HOST + b"\x08\x00" + ip + icmp


class Wired(Machine):
    """weir in a machine, and its cable in our hand."""

    def __init__(self, model):
        self.queues = 4 if model == "igb" else 1
        build = os.path.dirname(os.path.dirname(os.path.abspath(program("weirctl"))))
        job = JOB
        for word, name in (("DATAPLANE", "weir-dataplane"), ("CONTROLPLANE", "weir-controlplane"), ("WEIRCTL", "weirctl")):
            job = job.replace(word, os.path.join(build, os.path.relpath(os.path.abspath(program(name)), build)))
        super().__init__(job, model, self.queues + 1)
        self.write("gateway.conf", GATEWAY.format(many=str(self.queues > 1).lower(), queues=self.queues, workers=list(range(1, self.queues + 1))))
        self.write("rules.conf", RULES)

    def stats(self):
        text = self.read("stats")
        return json.loads(text) if text.strip() else {}

    def port(self):
        return self.stats().get("ports", [{}])[0]

    def send_all(self, frames):
        """As fast as an emulated NIC takes them without loss."""
        for at, data in enumerate(frames):
            self.send(data)
            if at % 8 == 7:
                time.sleep(0.01)

    def forwarded(self):
        return [data for data in list(self.received) if data[:6] == MEMBER]

    def wait_echo(self, sequence):
        """ARP, so that the kernel knows us (carrier lost, it forgets), and ping."""
        self.wait_answer("the answer to ARP", arp_request("10.9.0.11"), lambda data: data[12:14] == b"\x08\x06" and data[21] == 2)
        self.wait_answer("the echo", echo_request("10.9.0.11", sequence), lambda data: data[12:14] == b"\x08\x00" and data[23] == 1 and
                         data[34] == 0 and data[40:42] == struct.pack(">H", sequence))

    def wait_answer(self, what, request, wanted):
        """Repeats a request of ours, as people do, until the answer that `wanted` knows has come."""
        old = len(self.received)

        def asked():
            self.send(request)
            time.sleep(0.05)
            return [data for data in self.received[old:] if wanted(data)]
        return self.wait(what, asked)[0]


def to_the_nic(number):
    data = frame(number)
    return NIC + HOST + data[12:]


def messages_flow_through_a_pci_nic_and_the_cable_may_be_pulled():
    began = time.monotonic()
    model = nic_model()
    with Wired(model) as vm:
        vm.wait("weir with its table and link", lambda: vm.stats().get("generation") == 1 and vm.port().get("link"))
        booted = time.monotonic() - began
        # The first frames after link up may be lost in the NIC; whoever has answered ARP takes all.
        arp = vm.wait_answer("the answer to ARP", arp_request("10.9.0.11"), lambda data: data[12:14] == b"\x08\x06" and data[21] == 2)
        assert arp[22:28] == NIC, arp.hex()
        vm.wait_echo(1)

        first = [to_the_nic(i % 200) for i in range(400)]
        others = [OTHER + data[6:] for data in first[:40]]  # as a switch floods them
        vm.send_all(first[:200] + others + first[200:] + [NIC + HOST + b"\x88\xb5" + bytes(46)] * 20)
        vm.wait("the messages to be forwarded", lambda: len(vm.forwarded()) == 400)
        assert sorted(data[12:] for data in vm.forwarded()) == sorted(data[12:] for data in first), "not a byte above Ethernet changes"
        assert {data[6:12] for data in vm.forwarded()} == {NIC}

        vm.set_link(False)
        vm.wait("the link to be down", lambda: vm.port().get("link") is False)
        vm.set_link(True)
        vm.wait("the link to be up", lambda: vm.port().get("link") is True)
        vm.wait_echo(2)
        vm.send_all(first[:100])
        vm.wait("messages after it", lambda: len(vm.forwarded()) == 500)
        stats = vm.wait("the books", lambda: (lambda s: s["dispositions"]["forward"] == 500 and s)(vm.stats()))
        check_books(stats)
        port = stats["ports"][0]
        assert port["nic"]["missed"] == port["nic"]["errors"] == 0, port
        assert stats["dispositions"]["exception"] == stats["rx"] - 500 and port["kernel_tx"] >= 2, stats["dispositions"]
        shares = [worker["rx"] for worker in stats["workers"]]
        if model == "igb":
            assert all(shares), f"RSS spreads: {shares}"
            said = re.findall("weir-dataplane: .*emergencies.*", vm.read("dataplane.log"))
            print("   " + "; ".join(said), flush=True)
            assert len(said) == 1 and "cannot tell them by the priority byte" in said[0], "it refuses to match bytes, and goes on"
        vm.ask_for_nic()
        vm.wait("word of it", lambda: 'port "in0": device 0000:01:00.0 is being taken away' in vm.read("dataplane.log"))
        vm.write("stop", "")
        assert vm.end() == 0, vm.read("job.out")[-1000:] + vm.read("dataplane.log")[-1000:]
        log = vm.read("dataplane.log")
        found = re.findall(r'port "in0": (link is \w+)', log)
        assert found[:2] == ["link is up", "link is down"] and found[-1] == "link is up", log
        print(f"   {model}, {vm.queues} queue(s): frames by worker {shares}; up after {booted:.1f} s, all in "
              f"{time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    assert os.path.exists(program("weir-dataplane")), "build first"
    main([messages_flow_through_a_pci_nic_and_the_cable_may_be_pulled])
