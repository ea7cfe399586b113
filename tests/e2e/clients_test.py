#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Clients that others wrote, in a namespace at the gateway's cable: sipp and coap-client, and tshark looks at every answer.
CALLS says how many calls sipp makes of each kind (2,000; the long form has 100,000)."""
import csv
import os
import re
import shutil
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from gateway import SkipTest, check_books, main, wait_for, write_pcap  # noqa: E402
from network import Network  # noqa: E402
from requests_test import Requests  # noqa: E402

CALLS, RATE = int(os.environ.get("CALLS", "2000")), int(os.environ.get("RATE", "1000"))
HEAD = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
From: "Caller" <sip:+4930[call_number]@[local_ip]>;tag=[call_number]
To: <sip:desk@acme.example>
Call-ID: [call_id]
CSeq: 1 %s
Max-Forwards: 70
"""
SCENARIO = """<?xml version="1.0" encoding="ISO-8859-1" ?><scenario name="%(name)s">
<send retrans="500"><![CDATA[

%(method)s sip:desk@acme.example SIP/2.0
%(head)s%(more)s
]]></send><recv response="%(status)s" rtd="true"/></scenario>
"""
MESSAGE = """Priority: %s
Content-Type: text/plain
Content-Length: [len]

hello [call_number]
"""


def needs(*programs):
    for program in programs:
        if not shutil.which(program):
            raise SkipTest(f"{program} is not installed (apt-get build-dep ./ brings it)")


class Watch:
    """What passes the sender's interface; of the first messages, so that its buffer holds them."""

    def __init__(self, net):
        self.sock = net.raw("far", "far0")
        self.sock.setsockopt(socket.SOL_SOCKET, 33, 512 << 20)  # SO_RCVBUFFORCE
        self.sock.setblocking(False)

    def check(self, path, n):
        """`n` answers have come, or as many as the buffer held, and tshark has no warning of any of them."""
        frames = []
        try:
            while True:
                frames.append(self.sock.recv(65536))
        except BlockingIOError:
            pass
        write_pcap(path, frames)
        shown = subprocess.run(["tshark", "-r", path, "-Y", "ip.src == 10.9.0.2", "-T", "fields", "-e", "_ws.expert.severity",
                                "-e", "_ws.expert.message"], capture_output=True, text=True, check=True).stdout.splitlines()
        bad = [row for row in shown if any(int(severity, 0) >= 0x600000 for severity in row.split("\t")[0].split(",") if severity)]
        assert not bad and len(shown) >= min(n, 2000), (len(shown), bad[:3])


def sipp(g, name, method, status, more, calls=CALLS):
    head = HEAD % method
    g.g.write(f"{name}.xml", SCENARIO % {"name": name, "method": method, "head": head, "more": more, "status": status})
    stats = g.g.path(f"{name}.csv")
    done = subprocess.run([*g.net.prefix("far"), "sipp", "-sf", g.g.path(f"{name}.xml"), "10.9.0.2:5060", "-i", "10.9.0.1", "-m", str(calls),
                           "-r", str(RATE), "-trace_stat", "-stf", stats, "-timeout", "300", "-timeout_error", "-nostdin"],
                          capture_output=True, text=True, timeout=400, cwd=g.g.folder)
    with open(stats, encoding="ascii") as file:
        last = list(csv.DictReader(file, delimiter=";"))[-1]
    counts = {key: int(last[key]) for key in ("SuccessfulCall(C)", "FailedCall(C)", "Retransmissions(C)")}
    assert done.returncode == 0, (done.returncode, counts, done.stdout[-500:], done.stderr[-500:])
    return counts


def sipp_gets_an_answer_to_every_call():
    needs("sipp", "tshark")
    with Network("gw", "far") as net, Requests(net) as g:
        watch = Watch(net)
        kinds = [("normal", "MESSAGE", 202, MESSAGE % "normal"), ("urgent", "MESSAGE", 202, MESSAGE % "urgent"),
                 ("options", "OPTIONS", 200, "Content-Length: 0\n"), ("register", "REGISTER", 405, "Content-Length: 0\n")]
        for kind in kinds:
            counts = sipp(g, *kind)
            assert counts["SuccessfulCall(C)"] == CALLS and counts["FailedCall(C)"] == 0, (kind[0], counts)
            print(f"  {kind[0]}: {CALLS} calls, {counts['Retransmissions(C)']} retransmitted", flush=True)
        stats = wait_for("all to be counted", lambda: (lambda s: s if s["rx"] >= len(kinds) * CALLS else None)(g.stats()))
        check_books(stats)
        assert stats["queues"][0]["count"] == CALLS, stats["queues"]  # each once, sent again or not
        watch.check(g.g.path("sip.pcap"), len(kinds) * CALLS)


def coap_client_gets_its_answers():
    needs("coap-client-notls", "tshark")
    with Network("gw", "far") as net, Requests(net) as g:
        watch = Watch(net)
        for options, path, wanted in (([], "/m/acme/sms?priority=urgent&country=DE", None), (["-N"], "/m/acme/sms", None),
                                      ([], "/m/1002/chat", "5.03"), ([], "/m/acme/sms?country=FR", "4.03"), ([], "/nowhere", "4.04")):
            done = subprocess.run([*net.prefix("far"), "coap-client-notls", "-m", "post", "-e", "hello", "-B", "5", *options,
                                   f"coap://10.9.0.2{path}"], capture_output=True, text=True, timeout=60)
            said = done.stdout + done.stderr
            assert done.returncode == 0 and (wanted in said if wanted else not re.search(r"[45]\.\d\d", said)), (path, said)
        core = subprocess.run([*net.prefix("far"), "coap-client-notls", "-m", "get", "-B", "5", "coap://10.9.0.2/.well-known/core"],
                              capture_output=True, text=True, timeout=60)
        assert "</m>" in core.stdout, (core.stdout, core.stderr)
        stats = wait_for("all to be counted", lambda: (lambda s: s if s["rx"] >= 6 else None)(g.stats()))
        check_books(stats)
        watch.check(g.g.path("coap.pcap"), 6)


if __name__ == "__main__":
    main([sipp_gets_an_answer_to_every_call, coap_client_gets_its_answers])
