#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What operators see and do of the messages for agents: weirctl queues, queue, tail, spool stats, export, purge."""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
from gateway import Gateway, main, program, wait_for  # noqa: E402

RULES = """version = 1;
queues = ( { name = "queue-0"; } );
default = { agents = "queue-0"; };
"""


class Plane:
    """A control plane whose dataplane writes numbered messages for queue-0 to queue-2."""

    def __init__(self):
        self.g = Gateway(['name = "in0"; device = "net_null0"; queues = 1;'],
                         agents='{ spool_mb = 64; queues = ( { name = "queue-0"; }, { name = "queue-O"; } ); }')
        os.makedirs(self.g.path("run/t"))
        self.g.write("rules.conf", RULES)
        self.controlplane = self.dataplane = None

    def __enter__(self):
        self.controlplane = self.g.start("weir-controlplane", "--config", self.g.config)
        wait_for("the control plane", lambda: os.path.exists(self.g.path("run/t/control.sock")))
        return self

    def __exit__(self, *error):
        self.g.__exit__(*error)

    def start_dataplane(self):
        self.dataplane = self.g.start("fake_dataplane", self.g.path("run/t"), "1", "1024", "500")

    def stop_dataplane(self):
        self.dataplane.terminate()
        assert self.dataplane.wait(30) == 0, self.g.log("fake_dataplane")[-1000:]
        wait_for("the segments to be drained", lambda: not [name for name in os.listdir(self.g.path("run/t"))
                                                           if name.startswith("segment.")], 60)

    def ask(self, *words, status=0):
        done = self.g.run("weirctl", "--config", self.g.config, *words)
        assert done.returncode == status, f"weirctl {words}: {done.returncode} {done.stdout} {done.stderr}"
        return done

    def json(self, *words):
        return json.loads(self.ask("--json", *words).stdout)

    def lines(self, *words):
        return [json.loads(line) for line in self.ask(*words).stdout.splitlines()]

    def with_messages(self):
        self.start_dataplane()
        wait_for("messages in three queues", lambda: len([q for q in self.json("queues") if q["waiting"] > 20]) == 3)
        self.stop_dataplane()
        return self


def queues_are_shown_with_depth_and_age():
    with Plane() as plane:
        assert "no message came" in plane.ask("queues").stdout
        plane.with_messages()
        for queue in plane.json("queues"):
            assert queue["waiting"] == queue["stored"] and queue["leased"] == queue["dead"] == queue["removed"] == 0, queue
            assert sum(row["waiting"] for row in queue["priorities"].values()) == queue["waiting"], queue
            assert 0 <= queue["oldest_s"] < 600, queue
        assert plane.json("queue", "queue-1") | {"oldest_s": 0, "priorities": 0} == \
            plane.json("queues")[1] | {"oldest_s": 0, "priorities": 0, "webhooks": []}
        assert "queue-2" in plane.ask("queues").stdout and "non-urgent" in plane.ask("queue", "queue-2").stdout
        assert 'no message ever came for a queue "nobody"' in plane.ask("queue", "nobody", status=1).stderr
        assert "NAME is missing" in plane.ask("queue", status=2).stderr


def a_queue_of_gateway_conf_that_no_rule_file_has_is_a_warning():
    with Plane() as plane:
        wait_for("the rules", lambda: plane.ask("queues").stderr != "")
        warning = plane.ask("--json", "queues").stderr
        assert warning.count("\n") == 1 and "gateway.conf:" in warning, warning
        assert 'warning: the rules have no queue "queue-O"' in warning, warning


def a_spool_is_read_with_and_without_a_control_plane():
    with Plane() as plane:
        plane.with_messages()
        queues = {queue["name"]: queue["waiting"] for queue in plane.json("queues")}
        for running in (True, False):
            stats = plane.json("spool", "stats")
            assert stats["waiting"] == sum(queues.values()) and stats["leased"] == stats["dead"] == 0, stats
            assert 0 < stats["used_bytes"] <= stats["file_bytes"] and stats["schema"] == 2, stats
            everything = plane.lines("spool", "export")
            assert len(everything) == len({m["id"] for m in everything}) == sum(queues.values())
            assert not any("body" in key for m in everything for key in m), everything[0]
            one = plane.lines("spool", "export", "queue-1", "--state", "waiting", "--bodies")
            assert len(one) == queues["queue-1"] and all(m["queue"] == "queue-1" and m["state"] == "waiting" for m in one)
            assert all("body" in m or "body_base64" in m for m in one)
            assert plane.lines("spool", "export", "--state", "leased") == plane.lines("spool", "export", "--state", "dead") == []
            assert "messages wait" in plane.ask("spool", "stats", plane.g.path("state/t/spool")).stdout
            if running:
                plane.controlplane.terminate()
                assert plane.controlplane.wait(30) == 0
        assert plane.lines("spool", "export", "--folder", plane.g.path("state/t/spool")) == everything


