#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A control plane that breaks the protocol of dp.sock: it loses its connection or its table, and nothing else happens. Traffic at
full speed goes on, the books balance, and the next control plane is served."""
import array
import contextlib
import fcntl
import glob
import json
import os
import socket
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from gateway import Gateway, main, wait_for, write_pcap  # noqa: E402
from live_test import frame  # noqa: E402

HELLO, BUSY, TABLE, ACK, CONSUMED = range(1, 6)
ANSWER, ANSWERED, QUEUES = range(10, 13)
FATES = ["sent", "rate", "no-room", "link-down", "shape", "protocol", "port", "address", "listener", "payload", "mtu"]
SEALS = 0x1 | 0x2 | 0x4 | 0x8
PORT = 'name = "in0"; device = "net_pcap0,rx_pcap=@/in.pcap,tx_pcap=/dev/null,infinite_rx=1";'
MIXED = """version = 1;
queues = ( { name = "desk"; } );
default = { drop = "nobody"; };
rules = ( { name = "ask"; match = { priority = "urgent"; }; action = { agents = "desk"; rate = 2000; burst = 100; }; } );
"""


def table_fd(data, size=None, seals=SEALS):
    fd = os.memfd_create("table", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(fd, data)
    os.truncate(fd, len(data) if size is None else size)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


def offer(generation, size):
    return struct.pack("<IIQQQ", TABLE, 0, generation, size, 0)


def consumed(worker, sequence):
    return struct.pack("<IIQ", CONSUMED, worker, sequence)


def answer(sequence, port=0, protocol=0, version=4, n_vlan=0, tag=0, ports=(5700, 40000), macs=bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]),
           source="10.0.0.1", to="10.0.1.1", payload=bytes.fromhex("57120001000003e94445000000000007"), length=None):
    addresses = b"".join(socket.inet_aton(text) + bytes(12) for text in (source, to))
    return struct.pack("<IBBBBQIHH8x", ANSWER, port, protocol, version, n_vlan, sequence, tag, *ports) + macs + addresses \
        + struct.pack("<HH", len(payload) if length is None else length, 0) + payload.ljust(1472, b"\0")


class Peer:
    """A connection to the dataplane."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.first, fds, _, _ = socket.recv_fds(self.socket, 4096, 4)
        for fd in fds:
            os.close(fd)
        self.kind = struct.unpack_from("<I", self.first)[0] if self.first else None

    def generation(self):
        return struct.unpack_from("<Q", self.first, 24)[0]

    def send(self, data, fds=()):
        self.socket.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else [])
        for fd in set(fds):
            os.close(fd)

    def receive(self):
        """The next message, b"" at the end of the connection."""
        try:
            return self.socket.recv(4096)
        except ConnectionResetError:
            return b""

    def answer(self):
        """Status and reason of the acknowledgement that must come."""
        data = self.receive()
        assert data, "the connection ended"
        kind, status = struct.unpack_from("<Ii", data)
        assert kind == ACK, kind
        return status, data[16:].split(b"\0")[0].decode()

    def fate(self, sequence):
        """What became of an answer: the next message must say it."""
        kind, fate, number = struct.unpack("<IIQ", self.receive())
        assert (kind, number) == (ANSWERED, sequence), (kind, number)
        return FATES[fate]

    def close(self):
        self.socket.close()


