#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Both daemons, a capture that loops at full speed, and members that live and die: who is known to be dead or drained gets
nothing, by the dataplane's own counts."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "kit"), HERE]
from gateway import check_books, main, wait_for  # noqa: E402
from live_test import Live, counts  # noqa: E402
from members import Member  # noqa: E402

SLOWER = float(os.environ.get("SLOWER", "1"))
NET = f"127.{os.getpid() % 250 + 2}.{os.getpid() // 250 % 250}."
RULES = """version = 1;
pools = ( { name = "p"; slots = 1021; members = (
    { name = "a"; address = "%s1"; mac = "02:00:00:00:00:01"; }, { name = "b"; address = "%s2"; mac = "02:00:00:00:00:02"; } );
    health = { probe = "native"; port = %d; interval_ms = %d; timeout_ms = %d; up = 2; down = 2; }; } );
default = { forward = "p"; };
"""


class LivePools(Live):
    def __init__(self):
        first = Member(f"{NET}1", 0)
        self.members = {"a": first, "b": Member(f"{NET}2", first.port)}
        super().__init__(RULES % (NET, NET, first.port, 100 * SLOWER, 80 * SLOWER))

    def __exit__(self, *error):
        for member in self.members.values():
            if not member.stopping:
                member.stop()
        super().__exit__(*error)

    def start(self):
        self.start_dataplane()
        self.start_controlplane()
        self.wait_generation(1)
        return self

    def ctl(self, *words):
        done = self.g.run("weirctl", "--config", self.g.config, *words)
        assert done.returncode == 0, done
        return done.stdout

    def member_counts(self):
        stats = self.g.stats()
        check_books(stats)
        found = counts(stats, "members")
        return {name: found.get(f"p/{name}", 0) for name in ("a", "b")} | {"none": stats["reasons"].get("tx_full", {}).get(
            "no-member", 0)}

    def wait_rising(self, *names):
        """Until each of these has risen twice: what a worker counted before it took new routes up is published by then."""
        for _ in range(2):
            before = self.member_counts()
            wait_for(f"{names} to rise", lambda b=before: all(self.member_counts()[name] > b[name] for name in names))

    def check_still(self, still, rising):
        self.wait_rising(*rising)
        before = self.member_counts()
        self.wait_rising(*rising)
        after = self.member_counts()
        for name in still:
            assert after[name] == before[name], (name, before, after)

    def wait_state(self, member, state):
        def right():
            shown = json.loads(self.ctl("--json", "pool", "show", "p"))["members"]
            return next(m for m in shown if m["name"] == member)["state"] == state
        wait_for(f"{member} to be {state}", right)

    def wait_still(self, still, rising):
        """A death is on its way to the workers: soon nothing is sent there, and then nothing for good."""
        def quiet():
            before = self.member_counts()
            self.wait_rising(*rising)
            return all(self.member_counts()[name] == before[name] for name in still)
        wait_for(f"{still} to be still", quiet)
        self.check_still(still, rising)


def the_dead_get_nothing_and_the_living_go_on():
    with LivePools() as live:
        live.start().wait_rising("a", "b")
        live.members["a"].stop()
        live.wait_state("a", "down")
        live.wait_still(["a", "none"], ["b"])
        live.members["b"].stop()
        live.wait_still(["a", "b"], ["none"])
        live.members["a"].start()
        live.wait_still(["b", "none"], ["a"])
        live.members["b"].start()
        live.wait_rising("a", "b")


def a_drained_member_gets_nothing_from_the_moment_that_the_command_returns():
    with LivePools() as live:
        live.start().wait_rising("a", "b")
        for _ in range(5):
            live.ctl("member", "drain", "p/a")
            live.check_still(["a"], ["b"])
            live.ctl("member", "enable", "p/a")
            live.wait_rising("a", "b")


def a_restart_of_either_or_both_wakes_no_drained_member():
    with LivePools() as live:
        live.start().wait_rising("a", "b")
        live.ctl("member", "drain", "p/a")
        live.kill(live.controlplane)
        live.start_controlplane()
        wait_for("the pools", lambda: live.g.run("weirctl", "--config", live.g.config, "status").returncode == 0)
        live.check_still(["a"], ["b"])
        live.kill(live.controlplane)
        live.kill(live.dataplane)
        live.start_dataplane()  # by the routes that it kept
        live.start_controlplane()
        wait_for("both", live.try_stats)
        live.wait_rising("b")
        assert live.member_counts()["a"] == 0, live.member_counts()  # counts begin anew


if __name__ == "__main__":
    main([the_dead_get_nothing_and_the_living_go_on,
          a_drained_member_gets_nothing_from_the_moment_that_the_command_returns,
          a_restart_of_either_or_both_wakes_no_drained_member])
