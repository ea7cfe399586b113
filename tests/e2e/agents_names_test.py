#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Agents as operators know them: weirctl agent add, list and revoke, and what goes wrong there."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.path.insert(0, HERE)
from controlplane_test import Plane  # noqa: E402
from gateway import main, wait_for  # noqa: E402


def agents(plane):
    return json.loads(plane.ctl("--json", "agent", "list").stdout)


def an_agent_is_added_listed_and_revoked_and_history_says_so():
    with Plane() as plane:
        plane.start()
        done = plane.ctl("agent", "add", "anna", "--queue", "desk", "--queue=other")
        assert done.returncode == 0 and done.stdout.startswith("weir-") and len(done.stdout) == 70, done
        operator = json.loads(plane.ctl("--json", "agent", "add", "boss", "--operator").stdout)
        assert operator["role"] == "operator" and operator["token"] != done.stdout.strip(), operator
        assert [(a["name"], a["role"], a["queues"]) for a in agents(plane)] == [
            ("anna", "agent", ["desk", "other"]), ("boss", "operator", [])], agents(plane)
        with open(plane.g.path("state/t/agents.json"), encoding="utf-8") as file:
            kept = file.read()
        assert done.stdout.strip() not in kept and "sha256" in kept
        assert done.stdout.strip() not in plane.log()
        assert plane.ctl("agent", "revoke", "anna").returncode == 0
        assert agents(plane)[0]["revoked"] >= agents(plane)[0]["created"]
        assert plane.ctl("agent", "add", "anna", "--queue", "desk").returncode == 0
        events = [(entry["event"], entry.get("change") or entry.get("file")) for entry in plane.history() if "agent" in entry["event"]]
        assert [e for e, _ in events] == ["agent add", "agent add", "agent revoke", "agent add"], plane.history()
        text = plane.ctl("agent", "list").stdout
        assert "boss" in text and "operator" in text, text


def agents_outlive_the_control_plane():
    with Plane() as plane:
        plane.start()
        plane.ctl("agent", "add", "anna", "--queue", "*")
        plane.controlplane.kill()
        plane.controlplane.wait()
        plane.start()
        assert [a["name"] for a in agents(plane)] == ["anna"]


def a_queue_that_no_rule_has_is_noted():
    with Plane() as plane:
        plane.start().start_dataplane().wait_generation(1)
        assert plane.ctl("agent", "add", "anna", "--queue", "desk").stderr == ""
        done = plane.ctl("agent", "add", "bert", "--queue", "dekс")
        assert done.returncode == 0 and 'have no queue "dekс"' in done.stderr, done


def what_cannot_be_is_refused_with_its_reason():
    with Plane() as plane:
        plane.start()
        assert plane.ctl("agent", "add", "anna", "--queue", "desk").returncode == 0
        for words, status, text in (
                (["add", "anna", "--queue", "desk"], 1, 'there is an agent "anna"'),
                (["add", "an na", "--queue", "desk"], 1, "an agent has a name"),
                (["add", "bert"], 2, "--queue is missing"),
                (["add", "--queue", "desk"], 2, "NAME is missing"),
                (["add", "bert", "--queue"], 2, "--queue needs a value"),
                (["add", "bert", "--queue", "q" * 64], 1, "an agent has a name"),
                (["revoke", "bert"], 1, 'there is no agent "bert"'),
                (["revoke"], 2, "NAME is missing")):
            done = plane.ctl("agent", *words)
            assert done.returncode == status and text in done.stderr, (words, done)
        plane.ctl("agent", "revoke", "anna")
        done = plane.ctl("agent", "revoke", "anna")
        assert done.returncode == 1 and "revoked already" in done.stderr, done


def a_damaged_file_is_said_lets_nobody_in_and_is_left_alone():
    with Plane() as plane:
        os.makedirs(plane.g.path("state/t"))
        plane.g.write("state/t/agents.json", "{ damaged")
        plane.start()
        wait_for("the line", lambda: "agents.json: line 1" in plane.log())
        assert agents(plane) == []
        done = plane.ctl("agent", "add", "anna", "--queue", "desk")
        assert done.returncode == 1 and "agents.json in state_dir is damaged" in done.stderr, done
        with open(plane.g.path("state/t/agents.json"), encoding="utf-8") as file:
            assert file.read() == "{ damaged"


if __name__ == "__main__":
    main([an_agent_is_added_listed_and_revoked_and_history_says_so,
          agents_outlive_the_control_plane,
          a_queue_that_no_rule_has_is_noted,
          what_cannot_be_is_refused_with_its_reason,
          a_damaged_file_is_said_lets_nobody_in_and_is_left_alone])
