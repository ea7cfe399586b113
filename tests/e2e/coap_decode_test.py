#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The CoAP decoder against a second one, in Python, field by field: over random and mutated messages, and over the captures of
$WEIR_DATA/coap. MESSAGES and SEED say how many and which."""
import glob
import json
import os
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
import coap  # noqa: E402
from gateway import SkipTest, main  # noqa: E402

PRINT = os.path.join(os.environ["WEIR_BUILD"], "tests/kit/coap_print")
MESSAGES, SEED = int(os.environ.get("MESSAGES", "20000")), int(os.environ.get("SEED", "7"))


def decode(messages):
    data = b"".join(struct.pack(">H", len(m)) + m for m in messages)
    lines = subprocess.run([PRINT], input=data, capture_output=True, check=True).stdout.decode().splitlines()
    assert len(lines) == len(messages)
    for line in lines:
        said = json.loads(line)
        yield {k: bytes.fromhex(v) if k in ("token", "body", "name", "host") else v for k, v in said.items()}


def compare(messages):
    """Both opinions are the same; how many there were of each (kind, reason)."""
    seen = {}
    for data, said in zip(messages, decode(messages)):
        right = coap.read(data)
        wrong = {k: (said[k], right[k]) for k in right if said[k] != right[k]}
        assert said.keys() == right.keys() and not wrong, f"{data.hex()}: (said, right) {wrong}"
        key = right["kind"], right["reason"]
        seen[key] = seen.get(key, 0) + 1
    return seen


def random_messages_are_read_as_the_second_decoder_reads_them():
    seen = compare(list(coap.messages(SEED, MESSAGES)))
    reasons = {reason for _, reason in seen}
    wanted = {"none"} | {"coap-" + r for r in ("short version token empty option marker code critical proxy method path accept channel tenant "
                                              "country priority message").split()}
    assert reasons == wanted, f"the messages leave out {wanted - reasons}"
    assert seen["triage", "none"] > MESSAGES / 50 and seen["core", "none"] and seen["ping", "none"]


def udp_payloads(frame, link):
    """The UDP payload of a frame to or from port 5683, whole ones only; [] for others."""
    if link == 1:
        at = 14
        while frame[at - 2:at] in (b"\x81\x00", b"\x88\xa8"):
            at += 4
    else:
        at = {101: 0, 12: 0, 113: 16, 0: 4}[link]
    if frame[at] >> 4 == 4:
        if frame[at + 9] != 17 or struct.unpack(">H", frame[at + 6:at + 8])[0] & 0x3FFF:
            return []
        at += (frame[at] & 15) * 4
    elif frame[at] >> 4 == 6 and frame[at + 6] == 17:
        at += 40
    else:
        return []
    source, to, length = struct.unpack(">HHH", frame[at:at + 6])
    whole = 5683 in (source, to) and 8 <= length <= len(frame) - at
    return [frame[at + 8:at + length]] if whole else []


def capture(path):
    with open(path, "rb") as file:
        data = file.read()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\x3c\x4d": ">"}.get(data[:4])
    if not order:
        return []  # pcapng
    link, at, found = struct.unpack(order + "I", data[20:24])[0] & 0xFFFF, 24, []
    while at + 16 <= len(data):
        size = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        try:
            found += udp_payloads(data[at + 16:at + 16 + size], link)
        except (IndexError, struct.error):
            pass  # not a whole frame
        at += 16 + size
    return found


def real_captures_are_read_as_the_second_decoder_reads_them():
    if "WEIR_DATA" not in os.environ:
        raise SkipTest("WEIR_DATA does not say where the captures are")
    paths = sorted(glob.glob(os.path.join(os.environ["WEIR_DATA"], "coap/pcap/*")))
    messages = [payload for path in paths for payload in capture(path)]
    assert len(messages) > 500, len(messages)
    seen = compare(messages)
    wrong = {reason for _, reason in seen} & {"coap-short", "coap-option", "coap-token", "coap-code"}
    print(f"  {len(messages)} messages: " + ", ".join(f"{kind} {reason} {n}" for (kind, reason), n in sorted(seen.items())))
    assert not wrong, wrong


if __name__ == "__main__":
    main([random_messages_are_read_as_the_second_decoder_reads_them, real_captures_are_read_as_the_second_decoder_reads_them])
