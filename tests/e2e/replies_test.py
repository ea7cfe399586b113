#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What agents answer to SIP and CoAP messages is with their senders: sockets read it field by field; sipp and coap-client, which
others wrote, take it."""
import os
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from agents import Agent  # noqa: E402
from clients_test import HEAD, MESSAGE, SCENARIO, Watch, needs  # noqa: E402
from gateway import check_books, main, wait_for  # noqa: E402
from network import Network  # noqa: E402
from requests_test import ACK, NON, Requests, answer, coap, sip, told  # noqa: E402

URGENT = "Priority: urgent\r\n"
CALLS = 20
# A call of its own for each MESSAGE of the gateway's.
OUT_OF_CALL = """<?xml version="1.0" encoding="ISO-8859-1" ?><scenario name="answers">
<recv request="MESSAGE"/><send><![CDATA[

SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send></scenario>
"""


class Replies(Requests):
    def agent(self):
        added = self.g.run("weirctl", "--config", self.g.config, "agent", "add", "anna", "--queue", "desk")
        assert added.returncode == 0, added.stderr
        return Agent(self.g.path(f"run/wt{os.getpid()}/agents.sock"), added.stdout.strip())


def claim(agent, n):
    messages = []
    while len(messages) < n:
        messages += agent.claim(queues=["desk"], max=n - len(messages), wait_s=20)
    return messages


def respond(agent, message, **answer_):
    return agent.post(f"/v1/messages/{message['id']}/answer", lease=message["lease"], **answer_)


def fields_of(datagram):
    head, _, body = datagram.decode().partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines)
    assert len(fields) == len(lines) and int(fields["Content-Length"]) == len(body.encode()), head
    return start, fields, body


def ok(datagram):
    """The answer of a user agent to a MESSAGE."""
    start, fields, _ = fields_of(datagram)
    assert start.startswith("MESSAGE "), start
    copied = "".join(f"{name}: {fields[name]}\r\n" for name in ("Via", "From", "Call-ID", "CSeq"))
    return f"SIP/2.0 200 OK\r\n{copied}To: {fields['To']};tag=1\r\nContent-Length: 0\r\n\r\n".encode()


def settled(g, asked, answers, taken=0, reason="sip-response"):
    """Statistics when `asked` messages have come (clients repeat what takes long), `answers` of agents have left, and senders have
    said that they took `taken` of them; neighbours say more."""
    def there():
        stats = g.stats()
        if not stats or stats["agent_answers"] != answers or stats["reasons"].get("exception", {}).get(reason, 0) != taken:
            return None
        new = stats["dispositions"]["agents"] + stats["dispositions"]["reply"] - stats["protocol_answers"].get("repeat", 0)
        return stats if new == asked else None
    stats = wait_for("all to be counted", there)
    check_books(stats)
    assert not stats["agent_answers_lost"], stats
    return stats


def an_agents_answer_is_a_message_to_the_sender():
    with Network("gw", "far") as net, Replies(net) as g:
        agent, sock, six = g.agent(), g.asker(5060), g.asker(5060, "2001:db8::2")
        answer(sock, sip(number=1, headers=URGENT))
        six.send(sip(number=2, headers=URGENT))
        assert six.recv(4000).startswith(b"SIP/2.0 202 ")
        for message in claim(agent, 2):
            assert message["protocol"] == "sip" and message["body"] == "hello", message
            done = respond(agent, message, status="accepted", body="Wir kümmern uns\r\nSofort")
            assert done.status == 200, done
        names = set()
        for number, asker, ours in ((1, sock, "10.9.0.2:5060"), (2, six, "[2001:db8::2]:5060")):
            got = asker.recv(4000)
            start, fields, body = fields_of(got)
            uri = sip().decode().split("From: <")[1].split(">")[0]
            assert start == f"MESSAGE {uri} SIP/2.0" and body == "Wir kümmern uns\r\nSofort", (start, body)
            assert fields["Via"].startswith(f"SIP/2.0/UDP {ours};branch=z9hG4bK") and fields["Via"].endswith(";rport"), fields
            assert fields["To"] == f"<{uri}>" and fields["From"].startswith("<sip:desk@acme.example>;tag="), fields
            assert fields["In-Reply-To"] == f"{number}@far.example" and fields["CSeq"] == "1 MESSAGE" and fields["Max-Forwards"] == "70", fields
            assert fields["Content-Type"] == "text/plain;charset=UTF-8" and len(fields) == 9, fields
            names.update((fields["Call-ID"], fields["From"], fields["Via"]))
            asker.send(ok(got))
        assert len(names) == 6, names
        settled(g, 2, 2, taken=2)
        assert answer(sock, sip(number=1, headers=URGENT))[0] == 202  # sent again: told again, and nobody's work again
        assert settled(g, 2, 2, taken=2)["queues"][0]["count"] == 2


def an_answer_goes_where_the_acknowledgement_went():
    with Network("gw", "far") as net, Replies(net) as g:
        agent, sock, other = g.agent(), g.asker(5060), net.socket("far", socket.AF_INET, socket.SOCK_DGRAM)
        other.bind(("10.9.0.1", 5999))
        other.settimeout(30)
        sock.send(sip(number=1, headers=URGENT).replace(b";rport", b""))  # so it listens at the port of its Via
        assert other.recv(4000).startswith(b"SIP/2.0 202 ")
        assert respond(agent, claim(agent, 1)[0], status="busy").status == 200
        assert fields_of(other.recv(4000))[2] == "busy"  # no text
        settled(g, 1, 1)


def what_cannot_be_answered_is_said_to_the_agent():
    with Network("gw", "far") as net, Replies(net) as g:
        agent, sock = g.agent(), g.asker(5060)
        sock.send(sip(number=1, headers=URGENT).replace(b"+49301234567@far.example", b"anonymous@anonymous.invalid"))
        assert sock.recv(4000).startswith(b"SIP/2.0 202 ")
        message = claim(agent, 1)[0]
        assert message["answer_max"] == 0, message
        refused = respond(agent, message, status="accepted", body="hello?")
        assert refused.status == 409 and refused.json["type"].endswith(":not-answerable"), refused
        assert agent.ack(message).status == 200
        answer(sock, sip(number=2, headers=URGENT))
        message = claim(agent, 1)[0]
        for body in ({"body": "x" * (message["answer_max"] + 1)}, {"body_base64": "/w=="}):
            assert respond(agent, message, status="accepted", **body).status == 400
        assert respond(agent, message, status="accepted", body="x" * message["answer_max"]).status == 200
        got = sock.recv(4000)
        assert len(got) == 1300 and fields_of(got)[2] == "x" * message["answer_max"], got
        settled(g, 2, 1)


def sipp_takes_an_answer_to_every_message():
    needs("sipp", "tshark")
    with Network("gw", "far") as net, Replies(net) as g:
        agent, watch = g.agent(), Watch(net)
        scenario = SCENARIO % {"name": "ask", "method": "MESSAGE", "head": HEAD % "MESSAGE", "more": MESSAGE % "urgent", "status": 202}
        g.g.write("ask.xml", scenario.replace("</scenario>", '<pause milliseconds="600000"/></scenario>'))  # it stays until it is ended
        g.g.write("answers.xml", OUT_OF_CALL)
        sipp = subprocess.Popen([*net.prefix("far"), "sipp", "-sf", g.g.path("ask.xml"), "-oocsf", g.g.path("answers.xml"), "10.9.0.2:5060",
                                 "-i", "10.9.0.1", "-p", "5062", "-m", str(CALLS), "-r", "50", "-nostdin"], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, cwd=g.g.folder)
        g.g.processes.append(sipp)
        for message in claim(agent, CALLS):
            assert respond(agent, message, status="accepted", body=f"answer to {message['id']}").status == 200
        settled(g, CALLS, CALLS, taken=CALLS)
        watch.check(g.g.path("replies.pcap"), 2 * CALLS)


WAITS = ["priority=urgent", "answer=agent"]


def read_coap(datagram):
    """Type, code, message id, token and what follows."""
    assert datagram[0] >> 6 == 1, datagram
    n = datagram[0] & 15
    return datagram[0] >> 4 & 3, f"{datagram[1] >> 5}.{datagram[1] & 31:02}", int.from_bytes(datagram[2:4], "big"), datagram[4:4 + n], datagram[4 + n:]


def who_waits_over_coap_gets_the_agents_answer_and_no_other():
    with Network("gw", "far") as net, Replies(net) as g:
        agent, sock, six = g.agent(), g.asker(5683), g.asker(5683, "2001:db8::2")
        request = coap(7, query=WAITS, token=b"\xa1\xb2")
        for _ in range(3):  # it comes, and comes again
            sock.send(request)
            assert sock.recv(2000) == b"\x60\x00\x00\x07"  # an empty acknowledgement
        six.send(coap(8, query=WAITS, token=b"12345678", kind=NON))
        ids = set()
        messages = sorted(claim(agent, 2), key=lambda one: ":" in one["sender"]["address"])
        for message, asker, token, status, code, rest in ((messages[0], sock, b"\xa1\xb2", "accepted", "2.04", b"\xc0\xffKommt"),
                                                          (messages[1], six, b"12345678", "busy", "5.03", b"\xd1\x01\x3c\xffKommt")):
            assert message["answer_max"] == 1024 and respond(agent, message, status=status, body="Kommt").status == 200
            kind, got, number, echoed, after = read_coap(asker.recv(2000))
            assert (kind, got, echoed, after) == (NON, code, token, rest), (kind, got, echoed, after)
            ids.add(number)
        assert len(ids) == 2 and all(number >= 0x8000 for number in ids), ids
        sock.send(request)
        assert sock.recv(2000) == b"\x60\x00\x00\x07"  # as before, and nobody's work again
        six.send(b"\x70\x00" + max(ids).to_bytes(2, "big"))  # it knows nothing of it any more
        stats = settled(g, 2, 2, taken=1, reason="coap-message")
        assert stats["queues"][0]["count"] == 2 and stats["protocol_answers"] == {"repeat": 3}, stats


def who_does_not_wait_over_coap_has_had_the_answer():
    with Network("gw", "far") as net, Replies(net) as g:
        agent, sock = g.agent(), g.asker(5683)
        assert told(sock, coap(1, query=["priority=urgent"], token=b"a"))[:3] == (ACK, "2.04", 1)
        message = claim(agent, 1)[0]
        assert message["answer_max"] == 0, message
        refused = respond(agent, message, status="accepted", body="too late")
        assert refused.status == 409 and refused.json["type"].endswith(":not-answerable"), refused
        assert agent.ack(message).status == 200
        assert told(sock, coap(2, path=["m", "1002", "sms"], query=["answer=agent"], token=b"b"))[:3] == (ACK, "5.03", 2)  # no agent's
        assert told(sock, coap(3, path=["m", "1001", "sms"], query=["answer=agent"], token=b"c"))[:3] == (ACK, "2.04", 3)
        assert told(sock, coap(3, path=["m", "1001", "sms"], query=["answer=agent"], token=b"c"))[:3] == (ACK, "2.04", 3)
        settled(g, 3, 0)


def coap_client_waits_for_an_agent():
    needs("coap-client-notls", "tshark")
    with Network("gw", "far") as net, Replies(net) as g:
        agent, watch = g.agent(), Watch(net)
        for options, status, body in (([], "accepted", "in hand"), (["-N"], "accepted", "in hand"), ([], "refused", "not ours")):
            client = subprocess.Popen([*net.prefix("far"), "coap-client-notls", "-m", "post", "-e", "hello", "-B", "60", *options,
                                       "coap://10.9.0.2/m/acme/sms?priority=urgent&answer=agent"], stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True)
            g.g.processes.append(client)
            assert respond(agent, claim(agent, 1)[0], status=status, body=body).status == 200
            said = client.communicate(timeout=90)[0]
            assert body in said and client.returncode == 0 and ("4.03" in said) == (status == "refused"), said
        settled(g, 3, 3)
        watch.check(g.g.path("replies.pcap"), 5)


if __name__ == "__main__":
    main([an_agents_answer_is_a_message_to_the_sender, an_answer_goes_where_the_acknowledgement_went,
          what_cannot_be_answered_is_said_to_the_agent, sipp_takes_an_answer_to_every_message,
          who_waits_over_coap_gets_the_agents_answer_and_no_other, who_does_not_wait_over_coap_has_had_the_answer,
          coap_client_waits_for_an_agent])
