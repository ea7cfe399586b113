#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""NATS over TLS, against a real nats-server: whom it trusts and who trusts it, and what is said of each thing that an operator can get
wrong. Needs openssl."""
import contextlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "kit")]
sys.dont_write_bytecode = True
from agents import make_certificate  # noqa: E402
from gateway import SkipTest, main, wait_for  # noqa: E402
from nats import Server, free_ports  # noqa: E402
from nats_test import Plane, gateway  # noqa: E402

PLAIN, ANY = "", 'tls { cert_file: "@/localhost.crt", key_file: "@/localhost.key" }'
KNOWN = 'tls { cert_file: "@/localhost.crt", key_file: "@/localhost.key", ca_file: "@/client.crt", verify: true }'
USER = "\nauthorization { user: weir, password: sesame }"
CA, CLIENT = 'ca = "localhost.crt"; ', 'cert = "client.crt"; key = "client.key"; '


class Desk(Plane):
    """A gateway and a nats-server with certificates of their own in one folder."""

    @classmethod
    @contextlib.contextmanager
    def of(cls, server, nats, url="tls://127.0.0.1:{port}"):
        port, = free_ports(1)
        with gateway(url.format(port=port), nats + "timeout_ms = 2000;") as g:
            others = {"far": {"names": "DNS:far.example"}, "old": {"over": True}}
            for name, more in {"localhost": {}, "client": {}, "other": {}, **others}.items():
                if not make_certificate(g.folder, name, **more):
                    raise SkipTest("openssl is not installed")
            g.write("text.pem", "no certificate\n")
            g.write("password", "sesame\n")
            with Server(g.folder, port=port, extra=server.replace("@", g.folder)):
                plane = cls(g).start()
                yield plane
                plane.end()
                assert "sesame" not in g.log("weir-controlplane"), "the password is in the log"


def messages_go(server, nats, **more):
    with Desk.of(server, nats, **more) as desk:
        desk.produce()
        wait_for("messages to go", lambda: desk.status()["nats"]["forwarded"] > 100)
        assert desk.status()["nats"]["error"] is None
        desk.stop_producing()


def it_fails(server, nats, *words, **more):
    with Desk.of(server, nats, **more) as desk:
        desk.wait_fault(words[0])
        status = desk.status()["nats"]
        assert not status["connected"] and all(word in status["error"] for word in words), status


def a_server_whose_certificate_ca_signed_is_trusted():
    messages_go(ANY, CA)
    messages_go(ANY, CA, url="tls://localhost:{port}")
    messages_go(ANY, CA, url="nats://127.0.0.1:{port}")  # a ca asks for TLS


def a_server_that_wants_certificates_gets_that_of_the_gateway():
    messages_go(KNOWN, CA + CLIENT)


def a_password_goes_over_tls_and_into_no_log():
    messages_go(ANY + USER, CA + 'user = "weir"; password_file = "password"; ')
    it_fails(ANY + USER.replace("sesame", "open"), CA + 'user = "weir"; password_file = "password"; ', "Authorization Violation")


def a_server_that_is_not_trusted_gets_nothing():
    for server, nats, word in ((ANY, "", "self-signed certificate"), (ANY, 'ca = "other.crt"; ', "self-signed certificate"),
                               (ANY.replace("localhost", "far"), 'ca = "far.crt"; ', "mismatch"),
                               (ANY.replace("localhost", "old"), 'ca = "old.crt"; ', "expired")):
        it_fails(server, nats, word, "tls://127.0.0.1:", "mend agents.nats.ca, or the server's certificate")


def tls_never_falls_back_to_plain():
    it_fails(PLAIN, CA, "the server has no TLS", "tls { } in nats-server.conf")
    it_fails(PLAIN, CA, "the server has no TLS", url="nats://127.0.0.1:{port}")


def a_gateway_that_the_server_does_not_trust_is_told_which_setting():
    it_fails(KNOWN, CA, "it may want agents.nats.cert and key")
    it_fails(KNOWN, CA + 'cert = "other.crt"; key = "other.key"; ', "it may not trust agents.nats.cert")


def files_that_are_wrong_are_named_with_their_setting():
    for nats, *words in (('ca = "none.crt"; ', "agents.nats.ca ", "none.crt: No such file"),
                         ('ca = "text.pem"; ', "agents.nats.ca: ", "text.pem", "no certificate"),
                         (CA + 'cert = "none.crt"; key = "client.key"; ', "agents.nats.cert ", "none.crt: No such file"),
                         (CA + 'cert = "client.crt"; key = "none.key"; ', "agents.nats.key ", "none.key: No such file"),
                         (CA + 'cert = "client.crt"; key = "other.key"; ', "agents.nats.cert: ", "other.key", "mismatch"),
                         (CA + 'credentials = "none.creds"; ', "agents.nats.credentials ", "none.creds: No such file"),
                         (CA + 'credentials = "text.pem"; ', "text.pem", "no nkey user seed")):
        it_fails(ANY, nats, *words)


if __name__ == "__main__":
    main([a_server_whose_certificate_ca_signed_is_trusted,
          a_server_that_wants_certificates_gets_that_of_the_gateway,
          a_password_goes_over_tls_and_into_no_log,
          a_server_that_is_not_trusted_gets_nothing,
          tls_never_falls_back_to_plain,
          a_gateway_that_the_server_does_not_trust_is_told_which_setting,
          files_that_are_wrong_are_named_with_their_setting])
