#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Where agents come in: the Unix socket, TCP, TLS; what an operator can get wrong there, and clients that are rude."""
import contextlib
import http.client
import os
import re
import socket
import ssl
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.path.insert(0, HERE)
from agents import Agent, make_certificate, trust  # noqa: E402
from agents_test import Desk, SETTINGS  # noqa: E402
from gateway import SkipTest, main, wait_for  # noqa: E402


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def with_listen(listen, *files):
    more = f' listen = "{listen}";' + "".join(f' {key} = "{path}";' for key, path in zip(("tls_cert", "tls_key"), files))
    return SETTINGS[:-1] + more + " }"


def refused(desk, status, *words):
    done = desk.g.run("weir-controlplane", "--config", desk.g.config, timeout=30)
    assert done.returncode == status and all(word in done.stderr for word in words), done


def certificate(desk, **more):
    made = make_certificate(desk.g.folder, **more)
    if not made:
        raise SkipTest("no openssl")
    return made


def rewrite(desk, settings):
    with open(desk.g.config, encoding="utf-8") as file:
        lines = [line for line in file if not line.startswith(("agents", "  {"))]
    desk.g.write("gateway.conf", "".join(lines) + f"agents = {settings};\n")


def tcp_on_loopback_needs_no_certificate():
    port = free_port()
    with Desk(with_listen(f"127.0.0.1:{port}")) as desk:
        desk.begin(3)
        anna = desk.agent("anna", "*", where=("127.0.0.1", port))
        (message,) = anna.claim(queues=["queue-0"])
        assert Agent(desk.sock, anna.token).ack(message).status == 200


def tls_serves_who_trusts_the_certificate():
    port = free_port()
    with Desk() as desk:
        files = certificate(desk)
        rewrite(desk, with_listen(f"0.0.0.0:{port}", *files))
        desk.begin(3)
        anna = desk.agent("anna", "*", where=("localhost", port))
        anna.context = trust(files[0])
        (message,) = anna.claim(queues=["queue-0"])
        assert anna.ack(message).status == 200
        waiting = anna.in_background(lambda agent: agent.claim(queues=["queue-0"], wait_s=30))
        stream = anna.offers("?queues=queue-1")
        wait_for("both", lambda: desk.queue(anna, "queue-1")["agents"] == 1 == desk.queue(anna, "queue-0")["agents"])
        desk.more(2)
        assert len(waiting.done()) == 1
        wait_for("the offer", lambda: stream.of("offer"))
        stream.close()
        stranger = Agent(("localhost", port), anna.token, ssl.create_default_context())
        with contextlib.suppress(ssl.SSLCertVerificationError):
            raise AssertionError(stranger.get("/v1/queues"))
        with contextlib.suppress(OSError, http.client.HTTPException):  # no HTTP comes back
            raise AssertionError(Agent(("127.0.0.1", port), anna.token).get("/v1/queues"))
        old = trust(files[0])
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
        assert Agent(("localhost", port), anna.token, old).get("/v1/queues").status == 200


def beyond_loopback_without_a_certificate_it_does_not_start():
    with Desk(with_listen("0.0.0.0:8480")) as desk:
        refused(desk, 1, "gateway.conf:", "is not a loopback address", "tls_cert")


def files_of_tls_that_are_wrong_are_named():
    with Desk() as desk:
        cert, key = certificate(desk)
        other_cert, other_key = certificate(desk, name="other")
        text = desk.g.write("text.pem", "no certificate\n")
        old = certificate(desk, name="old", over=True)
        for files, words in (((desk.g.path("none.crt"), key), ("none.crt", "No such file", "tls_cert")),
                             ((cert, desk.g.path("none.key")), ("none.key", "No such file", "tls_key")),
                             ((text, key), ("text.pem", "no certificate")),
                             ((cert, text), ("text.pem", "no key")),
                             ((cert, other_key), (other_key, "is not the key of", cert)),
                             (old, ("old.crt", "the certificate is over")),
                             ((cert,), ("tls_cert without tls_key",))):
            rewrite(desk, with_listen("127.0.0.1:8480", *files))
            refused(desk, 1, "gateway.conf", *words)


def a_port_that_is_taken_is_said():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with Desk(with_listen(f"127.0.0.1:{port}")) as desk:
            refused(desk, 3, f"agents.listen, 127.0.0.1 port {port}", "Address already in use", "choose another port")
    with Desk(with_listen("[2001:db8::1]:8480")) as desk:
        refused(desk, 1, "is not a loopback address")


def a_wrong_listen_has_its_line():
    for listen in ("8480", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "::1:80", "host.example:80", "[::1]"):
        with Desk(with_listen(listen)) as desk:
            refused(desk, 1, "gateway.conf:", "is not an address and a port")


def a_socket_that_a_killed_one_left_is_no_obstacle():
    with Desk() as desk:
        desk.start()
        desk.controlplane.kill()
        desk.controlplane.wait()
        assert os.path.exists(desk.sock)
        desk.start()
        assert desk.agent("anna", "*").get("/v1/queues").status == 200
        mode = os.stat(desk.sock).st_mode & 0o777
        assert mode == 0o660, oct(mode)


