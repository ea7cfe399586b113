# SPDX-License-Identifier: BSD-3-Clause
"""Agents for end-to-end tests: HTTP over the Unix socket, TCP or TLS, with what the server says kept for the check
against docs/api.yaml."""
import contextlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading

SEEN = []  # (method, path, status, content type, object) of every answer


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, headers, data):
        self.status, self.headers, self.data = status, headers, data
        self.type = headers.get("Content-Type", "")
        self.json = json.loads(data) if "json" in self.type else None

    def __repr__(self):
        return f"{self.status} {self.data[:400]!r}"


class Agent:
    """One agent with its token: `where` is the path of a Unix socket, or (host, port)."""

    def __init__(self, where, token, context=None, timeout=60):
        self.where, self.token, self.context, self.timeout = where, token, context, timeout

    def connect(self):
        if isinstance(self.where, str):
            return UnixConnection(self.where, self.timeout)
        if self.context:
            return http.client.HTTPSConnection(*self.where, timeout=self.timeout, context=self.context)
        return http.client.HTTPConnection(*self.where, timeout=self.timeout)

    def headers(self):
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def request(self, method, path, body=None, raw=None, headers=None):
        connection = self.connect()
        with contextlib.closing(connection):
            data = raw if raw is not None else json.dumps(body) if body is not None else None
            connection.request(method, path, body=data, headers={**self.headers(), **(headers or {})})
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        SEEN.append((method, path.split("?")[0], answer.status, answer.type, answer.json))
        return answer

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, **body):
        return self.request("POST", path, body)

    def claim(self, **body):
        answer = self.post("/v1/claim", **body)
        assert answer.status == 200, answer
        return answer.json["messages"]

    def ack(self, message):
        return self.post(f"/v1/messages/{message['id']}/ack", lease=message["lease"])

    def in_background(self, call):
        """Runs call(self) in a thread; join() gives its result."""
        return Background(lambda: call(self))

    def offers(self, query=""):
        return Offers(self, query)


class Background(threading.Thread):
    def __init__(self, call):
        super().__init__(daemon=True)
        self.call, self.result, self.error = call, None, None
        self.start()

    def run(self):
        try:
            self.result = self.call()
        except Exception as error:  # raised again by whoever waits
            self.error = error

    def done(self, seconds=60):
        self.join(seconds)
        if self.is_alive():
            raise AssertionError("it does not end")
        if self.error:
            raise self.error
        return self.result


class Offers(threading.Thread):
    """A stream of server-sent events; `events` grows as (name, data)."""

    def __init__(self, agent, query):
        super().__init__(daemon=True)
        self.connection = agent.connect()
        self.connection.request("GET", "/v1/offers" + query, headers=agent.headers())
        self.response = self.connection.getresponse()
        SEEN.append(("GET", "/v1/offers", self.response.status, self.response.headers.get("Content-Type"), None))
        self.events, self.over = [], False
        self.start()

    def run(self):
        name = None
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException, AttributeError):
            for line in self.response:
                line = line.decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    data = json.loads(line[6:])
                    SEEN.append(("EVENT", name, 0, "", data))
                    self.events.append((name, data))
        self.over = True

    def of(self, name):
        return [data for event, data in self.events if event == name]

    def close(self):
        with contextlib.suppress(OSError):
            self.connection.sock and self.connection.sock.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError, AttributeError):  # or it is over by itself
            self.response.fp.raw._sock.shutdown(socket.SHUT_RDWR)
        self.join(10)


def make_certificate(folder, name="localhost", names="DNS:localhost,IP:127.0.0.1", over=False):
    """A self-signed certificate for `names` and its key by openssl, or one whose time is `over`; their paths, or None where there is no
    openssl."""
    if not shutil.which("openssl"):
        return None
    certificate, key, request, config = (os.path.join(folder, f"{name}.{end}") for end in ("crt", "key", "csr", "cnf"))

    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    asked = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}", "-addext",
             f"subjectAltName={names}", "-keyout", key]
    if not over:
        openssl("req", "-x509", *asked, "-days", "2", "-out", certificate)
        return certificate, key
    for path, text in ((config, OLD_CA.replace("NAME", name)), (os.path.join(folder, f"{name}.index"), "")):
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
    openssl("req", "-new", *asked, "-out", request)
    openssl("ca", "-batch", "-config", config, "-selfsign", "-keyfile", key, "-in", request, "-out", certificate, "-notext",
            "-create_serial", "-startdate", "20200101000000Z", "-enddate", "20200102000000Z")
    return certificate, key


OLD_CA = """[ca]
default_ca = old
[old]
database = NAME.index
serial = NAME.serial
new_certs_dir = .
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


def trust(certificate):
    return ssl.create_default_context(cafile=certificate)
