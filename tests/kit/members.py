# SPDX-License-Identifier: BSD-3-Clause
"""Pool members for tests: real sockets on loopback addresses that answer health probes, or do not."""
import select
import socket
import struct
import threading


def answer_native(data):
    """The accepted-reply of a member that takes the message, as docs/wire-format.md says."""
    if len(data) < 16 or data[0] != 0x57 or data[1] != 0x11:
        return None
    return bytes([0x57, 0x12, 0, data[3]]) + data[4:10] + b"\0\0" + data[12:16]


def answer_coap(data):
    """A reset for an empty confirmable message (RFC 7252, section 4.3)."""
    return struct.pack(">BBH", 0x70, 0, struct.unpack_from(">H", data, 2)[0]) if data[:2] == b"\x40\0" else None


def answer_sip(data):
    """200 for OPTIONS, with what RFC 3261, section 8.2.6.2, says a response copies."""
    lines = data.decode("utf-8").split("\r\n")
    if not lines[0].startswith("OPTIONS sip:") or not lines[0].endswith(" SIP/2.0"):
        return None
    copied = [line for line in lines if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
    if len(copied) != 5:
        return None
    return "\r\n".join(["SIP/2.0 200 OK"] + copied + ["Content-Length: 0", "", ""]).encode()


class Member:
    """Answers on (address, port) until it is stopped; `silent` makes it listen and say nothing."""

    def __init__(self, address, port, answer=answer_native, kind=socket.SOCK_DGRAM):
        self.address, self.port, self.answer, self.kind = address, port, answer, kind
        self.silent, self.asked, self.socket, self.thread = False, 0, None, None
        self.start()

    def start(self):
        self.socket = socket.socket(socket.AF_INET, self.kind)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((self.address, self.port))
        self.port = self.socket.getsockname()[1]
        self.stopping = False
        if self.kind == socket.SOCK_STREAM:
            self.socket.listen(64)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def run(self):
        while not self.stopping:
            if not select.select([self.socket], [], [], 0.02)[0]:
                continue
            self.asked += 1
            if self.kind == socket.SOCK_STREAM:
                self.socket.accept()[0].close()
                continue
            data, peer = self.socket.recvfrom(2048)
            reply = None if self.silent else self.answer(data)
            if reply:
                self.socket.sendto(reply, peer)

    def stop(self):
        self.stopping = True
        self.thread.join()
        self.socket.close()
