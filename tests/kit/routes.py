# SPDX-License-Identifier: BSD-3-Clause
"""Routes images (rules/routes.h) made from a table image, as a control plane would: who lives, by which next hop."""
import ipaddress
import struct

SECTIONS = ("STRINGS TENANT_BUCKETS TENANT_NAMES DOMAINS NAMES TENANT_CLASSES KEYS BLOCKS DIRS CELLS LEAVES VERDICTS RULE_NAMES METERS ZONES "
            "POOLS MEMBERS HEALTH MAGLEV QUEUES REPLIES REASONS BLOCKED4 BLOCKED6").split()
POOL, MEMBER = 68, 32
UP, DOWN = 0, 1


def crc32c(data):
    table = []
    for i in range(256):
        for _ in range(8):
            i = i >> 1 ^ (0x82f63b78 if i & 1 else 0)
        table.append(i)
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


class Table:
    """The pools and members of a table image."""

    def __init__(self, image):
        self.crc, = struct.unpack_from("<I", image, 12)
        place = {name: struct.unpack_from("<QQ", image, 48 + 16 * i) for i, name in enumerate(SECTIONS)}
        at, n = place["POOLS"]
        self.pools = []
        for i in range(n):
            fields = struct.unpack_from("<IIHHIIIII", image, at + POOL * i)
            self.pools.append({"name": self.string(image, place, fields[0]), "member": fields[4], "n_members": fields[5],
                               "n_slots": fields[8]})
        at, n = place["MEMBERS"]
        self.members = [{"name": self.string(image, place, struct.unpack_from("<I", image, at + MEMBER * i)[0]),
                         "mac": image[at + MEMBER * i + 22:at + MEMBER * i + 28]} for i in range(n)]

    @staticmethod
    def string(image, place, offset):
        start = place["STRINGS"][0] + offset
        return image[start:image.index(b"\0", start)].decode()


def padded(data):
    return data + bytes(-len(data) % 64)


def make(table, macs, dead=(), mtu=0, neighbours=()):
    """Routes for `table`. `macs`: next hop by member name, the table's own where it is left out; `dead`: names of members that
    get no slot; `neighbours`: (prefix, port, mac)."""
    members, pools, slots = b"", b"", []
    hops = [mac(macs[m["name"]]) if m["name"] in macs else m["mac"] for m in table.members]
    for member, hop in zip(table.members, hops):
        members += hop + struct.pack("<BBHH", DOWN if member["name"] in dead else UP, 0, mtu, 0)
    for pool in table.pools:
        alive = [i for i in range(pool["n_members"]) if table.members[pool["member"] + i]["name"] not in dead
                 and any(hops[pool["member"] + i])]
        n = len(alive) if len(alive) < 2 else pool["n_slots"]
        pools += struct.pack("<II", len(slots), n)
        slots += [alive[i % len(alive)] for i in range(n)]
    rows = []
    for prefix, port, hop in neighbours:
        network = ipaddress.ip_network(prefix)
        rows.append((network.version, network.network_address.packed.ljust(16, b"\0"), network.prefixlen, port, mac(hop)))
    rows.sort()
    hops = b"".join(address + struct.pack("<BBH", family, length, port) + hop + bytes(2)
                    for family, address, length, port, hop in rows)
    sections, offsets, at = [pools, members, struct.pack(f"<{len(slots)}H", *slots), hops], [], 128
    for section in sections:
        offsets.append(at)
        at += len(padded(section))
    body = struct.pack("<QIIIIII4Q", at, table.crc, len(table.pools), len(table.members), len(slots), len(rows), 0, *offsets)
    body = bytes(16) + body
    body = padded(body)[16:] + b"".join(padded(section) for section in sections)
    return struct.pack("<QII", 0x3174756f72726977, 1, crc32c(body)) + body
