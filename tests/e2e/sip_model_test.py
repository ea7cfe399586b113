#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The SIP decoder beside tests/kit/sip_model.py, field by field: the messages of the fuzz corpus, and of WEIR_DATA where
it is set (captures, files), as they are and changed in many ways.

Environment: SIP_CHANGES (3000), the number of changed messages; SEED.
"""
import os
import random
import re
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../kit"))
import sip_model

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ["WEIR_BUILD"]
DATA = os.environ.get("WEIR_DATA")
PIECES = [b"\r\n", b"\n", b"\r", b" ", b"\t", b"\r\n ", b"\n\t", b":", b";", b",", b"\"", b"\\", b"<", b">", b"@", b"=", b"[", b"]", b"%",
          b"%41", b"\0", b"\x01", b"\x7f", b"\xc3\xa4", b"+", b"0", b"65536", b"2147483648", b"sip:", b"tel:+1-2", b"im:", b"x:y",
          b";tag=1", b";branch=z", b";rport", b";received=1.2.3.4", b";maddr=[::1]", b";user=phone", b"user=phone", b"SIP/2.0", b"SIP/",
          b"\r\nFrom: sip:a", b"\r\nv: SIP/2.0/UDP a", b"\r\nl: 3", b"\r\nPriority: urgent", b"\r\nRequire: x", b"\r\nCSeq: 1 ACK",
          b"\r\n\r\n", b"ACK", b"OPTIONS", b"[::1]", b":5060", b":0", b"\\\"", b"\"a\" ", b", b"]
NUMBERS = {"kind", "status", "priority", "answer", "requires", "port"}


def read_messages():
    found = []
    folders = [os.path.join(HERE, "../fuzz/corpus/sip")]
    if DATA:
        folders += [os.path.join(DATA, "sip/raw"), os.path.join(DATA, "sip/rfc4475")]
    for folder in folders:
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, name), "rb") as file:
                found.append(file.read())
    if DATA:
        for name in sorted(os.listdir(os.path.join(DATA, "sip/pcap"))):
            with open(os.path.join(DATA, "sip/pcap", name), "rb") as file:
                text = file.read()
            # without a reader of captures: what begins like a message, to where the next could begin
            found += [m[0] for m in re.finditer(rb"(?:[A-Z]{3,10} sips?:|SIP/2\.0 [1-6])[\s\S]{1,1500}", text)]
    return [m for m in found if len(m) < 65536]


def change(rng, message):
    message = bytearray(message)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        at = rng.randrange(len(message) + 1)
        end = min(len(message), at + rng.choice([0, 0, 1, 1, 2, 5, 20]))
        way = rng.randrange(10)
        if way < 5:
            message[at:end] = rng.choice(PIECES)
        elif way < 6:
            message[at:end] = b""
        elif way < 7:
            message[at:end] = bytes([rng.randrange(256)])
        elif way < 8:  # a line somewhere else
            lines = bytes(message).splitlines(keepends=True)
            if lines:
                lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines) if rng.randrange(2) else lines.pop(rng.randrange(len(lines))))
            message = bytearray(b"".join(lines))
        elif way < 9:
            start = rng.randrange(len(message) + 1)
            message[at:at] = message[start:start + rng.randrange(40)]
        else:
            del message[at:]
    return bytes(message[:65535])


def ask_decoder(messages):
    given = b"".join(struct.pack(">I", len(m)) + m for m in messages)
    done = subprocess.run([os.path.join(BUILD, "tests/kit/sip_fields")], input=given, stdout=subprocess.PIPE, check=True)
    for line in done.stdout.decode().splitlines():
        reason, *pairs = line.split(" ")
        fields = dict(pair.split("=", 1) for pair in pairs)
        yield reason, {k: int(v) if k in NUMBERS or k == "says" else v if k == "fault" else bytes.fromhex(v) for k, v in fields.items()}


def differs(message, said):
    """What the two say otherwise, as text; "" where nothing."""
    reason, right = sip_model.decode(message)
    got_reason, got = said
    if reason != got_reason:
        return f"reason {got_reason}, not {reason}"
    names = set(right) if right.get("fault") == "none" else {"fault", "kind", "answer"} & set(right)
    return "; ".join(f"{n} {got[n]!r}, not {right[n]!r}" for n in sorted(names) if got[n] != right[n])


def main():
    seed = int(os.environ.get("SEED", "1"))
    rng, messages = random.Random(seed), read_messages()
    n_whole = len(messages)
    messages += [change(rng, rng.choice(messages[:n_whole])) for _ in range(int(os.environ.get("SIP_CHANGES", "3000")))]
    failed = good = 0
    for message, said in zip(messages, ask_decoder(messages), strict=True):
        good += said[0] == "none"
        what = differs(message, said)
        if what:
            failed += 1
            print(f"FAILED {what}\n    of {message!r}")
            if failed == 20:
                break
    assert good > len(messages) / 20, f"only {good} of {len(messages)} are good: that tests little"
    print(f"{len(messages)} messages, {n_whole} as they came, {good} of them good, seed {seed}" + ("" if DATA else "; WEIR_DATA is not set: own ones only"))
    print(f"{0 if failed else 1} passed, {1 if failed else 0} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
