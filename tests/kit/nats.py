# SPDX-License-Identifier: BSD-3-Clause
"""nats-server for tests, and just enough of a client: publish, request, read a stream. One socket, one thread."""
import base64
import json
import os
import shutil
import signal
import socket
import struct
import subprocess

from gateway import SkipTest, wait_for

SERVER = shutil.which("nats-server", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Server:
    """A nats-server with JetStream in `folder`; `extra` is configuration of its own."""

    def __init__(self, folder, name="n1", port=None, extra=""):
        if not SERVER:
            raise SkipTest("nats-server is not installed")
        self.port = port or free_ports(1)[0]
        self.url = f"nats://127.0.0.1:{self.port}"
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder, exist_ok=True)
        self.config = os.path.join(self.folder, "nats.conf")
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(f'server_name: {name}\nlisten: 127.0.0.1:{self.port}\njetstream {{ store_dir: "{self.folder}" }}\n{extra}\n')
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self, wait=True):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen([SERVER, "-c", self.config], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        if wait:
            wait_for("nats-server", self.listens)
        return self

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9, as a crash."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
        self.process = None


def cluster(folder, n=3):
    """`n` servers that know each other, not started."""
    routes = free_ports(n)
    listed = ", ".join(f'"nats://127.0.0.1:{port}"' for port in routes)
    return [Server(folder, f"n{i + 1}", extra=f"cluster {{ name: c, listen: 127.0.0.1:{route}, routes: [ {listed} ] }}")
            for i, route in enumerate(routes)]


class Message:
    def __init__(self, subject, reply, headers, data):
        self.subject, self.reply, self.headers, self.data = subject, reply, headers, data


def parse_headers(text):
    headers = {}
    for line in text.decode().split("\r\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name] = value.strip()
    return headers


class Client:
    def __init__(self, port, **options):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.buffer, self.at = b"", 0  # read up to here
        self.readline()  # INFO
        self.inbox = "_INBOX." + os.urandom(8).hex()
        self.asked = 0
        self.send(b"CONNECT " + json.dumps({"verbose": False, "headers": True, "no_responders": True, **options}).encode())
        self.send(f"SUB {self.inbox}.* 1".encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def fill(self):
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("nats-server closed the connection")
        self.buffer, self.at = self.buffer[self.at:] + data, 0

    def readline(self):
        while (end := self.buffer.find(b"\n", self.at)) < 0:
            self.fill()
        line, self.at = self.buffer[self.at:end], end + 1
        return line

    def read_bytes(self, n):
        while len(self.buffer) - self.at < n:
            self.fill()
        data, self.at = self.buffer[self.at:self.at + n], self.at + n
        return data

    def send(self, line, payload=None):
        self.socket.sendall(line + b"\r\n" + (payload + b"\r\n" if payload is not None else b""))

    def publish(self, subject, data, reply="", headers=None):
        if headers:
            head = ("NATS/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n").encode()
            self.send(f"HPUB {subject} {reply} {len(head)} {len(head) + len(data)}".encode(), head + data)
        else:
            self.send(f"PUB {subject} {reply} {len(data)}".encode(), data)

    def next(self, seconds=10):
        """The next message of any subscription; TimeoutError."""
        if self.socket.gettimeout() != seconds:
            self.socket.settimeout(seconds)
        while True:
            line = self.readline()
            words = line.split()
            if words[0] == b"PING":
                self.send(b"PONG")
            elif words[0] == b"-ERR":
                raise ConnectionError(line.decode())
            elif words[0] in (b"MSG", b"HMSG"):
                return self.read_message(words)

    def read_message(self, words):
        head = words[0] == b"HMSG"
        reply = words[3].decode() if len(words) == (6 if head else 5) else ""
        total = int(words[-1])
        data = self.read_bytes(total + 2)[:-2]
        n = int(words[-2]) if head else 0
        return Message(words[1].decode(), reply, parse_headers(data[:n]) if head else {}, data[n:])

    def request(self, subject, data=b"", seconds=10, headers=None):
        self.asked += 1
        reply = f"{self.inbox}.{self.asked}"
        self.publish(subject, data, reply, headers)
        while True:
            message = self.next(seconds)
            if message.subject == reply:
                return message

    def api(self, what, body=None, seconds=10):
        answer = self.request("$JS.API." + what, json.dumps(body).encode() if body is not None else b"", seconds)
        return json.loads(answer.data or b'{"error":{"description":"nobody answers"}}')

    def state(self, stream):
        """Counts of a stream, {} where there is none, or nobody leads it."""
        try:
            return self.api(f"STREAM.INFO.{stream}", seconds=2).get("state", {})
        except TimeoutError:
            return {}

    def create(self, stream, **settings):
        answer = self.api(f"STREAM.CREATE.{stream}", {"name": stream, "retention": "limits", "storage": "file", "discard": "new",
                                                     "num_replicas": 1, "duplicate_window": 600 * 10**9, **settings})
        assert "error" not in answer, answer

    def read(self, stream):
        """All messages of a stream, in order; nothing is taken out."""
        state, found = self.state(stream), []
        for first in range(state["first_seq"], state["last_seq"] + 1, 200):
            numbers = range(first, min(first + 200, state["last_seq"] + 1))
            for number in numbers:
                self.publish(f"$JS.API.STREAM.MSG.GET.{stream}", json.dumps({"seq": number}).encode(), f"{self.inbox}.read{number}")
            answers = {}
            while len(answers) < len(numbers):
                message = self.next()
                answers[message.subject] = json.loads(message.data)["message"]
            found += [answers[f"{self.inbox}.read{number}"] for number in numbers]
        decode = lambda text: base64.b64decode(text or "")
        return [Message(m["subject"], "", parse_headers(decode(m.get("hdrs"))), decode(m.get("data"))) for m in found]


def numbered(message):
    """(worker, number) of a fake dataplane's message (tests/kit/numbered.h): its first 16 bytes are no body, and came in the id."""
    magic, number = struct.unpack("<QQ", base64.b64decode(message.headers["Weir-Answer-Id"])[-48:-32])
    _, worker, length = struct.unpack_from("<16sII", message.data)
    assert magic == 0x6e756d6265726564, "not a numbered message"
    assert len(message.data) == length - 16, f"{len(message.data)} bytes of body, not {length - 16}"
    assert message.data[24:] == bytes((number * 31 + at) & 255 for at in range(40, length)), f"the body of {number} is torn"
    return worker, number
