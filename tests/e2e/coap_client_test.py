#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir's CoAP decoder, answers and memory of repetitions (tests/kit/coap_serve.c, a socket on loopback) with a client that no one here
wrote: libcoap's. And what tshark says of the answers."""
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
import coap  # noqa: E402
from gateway import SkipTest, main  # noqa: E402

SERVE = os.path.join(os.environ["WEIR_BUILD"], "tests/kit/coap_serve")
CLIENT = next((path for path in map(shutil.which, ("coap-client", "coap-client-notls", "coap-client-gnutls")) if path), None)
MESSAGE = [(coap.URI_PATH, b"m"), (coap.URI_PATH, b"acme"), (coap.URI_PATH, b"sms")]
PDU = re.compile(r"^v:1 t:(\w+) c:([\w.]+) i:([0-9a-f]{4}) \{(\w*)\} \[ ?(.*?) ?\](?: :: '(.*)')?", re.M)


class Server:
    def __enter__(self):
        self.process = subprocess.Popen([SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(20)
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.process.stdin.close()
        self.process.stdout.read()
        assert self.process.wait() == 0

    def line(self):
        return self.process.stdout.readline().split()

    def ask(self, data):
        """The answer to a datagram, and what the server says of it."""
        self.socket.sendto(data, ("127.0.0.1", self.port))
        return self.socket.recv(2000), self.line()

    def client(self, path, *arguments):
        """The messages that libcoap's client sent and received: (type, code, id, token, options, payload)."""
        if not CLIENT:
            raise SkipTest("coap-client is not installed (libcoap3-bin)")
        run = subprocess.run([CLIENT, "-v", "6", "-B", "20", *arguments, f"coap://127.0.0.1:{self.port}{path}"], capture_output=True, text=True,
                             check=True, timeout=60)
        return PDU.findall(run.stdout + run.stderr)


def libcoap_is_answered_for_each_status_confirmable_or_not():
    rights = {"sms": ("2.04", "Content-Format:text/plain", "thank you"), "email": ("4.03", "", "not here"),
              "chat": ("5.03", "Max-Age:30", "we are busy"), "fax": ("4.04", "", "")}
    with Server() as server:
        for channel, right in rights.items():
            for flags, answer_type in ((), "ACK"), (("-N",), "NON"):
                sent, received = server.client(f"/m/acme/{channel}?country=DE&priority=urgent", "-m", "post", "-e", "hello", *flags)
                assert (received[0], received[1], *received[4:]) == (answer_type, *right), received
                assert received[3] == sent[3] and (answer_type == "NON" or received[2] == sent[2]), (sent, received)
                assert server.line()[0] == ("coap-channel" if channel == "fax" else "none")


def libcoap_takes_a_later_answer_and_acknowledges_it():
    with Server() as server:
        sent, received = server.client("/m/acme/voice", "-m", "put", "-e", "hello")
        assert received[:2] == ("CON", "2.04") and received[2] != sent[2] and received[3] == sent[3], (sent, received)
        assert server.line() == ["none", "5", "0"] and server.line()[0] == "coap-message"


def libcoap_finds_the_links_and_is_refused_blocks():
    with Server() as server, tempfile.NamedTemporaryFile() as file:
        _, received = server.client("/.well-known/core")
        assert received[1] == "2.05" and received[4] == "Content-Format:application/link-format", received
        assert received[5].startswith('</m>;rt="weir.message";'), received
        file.write(b"x" * 3000)
        file.flush()
        sent, received = server.client("/m/acme/sms", "-m", "post", "-f", file.name)
        assert "Block1:0/M/" in sent[4] and received[1] == "4.02" and received[5] == "option 27", (sent, received)


def a_message_that_comes_again_is_known():
    with Server() as server:
        first = coap.make(coap.CON, coap.code("0.02"), 77, b"\1\2", MESSAGE, b"hi")
        other = coap.make(coap.CON, coap.code("0.02"), 78, b"\1\2", MESSAGE, b"hi")
        answer, said = server.ask(first)
        assert said == ["none", "5", "0"]
        assert server.ask(first) == (answer, ["none", "5", "2"])
        assert server.ask(other)[1] == ["none", "5", "0"]


def capture(path, payloads):
    """A capture of UDP datagrams from port 5683, each an IPv4 packet without a checksum of its payload."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for n, payload in enumerate(payloads):
            packet = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
            packet += struct.pack(">HHHH", 5683, 40000 + n, 8 + len(payload), 0) + payload
            file.write(struct.pack("<IIII", n, 0, len(packet), len(packet)) + packet)


def tshark_dissects_every_answer_without_a_warning():
    if not shutil.which("tshark"):
        raise SkipTest("tshark is not installed")
    requests = [coap.make(kind, coap.code(method), 7, token, options, body) for kind in (coap.CON, coap.NON)
                for token in (b"", b"\1", b"12345678") for method, options, body in (
                    ("0.02", MESSAGE, b"hi"), ("0.03", MESSAGE[:2] + [(coap.URI_PATH, b"email")], None),
                    ("0.02", MESSAGE[:2] + [(coap.URI_PATH, b"chat")], b"hi"), ("0.02", MESSAGE + [(coap.ACCEPT, b"2")], b"hi"),
                    ("0.01", MESSAGE, None), ("0.02", MESSAGE + [(65001, b"")], None), ("0.02", MESSAGE + [(coap.PROXY_URI, b"coap://x")], None),
                    ("0.01", [(coap.URI_PATH, b".well-known"), (coap.URI_PATH, b"core")], None), ("0.02", MESSAGE + [(coap.URI_QUERY, b"country=x")], b"x"))]
    requests += [coap.make(coap.CON, 0), coap.make(coap.CON, 2, 7, b"", MESSAGE + [(coap.NO_RESPONSE, b"\2")])]
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "answers.pcap")
        answers = [server.ask(request[:2] + struct.pack(">H", n) + request[4:])[0] for n, request in enumerate(requests)]
        capture(path, answers)
        fields = ["-T", "fields", "-e", "coap.code", "-e", "_ws.malformed", "-e", "_ws.expert.message"]
        lines = subprocess.run(["tshark", "-n", "-r", path, *fields], capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == len(answers)
    wrong = [(answers[n].hex(), line) for n, line in enumerate(lines) if line.split("\t")[1:] != ["", ""] or not line.split("\t")[0]]
    assert not wrong, wrong


if __name__ == "__main__":
    main([libcoap_is_answered_for_each_status_confirmable_or_not, libcoap_takes_a_later_answer_and_acknowledges_it,
          libcoap_finds_the_links_and_is_refused_blocks, a_message_that_comes_again_is_known, tshark_dissects_every_answer_without_a_warning])