def the_console_is_had_without_a_token_and_may_load_nothing_but_itself():
    with Desk() as desk:
        desk.start()
        anybody = Agent(desk.sock, None)
        front = [anybody.get(path) for path in ("/", "/console")]
        assert all(a.status == 302 and a.headers["Location"] == "/console/" for a in front), front
        page = anybody.get("/console/")
        assert page.status == 200 and page.type == "text/html; charset=utf-8" and b"<title>weir</title>" in page.data, page
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'") and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy and page.headers["X-Content-Type-Options"] == "nosniff", policy
        assert page.headers["Referrer-Policy"] == "no-referrer" and "Set-Cookie" not in page.headers
        # all that the page names is there, and stands in no page itself
        names = set(re.findall(r'(?:src|href)="([^"]+)"', page.data.decode()))
        assert {"main.js", "chart.js", "console.css", "icon.svg"} <= names, names
        assert not re.search(rb"<script(?![^>]*src=)|<style|style=|\son\w+=", page.data)
        for name in names | {"index.html"}:
            file = anybody.get(f"/console/{name}")
            assert file.status == 200 and file.headers["Content-Security-Policy"] == policy and len(file.data) > 100, (name, file)
            again = anybody.request("GET", f"/console/{name}", headers={"If-None-Match": file.headers["ETag"]})
            assert again.status == 304 and again.data == b"", (name, again)
        for path in ("/console/none.js", "/console/../agents.json", "/console/%2e%2e/%2e%2e/etc/passwd", "/console//etc/passwd"):
            assert anybody.get(path).status == 404, path
        assert anybody.post("/console/").status == 405 and anybody.get("/v1/queues").status == 401
        with contextlib.closing(anybody.connect()) as connection:
            for _ in range(20000):  # faster than one may
                connection.request("GET", "/console/icon.svg")
                answer = connection.getresponse()
                answer.read()
                if answer.status == 429:
                    break
            assert answer.status == 429 and int(answer.headers["Retry-After"]) > 0, answer.status
        assert desk.agent("anna", "*").get("/v1/queues").status == 200


def where_nats_has_the_queues_claims_are_told_so():
    with Desk(SETTINGS[:-1] + ' backend = "nats"; url = "nats://127.0.0.1:9"; }') as desk:
        desk.start()
        anna = desk.agent("anna", "*")
        for answer in (anna.post("/v1/claim"), anna.post("/v1/messages/1/claim", queue="queue-0"), anna.get("/v1/offers"), anna.get("/v1/messages")):
            assert answer.status == 409 and answer.json["type"] == "urn:weir:problem:queues-elsewhere", answer
        assert anna.get("/v1/queues").status == 200


def rude_clients_hold_nobody_up():
    port = free_port()
    with Desk(with_listen(f"127.0.0.1:{port}")) as desk:
        desk.begin(300)
        anna = desk.agent("anna", "*", where=("127.0.0.1", port))
        with contextlib.ExitStack() as stack:
            for i in range(60):
                client = stack.enter_context(socket.socket())
                client.connect(("127.0.0.1", port))
                client.setblocking(False)
                head = f"Authorization: Bearer {anna.token}\r\nHost: x\r\n"
                with contextlib.suppress(OSError):
                    client.sendall([b"", b"GET /v1/que", b"POST /v1/claim HTTP/1.1\r\nContent-Length: 60000\r\n\r\n{",
                                    f"POST /v1/claim HTTP/1.1\r\n{head}Content-Length: 500\r\n\r\n{{".encode(), b"\x16\x03\x01" + b"x" * 500,
                                    b"A" * 100000, b"GET / HTTP/1.1\r\nX: " + b"y" * 90000,
                                    f"POST /v1/claim HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\nffffffff\r\n".encode()][i % 8])
            # one that asks for much and reads nothing
            slow = stack.enter_context(socket.socket())
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", port))
            for _ in range(20):
                slow.sendall(f"GET /v1/queues HTTP/1.1\r\nAuthorization: Bearer {anna.token}\r\nHost: x\r\n\r\n".encode() * 20)
            began = time.monotonic()
            taken = []
            while messages := anna.claim(max=10):
                taken += [m["id"] for m in messages]
                assert anna.post("/v1/ack", messages=[{"id": m["id"], "lease": m["lease"]} for m in messages]).status == 200
            assert len(set(taken)) == 300, len(taken)
            assert desk.status()["spool"]["error"] is None and time.monotonic() - began < 60
        assert desk.controlplane.poll() is None


def connections_of_one_address_are_limited():
    port = free_port()
    with Desk(with_listen(f"127.0.0.1:{port}")) as desk:
        desk.start()
        anna = desk.agent("anna", "*", where=("127.0.0.1", port))
        with contextlib.ExitStack() as stack:
            for _ in range(300):
                client = stack.enter_context(socket.socket())
                client.connect(("127.0.0.1", port))
            assert Agent(desk.sock, anna.token).get("/v1/queues").status == 200  # another door
        wait_for("room", lambda: can_ask(anna))


def can_ask(agent):
    try:
        return agent.get("/v1/queues").status == 200
    except Exception:
        return False


if __name__ == "__main__":
    main([tcp_on_loopback_needs_no_certificate,
          tls_serves_who_trusts_the_certificate,
          beyond_loopback_without_a_certificate_it_does_not_start,
          files_of_tls_that_are_wrong_are_named,
          a_port_that_is_taken_is_said,
          a_wrong_listen_has_its_line,
          a_socket_that_a_killed_one_left_is_no_obstacle,
          the_console_is_had_without_a_token_and_may_load_nothing_but_itself,
          where_nats_has_the_queues_claims_are_told_so,
          rude_clients_hold_nobody_up,
          connections_of_one_address_are_limited])
