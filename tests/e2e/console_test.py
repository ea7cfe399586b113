#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The console in a headless Chromium, by keys alone: both daemons are real, messages come from a socket, and what an agent answers
arrives there. The page runs nothing but its own files, and shows what a message says as text. Screenshots are kept in the build
folder (console/*.png)."""
import contextlib
import os
import signal
import socket
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.path.insert(0, HERE)
from agents import Agent  # noqa: E402
from answers_test import AF_PACKET, Agents  # noqa: E402
from browser import BACKSPACE, CONTROL, ENTER, ESCAPE, RIGHT, SHIFT, TAB, Browser  # noqa: E402
from gateway import BUILD, main, wait_for  # noqa: E402
from network import Network  # noqa: E402

RULES = """version = 1;
tenants = ( { id = 1001; name = "alpenbank"; }, { id = 1002; name = "northline"; } );
queues = ( { name = "desk"; }, { name = "other"; } );
replies = ( { name = "thanks"; status = "accepted"; } );
rules = ( { name = "fraud"; match = { priority = [ "emergency", "urgent" ]; }; action = { agents = "desk"; }; },
          { name = "north"; match = { tenant = "northline"; channel = "chat"; }; action = { agents = "other"; }; },
          { name = "bulk"; match = { priority = "non-urgent"; }; action = { drop = "bulk"; }; } );
default = { reply = "thanks"; };
"""
EMERGENCY, URGENT, NORMAL, NON_URGENT = range(4)
SMS, CHAT = 1, 3
MARKUP = '<img src=x onerror="document.title=1"><script>document.title=2</script> &amp; \u202eend\u0007'
SCREENSHOTS = os.path.join(BUILD, "console")


def parse(reply):
    """Status, message id and text of a native reply."""
    status, _, _, _, _, number = struct.unpack(">BBIHHI", reply[2:16])
    return status, number, reply[16:]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Console:
    """Both daemons with the console at `url`, and a sender."""

    def __init__(self, net, port):
        self.agents = Agents(net, AF_PACKET, listen=f'"127.0.0.1:{port}"', queues='( { name = "other"; lease_s = 6; } )')
        self.agents.g.write("rules.conf", RULES)
        self.url, self.door = f"http://127.0.0.1:{port}/", ("127.0.0.1", port)
        self.number = 0

    def __enter__(self):
        self.agents.__enter__()
        self.sender = self.agents.sender()
        return self

    def __exit__(self, *error):
        self.agents.__exit__(*error)

    def token(self, name, *words):
        done = self.agents.g.run("weirctl", "--config", self.agents.g.config, "agent", "add", name, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def send(self, body, priority=URGENT, tenant=1001, channel=SMS):
        """One message whose acceptance is heard: then it is durable. Its number."""
        self.number += 1
        body = body if isinstance(body, bytes) else body.encode()
        self.sender.send(struct.pack(">BBBBIHHI", 0x57, 0x11, priority, channel, tenant, 0x4445, len(body), self.number) + body)
        while parse(self.sender.recv(2000))[:2] != (0, self.number):
            pass
        return self.number

    def heard(self):
        """The next answer of an agent: its status, message and text."""
        return parse(self.sender.recv(2000))

    def noise(self, n):
        for i in range(n):
            self.sender.send(struct.pack(">BBBBIHHI", 0x57, 0x10, (NORMAL, NON_URGENT)[i % 2], SMS, 1001 + i % 2, 0x4445, 0, 1 << 20))


STACK = contextlib.ExitStack()
STARTED = []


def console():
    """The daemons and the browser that all cases share, signed out."""
    if not STARTED:
        net = STACK.enter_context(Network("gw", "far"))
        STARTED[:] = [STACK.enter_context(Console(net, free_port())), STACK.enter_context(Browser())]
    c, b = STARTED
    b.resize(1440, 900)
    b.prefer(dark=False)
    b.open(c.url + "console/icon.svg")
    b.script("sessionStorage.clear()")
    b.open(c.url)
    b.see("#sign-in", "Token")
    b.console()
    return c, b


def sign_in(b, token, what):
    assert b.focused() == "token"
    b.keys(token, ENTER)
    b.see("#connection", "connected")
    b.see("#who", what)


def an_agent_claims_and_answers_by_keys_and_the_sender_hears_it():
    c, b = console()
    asked = c.send(MARKUP, EMERGENCY)
    b.keys("weir-" + "0" * 64, ENTER)
    b.see("#sign-in-error", "The token is nobody's")
    assert b.focused() == "token"
    assert all("401" in line for line in b.console())
    b.keys(c.token("anna", "--queue", "desk"), ENTER)
    b.see("#queues", "desk", "1 emergency", "oldest")
    assert "other" not in b.text("#queues") and b.text("#show-triage") is None
    b.keys("c")
    b.see("#message", "emergency", "desk", "alpenbank (1001)", "Germany (DE)", "sms", "10.9.0.1:", "Rule", "fraud")
    # What a stranger wrote is text, and what one cannot see is seen.
    assert b.text("#m-body").replace("U+202E", "\u202e").replace("BEL", "\u0007") == MARKUP, b.text("#m-body")
    assert b.script("return document.querySelectorAll('#m-body *').length") == 2, "but for the two marks it is text"
    b.see("#m-body-note", "2 characters")
    assert b.focused() == "answer-text"
    b.keys("We are on it: grüße")
    b.see("#answer-size", "21 of 1,456 bytes")
    b.screenshot(os.path.join(SCREENSHOTS, "desk-light.png"))
    b.prefer(dark=True)
    b.resize(1000, 800)
    assert b.script("return getComputedStyle(document.body).backgroundColor") == "rgb(15, 18, 23)"
    assert b.script("return document.documentElement.scrollWidth") <= 1000
    b.screenshot(os.path.join(SCREENSHOTS, "desk-dark-1000.png"))
    b.keys((CONTROL, ENTER))
    b.see("#done", "answered, accepted")
    assert c.heard() == (0, asked, "We are on it: grüße".encode())
    assert b.focused() == "claim" and b.text("#message") is None
    # No stranger's script ran, nothing was refused to the page, no cookie was set, the token is in this tab alone.
    assert b.console() == [] and b.script("return document.title") == "weir"
    assert b.script("return document.cookie + JSON.stringify(localStorage)") == "{}"
    log = c.agents.g.log("weir-controlplane")
    assert "We are on it" not in log and "onerror" not in log, log


def everything_an_agent_does_is_done_by_keys():
    c, b = console()
    sign_in(b, c.token("bert", "--queue", "desk"), "bert")
    b.keys("c")
    b.see("#claim-error", "Nothing waits")
    # An offer is heard and taken; bytes are shown as digits; what was written is not thrown away by one key.
    b.keys("o")
    b.see("#ready-note", "You are offered")
    c.send(b"\x00\xffbinary")
    b.see("#offers", "urgent", "desk", "rings")
    assert "offered" in b.script("return document.title") and "Offered: urgent" in b.script("return document.getElementById('polite').textContent")
    b.keys("c")
    b.see("#m-body", "00 ff 62 69 6e 61 72 79", "··binary")
    b.keys("x", ESCAPE, "g")
    b.see("#work-error", "was not sent")
    b.keys("r", BACKSPACE, ESCAPE, "a")
    b.see("#done", "done, without an answer")
    b.keys("o")
    b.see("#ready-note", "Offers are off")
    # The server knows it too, or it would ring here once more, and a claim leaves alone what rings.
    looker = Agent(c.door, c.token("looker", "--operator"))
    wait_for("nobody to be offered messages", lambda: looker.get("/v1/queues/desk").json["agents"] == 0)
    # Given back, it comes again; refused, its sender is told so; an empty answer is asked about.
    asked = c.send("second")
    b.keys("c")
    b.see("#m-body", "second")
    b.keys(ESCAPE, "g")
    b.see("#done", "given back")
    b.keys("c")
    b.see("#m-attempts", "2nd time")
    b.script("setTimeout(() => document.getElementById('sign-out').click())")
    assert "1 message in hand" in wait_for("the question", b.prompt)
    b.answer_prompt(False)
    assert b.text("#message") is not None
    b.keys((CONTROL, ENTER))
    b.see("#work-error", "The answer is empty")
    b.keys((SHIFT, TAB), RIGHT)  # to the statuses, and from accepted to refused
    b.keys("r", "no", (CONTROL, ENTER))
    b.see("#done", "answered, refused")
    assert c.heard() == (1, asked, b"no")
    b.keys("?")
    b.see("#help", "give back")
    b.keys(ESCAPE)
    b.keys(TAB)
    assert b.script("return getComputedStyle(document.activeElement).outlineStyle") == "solid", "the focus is seen"
    assert b.console() == []


def a_lease_grows_while_the_agent_writes_and_what_was_written_outlives_it():
    c, b = console()
    c.send("in a hurry", NORMAL, 1002, CHAT)
    sign_in(b, c.token("carl", "--queue", "other"), "carl")
    b.keys("c")
    b.see("#m-body", "in a hurry")
    b.open(c.url)  # a page that is loaded anew knows what is in hand
    b.see("#m-body", "in a hurry")
    wait_for("the focus", lambda: b.focused() == "answer-text")
    b.keys("draft")
    b.see("#lease-note", "extended while you write")
    b.see("#lease", "The lease is over")
    b.see("#work-error", "What you wrote stays here")
    assert b.script("return document.getElementById('answer-text').value") == "draft"
    b.script("document.getElementById('again').focus()")
    b.keys(ENTER)
    b.see("#lease", "left")
    b.keys(" and more", (CONTROL, ENTER))
    b.see("#done", "answered")
    assert c.heard()[2] == b"draft and more"


def the_page_goes_on_when_the_control_plane_was_restarted_and_ends_when_the_token_is_revoked():
    c, b = console()
    sign_in(b, c.token("dora", "--queue", "desk"), "dora")
    b.keys("o")
    b.see("#ready-note", "You are offered")
    asked = c.send("before")
    b.see("#offers", "urgent")
    b.keys("c")
    b.see("#m-body", "before")
    c.agents.kill(c.agents.controlplane)
    b.see("#connection", "no answer from the control plane")
    b.keys("answered over a restart", (CONTROL, ENTER))
    b.see("#work-error", "Nothing is lost")
    c.agents.start_controlplane()
    b.see("#connection", "connected")
    b.see("#ready-note", "You are offered")
    b.keys((CONTROL, ENTER))
    b.see("#done", "answered")
    assert c.heard() == (0, asked, b"answered over a restart")
    c.send("after")
    b.see("#offers", "urgent")
    assert c.agents.g.run("weirctl", "--config", c.agents.g.config, "agent", "revoke", "dora").returncode == 0
    b.see("#sign-in-error", "revoked")
    assert b.script("return sessionStorage.length") == 0


def an_operator_sees_the_triage_picture():
    c, b = console()
    c.noise(400)
    c.send("one", EMERGENCY)
    c.send("two", NORMAL, 1002, CHAT)
    sign_in(b, c.token("olga", "--operator"), "olga")
    b.see("#triage", "Frames a second", "The books")
    b.see("#books-verdict", "balance")
    b.see("#books", "rx", "agents", "reply", "drop", "sum")
    b.see("#all-queues", "desk", "other", "1 emergency", "1 normal")

    def busy():
        c.noise(40)
        return (b.text("#tenants") or "").count("%") == 2 and b.script(
            "const c = Chart.getChart('rates'); return c.data.datasets.some(d => d.label === 'drop' && d.data.some(p => p.y > 0))")
    wait_for("rates and tenants", busy)
    b.see("#tenants", "alpenbank (1001)", "northline (1002)")
    b.see("#now", "reply", "drop")
    b.screenshot(os.path.join(SCREENSHOTS, "triage-light.png"))
    b.keys("t", "t")
    b.resize(1000, 1100)
    assert b.script("return document.documentElement.dataset.theme") == "dark"
    assert b.script("return document.documentElement.scrollWidth") <= 1000
    b.screenshot(os.path.join(SCREENSHOTS, "triage-dark-1000.png"))
    c.agents.dataplane.send_signal(signal.SIGTERM)
    b.see("#triage-error", "No dataplane is connected")
    b.keys("1")
    b.see("#desk", "desk", "other")
    assert b.console() == []


if __name__ == "__main__":
    os.makedirs(SCREENSHOTS, exist_ok=True)
    try:
        main([an_agent_claims_and_answers_by_keys_and_the_sender_hears_it,
              everything_an_agent_does_is_done_by_keys,
              a_lease_grows_while_the_agent_writes_and_what_was_written_outlives_it,
              the_page_goes_on_when_the_control_plane_was_restarted_and_ends_when_the_token_is_revoked,
              an_operator_sees_the_triage_picture])
    finally:
        STACK.close()
