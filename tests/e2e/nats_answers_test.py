#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Answers that come by NATS arrive at the socket of the message's sender, once, whoever is killed in between; others are refused.

Both daemons are real, and so is nats-server; agents are a client of it."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "kit")]
sys.dont_write_bytecode = True
from answers_test import ACCEPTED, Agents, ask, collect, parse  # noqa: E402
from gateway import main, wait_for  # noqa: E402
from nats import Client, Server, free_ports  # noqa: E402
from network import Network  # noqa: E402


class Desk:
    """A gateway with a sender, a nats-server, and an agent at it."""

    def __init__(self, net):
        self.port, = free_ports(1)
        self.gateway = Agents(net, backend='"nats"', url=f'"nats://127.0.0.1:{self.port}"', nats="{ timeout_ms = 1000; }")

    def __enter__(self):
        self.server = Server(self.gateway.g.folder, port=self.port).start()
        self.client = Client(self.port)
        self.gateway.__enter__()
        self.sender = self.gateway.sender()
        return self

    def __exit__(self, *error):
        self.sender.close()
        self.gateway.__exit__(*error)
        self.client.__exit__()
        self.server.kill()

    def ask(self, n):
        """Sends n messages; what the stream has of them."""
        ask(self.sender, range(n))
        wait_for("the messages", lambda: self.client.state("weir-agents").get("messages", 0) >= n)
        return self.client.read("weir-agents")

    def answer(self, message, **fields):
        number = int(message.data.split()[1])
        fields = {"id": message.headers["Weir-Answer-Id"], "status": "refused", "text": f"answer to {number}", **fields}
        self.publish(message.headers["Weir-Answer-To"], json.dumps(fields).encode())

    def publish(self, subject, data):
        answer = json.loads(self.client.request(subject, data).data)
        assert "error" not in answer, answer

    def status(self):
        done = self.gateway.g.run("weirctl", "--config", self.gateway.g.config, "--json", "status")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["nats"]["answers"]

    def wait_settled(self):
        wait_for("every answer to be acknowledged", lambda: self.client.state("weir-answers").get("messages") == 0)


def answers_by_nats_arrive_at_the_sender():
    with Network("gw", "far") as net, Desk(net) as desk:
        messages = desk.ask(30)
        for message in messages:
            desk.answer(message)
        assert set(collect(desk.sender, range(30)).values()) == {1}
        desk.wait_settled()
        status = desk.status()
        assert (status["taken"], status["refused"], status["error"]) == (30, 0, None), status


def answers_given_while_the_control_plane_is_dead_or_dies_are_sent():
    with Network("gw", "far") as net, Desk(net) as desk:
        messages = desk.ask(40)
        desk.gateway.kill(desk.gateway.controlplane)
        for message in messages[:20]:
            desk.answer(message)
        desk.gateway.start_controlplane()
        for message in messages[20:]:
            desk.answer(message)
        wait_for("some to be taken", lambda: desk.status()["taken"] > 0)
        desk.gateway.kill(desk.gateway.controlplane)
        desk.gateway.start_controlplane()
        collect(desk.sender, range(40))
        desk.wait_settled()


def an_answer_that_comes_again_is_sent_once_and_others_are_refused():
    with Network("gw", "far") as net, Desk(net) as desk:
        one, two = desk.ask(2)
        subject, other = one.headers["Weir-Answer-To"], one.headers["Weir-Answer-Id"]
        faults = [b"[]", b"no JSON", b"{}", b'{"id": 5}', json.dumps({"id": other[:40] + ("B" if other[40] == "A" else "A") + other[41:]}).encode(),
                  json.dumps({"id": other, "status": "maybe"}).encode(), json.dumps({"id": other, "text": "x" * 2000}).encode(),
                  json.dumps({"id": other, "text": ["a"]}).encode(), b'{"id": "' + b"A" * 70000 + b'"}']
        for fault in faults:
            desk.publish(subject, fault)
        for _ in range(3):
            desk.answer(one)
        desk.answer(two, status="accepted", text="\u00fcber")
        got = {}
        while len(got) < 2:
            status, number, text = parse(desk.sender.recv(2000))
            if text:
                assert number not in got, "sent twice"
                got[number] = (status, text.decode())
        number = int(two.data.split()[1])
        assert got == {1 - number: (1, f"answer to {1 - number}"), number: (ACCEPTED, "\u00fcber")}, got
        desk.wait_settled()
        wait_for("the refusals", lambda: desk.status()["refused"] == len(faults))
        assert desk.status()["taken"] == 2, desk.status()
        log = desk.gateway.g.log("weir-controlplane")
        assert "an answer is refused: not a JSON object" in log and "maybe" not in log, log


if __name__ == "__main__":
    cases = [answers_by_nats_arrive_at_the_sender, answers_given_while_the_control_plane_is_dead_or_dies_are_sent,
             an_answer_that_comes_again_is_sent_once_and_others_are_refused]
    main([case for case in cases if not sys.argv[1:] or case.__name__ in sys.argv[1:]])
