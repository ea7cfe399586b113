# SPDX-License-Identifier: BSD-3-Clause
"""Native messages (docs/wire-format.md) in Ethernet frames over IPv4, for captures."""
import struct

WANTS_ACK = 1
GATEWAY, SENDER = bytes.fromhex("020000000001"), bytes.fromhex("0200000000fe")


def message(number, tenant=1, priority=2, flags=0, body=b""):
    """A UDP payload; `number` is the message id."""
    return struct.pack(">BBBBI2sHI", 0x57, 0x10 | flags, priority, 1, tenant, b"DE", len(body), number) + body


def frame(payload, source="10.20.0.7", port=5700):
    """`payload` in UDP (without a checksum) over IPv4 over Ethernet, from `source` to 10.1.0.1."""
    words = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0x4000, 64, 17, 0,
                        bytes(int(part) for part in source.split(".")), bytes((10, 1, 0, 1)))
    total = sum(struct.unpack(">10H", words))
    total = (total & 0xffff) + (total >> 16)
    words = words[:10] + struct.pack(">H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + words[12:]
    return GATEWAY + SENDER + b"\x08\x00" + words + struct.pack(">HHHH", 40000, port, 8 + len(payload), 0) + payload
