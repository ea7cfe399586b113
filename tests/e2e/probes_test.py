#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Health probes of SIP and CoAP against servers that others wrote: sipp and libcoap's server as members on loopback addresses, which fall
silent and come back, end and start again, and say that they take nothing."""
import os
import shutil
import signal
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "kit"), HERE]
sys.dont_write_bytecode = True
from gateway import SkipTest, main, wait_for  # noqa: E402
from pools_test import NET, Pools, health, rules  # noqa: E402

SCENARIO = """<?xml version="1.0" encoding="ISO-8859-1" ?><scenario name="options">
<recv request="OPTIONS"/><send><![CDATA[

SIP/2.0 %s
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send></scenario>
"""


def free_port():
    """One that is free on every address just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Peers(Pools):
    """A pool of two members, each a process that answers `probe`."""

    def __init__(self, probe, program):
        if not shutil.which(program):
            raise SkipTest(f"{program} is not installed (apt-get build-dep ./ brings it)")
        self.probe, self.program, self.port, self.peers = probe, program, free_port(), {}
        super().__init__(rules([("a", ""), ("b", "")], health(probe, self.port, interval=200, timeout=150)))
        for name in ("a", "b"):
            self.begin(name)

    def begin(self, name, status="200 OK"):
        address = f"{NET}{1 + ord(name) - ord('a')}"
        if self.probe == "coap":
            words = ["-A", address, "-p", str(self.port)]
        else:
            self.g.write(f"{name}.xml", SCENARIO % status)
            words = ["-sf", self.g.path(f"{name}.xml"), "-i", address, "-p", str(self.port), "-nostdin"]
        with open(self.g.path(f"{name}.log"), "ab") as log:
            process = subprocess.Popen([self.program, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.g.folder)
        self.peers[name] = process
        self.g.processes.append(process)

    def end(self, name):
        process = self.peers.pop(name)
        process.kill()
        process.wait()
        self.g.processes.remove(process)

    def wait_down(self, name, part):
        """Until the member is down and its last error says so."""
        wait_for(f"{name} to be down: {part}", lambda: (lambda m: m["state"] == "down" and part in (m["health"]["error"] or ""))(self.show(name)))
        self.wait_carrying(*({"a", "b"} - {name}))


def falls_silent_and_ends_and_comes_back(probe, program):
    with Peers(probe, program) as pools:
        pools.start().wait_carrying("a", "b")
        wait_for("both to be probed", lambda: all(pools.show(name)["health"]["probed"] for name in ("a", "b")))
        assert pools.json("pool", "show", "p")["probe"] == probe and f"probe {probe}" in pools.ctl("pool", "show", "p").stdout
        pools.peers["a"].send_signal(signal.SIGSTOP)
        pools.wait_down("a", "no answer within")
        pools.peers["a"].send_signal(signal.SIGCONT)
        pools.wait_carrying("a", "b")
        pools.end("b")
        pools.wait_down("b", "refused")
        pools.begin("b")
        pools.wait_carrying("a", "b")


def libcoaps_server_falls_silent_and_ends_and_comes_back():
    falls_silent_and_ends_and_comes_back("coap", "coap-server-notls")


def sipp_falls_silent_and_ends_and_comes_back():
    falls_silent_and_ends_and_comes_back("sip", "sipp")


def a_sip_server_that_says_503_gets_nothing_and_one_that_says_404_lives():
    with Peers("sip", "sipp") as pools:
        pools.start().wait_carrying("a", "b")
        pools.end("a")
        pools.begin("a", "503 Service Unavailable")
        pools.wait_down("a", "answered 503")
        pools.end("a")
        pools.begin("a", "404 Not Found")
        pools.wait_carrying("a", "b")
        assert pools.show("a")["health"]["up"]


if __name__ == "__main__":
    main([libcoaps_server_falls_silent_and_ends_and_comes_back, sipp_falls_silent_and_ends_and_comes_back,
          a_sip_server_that_says_503_gets_nothing_and_one_that_says_404_lives])
