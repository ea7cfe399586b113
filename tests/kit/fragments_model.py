# SPDX-License-Identifier: BSD-3-Clause
"""A second opinion on fragments: DESIGN 1.3, step 3, and docs/decisions/042-reassembly.md, in Python.

Slow and literal: what is there of a datagram is a list of (offset, bytes), looked through anew for each fragment. A
capture is judged as if all of it had come at once.
"""
import json
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import weir_model as model  # noqa: E402

LIMITS = {"datagrams": 1024, "frames": 4096, "per_datagram": 64}


class Fragment:
    """`frame`, which the model found to be a fragment; `bad` where nothing can be made of it."""

    def __init__(self, frame, tunnel):
        at, vlans = 14, []
        while frame[at - 2:at] in (b"\x81\x00", b"\x88\xa8") and len(vlans) < 2:
            vlans.append(struct.unpack(">H", frame[at:at + 2])[0] & 0xFFF)
            at += 4
        self.link, packet = frame[:at], frame[at:]
        (self.read4 if packet[0] >> 4 == 4 else self.read6)(packet)
        self.key = (packet[0] >> 4, tuple(vlans), self.addresses, self.id, self.protocol, tunnel)
        self.end = self.offset + len(self.data)
        self.bad = not self.data or (self.more and len(self.data) % 8 != 0) or self.end > 65535

    def read4(self, packet):
        header = (packet[0] & 15) * 4
        total, ident, field = struct.unpack(">HHH", packet[2:8])
        self.addresses, self.id, self.protocol = packet[12:20], ident, packet[9]
        self.offset, self.more = (field & 0x1FFF) * 8, bool(field & 0x2000)
        self.head, self.data = packet[:header], packet[header:total]

    def read6(self, packet):
        end, at, chain = 40 + struct.unpack(">H", packet[4:6])[0], 40, 6
        while packet[chain] != 44:
            chain, at = at, at + 8 * (packet[at + 1] + 1)
        following, _, field, ident = struct.unpack(">BBHI", packet[at:at + 8])
        self.addresses, self.id, self.protocol = packet[8:40], ident, None
        self.offset, self.more = field & 0xFFF8, bool(field & 1)
        head = bytearray(packet[:at])
        head[chain] = following
        self.head, self.data = bytes(head), packet[at + 8:end]

    def whole(self, payload):
        """The frame of the datagram whose first fragment this is; None where it is too long for one."""
        head = bytearray(self.head)
        if head[0] >> 4 == 6:
            if len(head) - 40 + len(payload) > 65535:
                return None
            head[4:6] = struct.pack(">H", len(head) - 40 + len(payload))
            return self.link + bytes(head) + payload
        if len(head) + len(payload) > 65535:
            return None
        head[2:4] = struct.pack(">H", len(head) + len(payload))
        head[6:8] = struct.pack(">H", struct.unpack(">H", head[6:8])[0] & 0xC000)
        head[10:12] = b"\0\0"
        head[10:12] = struct.pack(">H", model.checksum(bytes(head)))
        return self.link + bytes(head) + payload


class Reassembly:
    """take() gives what a fragment ends: [(number, "fragment" or "malformed")], and the whole frame where there is one."""

    def __init__(self, limits=None):
        self.limits = {**LIMITS, **(limits or {})}
        self.there = {}  # by key, oldest first: list of (number, fragment), or None where it is refused

    def drop_oldest(self):
        key = next(iter(self.there))
        return [(number, "malformed") for number, _ in self.there.pop(key) or []]

    def fits(self, parts, new):
        ends = [part.end for part in parts if not part.more]
        for part in parts:
            if part.offset < new.end and new.offset < part.end:
                if (part.offset, part.data, part.more) != (new.offset, new.data, new.more):
                    return False
        if not new.more and any(part.end > new.end for part in parts):
            return False
        return all(new.end <= end for end in ends) and (new.more or all(new.end == end for end in ends))

    def take(self, number, frame, tunnel=None):
        new, ended = Fragment(frame, tunnel), []
        if new.bad:
            return [(number, "malformed")], None
        if new.offset == 0 and not new.more:
            whole = new.whole(new.data)
            return ([(number, "malformed")] if whole is None else []), whole
        if new.key not in self.there:
            if len(self.there) == self.limits["datagrams"]:
                ended += self.drop_oldest()
            self.there[new.key] = []
        held = self.there[new.key]
        if held is None:
            return ended + [(number, "malformed")], None
        good = len(held) < self.limits["per_datagram"] and self.fits([part for _, part in held], new)
        while good and sum(len(parts or []) for parts in self.there.values()) == self.limits["frames"]:
            if next(iter(self.there)) == new.key:
                good = False
            else:
                ended += self.drop_oldest()
        if not good:
            ended += [(other, "malformed") for other, _ in held] + [(number, "malformed")]
            self.there[new.key] = None
            return ended, None
        held.append((number, new))
        return self.complete(number, new, ended)

    def complete(self, number, new, ended):
        held = self.there[new.key]
        parts = {}
        for _, part in held:
            parts.setdefault(part.offset, part)  # the first of those that are the same
        payload, last = b"", None
        while len(payload) in parts and (last is None or last.more):
            last = parts[len(payload)]
            payload += last.data
        if last is None or last.more:
            return ended, None
        whole = parts[0].whole(payload)
        if whole is None:
            self.there[new.key] = None
            return ended + [(other, "malformed") for other, _ in held], None
        del self.there[new.key]
        return ended + [(other, "fragment") for other, _ in held if other != number], whole


def reassemble(frames, judge, limits=None, open_frame=lambda frame: (frame, None)):
    """[(object of `weirctl classify`, frame that it is about)] of frames; `judge(n, frame, tunnel)` and `open_frame` are the model's."""
    reassembly, out = Reassembly(limits), []
    for number, frame in enumerate(frames):
        frame, tunnel = open_frame(frame)
        out.append((judge(number + 1, frames[number], None), frame))
        if out[-1][0]["reason"] != "fragment":
            continue
        ended, whole = reassembly.take(number, frame, tunnel)
        for other, disposition in ended:
            if disposition == "fragment":
                nothing = dict.fromkeys(out[other][0])
                out[other] = ({**nothing, "n": other + 1, "disposition": "fragment"}, frames[other])
        if whole is not None:
            out[number] = (judge(number + 1, whole, tunnel), whole if tunnel else open_frame(whole)[0])
    return out


def expectation(frames, rules, listeners, trust, limits=None):
    """Lines of JSON as `weirctl classify --json` prints them."""
    judged = reassemble(frames, lambda n, frame, tunnel: model.classify(n, frame, rules, listeners, trust, tunnel), limits,
                        lambda frame: model.open_frame(frame, listeners, trust))
    return [json.dumps(line) for line, _ in judged]
