#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""SIP and CoAP through both daemons: sockets in a namespace ask, and the answers are read field by field."""
import os
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from answers_test import Agents  # noqa: E402
from gateway import check_books, main, wait_for  # noqa: E402
from network import Network  # noqa: E402

RULES = """version = 1;
tenants = ( { id = 1001; name = "acme"; domains = [ "acme.example", "a.example" ]; }, { id = 1002; name = "globex"; domains = [ "globex.example" ]; },
            { id = 1003; name = "keyed"; domains = [ "keyed.example" ]; key = "000102030405060708090a0b0c0d0e0f"; },
            { id = 1004; name = "slow"; domains = [ "slow.example" ]; rate = 1; burst = 1; } );
queues = ( { name = "desk"; } );
replies = ( { name = "later"; status = "busy"; retry_after = 30; text = "We are busy"; }, { name = "thanks"; status = "accepted"; text = "Thank you"; } );
rules = ( { name = "no-french"; match = { country = "FR"; }; action = { drop = "french"; }; },
          { name = "fraud"; match = { tenant = "acme"; priority = [ "emergency", "urgent" ]; }; action = { agents = "desk"; }; },
          { name = "globex"; match = { tenant = "globex"; }; action = { reply = "later"; }; },
          { name = "slow"; match = { tenant = "slow"; }; action = { reply = "thanks"; }; },
          { name = "unknown"; match = { tenant = "unknown"; }; action = { drop = "unknown-tenant"; }; } );
default = { reply = "thanks"; };
"""


