#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What agents answer arrives at the socket of the message's sender, whoever is killed in between; queues that are full are closed.
The sender is a UDP socket in a namespace of its own, so its kernel judges the answers' checksums."""
import os
import random
import re
import signal
import socket
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from agents import Agent  # noqa: E402
from gateway import Gateway, check_books, main, wait_for  # noqa: E402
from network import Network  # noqa: E402
from xdp import XdpNetwork  # noqa: E402

ACCEPTED, REFUSED, BUSY = range(3)
AF_PACKET = 'name = "%s"; device = "net_af_packet0,iface=gw0";'
XDP = 'name = "%s"; type = "xdp"; device = "gw0";'
RULES = """version = 1;
tenants = ( { id = 1001; name = "one"; }, { id = 1002; name = "two"; } );
queues = ( %s );
rules = ( { name = "two"; match = { tenant = "two"; }; action = { agents = "other"; }; } );
default = { agents = "desk"; };
"""
DESK, OTHER = '{ name = "desk"; }', '{ name = "other"; }'


def message(number, tenant=1001):
    body = b"question %d" % number
    return struct.pack(">BBBBIHHI", 0x57, 0x11, 2, 1, tenant, 0x4445, len(body), number) + body


def parse(reply):
    """Status, message id and text of a native reply; the header must be the message's own."""
    magic, flags, status, channel, _, country, length, number = struct.unpack(">BBBBIHHI", reply[:16])
    assert (magic, flags, channel, country) == (0x57, 0x12, 1, 0x4445) and length == len(reply) - 16, reply
    return status, number, reply[16:]