class Dataplane:
    def __init__(self):
        self.g = Gateway([PORT])
        write_pcap(self.g.path("in.pcap"), [frame(i) for i in range(200)])
        image = self.g.compile(self.g.write("rules.conf", MIXED))
        with open(image, "rb") as file:
            self.image = file.read()
        self.process = self.g.start("weir-dataplane", "--config", self.g.config, "--table", image)
        wait_for("its socket", lambda: os.path.exists(self.g.path("run/t/dp.sock")))
        wait_for("traffic", lambda: self.stats()["rx"] > 0)

    def stats(self):
        path, = glob.glob(self.g.path("run/t/segment.*"))
        return json.loads(self.g.run("spool_check", "--stats", path).stdout)

    def peer(self):
        return Peer(self.g.path("run/t/dp.sock"))

    def goes_on(self, after):
        """Frames come in, the books balance, a new control plane is greeted."""
        assert self.process.poll() is None, f"{after}: it ended: {self.g.log('weir-dataplane')[-500:]}"
        before = self.stats()["rx"]
        stats = wait_for(f"traffic after {after}", lambda: (lambda s: s if s["rx"] > before else None)(self.stats()))
        for part in [stats] + stats["workers"] + stats["ports"]:
            assert sum(part["dispositions"].values()) == part["rx"], f"{after}: {part}"

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.g.__exit__(*error)


def what_is_no_message_ends_the_connection_and_nothing_else():
    with Dataplane() as dataplane:
        size = len(dataplane.image)
        for name, send in {
                "garbage": lambda p: p.send(b"\xff" * 100),
                "one byte": lambda p: p.send(b"\x03"),
                "a hello": lambda p: p.send(p.first),
                "an acknowledgement": lambda p: p.send(struct.pack("<IiQ", ACK, 0, 1) + bytes(240)),
                "a table without memory": lambda p: p.send(offer(2, size)),
                "a table with two": lambda p: p.send(offer(2, size), [table_fd(dataplane.image), table_fd(dataplane.image)]),
                "a long table": lambda p: p.send(offer(2, size) + b"x", [table_fd(dataplane.image)]),
                "a number with a descriptor": lambda p: p.send(consumed(0, 0), [os.open("/dev/null", os.O_RDONLY)]),
                "a number past the head": lambda p: p.send(consumed(0, 1 << 60)),
                "a worker that is not there": lambda p: p.send(consumed(1, 0)),
                "the worker of all bits": lambda p: p.send(consumed(0xffffffff, 0)),
        }.items():
            peer = dataplane.peer()
            assert peer.kind == HELLO, (name, peer.first)
            send(peer)
            assert peer.receive() == b"", f"{name}: still connected"
            peer.close()
            dataplane.goes_on(name)


def a_number_that_goes_back_ends_the_connection():
    with Dataplane() as dataplane:
        wait_for("messages for agents", lambda: dataplane.stats()["workers"][0]["channel_slots"] > 10)
        peer = dataplane.peer()
        peer.send(consumed(0, 10))
        peer.send(consumed(0, 9))
        assert peer.receive() == b""
        dataplane.goes_on("a number that goes back")
        peer = dataplane.peer()
        peer.send(consumed(0, 11))
        wait_for("slots given back", lambda: dataplane.stats()["dispositions"]["agents"] > 0)
        dataplane.goes_on("a number between records or in one")


