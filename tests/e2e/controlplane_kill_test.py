#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 of the control plane, of the dataplane, of both, at random moments: no message for agents is lost, none is stored twice.

The dataplane is tests/kit/fake_dataplane: real segment, real socket, numbered messages. What the spool holds is compared with
what was written, number by number and byte by byte. KILLS sets the number of kills (200), SLOWER stretches
the times between them (for sanitizer builds)."""
import os
import random
import re
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
from gateway import Gateway, main, program, wait_for  # noqa: E402

KILLS = int(os.environ.get("KILLS", "200"))
RATE = int(os.environ.get("RATE", "20000"))
SLOWER = float(os.environ.get("SLOWER", "1"))
RULES = """version = 1;
queues = ( { name = "queue-0"; } );
default = { agents = "queue-0"; };
"""


class Plane:
    """A gateway with a fake dataplane, whose processes are killed and started again."""

    def __init__(self, gateway, slots=1024):
        self.gateway = gateway
        self.slots = slots
        self.run_folder = gateway.path("run/t")
        os.makedirs(self.run_folder, exist_ok=True)
        gateway.write("rules.conf", RULES)
        self.random = random.Random(4711)
        self.dataplane = self.controlplane = None

    def start_dataplane(self):
        self.dataplane = self.gateway.start("fake_dataplane", self.run_folder, "2", str(self.slots), str(RATE))

    def start_controlplane(self):
        self.controlplane = self.gateway.start("weir-controlplane", "--config", self.gateway.config)

    def kill(self, process):
        process.kill()
        process.wait()
        self.gateway.processes.remove(process)

    def any_moment(self, longest):
        """Lets the processes run for a random time: the moment of a kill is what this test draws."""
        try:
            self.controlplane.wait(timeout=self.random.uniform(0, longest * SLOWER))
        except Exception:
            return
        raise AssertionError(f"weir-controlplane ended by itself: {self.gateway.log('weir-controlplane')[-2000:]}")

    def check(self):
        done = self.gateway.run("spool_check", self.gateway.path("state/t/spool"), self.run_folder)
        print(f"   {done.stdout.strip()}", flush=True)
        if done.returncode != 0:
            raise AssertionError(f"spool_check: {done.returncode} {done.stdout} {done.stderr}")
        found = dict(re.findall(r"(\w+) (\d+)", done.stdout))
        for name in ("weir-controlplane", "fake_dataplane"):
            log = self.gateway.log(name) if os.path.exists(self.gateway.path(name + ".log")) else ""
            assert "Sanitizer" not in log, log[log.index("Sanitizer"):][:2000]
        assert int(found["messages"]) > 1000, "too few messages to show anything"
        return found

    def end(self):
        """Ends both in order, when everything that was written has been acknowledged."""
        self.start_controlplane()
        wait_for("the control plane", lambda: f"up, pid {self.controlplane.pid}" in self.gateway.log("weir-controlplane"))
        if self.dataplane:
            wait_for("the dataplane", lambda: f"up {self.dataplane.pid}\n" in self.gateway.log("fake_dataplane"))
            self.dataplane.send_signal(signal.SIGTERM)
            assert self.dataplane.wait(timeout=60) == 0, self.gateway.log("fake_dataplane")[-1000:]
        wait_for("the segments to be drained", lambda: not [name for name in os.listdir(self.run_folder)
                                                           if name.startswith("segment.")], 60)
        self.controlplane.send_signal(signal.SIGTERM)
        assert self.controlplane.wait(timeout=60) == 0, self.gateway.log("weir-controlplane")[-1000:]


def gateway():
    return Gateway(['name = "in0"; device = "net_null0"; queues = 1;'], agents="{ spool_mb = 2048; }", state_on_disk=True)


def a_killed_control_plane_loses_nothing_and_stores_nothing_twice():
    with gateway() as g:
        plane = Plane(g)
        plane.start_dataplane()
        for _ in range(KILLS):
            plane.start_controlplane()
            plane.any_moment(0.08)
            plane.kill(plane.controlplane)
        plane.end()
        plane.check()
        assert g.log("fake_dataplane").count("generation") == 1, "the same table was published again"


def a_killed_dataplanes_messages_are_drained_from_its_segment():
    with gateway() as g:
        plane = Plane(g)
        plane.start_controlplane()
        for _ in range(max(KILLS // 8, 2)):
            plane.start_dataplane()
            plane.any_moment(0.2)
            plane.kill(plane.dataplane)
        plane.dataplane = None
        plane.kill(plane.controlplane)
        plane.end()
        assert int(plane.check()["boots"]) >= max(KILLS // 10, 2)


def both_killed_at_random_lose_nothing():
    with gateway() as g:
        plane = Plane(g)
        plane.start_dataplane()
        plane.start_controlplane()
        for _ in range(max(KILLS // 3, 2)):
            plane.any_moment(0.1)
            victim = plane.random.choice(["control plane", "dataplane", "both"])
            if victim != "control plane":
                plane.kill(plane.dataplane)
                plane.start_dataplane()
            if victim != "dataplane":
                plane.kill(plane.controlplane)
                plane.start_controlplane()
        plane.kill(plane.controlplane)
        plane.end()
        plane.check()


def a_killed_control_plane_is_told_from_a_second_one():
    with gateway() as g:
        plane = Plane(g)
        plane.start_controlplane()
        wait_for("the control plane", lambda: os.path.exists(g.path("run/t/control.sock")))
        second = g.run("weir-controlplane", "--config", g.config)
        assert second.returncode == 3 and str(plane.controlplane.pid) in second.stderr, second.stderr
        plane.kill(plane.controlplane)
        plane.end()


if __name__ == "__main__":
    assert os.path.exists(program("weir-controlplane")), "build first"
    main([a_killed_control_plane_loses_nothing_and_stores_nothing_twice,
          a_killed_dataplanes_messages_are_drained_from_its_segment,
          both_killed_at_random_lose_nothing,
          a_killed_control_plane_is_told_from_a_second_one])
