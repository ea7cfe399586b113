# SPDX-License-Identifier: BSD-3-Clause
"""A server of webhooks for end-to-end tests, on loopback: it keeps what it got, checks each signature by itself, and answers as it is
told to."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import ssl
import threading
import time


def make_secret(folder, name="hook.secret", mode=0o600, key=None):
    """A file with a secret of 32 bytes; its path and the key."""
    key = key or os.urandom(32)
    path = os.path.join(folder, name)
    with open(path, "w", encoding="ascii") as file:
        file.write("whsec_" + base64.b64encode(key).decode() + "\n")
    os.chmod(path, mode)
    return path, key


class Delivery:
    def __init__(self, headers, body):
        self.id, self.timestamp = headers["webhook-id"], headers["webhook-timestamp"]
        self.signatures, self.type = headers["webhook-signature"], headers["Content-Type"]
        self.body, self.event, self.at = body, json.loads(body), time.monotonic()
        self.data = self.event["data"]

    def is_signed_by(self, key):
        text = f"{self.id}.{self.timestamp}.".encode() + self.body
        wanted = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        return wanted in self.signatures.split(" ") and abs(int(self.timestamp) - time.time()) < 300


class Hooks:
    """`answer`: called with each Delivery, gives (status, headers, body), or None to say nothing until `release` is set."""

    def __init__(self, answer=lambda delivery: (204, {}, b""), certificate=None, port=0):
        outer = self
        self.answer, self.got, self.release, self.busy, self.most = answer, [], threading.Event(), 0, 0
        self.lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                outer.serve(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads, request_queue_size = True, 64

            def handle_error(self, *_):  # a client that left
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def serve(self, request):
        delivery = Delivery(request.headers, request.rfile.read(int(request.headers["Content-Length"])))
        with self.lock:
            self.got.append(delivery)
            self.busy += 1
            self.most = max(self.most, self.busy)
        answer = self.answer(delivery)
        if answer is None:
            self.release.wait(120)
            answer = 204, {}, b""
        with self.lock:
            self.busy -= 1
        status, headers, body = answer
        request.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def url(self, path="/in", scheme="http", host="127.0.0.1"):
        return f"{scheme}://{host}:{self.port}{path}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