def a_table_that_cannot_be_is_refused_with_its_reason_and_a_good_one_taken():
    with Dataplane() as dataplane:
        image, size, g = dataplane.image, len(dataplane.image), 1
        peer = dataplane.peer()
        assert (peer.kind, peer.generation()) == (HELLO, g)
        spoiled = bytearray(image)
        spoiled[size // 2] ^= 1
        for name, message, fd, part in (
                ("not sealed", offer(g + 1, size), table_fd(image, seals=0), "not sealed"),
                ("half sealed", offer(g + 1, size), table_fd(image, seals=0x1 | 0x2 | 0x4), "not sealed"),
                ("no memory", offer(g + 1, size), os.open("/dev/null", os.O_RDWR), "not sealed"),
                ("empty", offer(g + 1, 0), table_fd(image), "larger than its memory"),
                ("longer than its memory", offer(g + 1, size + 1), table_fd(image), "larger than its memory"),
                ("huge", offer(g + 1, 1 << 62), table_fd(image), "larger than its memory"),
                ("in too much memory", offer(g + 1, size), table_fd(image, 1 << 30), "memory is larger"),
                ("truncated", offer(g + 1, size - 64), table_fd(image[:-64]), ""),
                ("corrupted", offer(g + 1, size), table_fd(bytes(spoiled)), ""),
                ("the same generation", offer(g, size), table_fd(image), "2 is next"),
                ("a generation left out", offer(g + 2, size), table_fd(image), "2 is next")):
            peer.send(message, [fd])
            status, why = peer.answer()
            assert status > 0 and why and part in why, (name, status, why)
            dataplane.goes_on(name)
        peer.send(offer(g + 1, size), [table_fd(image)])
        assert peer.answer() == (0, "")
        assert dataplane.stats()["generation"] == g + 1
        peer.close()
        wait_for("the next one", lambda: dataplane.peer().generation() == g + 1)


def two_tables_at_once_are_one_too_many():
    with Dataplane() as dataplane:
        peer, size = dataplane.peer(), len(dataplane.image)
        for generation in (2, 3):
            peer.send(offer(generation, size), [table_fd(dataplane.image)])
        answers = [peer.answer() for _ in range(2)]
        assert answers[0][0] == 0 or answers[1][0] == 0, answers
        dataplane.goes_on("two tables at once")


def answers_that_cannot_be_are_refused_and_good_ones_sent():
    with Dataplane() as dataplane:
        peer = dataplane.peer()
        for fate, message in (
                ("shape", answer(7, length=0)), ("shape", answer(7, length=0xffff)), ("shape", answer(7, version=5)),
                ("shape", answer(7, n_vlan=1)), ("protocol", answer(7, protocol=3)), ("protocol", answer(7, protocol=255)),
                ("listener", answer(7, protocol=1)), ("listener", answer(7, protocol=2)),
                ("port", answer(7, port=1)), ("port", answer(7, port=255)), ("port", answer(7, tag=5)),
                ("address", answer(7, to="255.255.255.255")), ("address", answer(7, to="127.0.0.1")),
                ("address", answer(7, macs=b"\xff" * 12)), ("address", answer(7, ports=(5700, 0))),
                ("listener", answer(7, ports=(53, 40000))), ("listener", answer(7, ports=(0, 40000))),
                ("payload", answer(7, payload=b"GET / HTTP/1.0\r\n\r\n")), ("payload", answer(7, payload=b"\x57"))):
            peer.send(message)
            assert peer.fate(7) == fate, message[:80].hex()
        peer.send(struct.pack("<IIQ", QUEUES, 0, 99) + b"\xff" * 128)  # of a table that is not there
        for i in range(1000):
            peer.send(answer(i))
            fate = peer.fate(i)
            assert fate in ("sent", "rate", "no-room"), fate
        stats = dataplane.stats()
        assert stats["agent_answers"] > 0 and stats["agent_answers_lost"]["payload"] == 2, stats
        assert not stats["reasons"].get("agents_full", {}).get("queue-depth"), stats["reasons"]
        dataplane.goes_on("answers")
        peer.send(answer(1)[:-1])
        assert peer.receive() == b"", "still connected"


def a_second_control_plane_is_told_who_is_there():
    with Dataplane() as dataplane:
        first, second = dataplane.peer(), dataplane.peer()
        assert first.kind == HELLO and second.kind == BUSY
        assert struct.unpack_from("<I", second.first, 4)[0] == os.getpid()
        assert second.receive() == b""
        first.send(consumed(0, 0))
        first.close()
        with contextlib.closing(wait_for("a greeting", lambda: (lambda p: p if p.kind == HELLO else None)(dataplane.peer()))):
            dataplane.goes_on("a second control plane")


if __name__ == "__main__":
    main([what_is_no_message_ends_the_connection_and_nothing_else,
          a_number_that_goes_back_ends_the_connection,
          a_table_that_cannot_be_is_refused_with_its_reason_and_a_good_one_taken,
          two_tables_at_once_are_one_too_many,
          answers_that_cannot_be_are_refused_and_good_ones_sent,
          a_second_control_plane_is_told_who_is_there])
