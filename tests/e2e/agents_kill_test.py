#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Messages from a real dataplane that runs at full speed, through a control plane that is killed (kill -9) again and again, to agents
of whom some are killed too, with the program that serves them: each message ends settled once, or waits; none is lost.

AGENT_MESSAGES=1000000 asks for at least so many, with nothing between the dataplane and the queue and a kill about every second; by
default a rate in the rule file keeps the test short, and kills are closer. SLOWER stretches the times between kills (for
sanitizer builds)."""
import glob
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from gateway import Gateway, SkipTest, check_books, main, wait_for, write_pcap  # noqa: E402
from native import frame, message  # noqa: E402

MANY = int(os.environ.get("AGENT_MESSAGES", "0"))
MESSAGES, EVERY_S, KILLS, FULL_S = (MANY, 1.0, 10, 10) if MANY else (20000, 0.3, 5, 1)
SLOWER = float(os.environ.get("SLOWER", "1"))
AGENTS, LEASE_MS = 8, 1500
LIMIT = ' rate = %d; burst = 1000; exceed = "drop";'
RULES = """version = 1;
queues = ( {{ name = "desk"; }} );
default = {{ agents = "desk";{limit} }};
"""


class Flow:
    """A dataplane that loops a capture of `messages` as fast as it can, and a control plane that is killed and started again."""

    def __init__(self, gateway, rules, messages, every_s=EVERY_S):
        self.gateway, self.random, self.every_s = gateway, random.Random(4711), every_s
        self.kills, self.controlplane = 0, None
        write_pcap(gateway.path("in.pcap"), [frame(text) for text in messages])
        image = gateway.compile(gateway.write("rules.conf", rules))
        self.dataplane = gateway.start("weir-dataplane", "--config", gateway.config, "--table", image, "--exit-when-idle", "1000",
                                       stdout=subprocess.PIPE, text=True)
        wait_for("the dataplane", lambda: self.segments() and os.path.exists(gateway.path("run/t/dp.sock")))

    def segments(self):
        return glob.glob(self.gateway.path("run/t/segment.*"))

    def accepted(self):
        done = self.gateway.run("spool_check", "--stats", self.segments()[0])
        return json.loads(done.stdout)["dispositions"]["agents"]

    def start(self):
        self.controlplane = self.gateway.start("weir-controlplane", "--config", self.gateway.config)

    def kill(self):
        """After a random time: the moment of a kill is what this test draws."""
        try:
            self.controlplane.wait(timeout=self.random.uniform(0, 2 * self.every_s * SLOWER))
        except subprocess.TimeoutExpired:
            self.controlplane.kill()
            self.controlplane.wait()
            self.gateway.processes.remove(self.controlplane)
            self.kills += 1
            return
        raise AssertionError(f"weir-controlplane ended by itself: {self.gateway.log('weir-controlplane')[-2000:]}")

    def log(self):
        return self.gateway.log("weir-controlplane")

    def stop_traffic(self):
        """Ends the dataplane; the number of messages that were accepted. A control plane drains what it leaves in its segment."""
        self.dataplane.send_signal(signal.SIGINT)
        stats = json.loads(self.dataplane.communicate(timeout=60)[0])
        check_books(stats)
        assert stats["dispositions"]["agents_full"] > 0 or not MANY, stats["dispositions"]
        self.start()
        wait_for("its messages to be stored", lambda: not self.segments(), 120)
        return stats["dispositions"]["agents"]

    def end(self):
        self.controlplane.send_signal(signal.SIGTERM)
        assert self.controlplane.wait(timeout=60) == 0, self.log()[-2000:]


class Agents:
    """Agents at work on the spool that a flow left behind."""

    def __init__(self, gateway):
        self.gateway, self.random = gateway, random.Random(815)
        self.spool, self.journals, self.idle = gateway.path("state/t/spool"), gateway.path("journals"), gateway.path("idle")
        for folder in (self.journals, self.idle):
            os.mkdir(folder)
        self.house = None

    def start(self):
        self.house = self.gateway.start("spool_agents", self.spool, self.idle, self.journals, "desk", str(LEASE_MS), str(AGENTS))

    def pids(self):
        """Of the agents that the last house started."""
        return [int(pid) for pid in re.findall(r"agent \S+ (\d+)", self.gateway.log("spool_agents"))][-AGENTS:]

    def noted(self, name="*"):
        return sum(os.path.getsize(path) for path in glob.glob(os.path.join(self.journals, name)))

    def at_work(self, name="*"):
        """Waits until agents have noted something more, and for a moment: that of the kill which follows is drawn."""
        before = self.noted(name)
        wait_for(f"{name} to settle messages", lambda: self.house.poll() is not None or self.noted(name) > before)
        time.sleep(self.random.uniform(0, 0.05))

    def work_and_die(self):
        """Two agents are killed, later all with the program that serves them, and others finish the work."""
        self.start()
        for i in range(2):
            self.at_work(f"agent-{i}")
            os.kill(self.pids()[i], signal.SIGKILL)
        self.at_work()
        self.house.kill()
        self.house.wait()
        self.start()
        assert self.house.wait(timeout=900) == 0, self.gateway.log("spool_agents")[-2000:]
        assert "spool_agents:" not in self.gateway.log("spool_agents"), self.gateway.log("spool_agents")[-2000:]

    def places(self):
        done = self.gateway.run("spool_places", self.spool, *glob.glob(os.path.join(self.journals, "*")))
        found = {name: int(value) for name, value in re.findall(r"(\w+) (\d+)", done.stdout)}
        assert done.returncode == 0 and found["lost"] == found["twice"] == found["wrong"] == 0, f"{done.stdout} {done.stderr}"
        return found


def check_all(gateway, accepted, kills):
    """What was accepted is in the queue, each once; and after the agents have worked, settled, each once."""
    count = gateway.run("spool_check", "--count", gateway.path("state/t/spool"))
    assert count.stdout.split() == ["messages", str(accepted), "twice", "0"], f"{accepted} accepted; {count.stdout} {count.stderr}"
    agents = Agents(gateway)
    began = time.monotonic()
    agents.work_and_die()
    found = agents.places()
    assert found["settled"] == found["stored"] == accepted, found
    print(f"   {accepted} accepted, {kills} kills of the control plane; settled in {time.monotonic() - began:.1f} s: {found}", flush=True)


def gateway(**settings):
    return Gateway(['name = "in0"; device = "net_pcap0,rx_pcap=@/in.pcap,infinite_rx=1"; queues = 1;'], polls=True,
                   agents="{ slots = 4096; spool_mb = %d; }" % (8192 if MANY else 256), **settings)


def desk_flow(gateway):
    rnd = random.Random(4711)
    limit = "" if MANY else LIMIT % 20000
    return Flow(gateway, RULES.format(limit=limit), [message(i, priority=i % 4, body=rnd.randbytes(8 * (i % 40))) for i in range(1024)])


def messages_survive_kills_of_the_control_plane_and_of_agents_and_are_settled_once():
    with gateway(state_on_disk=True) as g:
        flow = desk_flow(g)
        while flow.kills < KILLS or flow.accepted() < MESSAGES:
            flow.start()
            flow.kill()
        accepted = flow.stop_traffic()
        flow.end()
        check_all(g, accepted, flow.kills)


def they_survive_a_disk_that_is_full_for_a_while():
    with gateway() as g:
        state = g.path("state")
        os.mkdir(state)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", state], capture_output=True, check=False).returncode:
            raise SkipTest("a small file system cannot be mounted here")
        try:
            flow = desk_flow(g)
            flow.start()
            wait_for("the disk to be full", lambda: "the spool takes no messages" in flow.log(), 60)
            full_since = time.monotonic()
            while time.monotonic() < full_since + FULL_S or flow.kills < 2:
                flow.kill()
                flow.start()
            enough = max(MANY, flow.accepted() + MESSAGES // 4)
            subprocess.run(["mount", "-o", "remount,size=3g", state], check=True)
            wait_for("messages to be stored again", lambda: flow.accepted() > enough, 60)
            flow.kill()
            accepted = flow.stop_traffic()
            flow.end()
            check_all(g, accepted, flow.kills)
        finally:
            subprocess.run(["umount", "-l", state], check=False)


if __name__ == "__main__":
    main([messages_survive_kills_of_the_control_plane_and_of_agents_and_are_settled_once,
          they_survive_a_disk_that_is_full_for_a_while])