def a_copy_of_a_spool_is_read_and_left_as_it_is():
    with Plane() as plane, tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
        plane.with_messages()
        plane.controlplane.terminate()
        assert plane.controlplane.wait(30) == 0
        with open(plane.g.path("state/t/spool/data.mdb"), "rb") as data, open(f"{folder}/data.mdb", "wb") as copy:
            copy.write(data.read())
        assert plane.lines("spool", "export", "--folder", folder) == plane.lines("spool", "export")
        assert os.listdir(folder) == ["data.mdb"]


def errors_of_who_reads_a_spool_are_said():
    with Plane() as plane:
        assert "no state: waiting, leased or dead" in plane.ask("spool", "export", "--state", "lost", status=2).stderr
        assert "/nonexistent: cannot open" in plane.ask("spool", "stats", "/nonexistent", status=3).stderr
        assert "nobody" in plane.ask("spool", "export", "nobody", status=1).stderr
        assert "no option --body" in plane.ask("spool", "export", "--body", status=2).stderr


def a_purge_asks_twice_removes_and_is_remembered():
    with Plane() as plane:
        plane.with_messages()
        waiting = plane.json("queue", "queue-1")["waiting"]
        assert "--yes" in plane.ask("spool", "purge", "queue-1", "--all", status=2).stderr
        assert "--dead and --all" in plane.ask("spool", "purge", "queue-1", "--yes", status=2).stderr
        assert "nobody" in plane.ask("spool", "purge", "nobody", "--all", "--yes", status=1).stderr
        assert plane.json("spool", "purge", "queue-1", "--dead", "--yes") == {"queue": "queue-1", "removed": 0}
        assert f"queue-1: {waiting} removed" in plane.ask("spool", "purge", "queue-1", "--all", "--yes").stdout
        queue = plane.json("queue", "queue-1")
        assert queue["waiting"] == 0 and queue["removed"] == waiting and queue["oldest_s"] is None, queue
        assert plane.json("queue", "queue-2")["waiting"] > 0
        last = plane.json("rules", "history")[-1]
        assert last["event"] == "purge" and last["file"] == f"queue-1: {waiting} messages" and "uid" in last["who"], last
        plane.controlplane.terminate()
        assert plane.controlplane.wait(30) == 0
        assert "is not running" in plane.ask("spool", "purge", "queue-1", "--all", "--yes", status=3).stderr


def a_tail_shows_what_comes_and_content_only_when_asked():
    with Plane() as plane:
        tails = [subprocess.Popen([program("weirctl"), "--json", "--config", plane.g.config, "tail", "queue-1", "--max", "30",
                                   *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for more in ([], ["--bodies"])]
        for tail in tails:
            assert "waiting for messages" in tail.stderr.readline()
        plane.start_dataplane()
        shown = []
        for tail in tails:
            out, err = tail.communicate(timeout=60)
            assert tail.returncode == 0, err
            shown.append([json.loads(line) for line in out.splitlines()])
        plane.stop_dataplane()
        for messages in shown:
            ids = [int(m["id"]) for m in messages]
            assert len(ids) == 30 and ids == sorted(ids) and all(m["queue"] == "queue-1" for m in messages)
        assert not any("body" in key for m in shown[0] for key in m)
        assert all("body" in m or "body_base64" in m for m in shown[1])
        exported = plane.lines("spool", "export", "queue-1")
        first = sorted(int(m["id"]) for m in exported)[:30]
        assert [int(m["id"]) for m in shown[0]] == [int(m["id"]) for m in shown[1]] == first
        assert "--max" in plane.ask("tail", "queue-1", "--max", "x", status=2).stderr


if __name__ == "__main__":
    main([queues_are_shown_with_depth_and_age,
          a_queue_of_gateway_conf_that_no_rule_file_has_is_a_warning,
          a_spool_is_read_with_and_without_a_control_plane,
          a_copy_of_a_spool_is_read_and_left_as_it_is,
          errors_of_who_reads_a_spool_are_said,
          a_purge_asks_twice_removes_and_is_remembered,
          a_tail_shows_what_comes_and_content_only_when_asked])
