#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Fragments (DESIGN 1.3, step 3): `weirctl classify` and the dataplane over captures that are made here, against
tests/kit/fragments_model.py. WEIR_SEED is the first seed (1), WEIR_SEEDS how many (5); WEIR_DATA (optional) a folder with
frag-vlan/*.pcap."""
import collections
import glob
import json
import os
import random
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
import fragments_model  # noqa: E402
import weir_model as model  # noqa: E402
from answers_test import ACCEPTED, AF_PACKET, XDP, Agents, parse  # noqa: E402
from dispatch_test import dispatch, port as dispatched  # noqa: E402
from gateway import Gateway, SkipTest, check_books, main, read_pcap, wait_for, write_pcap  # noqa: E402
from network import Network  # noqa: E402
from xdp import XdpNetwork  # noqa: E402

FIRST, SEEDS = int(os.environ.get("WEIR_SEED", "1")), int(os.environ.get("WEIR_SEEDS", "5"))
PORT = 'name = "in0"; device = "net_pcap0,rx_pcap=@/in.pcap,tx_pcap=@/out.pcap"; queues = 1;'
MEMBER = bytes.fromhex("0200000000aa")
RULES = """version = 1;
pools = ( { name = "p"; port = 0; members = ( { name = "m"; address = "10.0.0.9"; mac = "02:00:00:00:00:aa"; } ); } );
queues = ( { name = "desk"; } );
replies = ( { name = "r"; status = "refused"; text = "no"; } );
default = { forward = "p"; };
rules = ( { name = "drops"; match = { priority = "emergency"; }; action = { drop = "x"; }; },
          { name = "agents"; match = { priority = "urgent"; }; action = { agents = "desk"; }; },
          { name = "answers"; match = { priority = "non-urgent"; }; action = { reply = "r"; }; } );
"""


def the_rules():
    """RULES as the model has them."""
    def rule(name, match, kind, target):
        return {"name": name, "match": match, "action": {"kind": kind, "target": target}}
    return model.Rules(tenants=[], zones={}, blocked=[], rules=[
        rule("drops", {"priority": ["emergency"]}, "drop", "x"), rule("agents", {"priority": ["urgent"]}, "agents", "desk"),
        rule("answers", {"priority": ["non-urgent"]}, "reply", "r"), rule("default", {}, "forward", "p")])


def native(chance, size, priority):
    return struct.pack(">BBBBIHHI", 0x57, 0x10, priority, 1, chance.randint(1, 9), 0x4445, size, chance.getrandbits(32)) + chance.randbytes(size)


class Datagram:
    """A message of `size` bytes as an IP packet, to be cut up."""

    def __init__(self, chance, version, size, priority=2, options=0, extensions=(), port=5700):
        self.chance, self.version, self.id = chance, version, chance.getrandbits(16 if version == 4 else 32)
        self.tags = chance.choice([b"", b"", b"\x81\x00\x00\x07", b"\x88\xa8\x00\x05\x81\x00\x20\x07"])
        self.source = (bytes([10, 0, 1, chance.randint(1, 250)]) if version == 4
                       else bytes.fromhex("20010db8") + bytes(11) + bytes([chance.randint(1, 250)]))
        self.destination = bytes([10, 0, 0, 1]) if version == 4 else bytes.fromhex("20010db8") + bytes(11) + b"\x01"
        message = native(chance, size, priority)
        udp = struct.pack(">HHHH", chance.randint(1024, 65535), port, (8 + len(message)) & 0xFFFF, 0) + message
        pseudo = self.source + self.destination + struct.pack(">IHH", len(udp), 0, 17)
        self.udp = udp[:6] + struct.pack(">H", model.checksum(pseudo + udp) or 0xFFFF) + udp[8:]
        self.options, self.extensions, self.protocol = bytes([1]) * (4 * options), extensions, 17
        self.link = bytes.fromhex("02000000000102000000000b")

    def frame(self, ip, kind):
        return self.link + self.tags + struct.pack(">H", kind) + ip

    def cut(self, start, end, more, data=None):
        """One fragment: bytes `start` to `end` of the payload."""
        data = self.udp[start:end] if data is None else data
        if self.version == 4:
            head = struct.pack(">BBHHHBBH", 0x45 + len(self.options) // 4, 0, 20 + len(self.options) + len(data), self.id,
                               start // 8 | (0x2000 if more else 0), self.chance.randint(1, 64), self.protocol, 0)
            head += self.source + self.destination + self.options
            return self.frame(head[:10] + struct.pack(">H", model.checksum(head)) + head[12:] + data, 0x0800)
        inside = struct.pack(">BBHI", self.protocol, 0, start | more, self.id) + data
        following = 44
        for kind in self.extensions:
            inside = bytes([following, 0]) + bytes(6) + inside
            following = kind
        head = struct.pack(">IHBB", 6 << 28, len(inside), following, 64) + self.source + self.destination
        return self.frame(head + inside, 0x86DD)

    def fragments(self, step=None):
        """The whole, cut at multiples of 8."""
        cuts, at = [], 0
        while at < len(self.udp):
            size = step or 8 * self.chance.choice([1, 2, 5, 64, 100, 185, 185, 185])
            cuts.append(self.cut(at, min(at + size, len(self.udp)), at + size < len(self.udp)))
            at += size
        return cuts


def random_datagram(chance):
    version = chance.choice([4, 6])
    size = chance.choice([0, 1, 40, 300, 900, 1400, 1480, 2000, 3000])
    options = chance.choice([0, 0, 0, 2, 10]) if size <= 1300 else 0
    extensions = chance.choice([(), (), (0,), (60, 0)]) if size <= 1300 else ()
    return Datagram(chance, version, size, chance.randint(0, 3), options, extensions, chance.choice([5700] * 9 + [9]))


def spoil(chance, datagram, frames):
    """Something that happens to fragments, or that is done with them."""
    what, length = chance.randint(0, 13), len(datagram.udp)
    if what == 0:
        frames.remove(chance.choice(frames))
    elif what == 1:
        frames.insert(chance.randint(0, len(frames)), chance.choice(frames))
    elif what == 2:
        start = 8 * chance.randint(0, max(0, length // 8 - 1))
        frames.insert(chance.randint(0, len(frames)), datagram.cut(start, start + 8 * chance.randint(1, 20), chance.random() < 0.7))
    elif what == 3:
        start = 8 * chance.randint(0, max(0, length // 8 - 1))
        frames.insert(chance.randint(0, len(frames)), datagram.cut(start, start + 8, True, chance.randbytes(8)))
    elif what == 4:
        frames.insert(chance.randint(0, len(frames)), datagram.cut(8 * chance.randint(0, 9), 0, True, chance.randbytes(chance.choice([0, 1, 7, 9]))))
    elif what == 5:
        frames.insert(chance.randint(0, len(frames)), datagram.cut(65528, 0, False, chance.randbytes(chance.choice([1, 7, 8, 100]))))
    elif what == 6:
        datagram.id ^= 1
        frames.append(datagram.cut(0, 8, True))
    elif what == 7:
        frames[:] = [frame + bytes(max(0, 60 - len(frame))) for frame in frames]
    elif what == 8:
        frames.append(frames[0][:chance.randint(0, len(frames[0]))])
    elif what == 9 and datagram.version == 6:
        frames.insert(chance.randint(0, len(frames)), datagram.cut(0, length, False))  # atomic: has nothing to do with the others
    elif what == 10:
        datagram.protocol = 6
        frames += datagram.fragments()
    elif what == 11 and datagram.version == 6:
        datagram.protocol = 44
        frames.append(datagram.cut(0, length, False))
    elif what == 12:
        frames[:] = datagram.fragments(8)[:chance.choice([63, 64, 65, 70])]


def random_capture(seed):
    chance, frames, open_ones = random.Random(seed), [], []
    for _ in range(120):
        datagram = random_datagram(chance)
        cut = datagram.fragments() if chance.random() < 0.85 else [datagram.cut(0, len(datagram.udp), False)]
        order = chance.random()
        if order < 0.3:
            chance.shuffle(cut)
        elif order < 0.5:
            cut.reverse()
        if chance.random() < 0.5:
            spoil(chance, datagram, cut)
        open_ones.append(cut)
        if len(open_ones) > 5:
            frames += open_ones.pop(0)
            rest = [cut for cut in open_ones if cut]
            while rest and chance.random() < 0.8:  # others of them in between
                frames.append(chance.choice(rest).pop(0))
                rest = [cut for cut in rest if cut]
    return frames + [frame for cut in open_ones for frame in cut]


def judged(frames, limits=None, listeners=None):
    rules, listeners = the_rules(), listeners or model.DEFAULT_LISTENERS
    return fragments_model.reassemble(frames, lambda n, frame, tunnel: model.classify(n, frame, rules, listeners, False, tunnel), limits,
                                      lambda frame: model.open_frame(frame, listeners, False))


def check(frames, limits=None, name="", listeners=None):
    """weirctl classify field by field, the dataplane's books, and what it sends, once put together again."""
    settings = {"fragments": "{ " + " ".join(f"{key} = {value};" for key, value in limits.items()) + " }"} if limits else {}
    if listeners:
        settings["listeners"] = "( " + ", ".join(f'{{ port = {one.port}; protocol = "{one.protocol}"; decap = {json.dumps(one.decap)}; }}'
                                                 for one in listeners) + " )"
    with Gateway([PORT], **settings) as gateway:
        write_pcap(gateway.path("in.pcap"), frames)
        rules = gateway.write("rules.conf", RULES)
        want = judged(frames, limits, listeners)
        done = gateway.run("weirctl", "--json", "classify", "--config", gateway.config, "--rules", rules, "--pcap", gateway.path("in.pcap"))
        assert done.returncode == 0, done.stderr
        got = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(got) == len(want), f"{name}: {len(got)} objects for {len(want)} frames"
        for one, (other, _) in zip(got, want):
            assert one == other, f"{name}: frame {other['n']}: {one}, not {other}"
        stats = gateway.run_alone(gateway.compile(rules), idle=0.3)
        check_books(stats)
        counts = collections.Counter(line["disposition"] for line, _ in want)
        assert +collections.Counter(stats["dispositions"]) == counts, f"{name}: {stats['dispositions']}, not {counts}"
        reasons = collections.Counter(line["reason"] for line, _ in want if line["disposition"] == "malformed")
        assert collections.Counter(stats["reasons"].get("malformed", {})) == reasons, f"{name}: {stats['reasons']}, not {reasons}"
        forwards = collections.Counter(ip_of(frame) for line, frame in want if line["disposition"] == "forward")
        out = read_pcap(gateway.path("out.pcap"))
        assert sum(frame[:6] != MEMBER for frame in out) == counts["reply"] == stats["answers"], f"{name}: answers"
        sent = collections.Counter(ip_of(frame) for line, frame in judged(out)
                                   if frame[:6] == MEMBER and line["disposition"] != "fragment")
        assert sent == forwards, f"{name}: {len(sent - forwards)} sent too many, {len(forwards - sent)} missing"
        assert max(map(len, out), default=0) <= max(1522, *map(len, frames)), f"{name}: a frame of {max(map(len, out))} bytes"
        return stats


def ip_of(frame):
    """What of a frame its member gets: tags and the IP packet without padding."""
    at = 14
    while frame[at - 2:at] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    length = struct.unpack_from(">H", frame, at + 2)[0] if frame[at] >> 4 == 4 else 40 + struct.unpack_from(">H", frame, at + 4)[0]
    return frame[12:at + length]


def random_fragments_are_judged_counted_and_sent_as_the_model_says():
    for seed in range(FIRST, FIRST + SEEDS):
        check(random_capture(seed), name=f"seed {seed}")


def random_fragments_within_tight_limits_too():
    for seed in range(FIRST, FIRST + SEEDS):
        chance = random.Random(seed)
        limits = {"datagrams": chance.choice([1, 2, 5]), "frames": chance.choice([1, 4, 9, 20]), "per_datagram": chance.choice([2, 3, 8])}
        check(random_capture(seed + 1000), limits, name=f"seed {seed}, {limits}")


def a_message_in_two_fragments_counts_one_fragment_and_itself():
    chance = random.Random(1)
    for version in (4, 6):
        for turn in (1, -1):
            frames = Datagram(chance, version, 2000).fragments(1480)[::turn]
            stats = check(frames)
            assert stats["dispositions"]["fragment"] == 1 and stats["dispositions"]["forward"] == 1, stats


def fragments_that_overlap_refuse_their_datagram_and_what_comes_later_of_it():
    chance = random.Random(2)
    for version in (4, 6):
        one = Datagram(chance, version, 2000)
        first, second = one.fragments(1480)
        stats = check([first, one.cut(1472, 1488, True), second, first, second])
        assert stats["reasons"]["malformed"] == {"fragment": 5}, stats
        stats = check([first, first, second])  # the very same is no overlap
        assert stats["dispositions"]["fragment"] == 2 and stats["dispositions"]["forward"] == 1, stats


def the_largest_datagram_is_put_together_and_one_byte_more_is_not():
    chance = random.Random(3)
    for version, most in ((4, 65535 - 20), (6, 65535)):
        for more in (0, 1):
            whole = Datagram(chance, version, 65507 - 16 - 20, priority=0)
            whole.udp = whole.udp[:4] + struct.pack(">H", len(whole.udp)) + whole.udp[6:] + bytes(most + more - len(whole.udp))
            stats = check(whole.fragments(1400), {"per_datagram": 64, "datagrams": 4, "frames": 64})
            assert (stats["dispositions"]["fragment"] > 0) == (more == 0), (version, more, stats)


def fragments_of_jumbo_frames_are_put_together():
    chance = random.Random(4)
    for version in (4, 6):
        for size in (9000, 30000, 60000):
            check(Datagram(chance, version, size, priority=chance.choice([0, 1, 2])).fragments(8000), name=f"{size}")


def one_fragment_that_is_all_of_its_datagram_waits_for_nothing():
    chance = random.Random(5)
    one = Datagram(chance, 6, 400)
    first, second = one.fragments(216)[:2]
    stats = check([first, one.cut(0, len(one.udp), False), second])
    assert stats["dispositions"]["forward"] == 2 and stats["dispositions"]["fragment"] == 1, stats


def captures_of_real_fragments_are_judged_as_the_model_says():
    names = sorted(glob.glob(os.path.join(os.environ.get("WEIR_DATA", "/nonexistent"), "frag-vlan", "*.pcap")))
    if not names:
        raise SkipTest("no frag-vlan/*.pcap in WEIR_DATA")
    frames = [frame for name in names for frame in read_pcap(name)]
    stats = check(frames)
    assert stats["dispositions"]["fragment"] > 0, stats


def live(timeout_ms):
    gateway = Gateway([PORT], fragments=f"{{ timeout_ms = {timeout_ms}; }}")
    chance = random.Random(6)
    whole, part = Datagram(chance, 4, 2000).fragments(1480), Datagram(chance, 6, 2000).fragments(1480)
    write_pcap(gateway.path("in.pcap"), [whole[0], part[1], whole[1]])
    gateway.write("rules.conf", RULES)
    gateway.start("weir-dataplane", "--config", gateway.config)
    gateway.start("weir-controlplane", "--config", gateway.config)
    wait_for("the control plane", lambda: gateway.run("weirctl", "--config", gateway.config, "stats").returncode == 0)
    return gateway


def what_waits_is_held_and_the_books_balance_meanwhile():
    with live(60000) as gateway:
        stats = wait_for("three frames", lambda: (found := gateway.stats())["rx"] == 3 and found)
        check_books(stats)
        assert stats["dispositions"]["held"] == 1 and stats["dispositions"]["fragment"] == 1, stats


def what_is_not_whole_in_time_is_malformed():
    with live(1) as gateway:
        stats = wait_for("the end of what waits",
                         lambda: (found := gateway.stats())["rx"] == 3 and found["dispositions"]["held"] == 0 and found)
        check_books(stats)
        assert stats["reasons"]["malformed"]["fragment"] >= 1, stats


def every_fragment_of_a_datagram_is_dispatched_to_the_same_worker():
    frames, limits = random_capture(FIRST), {"datagrams": 1024, "frames": 2048, "per_datagram": 64}
    with Gateway([dispatched("in", True)], workers=2, dataplane=dispatch(), memory_mb=64, fragments="{ frames = 2048; }") as gateway:
        write_pcap(gateway.path("in"), frames)
        stats = gateway.run_alone(gateway.compile(gateway.write("rules.conf", RULES)), idle=0.5)
        check_books(stats)
        want = collections.Counter(line["disposition"] for line, _ in judged(frames, limits))
        assert +collections.Counter(stats["dispositions"]) == want, f"{stats['dispositions']}, not {want}"
        assert all(row["dispositions"]["fragment"] > 0 for row in stats["workers"] if "name" not in row), stats["workers"]


def what_a_kernel_cuts_up_is_put_together(port, kind, sizes4, fragments):
    with kind("gw", "far") as net, Agents(net, port) as agents:
        for there, sizes in (("10.9.0.2", sizes4), ("2001:db8::2", (1441, 3000, 9000, 40000))):
            sender = agents.sender(there)
            for size in sizes:
                sender.send(struct.pack(">BBBBIHHI", 0x57, 0x11, 2, 1, 1001, 0x4445, size, size) + bytes(size))
                status, got, _ = parse(sender.recv(2000))
                assert (status, got) == (ACCEPTED, size), (there, size, status, got)
        n = len(sizes4) + 4
        stats = wait_for("the counters", lambda: (found := agents.stats())["dispositions"]["agents"] == n and found)
        check_books(stats)
        assert stats["dispositions"]["fragment"] == fragments, stats["dispositions"]
        assert not stats["dispositions"]["malformed"] and not stats["dispositions"]["held"], stats["dispositions"]


def what_a_kernel_cuts_up_is_put_together_on_an_af_packet_port():
    # IPv4 is put together by the kernel there, as far as a frame of the driver's goes.
    what_a_kernel_cuts_up_is_put_together(AF_PACKET, Network, (1441, 1700), 1 + 2 + 6 + 27)


def what_a_kernel_cuts_up_is_put_together_on_an_xdp_port():
    what_a_kernel_cuts_up_is_put_together(XDP, XdpNetwork, (1441, 3000, 9000, 40000), 2 + 6 + 27 + 1 + 2 + 6 + 27)


if __name__ == "__main__":
    main([random_fragments_are_judged_counted_and_sent_as_the_model_says,
          random_fragments_within_tight_limits_too,
          a_message_in_two_fragments_counts_one_fragment_and_itself,
          fragments_that_overlap_refuse_their_datagram_and_what_comes_later_of_it,
          the_largest_datagram_is_put_together_and_one_byte_more_is_not,
          fragments_of_jumbo_frames_are_put_together,
          one_fragment_that_is_all_of_its_datagram_waits_for_nothing,
          captures_of_real_fragments_are_judged_as_the_model_says,
          what_waits_is_held_and_the_books_balance_meanwhile,
          what_is_not_whole_in_time_is_malformed,
          every_fragment_of_a_datagram_is_dispatched_to_the_same_worker,
          what_a_kernel_cuts_up_is_put_together_on_an_af_packet_port,
          what_a_kernel_cuts_up_is_put_together_on_an_xdp_port])
