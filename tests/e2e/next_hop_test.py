#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Next hops of members without a mac: the control plane in a network namespace with an interface of the kernel's, members behind it,
one of them behind a router. The dataplane is tests/kit/fake_dataplane, which checks each routes image."""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
from gateway import Gateway, main, program, wait_for  # noqa: E402
from network import Network  # noqa: E402

RULES = '''version = 1;
pools = ( { name = "p"; slots = 251; members = ( { name = "near"; address = "10.9.0.11"; },
            { name = "far"; address = "10.7.0.1"; } ); } );
default = { forward = "p"; };
'''


class Scene:
    """gw (weir0 10.9.0.1) ── lan (10.9.0.11, and 10.9.0.254 as a router that has 10.7.0.1)."""

    def __init__(self, port='device = "net_null0"; kernel = "weir0";'):
        self.net = Network("gw", "lan")
        self.g = Gateway([f'name = "in0"; queues = 1; {port}'], agents="{ spool_mb = 64; }")
        self.g.write("rules.conf", RULES)

    def __enter__(self):
        self.net.__enter__()
        self.net.veth("gw", "weir0", "lan", "eth0")
        self.net.ip("gw", "addr", "add", "10.9.0.1/24", "dev", "weir0")
        for address in ("10.9.0.11/24", "10.9.0.254/24", "10.7.0.1/32"):
            self.net.ip("lan", "addr", "add", address, "dev", "eth0")
        self.net.ip("gw", "route", "add", "default", "via", "10.9.0.254")
        return self

    def __exit__(self, *error):
        self.net.__exit__(*error)
        self.g.__exit__(*error)

    def start(self):
        os.makedirs(self.g.path("run/t"), exist_ok=True)
        self.log = open(self.g.path("weir-controlplane.log"), "ab")
        self.net.start("gw", program("weir-controlplane"), "--config", self.g.config, stdout=self.log, stderr=self.log)
        self.g.start("fake_dataplane", self.g.path("run/t"), "1", "1024", "1")
        wait_for("generation 1", lambda: "generation 1" in self.g.log("fake_dataplane"))
        return self

    def members(self):
        done = self.g.run("weirctl", "--config", self.g.config, "--json", "pool", "show", "p")
        return {m["name"]: m for m in json.loads(done.stdout)["members"]} if done.returncode == 0 else {}

    def wait_next_hops(self, near, far):
        def right():
            members = self.members()
            return members and (members["near"]["next_hop"], members["far"]["next_hop"]) == (near, far)
        wait_for(f"next hops {near} and {far}", right)

    def wait_slots(self, near, far):
        def right():
            lines = re.findall(r"^routes p near=(\d+) far=(\d+)$", self.g.log("fake_dataplane"), re.M)
            return lines and (int(lines[-1][0]) > 0, int(lines[-1][1]) > 0) == (near, far)
        wait_for("slots", right)

    def stopped(self, batch):
        """Runs `ip -batch` in gw while the control plane is stopped: its socket does not hold so many changes."""
        controlplane = self.net.processes[-1]
        pid = int(subprocess.run(["pgrep", "-P", str(controlplane.pid)], capture_output=True, text=True, check=False).stdout
                  or controlplane.pid)
        os.kill(pid, 19)
        self.batch(batch)
        os.kill(pid, 18)

    def batch(self, lines):
        self.g.write("batch", lines)
        self.net.run("gw", "ip", "-force", "-batch", self.g.path("batch"))

    def mac(self):
        return json.loads(self.net.ip("lan", "-j", "link", "show", "eth0"))[0]["address"]


def members_without_a_mac_are_found_on_the_link_and_behind_a_router():
    for port in ('device = "net_null0"; kernel = "weir0";', 'type = "xdp"; device = "weir0";'):
        with Scene(port) as scene:
            scene.start()
            scene.wait_next_hops(scene.mac(), scene.mac())
            scene.wait_slots(True, True)


def a_member_that_does_not_answer_arp_gets_nothing_until_it_does():
    with Scene() as scene:
        scene.net.ip("lan", "addr", "del", "10.9.0.11/24", "dev", "eth0")  # and with it the second of its subnet
        scene.start()
        scene.wait_slots(False, False)
        assert {m["state"] for m in scene.members().values()} == {"no-next-hop"}
        scene.net.ip("lan", "addr", "add", "10.9.0.11/24", "dev", "eth0")
        scene.wait_next_hops(scene.mac(), None)
        scene.net.ip("lan", "addr", "add", "10.9.0.254/24", "dev", "eth0")
        scene.wait_next_hops(scene.mac(), scene.mac())
        scene.wait_slots(True, True)


def a_changed_mac_is_followed():
    with Scene() as scene:
        scene.start()
        scene.wait_next_hops(scene.mac(), scene.mac())
        scene.net.ip("lan", "link", "set", "eth0", "address", "02:00:00:00:77:01")
        scene.net.ip("gw", "neigh", "replace", "10.9.0.11", "lladdr", "02:00:00:00:77:01", "dev", "weir0")
        scene.net.ip("gw", "neigh", "replace", "10.9.0.254", "lladdr", "02:00:00:00:77:02", "dev", "weir0")
        scene.wait_next_hops("02:00:00:00:77:01", "02:00:00:00:77:02")
        scene.net.ip("gw", "neigh", "del", "10.9.0.254", "dev", "weir0")  # is asked for again
        scene.wait_next_hops("02:00:00:00:77:01", "02:00:00:00:77:01")


def a_route_that_changes_is_followed():
    with Scene() as scene:
        scene.start()
        scene.wait_slots(True, True)
        scene.net.ip("gw", "neigh", "replace", "10.9.0.253", "lladdr", "02:00:00:00:77:53", "dev", "weir0", "nud", "permanent")
        scene.net.ip("gw", "route", "add", "10.7.0.0/24", "via", "10.9.0.253")
        scene.wait_next_hops(scene.mac(), "02:00:00:00:77:53")
        scene.net.ip("gw", "route", "del", "10.7.0.0/24")
        scene.wait_next_hops(scene.mac(), scene.mac())
        scene.net.ip("gw", "route", "add", "unreachable", "10.7.0.0/24")
        scene.wait_slots(True, False)


def an_interface_that_goes_down_takes_its_next_hops_along():
    with Scene() as scene:
        scene.start()
        scene.wait_slots(True, True)
        scene.net.ip("lan", "link", "set", "eth0", "down")  # the cable
        scene.wait_slots(False, False)
        scene.net.ip("lan", "link", "set", "eth0", "up")
        scene.wait_slots(True, True)
        scene.net.ip("gw", "link", "set", "weir0", "down")
        scene.wait_slots(False, False)
        scene.net.ip("gw", "link", "set", "weir0", "up")
        scene.net.ip("gw", "route", "replace", "default", "via", "10.9.0.254")
        scene.wait_slots(True, True)
        assert "interface weir0 is down" in scene.g.log("weir-controlplane")


def an_interface_that_comes_later_or_again_is_found():
    with Scene('device = "net_null0"; kernel = "weir9";') as scene:
        scene.start()
        scene.wait_slots(False, False)
        for name in ("weir9", "weir8", "weir9"):  # its index stays, its name comes, goes and comes again
            scene.net.ip("gw", "link", "set", "weir0" if name == "weir9" and "weir9" not in scene.g.log("weir-controlplane")
                         else "weir9" if name == "weir8" else "weir8", "name", name)
            scene.wait_slots(name == "weir9", name == "weir9")


def an_overrun_of_netlink_is_said_once_and_mended():
    with Scene() as scene:
        scene.start()
        scene.wait_slots(True, True)
        batch = "".join(f"neigh {what} 10.9.{i // 250}.{i % 250 + 1} lladdr 02:00:00:00:88:01 dev weir0 nud permanent\n"
                        for i in range(250, 2250) for what in ("replace", "del"))
        scene.stopped(batch + "neigh replace 10.9.0.11 lladdr 02:00:00:00:88:11 dev weir0 nud permanent\n")
        scene.wait_next_hops("02:00:00:00:88:11", scene.mac())
        assert scene.g.log("weir-controlplane").count("changes of routes and neighbours were lost") == 1


def what_an_overrun_hid_is_found_out_beside_many_routes():
    with Scene() as scene:
        hops = "".join(f" nexthop via 10.9.0.{254 - i}" for i in range(16))  # so that a dump is long: it takes many reads
        scene.batch("".join(f"route add 10.{20 + i // 256}.{i % 256}.0/24{hops}\n" for i in range(4000))
                    + "".join(f"neigh replace {address} lladdr {scene.mac()} dev weir0 nud permanent\n"
                              for address in ("10.9.0.11", "10.9.0.254")))
        scene.start()
        scene.wait_slots(True, True)
        scene.net.ip("lan", "addr", "flush", "dev", "eth0")
        flap = "".join(f"neigh {what} 10.9.{i // 250}.{i % 250 + 1} lladdr 02:00:00:00:88:01 dev weir0 nud permanent\n"
                       for i in range(250, 2250) for what in ("replace", "del"))
        scene.stopped(flap + "neigh del 10.9.0.11 dev weir0\n")
        scene.wait_slots(False, True)


if __name__ == "__main__":
    main([members_without_a_mac_are_found_on_the_link_and_behind_a_router,
          a_member_that_does_not_answer_arp_gets_nothing_until_it_does,
          a_changed_mac_is_followed,
          a_route_that_changes_is_followed,
          an_interface_that_goes_down_takes_its_next_hops_along,
          an_interface_that_comes_later_or_again_is_found,
          an_overrun_of_netlink_is_said_once_and_mended,
          what_an_overrun_hid_is_found_out_beside_many_routes])