class Agents:
    """Both daemons in the namespace "gw", a sender in "far"; agents are played by spool_answer while no control plane runs."""

    def __init__(self, net, port=AF_PACKET, **agents):
        net.veth("gw", "gw0", "far", "far0")
        net.run("far", "ethtool", "-K", "far0", "gro", "on")
        mac = net.ip("gw", "-o", "link", "show", "gw0").split("link/ether ")[1].split()[0]
        net.sysctl("far", "net/ipv6/conf/far0/disable_ipv6", 0)
        for address, gateway in (("10.9.0.1/24", "10.9.0.2"), ("2001:db8::1/64", "2001:db8::2")):
            net.ip("far", "addr", "add", address, "dev", "far0", *(["nodad"] if ":" in address else []))
            net.ip("far", "neigh", "replace", gateway, "lladdr", mac, "dev", "far0", "nud", "permanent")
        self.net, self.port = net, port
        settings = "".join(f"{key} = {value}; " for key, value in agents.items())
        self.g = Gateway([port % "in0"], name=f"wt{os.getpid()}", memory_mb=64,
                         agents="{ slots = 1024; spool_mb = 64; %s}" % settings)
        self.g.write("rules.conf", RULES % f"{DESK}, {OTHER}")

    def __enter__(self):
        self.start_dataplane()
        self.start_controlplane()
        return self

    def __exit__(self, *error):
        for process in (self.controlplane, self.dataplane):  # in order: an XDP port is taken down by its owner
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)
        self.g.__exit__(*error)

    def start_dataplane(self):
        self.dataplane = self.g.start("weir-dataplane", "--config", self.g.config, prefix=self.net.prefix("gw"))

    def start_controlplane(self):
        self.controlplane = self.g.start("weir-controlplane", "--config", self.g.config)
        wait_for("a table in use", lambda: (self.stats() or {}).get("generation"))

    @staticmethod
    def kill(process):
        process.kill()
        process.wait()

    def stats(self):
        try:
            return self.g.stats()
        except AssertionError:
            return None

    def status(self):
        done = self.g.run("weirctl", "--config", self.g.config, "status")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def answer(self, n, text="answer to", queue="desk"):
        """Answers up to n messages; how many it were. No control plane may run."""
        done = self.g.run("spool_answer", self.spool(), queue, str(n), text)
        assert done.returncode == 0, done.stderr
        return int(done.stdout.split()[1])

    def spool(self):
        return self.g.path(f"state/wt{os.getpid()}/spool")

    def outbox(self):
        done = self.g.run("spool_answer", "--outbox", self.spool())
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    def sender(self, there="10.9.0.2"):
        sock = self.net.socket("far", socket.AF_INET6 if ":" in there else socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        sock.connect((there, 5700))
        sock.settimeout(30)
        return sock


def ask(sender, numbers):
    """Sends messages and waits until each is accepted: then it is durable. A few at a time, so that the cable loses none."""
    numbers, left = list(numbers), set()
    while numbers or left:
        while numbers and len(left) < 16:
            left.add(numbers[0])
            sender.send(message(numbers.pop(0)))
        status, number, _ = parse(sender.recv(2000))
        assert status == ACCEPTED, (status, number)
        left.discard(number)


def collect(sender, numbers, text=b"answer to", seconds=60):
    """Receives until every message has its answer; how often each was answered."""
    counts = dict.fromkeys(numbers, 0)
    sender.settimeout(seconds)
    while not all(counts.values()):
        status, number, got = parse(sender.recv(2000))
        if status == ACCEPTED:
            continue  # asked for by flag 0x1, sent again to nobody
        assert status == REFUSED and got == b"%s %d" % (text, number), (status, number, got)
        counts[number] += 1
    return counts


def answers_arrive(port, kind):
    with kind("gw", "far") as net, Agents(net, port) as a:
        senders = [a.sender(), a.sender("2001:db8::2")]
        for i, sender in enumerate(senders):
            ask(sender, range(100 * i, 100 * i + 50))
        a.kill(a.controlplane)
        assert a.answer(1000) == 100
        a.start_controlplane()
        for i, sender in enumerate(senders):
            counts = collect(sender, range(100 * i, 100 * i + 50))
            assert set(counts.values()) == {1}, counts
        wait_for("an empty outbox", lambda: a.outbox() == 0)
        stats = a.stats()
        check_books(stats)
        assert stats["agent_answers"] == 100 and stats["answers"] == 100, stats
        assert not stats["agent_answers_lost"], stats


def what_an_agent_answers_arrives_at_its_senders_socket():
    answers_arrive(AF_PACKET, Network)


def it_does_so_by_a_port_that_the_kernel_keeps_too():
    answers_arrive(XDP, XdpNetwork)


def an_agent_answers_over_http_and_the_sender_hears_it():
    with Network("gw", "far") as net, Agents(net) as a:
        added = a.g.run("weirctl", "--config", a.g.config, "agent", "add", "anna", "--queue", "desk")
        assert added.returncode == 0, added.stderr
        anna = Agent(a.g.path(f"run/wt{os.getpid()}/agents.sock"), added.stdout.strip())
        sender, numbers = a.sender(), range(20)
        ask(sender, numbers)
        messages = anna.claim(queues=["desk"], max=20)
        assert len(messages) == 20, messages
        for message in messages:
            text = message["body"].replace("question", "answer to")
            done = anna.post(f"/v1/messages/{message['id']}/answer", lease=message["lease"], status="refused", body=text)
            assert done.status == 200, done
        assert set(collect(sender, numbers).values()) == {1}


def whoever_is_killed_every_answer_arrives():
    with Network("gw", "far") as net, Agents(net, answer_rate=200) as a:
        sender, n = a.sender(), 600
        ask(sender, range(n))
        a.kill(a.controlplane)
        assert a.answer(1000) == n
        rng = random.Random(7)
        a.start_controlplane()
        kills = 0
        while a.outbox() > 0:
            left = a.outbox()
            victim = rng.choice(("dataplane", "controlplane", "both"))
            if victim != "dataplane":
                a.kill(a.controlplane)
            if victim != "controlplane":
                a.kill(a.dataplane)
                a.start_dataplane()
            if victim != "dataplane":
                a.start_controlplane()
            kills += 1
            wait_for("answers to leave", lambda: a.outbox() < left or a.outbox() == 0)
        counts = collect(sender, range(n))
        print(f"   {n} answers, {kills} kills: {sum(counts.values()) - n} arrived twice", flush=True)
        assert kills >= 2, kills


def an_answer_whose_port_is_gone_waits_and_holds_up_no_other():
    with Network("gw", "far") as net, Agents(net) as a:
        sender = a.sender()
        ask(sender, range(20))
        a.kill(a.controlplane)
        assert a.answer(20, "secret") == 20
        a.kill(a.dataplane)
        config = open(a.g.config, encoding="utf-8").read()
        a.g.write("gateway.conf", config.replace('name = "in0"', 'name = "other0"'))
        a.start_dataplane()
        a.start_controlplane()
        wait_for("all to be refused", lambda: a.stats()["agent_answers_lost"].get("port") == 20)
        ask(sender, range(100, 110))  # by the port as it is called now
        a.kill(a.controlplane)
        assert a.answer(20) == 10
        a.start_controlplane()
        collect(sender, range(100, 110))
        wait_for("those to be forgotten", lambda: a.outbox() == 20)
        assert "20 cannot be and are put aside" in a.status(), a.status()
        log = a.g.log("weir-controlplane")
        assert "cannot be sent (port): put aside" in log and "secret" not in log, log
        a.kill(a.controlplane)
        a.kill(a.dataplane)
        a.g.write("gateway.conf", config)
        a.start_dataplane()
        a.start_controlplane()
        collect(sender, range(20), b"secret")
        wait_for("an empty outbox", lambda: a.outbox() == 0)


def status_of(sender, number, tenant=1001):
    """Sends one message; the status of its reply."""
    sender.send(message(number, tenant))
    while True:
        status, got, _ = parse(sender.recv(2000))
        if got == number:
            return status


def a_full_queue_is_closed_over_loads_and_restarts_and_opens_again():
    with Network("gw", "far") as net, Agents(net, queues='( { name = "desk"; depth = 20; } )') as a:
        sender, numbers = a.sender(), iter(range(1, 1 << 30))
        wait_for("the queue to close", lambda: status_of(sender, next(numbers)) == BUSY)
        assert status_of(sender, next(numbers)) == BUSY
        assert status_of(sender, next(numbers), 1002) == ACCEPTED  # another queue
        stats = a.stats()
        check_books(stats)
        assert stats["reasons"]["agents_full"] == {"queue-depth": 2}, stats["reasons"]
        assert 20 <= stats["dispositions"]["agents"] - 1 <= 200, stats["dispositions"]
        page = a.status()
        assert re.search(r"^desk .* CLOSED", page, re.M) and not re.search(r"^other .* CLOSED", page, re.M), page
        a.g.write("rules.conf", RULES % f'{OTHER}, {{ name = "third"; }}, {DESK}')
        load = a.g.run("weirctl", "--config", a.g.config, "rules", "load", a.g.path("rules.conf"))
        assert load.returncode == 0, load.stderr
        for _ in range(20):  # no moment of it
            assert status_of(sender, next(numbers)) == BUSY
        assert status_of(sender, next(numbers), 1002) == ACCEPTED
        a.kill(a.dataplane)
        a.start_dataplane()
        wait_for("the restarted dataplane", lambda: (a.stats() or {}).get("generation"))
        wait_for("the queue to be closed there", lambda: status_of(sender, next(numbers)) == BUSY)
        a.kill(a.controlplane)
        assert status_of(sender, next(numbers)) == BUSY
        assert a.answer(1000) >= 20
        a.start_controlplane()
        wait_for("the queue to open", lambda: status_of(sender, next(numbers)) == ACCEPTED)


if __name__ == "__main__":
    main([what_an_agent_answers_arrives_at_its_senders_socket, it_does_so_by_a_port_that_the_kernel_keeps_too,
          an_agent_answers_over_http_and_the_sender_hears_it,
          whoever_is_killed_every_answer_arrives, an_answer_whose_port_is_gone_waits_and_holds_up_no_other,
          a_full_queue_is_closed_over_loads_and_restarts_and_opens_again])
