#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What an operator of agents can get wrong, as it is said: what, where, how to mend it. Also: agents_doors_test.py (addresses,
certificates), nats_test.py and nats_tls_test.py (servers, secrets, certificates), webhooks_test.py (secrets, certificates), dataplane_errors_test.py."""
import os
import signal
import socket
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "kit")]
sys.dont_write_bytecode = True
from agents import Agent  # noqa: E402
from agents_test import RULES, Desk  # noqa: E402
from gateway import main, wait_for  # noqa: E402

REFUSED, ENVIRONMENT = 1, 3


def expect(done, status, *words):
    """One line on stderr with all of `words`, and this status."""
    lines = [line for line in done.stderr.splitlines() if ": warning: " not in line]  # as on a machine with one CPU
    assert done.returncode == status and len(lines) == 1 and all(word in lines[0] for word in words), done


def start_fails(desk, status, *words):
    expect(desk.g.run("weir-controlplane", "--config", desk.g.config, timeout=30), status, *words)


def a_spool_of_a_newer_weir_is_refused_and_left_alone():
    with Desk() as desk:
        desk.begin(3)
        desk.controlplane.send_signal(signal.SIGTERM)
        assert desk.controlplane.wait(30) == 0
        path = desk.g.path("state/t/spool/data.mdb")
        with open(path, "rb") as file:
            data = file.read()
        ours, newer = (b"schema" + struct.pack("<I", schema) for schema in (2, 3))
        assert ours in data
        newer_data = data.replace(ours, newer)
        with open(path, "wb") as file:
            file.write(newer_data)
        words = f"{desk.g.path('state/t/spool')}: a spool of a newer schema than 2: made by a newer weir; use that one"
        start_fails(desk, ENVIRONMENT, words)
        for command in (["spool", "stats"], ["spool", "export", "queue-0"]):
            expect(desk.ctl(*command), ENVIRONMENT, words)
        with open(path, "rb") as file:
            assert file.read() == newer_data
        with open(path, "wb") as file:  # and nothing was lost by trying
            file.write(data)
        desk.start()
        assert desk.status()["spool"]["queues"][0]["depth"] == 1


def agents_of_a_newer_weir_are_not_let_in():
    with Desk() as desk:
        desk.start()
        anna = desk.agent("anna", "*")
        desk.restart(kill=False)
        assert anna.get("/v1/queues").status == 200
        with open(desk.g.path("state/t/agents.json"), encoding="utf-8") as file:
            text = file.read().replace('"name"', '"until": 1, "name"')
        desk.g.write("state/t/agents.json", text)
        desk.restart(kill=False)
        wait_for("the line", lambda: 'agents.json: it has a "until", which this weir does not know' in desk.log())
        assert anna.get("/v1/queues").status == 401
        assert desk.ctl("agent", "add", "bert", "--queue", "*").returncode == REFUSED
        with open(desk.g.path("state/t/agents.json"), encoding="utf-8") as file:
            assert file.read() == text


def a_socket_that_another_program_has_is_named():
    with Desk() as desk, socket.socket(socket.AF_UNIX) as other:
        os.makedirs(desk.run_folder)
        other.bind(desk.sock)
        other.listen()
        start_fails(desk, ENVIRONMENT, f"{desk.sock}: Address already in use: end the other program")


def a_bad_token_is_told_how_to_get_a_good_one():
    with Desk() as desk:
        desk.start()
        for token, kind in (("weir-" + "0" * 64, "token-unknown"), (None, "token-missing")):
            answer = Agent(desk.sock, token).get("/v1/queues")
            assert answer.status == 401 and answer.json["type"].endswith(kind) and "weirctl agent add" in answer.json["detail"], answer
        assert "a request with a bad token" in desk.log() and "0" * 64 not in desk.log()


def an_unknown_queue_in_a_rule_has_its_line_and_changes_nothing():
    with Desk() as desk:
        desk.begin(3)
        bad = desk.g.write("bad.conf", RULES.replace('agents = "queue-0"', 'agents = "queue-9"'))
        words = f'{bad}:3: error: default: there is no queue "queue-9" (did you mean "queue-0"?)'
        expect(desk.g.run("weirctl", "rules", "check", bad), REFUSED, words)
        done = desk.ctl("rules", "load", bad)
        assert done.returncode == REFUSED and words in done.stderr, done
        desk.more(1)  # which goes where it went
        good = desk.g.write("good.conf", RULES)
        done = desk.ctl("rules", "load", good)
        assert done.returncode == 0 and "generation 2" in done.stdout, done


if __name__ == "__main__":
    main([a_spool_of_a_newer_weir_is_refused_and_left_alone,
          agents_of_a_newer_weir_are_not_let_in,
          a_socket_that_another_program_has_is_named,
          a_bad_token_is_told_how_to_get_a_good_one,
          an_unknown_queue_in_a_rule_has_its_line_and_changes_nothing])
