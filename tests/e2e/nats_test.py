#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""NATS as the backend of agent queues, against a real nats-server: what comes to the spool is in the stream once, whole, and in order.

The dataplane is tests/kit/fake_dataplane: numbered messages to three queues of four priorities. The stream is read back with a client of
our own (tests/kit/nats.py)."""
import json
import os
import signal
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
from gateway import Gateway, main, program, wait_for  # noqa: E402
from nats import Client, Server, cluster, free_ports, numbered  # noqa: E402

RULES = 'version = 1; queues = ( { name = "queue-0"; } ); default = { agents = "queue-0"; };'


class Plane:
    """A gateway whose agent queues are NATS's."""

    def __init__(self, gateway, rate=4000, name="t"):
        self.gateway, self.rate = gateway, rate
        self.run = gateway.path(f"run/{name}")
        os.makedirs(self.run, exist_ok=True)
        gateway.write("rules.conf", RULES)
        self.dataplane = self.controlplane = None

    def start(self):
        self.controlplane = self.gateway.start("weir-controlplane", "--config", self.gateway.config)
        wait_for("the control plane", lambda: os.path.exists(os.path.join(self.run, "control.sock")))
        return self

    def kill(self):
        self.controlplane.kill()
        self.controlplane.wait()
        os.unlink(os.path.join(self.run, "control.sock"))

    def produce(self):
        self.dataplane = self.gateway.start("fake_dataplane", self.run, "2", "4096", str(self.rate))

    def pause(self):
        """The dataplane writes nothing until it is to end."""
        self.dataplane.send_signal(signal.SIGSTOP)

    def stop_producing(self):
        """Lets the dataplane end; it does when all that it wrote is durable."""
        self.dataplane.send_signal(signal.SIGTERM)
        self.dataplane.send_signal(signal.SIGCONT)
        assert self.dataplane.wait(timeout=30) == 0, self.gateway.log("fake_dataplane")[-1000:]

    def produced(self):
        """Messages written so far, by worker."""
        name = next(name for name in os.listdir(self.run) if name.startswith("produced."))
        with open(os.path.join(self.run, name), "rb") as file:
            counts = file.read(40)[24:]
        return struct.unpack("<QQ", counts) if len(counts) == 16 else (0, 0)  # it is being made

    def produce_at_least(self, n):
        wait_for(f"{n} messages", lambda: os.path.exists(self.run) and any(name.startswith("produced.") for name in os.listdir(self.run))
                 and sum(self.produced()) >= n)

    def status(self):
        done = self.gateway.run("weirctl", "--config", self.gateway.config, "--json", "status")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def waiting(self):
        return sum(queue["depth"] for queue in self.status()["spool"]["queues"])

    def wait_fault(self, text, passing=False):
        """Status tells it, and the log; of a `passing` one the log alone may, since the next try can go wrong in another way."""
        said = lambda: self.gateway.log("weir-controlplane")
        wait_for(f'the fault "{text}"', lambda: text in (self.status()["nats"]["error"] or "") or passing and text in said())
        assert passing or not self.status()["nats"]["error"] or text in said(), "not in the log"

    def end(self):
        self.controlplane.send_signal(signal.SIGTERM)
        assert self.controlplane.wait(timeout=20) == 0, self.gateway.log("weir-controlplane")[-1000:]
        log = self.gateway.log("weir-controlplane")
        assert "Sanitizer" not in log, log[log.index("Sanitizer"):][:3000]


def gateway(url, more="timeout_ms = 1000;", **settings):
    agents = f'{{ spool_mb = 64; backend = "nats"; url = "{url}"; nats = {{ {more} }}; }}'
    return Gateway(['name = "in0"; device = "net_null0"; queues = 1;'], agents=agents, **settings)


def check(plane, client, name="t"):
    """Everything produced is in the stream: none lost, torn or twice, in order within (queue, priority)."""
    want = {(worker, number) for worker, n in enumerate(plane.produced()) for number in range(n)}
    wait_for("all messages in the stream", lambda: client.state("weir-agents").get("messages", 0) >= len(want), 60)
    wait_for("an empty spool", lambda: plane.waiting() == 0)
    messages = [message for message in client.read("weir-agents") if message.headers["Weir-Gateway"] == name]
    last, seen = {}, set()
    for message in messages:
        assert message.headers["Nats-Msg-Id"] not in seen, "stored twice"
        seen.add(message.headers["Nats-Msg-Id"])
        _, _, queue, country, tenant, priority = message.subject.split(".")
        assert (country, tenant) == ("DE", "1001"), message.subject
        arrival = int(message.headers["Weir-Id"])
        assert arrival > last.get((queue, priority), 0), f"{arrival} came after {last[queue, priority]} in {queue}, {priority}"
        last[queue, priority] = arrival
    found = [numbered(message) for message in messages]
    assert len(last) == 12, "not every queue and priority"
    assert set(found) == want and len(found) == len(want), f"{len(found)} found, {len(want)} produced, {len(want - set(found))} lost"
    print(f"   {len(found)} messages", flush=True)