class Requests(Agents):
    def __init__(self, net, **agents):
        super().__init__(net, **agents)
        self.g.write("rules.conf", RULES)

    def asker(self, port, there="10.9.0.2"):
        sock = self.net.socket("far", socket.AF_INET6 if ":" in there else socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect((there, port))
        sock.settimeout(30)
        return sock


def sip(host="acme.example", method="MESSAGE", number=1, headers="", user="+49301234567", body="hello", branch=None):
    return (f"{method} sip:desk@{host} SIP/2.0\r\nVia: SIP/2.0/UDP 10.9.0.1:5999;branch={branch or 'z9hG4bK%d' % number};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@far.example;user=phone>;tag=a{number}\r\nTo: <sip:desk@{host}>\r\n"
            f"Call-ID: {number}@far.example\r\nCSeq: {number} {method}\r\n{headers}Content-Type: text/plain\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


def answer(sock, request):
    sock.send(request)
    head, _, body = sock.recv(4000).decode().partition("\r\n\r\n")
    lines = head.split("\r\n")
    version, status, phrase = lines[0].split(" ", 2)
    assert version == "SIP/2.0", head
    fields = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        fields.setdefault(name.lower(), []).append(value.strip())
    asked = dict(line.split(": ", 1) for line in request.decode().split("\r\n\r\n")[0].split("\r\n")[1:])
    assert fields["call-id"] == [asked["Call-ID"]] and fields["cseq"] == [asked["CSeq"]], head
    assert fields["from"] == [asked["From"]] and fields["to"][0].startswith(asked["To"] + ";tag="), head
    assert len(fields["via"]) == 1 and "received=10.9.0.1" in fields["via"][0], head
    assert int(fields["content-length"][0]) == len(body), (head, body)
    return int(status), fields, body


def sip_senders_get_what_the_rules_say():
    with Network("gw", "far") as net, Requests(net) as g:
        sock = g.asker(5060)
        assert answer(sock, sip(number=1))[0] == 202
        status, fields, body = answer(sock, sip("GLOBEX.example", number=2))
        assert status == 503 and fields["retry-after"] == ["30"] and body == "We are busy", (status, fields, body)
        for number, user in ((3, "+33142345678"), (30, "+33142345678;isub=9"), (31, "7042;phone-context=+33-1")):
            assert answer(sock, sip(number=number, user=user))[0] == 403, user
        assert answer(sock, sip("nobody.example", number=4))[0] == 403
        assert answer(sock, sip("keyed.example", number=5))[0] == 403
        status, fields, _ = answer(sock, sip(method="OPTIONS", number=6))
        assert status == 200 and fields["allow"] == ["MESSAGE, OPTIONS"], fields
        status, fields, _ = answer(sock, sip(method="REGISTER", number=7))
        assert status == 405 and fields["allow"] == ["MESSAGE, OPTIONS"], fields
        assert answer(sock, sip(number=8, headers="Content-Length: 1\r\n"))[0] == 400
        sock.send(sip(method="ACK", number=9))
        sock.send(b"SIP/2.0 200 OK\r\n\r\n")
        sock.send(b"nonsense\r\n\r\n")
        stats = wait_for("all to be counted", lambda: (lambda s: s if s["rx"] >= 13 else None)(g.stats() or {"rx": 0}))
        check_books(stats)
        assert stats["protocol_answers"] == {"sip-options": 1, "sip-method": 1}, stats
        assert stats["reasons"]["malformed"]["sip-auth"] == 1, stats["reasons"]
        assert stats["reasons"]["exception"]["sip-ack"] == 1 and stats["reasons"]["exception"]["sip-response"] == 1, stats["reasons"]
        assert stats["country_sources"]["number"] == 6, stats["country_sources"]


def a_repeated_message_gets_the_same_answer_and_reaches_agents_once():
    with Network("gw", "far") as net, Requests(net) as g:
        sock = g.asker(5060)
        urgent = sip(number=1, headers="Priority: urgent\r\n")
        first = [answer(sock, urgent)]
        first += [answer(sock, urgent) for _ in range(3)]
        assert [one[0] for one in first] == [202] * 4 and len({one[1]["to"][0] for one in first}) == 1, first
        busy = [answer(sock, sip("globex.example", number=2)) for _ in range(3)]
        assert [(one[0], one[2]) for one in busy] == [(503, "We are busy")] * 3, busy
        answer(sock, sip(number=1, headers="Priority: urgent\r\n", branch="z9hG4bKother"))  # another transaction
        slow = [answer(sock, sip("slow.example", number=number))[0] for number in (10, 11, 11, 10)]
        assert slow == [202, 503, 503, 202], slow  # the rate is asked once a message
        stats = wait_for("all to be counted", lambda: (lambda s: s if s["rx"] >= 12 else None)(g.stats()))
        check_books(stats)
        assert stats["queues"][0]["count"] == 2 and stats["protocol_answers"] == {"repeat": 7}, stats
        assert stats["dispositions"]["agents"] == 2 and stats["dispositions"]["police"] == 1, stats["dispositions"]


def coap(number, code=2, path=("m", "acme", "sms"), query=(), kind=0, token=b"", body=b"hello", options=()):
    """A CoAP request; `options` are more of them, as (number, value)."""
    every = [(11, part.encode()) for part in path] + [(15, part.encode()) for part in query] + list(options)
    out, last = bytes([0x40 | kind << 4 | len(token), code]) + number.to_bytes(2, "big") + token, 0
    for option, value in sorted(every, key=lambda one: one[0]):
        delta, length = option - last, len(value)
        parts = [(delta, 4), (length, 0)]
        first, more = 0, b""
        for value_of, shift in parts:
            nibble = value_of if value_of < 13 else 13 if value_of < 269 else 14
            first |= nibble << shift
            more += b"" if nibble < 13 else bytes([value_of - 13]) if nibble == 13 else (value_of - 269).to_bytes(2, "big")
        out += bytes([first]) + more + value
        last = option
    return out + (b"\xff" + body if body else b"")


def told(sock, request):
    """Type, code as "4.04" and message id of the answer; its token is the request's."""
    sock.send(request)
    got = sock.recv(2000)
    assert got[0] >> 6 == 1 and got[4:4 + (got[0] & 15)] == request[4:4 + (got[0] & 15)], got
    return got[0] >> 4 & 3, f"{got[1] >> 5}.{got[1] & 31:02}", int.from_bytes(got[2:4], "big"), got


ACK, NON, RST = 2, 1, 3


def coap_senders_get_what_the_rules_say():
    with Network("gw", "far") as net, Requests(net) as g:
        sock = g.asker(5683)
        assert told(sock, coap(1, query=["priority=urgent", "country=DE"], token=b"abc"))[:3] == (ACK, "2.04", 1)
        assert told(sock, coap(1, query=["priority=urgent", "country=DE"], token=b"abc"))[:3] == (ACK, "2.04", 1)
        assert told(sock, coap(2, path=["m", "1002", "chat"], query=["country=CH"]))[:3] == (ACK, "5.03", 2)
        assert told(sock, coap(3, query=["country=FR"], kind=1))[:2] == (NON, "4.03")
        assert told(sock, coap(4, path=["m", "1003", "sms"]))[:3] == (ACK, "4.03", 4)  # it has a key
        assert told(sock, coap(5, path=["elsewhere"]))[:3] == (ACK, "4.04", 5)
        assert told(sock, coap(6, options=[(65003, b"?")]))[:3] == (ACK, "4.02", 6)
        assert told(sock, b"\x40\x00\x00\x07")[:3] == (RST, "0.00", 7)
        core = told(sock, coap(8, code=1, path=[".well-known", "core"], body=b""))
        assert core[:3] == (ACK, "2.05", 8) and b"</m" in core[3], core
        sock.send(bytes.fromhex("60000009"))  # an acknowledgement of nothing
        stats = wait_for("all to be counted", lambda: (lambda s: s if s["rx"] >= 10 else None)(g.stats()))
        check_books(stats)
        assert stats["queues"][0]["count"] == 1, stats["queues"]
        assert stats["protocol_answers"] == {"coap-ping": 1, "coap-core": 1, "repeat": 1}, stats["protocol_answers"]
        assert stats["reasons"]["exception"]["coap-message"] == 1 and stats["reasons"]["malformed"]["coap-auth"] == 1, stats
        sources = stats["country_sources"]
        assert sources["message"] == 3 and sources["number"] == 0, sources


def a_message_that_says_no_country_has_its_senders():
    with Network("gw", "far") as net, Requests(net) as g:
        g.g.write("geo.csv", "10.9.0.0,10.9.0.9,FR\n")
        g.g.write("rules.conf", RULES.replace("default =", 'country_by_address = "geo.csv"; default ='))
        done = g.g.run("weirctl", "--config", g.g.config, "rules", "load", g.g.path("rules.conf"))
        assert done.returncode == 0, done.stderr
        assert told(g.asker(5683), coap(1, kind=1))[:2] == (NON, "4.03")  # no French here
        assert answer(g.asker(5060), sip(number=1, user="alice"))[0] == 403
        native = g.asker(5700)
        native.send(bytes.fromhex("57110201000003e900000000") + b"\0\0\0\7")
        assert native.recv(100)[2] == 1  # refused
        assert answer(g.asker(5060), sip(number=2))[0] == 202  # its number is German
        stats = wait_for("all to be counted", lambda: (lambda s: s if s["rx"] >= 4 else None)(g.stats()))
        check_books(stats)
        assert stats["country_sources"] == {"message": 0, "number": 1, "address": 3, "unknown": 0}, stats["country_sources"]
        assert {c["name"]: c["count"] for c in stats["countries"]} == {"FR": 3, "DE": 1}, stats["countries"]


if __name__ == "__main__":
    main([a_message_that_says_no_country_has_its_senders, sip_senders_get_what_the_rules_say, a_repeated_message_gets_the_same_answer_and_reaches_agents_once,
          coap_senders_get_what_the_rules_say])