def messages_are_in_the_stream_whole_and_in_order():
    port, = free_ports(1)
    with gateway(f"nats://127.0.0.1:{port}") as g, Server(g.folder, port=port), Client(port) as client:
        plane = Plane(g).start()
        plane.produce()
        plane.produce_at_least(3000)
        plane.stop_producing()
        check(plane, client)
        message = client.read("weir-agents")[0]
        assert message.headers["Weir-Answer-To"] == "weir.answers.t", message.headers
        assert message.headers["Nats-Msg-Id"].startswith("t-"), message.headers
        status = plane.status()["nats"]
        assert status["connected"] and status["error"] is None and status["duplicates"] == 0 and not status["shared"], status
        plane.end()


def an_url_where_nobody_is_is_said_and_messages_wait():
    port, nobody = free_ports(2)
    with gateway(f"nats://127.0.0.1:{nobody},nats://127.0.0.1:{port}") as g:
        plane = Plane(g).start()
        plane.produce()
        plane.produce_at_least(1000)
        plane.pause()
        plane.wait_fault(f"nats://127.0.0.1:{nobody},nats://127.0.0.1:{port}: No server available")
        assert plane.waiting() > 0 and not plane.status()["nats"]["connected"]
        with Server(g.folder, port=port), Client(port) as client:
            plane.stop_producing()
            check(plane, client)
            assert "connected to nats://127.0.0.1" in g.log("weir-controlplane")
            plane.end()


def a_server_that_stands_still_loses_nothing():
    port, = free_ports(1)
    with gateway(f"nats://127.0.0.1:{port}", "timeout_ms = 300;") as g, Server(g.folder, port=port) as server:
        plane = Plane(g).start()
        plane.produce()
        plane.produce_at_least(500)
        for fault in ("no acknowledgements in time", "127.0.0.1"):
            server.signal(signal.SIGSTOP)
            plane.wait_fault(fault, passing=True)
            server.signal(signal.SIGCONT)
            plane.produce_at_least(sum(plane.produced()) + 500)
        plane.stop_producing()
        with Client(port) as client:
            check(plane, client)
        plane.end()


def a_server_that_crashes_and_comes_back_gets_nothing_twice():
    port, = free_ports(1)
    with gateway(f"nats://127.0.0.1:{port}", "timeout_ms = 500;") as g, Server(g.folder, port=port) as server:
        plane = Plane(g).start()
        plane.produce()
        for _ in range(3):
            before = plane.status()["nats"]["forwarded"]
            wait_for("messages to go", lambda: plane.status()["nats"]["forwarded"] > before + 300)
            server.kill()
            server.start()
        plane.stop_producing()
        with Client(port) as client:
            check(plane, client)
        plane.end()


def a_killed_control_plane_publishes_again_what_it_does_not_know_and_the_stream_knows_it():
    port, = free_ports(1)
    with gateway(f"nats://127.0.0.1:{port}") as g, Server(g.folder, port=port):
        plane = Plane(g, rate=20000)
        plane.produce()
        with Client(port) as client:
            for turn in range(4):
                plane.start()
                before = client.state("weir-agents").get("messages", 0)
                wait_for("messages to go", lambda: client.state("weir-agents").get("messages", 0) > before + 100 * turn)
                plane.kill()
            plane.start()
            plane.stop_producing()
            check(plane, client)
        plane.end()


def a_full_stream_is_said_and_takes_the_rest_in_order_when_it_has_room():
    port, = free_ports(1)
    with gateway(f"nats://127.0.0.1:{port}") as g, Server(g.folder, port=port), Client(port) as client:
        client.create("weir-agents", subjects=["weir.agents.>"], max_msgs=1000)
        plane = Plane(g).start()
        plane.produce()
        plane.wait_fault("weir-agents takes no messages: maximum messages exceeded")
        plane.stop_producing()
        assert plane.waiting() > 0
        answer = client.api("STREAM.UPDATE.weir-agents", {**client.api("STREAM.INFO.weir-agents")["config"], "max_msgs": -1})
        assert "error" not in answer, answer
        check(plane, client)
        plane.end()


def a_stream_that_could_lose_messages_is_refused():
    faults = {"a full one drops its oldest messages": {"max_msgs": 1000, "discard": "old"},
              "can drop the oldest message at a limit in bytes": {"max_bytes": 1 << 20},
              "it is kept in memory": {"storage": "memory"},
              "it knows duplicates for 120 s, agents.nats.duplicates_s is 600": {"duplicate_window": 120 * 10**9}}
    port, = free_ports(1)
    with gateway(f"nats://127.0.0.1:{port}") as g, Server(g.folder, port=port), Client(port) as client:
        plane = Plane(g)
        plane.produce()
        plane.produce_at_least(500)
        plane.pause()
        for number, (fault, settings) in enumerate(faults.items()):
            client.create("weir-agents", **{"subjects": ["weir.agents.>"], **settings})
            if number == 0:
                plane.start()
            plane.controlplane.send_signal(signal.SIGCONT)
            plane.wait_fault(fault)
            plane.controlplane.send_signal(signal.SIGSTOP)  # or it would make the stream before the next one is there
            client.api("STREAM.DELETE.weir-agents")
        plane.controlplane.send_signal(signal.SIGCONT)
        plane.stop_producing()
        wait_for("a stream of weir's own", lambda: client.state("weir-agents"))
        check(plane, client)
        plane.end()


def two_gateways_share_a_stream_each_in_its_order():
    port, = free_ports(1)
    url = f"nats://127.0.0.1:{port}"
    with gateway(url) as g, gateway(url, name="u") as h, Server(g.folder, port=port), Client(port) as client:
        planes = [Plane(g), Plane(h, name="u")]
        for plane in planes:
            plane.start().produce()
        wait_for("one to notice the other", lambda: any(plane.status()["nats"]["shared"] for plane in planes))
        for plane in planes:
            plane.produce_at_least(1500)
            plane.stop_producing()
        for plane, name in zip(planes, "tu"):
            check(plane, client, name)
            plane.end()


def wrong_credentials_are_said_and_mended_ones_are_used():
    port, = free_ports(1)
    with gateway(f"nats://127.0.0.1:{port}", 'token_file = "token"; timeout_ms = 500;') as g:
        with Server(g.folder, port=port, extra="authorization { token: sesame }") as server:
            plane = Plane(g).start()
            plane.wait_fault("agents.nats.token_file")
            g.write("token", "open\n")
            plane.wait_fault("Authorization Violation")
            assert "open" not in g.log("weir-controlplane").split("token_file")[-1], "the secret is in the log"
            g.write("token", "sesame\n")
            plane.produce()
            plane.produce_at_least(500)
            plane.stop_producing()
            with Client(server.port, auth_token="sesame") as client:
                check(plane, client)
            plane.end()


def a_server_without_jetstream_is_said():
    port, = free_ports(1)
    with gateway(f"nats://127.0.0.1:{port}") as g:
        server = Server(g.folder, port=port)
        with open(server.config, "w", encoding="utf-8") as out:
            out.write(f"listen: 127.0.0.1:{port}\n")
        with server:
            plane = Plane(g).start()
            plane.wait_fault("no JetStream answers")
            plane.end()


def a_cluster_that_loses_its_leader_loses_no_message():
    with gateway("nats://127.0.0.1:1", "replicas = 3; timeout_ms = 1000; exclusive = true;") as g:
        servers = cluster(g.folder)
        try:
            for server in servers:
                server.start(wait=False)
            text = open(g.config, encoding="utf-8").read()
            g.write("gateway.conf", text.replace("nats://127.0.0.1:1", ",".join(server.url for server in servers)))
            plane = Plane(g).start()
            plane.produce()
            wait_for("messages to go", lambda: plane.status()["nats"]["forwarded"] > 500)
            with Client(servers[0].port) as client:
                leader = client.api("STREAM.INFO.weir-agents")["cluster"]["leader"]
            victim = next(server for server in servers if os.path.basename(server.folder) == leader)
            victim.kill()
            plane.produce_at_least(sum(plane.produced()) + 2000)
            plane.stop_producing()
            with Client(next(server for server in servers if server is not victim).port) as client:
                check(plane, client)
            plane.end()
        finally:
            for server in servers:
                server.kill()


if __name__ == "__main__":
    assert os.path.exists(program("weir-controlplane")), "build first"
    cases = [messages_are_in_the_stream_whole_and_in_order,
             an_url_where_nobody_is_is_said_and_messages_wait,
             a_server_that_stands_still_loses_nothing,
             a_server_that_crashes_and_comes_back_gets_nothing_twice,
             a_killed_control_plane_publishes_again_what_it_does_not_know_and_the_stream_knows_it,
             a_full_stream_is_said_and_takes_the_rest_in_order_when_it_has_room,
             a_stream_that_could_lose_messages_is_refused,
             two_gateways_share_a_stream_each_in_its_order,
             wrong_credentials_are_said_and_mended_ones_are_used,
             a_server_without_jetstream_is_said,
             a_cluster_that_loses_its_leader_loses_no_message]
    main([case for case in cases if not sys.argv[1:] or case.__name__ in sys.argv[1:]])
