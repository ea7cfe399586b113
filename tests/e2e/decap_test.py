#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Messages in tunnels (docs/decisions/049-decapsulation.md): whatever becomes of a message, becomes of it in ipip, GUE and VXLAN too, byte for
byte of what is sent; and what weir puts into tunnels, weir takes out of them."""
import collections
import os
import random
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
import weir_model as model  # noqa: E402
from fragments_test import Datagram, check, random_capture, random_datagram  # noqa: E402
from gateway import Gateway, check_books, main, read_pcap, write_pcap  # noqa: E402

PORT = 'name = "in0"; device = "net_pcap0,rx_pcap=@/in.pcap,tx_pcap=@/out.pcap"; queues = 1;'
ASKS = '( { port = 5700; protocol = "native"; decap = [ "ipip", "gue", "vxlan" ]; } )'
TUNNELS = ["ipip", "gue", "vxlan"]
LISTENERS = [model.Listener("any", 5700, "native", TUNNELS)]
WAYS = [("l2", None), ("nat", "10.0.0.1"), ("ipip", "10.0.0.1"), ("ipip", "2001:db8::1"), ("gue", "10.0.0.1"), ("gue", "2001:db8::1")]
OUTER = {4: (bytes([10, 9, 9, 1]), bytes([10, 9, 9, 2])),
         6: (bytes.fromhex("20010db8000900000000000000000001"), bytes.fromhex("20010db8000900000000000000000002"))}


def rules():
    """A rule for each thing that can be done with a message: tenants 1 to 9."""
    pools = [f'{{ name = "p{i}"; port = 0; mode = "{mode}"; '
             + (f'source = "{source}"; ' if source else "")
             + f'members = ( {{ name = "m"; address = "{"2001:db8::9" if source and ":" in source else "10.0.0.9"}"; mac = "02:00:00:00:00:aa"; }} ); }}'
             for i, (mode, source) in enumerate(WAYS)]
    actions = [f'forward = "p{i}"' for i in range(len(WAYS))] + ['agents = "desk"', 'reply = "r"', 'drop = "x"']
    tenants = ", ".join(f'{{ id = {1 + i}; name = "t{i}"; }}' for i in range(len(actions)))
    decide = ", ".join(f'{{ name = "r{i}"; match = {{ tenant = "t{i}"; }}; action = {{ {action}; }}; }}' for i, action in enumerate(actions))
    return (f'version = 1; tenants = ( {tenants} ); pools = ( {", ".join(pools)} ); queues = ( {{ name = "desk"; }} ); '
            f'replies = ( {{ name = "r"; status = "busy"; text = "later"; }} ); default = {{ drop = "rest"; }}; rules = ( {decide} );\n')


def in_tunnel(chance, frame, tunnel, version):
    """The frame's packet in a tunnel."""
    at = 14
    while frame[at - 2:at] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    inside, protocol = frame[at:], 4 if frame[at] >> 4 == 4 else 41
    source, destination = OUTER[version]
    if tunnel != "ipip":
        data, port = inside if chance.random() < 0.3 else struct.pack(">BBH", 0, protocol, 0) + inside, model.GUE
        if tunnel == "vxlan":
            tags = b"".join(struct.pack(">HH", 0x8100, chance.randint(1, 4094)) for _ in range(chance.choice([0, 0, 1, 2])))
            data = b"\x08\0\0\0" + chance.randbytes(3) + b"\0" + chance.randbytes(12) + tags + frame[at - 2:]
            port = model.VXLAN
        udp = struct.pack(">HHHH", chance.randint(49152, 65535), port, 8 + len(data), 0) + data
        carried = 0
        if chance.random() < 0.5:
            carried = model.checksum(source + destination + struct.pack(">IHH", len(udp), 0, 17) + udp) or 0xFFFF
        inside, protocol = udp[:6] + struct.pack(">H", carried) + udp[8:], 17
    if version == 4:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(inside), 7, 0, 64, protocol, 0) + source + destination
        return frame[:at - 2] + b"\x08\x00" + head[:10] + struct.pack(">H", model.checksum(head)) + head[12:] + inside
    return frame[:at - 2] + b"\x86\xdd" + struct.pack(">IHBB", 6 << 28, len(inside), protocol, 64) + source + destination + inside


def messages(chance, sizes, tenants=range(1, 11), cut=0.2):
    """Frames of messages, some cut up, for every rule; half of the senders want an answer."""
    frames = []
    for tenant in tenants:
        for size in sizes:
            one = Datagram(chance, 6 if chance.random() < 0.4 and tenant != 2 else 4, size)
            data = bytearray(one.udp)
            data[9] |= chance.choice([0, 1])
            struct.pack_into(">I", data, 12, tenant)
            data[6:8] = bytes(2)
            pseudo = one.source + one.destination + struct.pack(">IHH", len(data), 0, 17)
            struct.pack_into(">H", data, 6, model.checksum(pseudo + bytes(data)) or 0xFFFF)
            one.udp = bytes(data)
            frames += one.fragments(1400) if chance.random() < cut and size > 1400 else [one.cut(0, len(data), False) if one.version == 4 else whole(one)]
    return frames


def whole(one):
    """An IPv6 datagram without a fragment header."""
    head = struct.pack(">IHBB", 6 << 28, len(one.udp), 17, 64) + one.source + one.destination
    return one.frame(head + one.udp, 0x86DD)


def run(frames, listeners=ASKS):
    with Gateway([PORT], listeners=listeners) as gateway:
        write_pcap(gateway.path("in.pcap"), frames)
        stats = gateway.run_alone(gateway.compile(gateway.write("rules.conf", rules())), idle=0.3)
        check_books(stats)
        return stats, read_pcap(gateway.path("out.pcap"))


def bare(frame):
    """The frame without what no one reads: padding, and what differs between two tunnels of the same packet."""
    return frame.rstrip(b"\0")


def padded(frames):
    return [frame + bytes(max(0, 60 - len(frame))) for frame in frames]


def messages_in_tunnels_end_and_leave_as_they_do_without():
    chance = random.Random(7)
    plain = padded(messages(chance, [0, 1, 90, 600, 1300, 1500, 3000, 8000]))
    want, sent = run(plain)
    assert want["dispositions"]["malformed"] == want["dispositions"]["exception"] == 0, want["dispositions"]
    for tunnel in TUNNELS:
        for version in (4, 6):
            stats, out = run([in_tunnel(chance, frame, tunnel, version) for frame in plain])
            assert stats["dispositions"] == want["dispositions"], (tunnel, version, stats["dispositions"], stats["reasons"], want["dispositions"])
            assert stats["answers"] == want["answers"] > 0 and stats["rules"] == want["rules"], (tunnel, version)
            missing = collections.Counter(map(bare, sent)) - collections.Counter(map(bare, out))
            assert not missing and len(out) == len(sent), (tunnel, version, len(missing))


def what_weir_sends_through_tunnels_weir_takes_out_of_them():
    chance = random.Random(8)
    plain = padded(messages(chance, [0, 1, 90, 600, 1300]))
    _, sent = run(plain)
    through = [frame for frame in sent if frame[:6] == bytes.fromhex("0200000000aa")]
    tunnelled = [frame for frame in through if model.open_frame(frame, LISTENERS, False)[1]]
    assert len(tunnelled) >= 20, len(tunnelled)
    stats, _ = run(tunnelled)
    assert stats["dispositions"]["forward"] == len(tunnelled) == stats["rx"], stats["dispositions"]
    stats, _ = run(tunnelled, '( { port = 5700; protocol = "native"; } )')  # and who does not ask for them does not
    assert stats["dispositions"]["exception"] == len(tunnelled), stats["dispositions"]


def a_wrong_checksum_inside_is_counted_as_outside():
    chance = random.Random(9)
    broken = []
    for frame in padded(messages(chance, [90])):
        frame = bytearray(frame)
        at = 14 + 4 * ((frame[12:14] == b"\x81\x00") + 2 * (frame[12:14] == b"\x88\xa8"))
        frame[at + (20 if frame[at] >> 4 == 4 else 40) + 40] ^= 1
        broken.append(bytes(frame))
    for tunnel in TUNNELS:
        stats, _ = run([in_tunnel(chance, frame, tunnel, chance.choice([4, 6])) for frame in broken])
        assert stats["reasons"] == {"malformed": {"udp-checksum": len(broken)}}, stats["reasons"]


def packet_of(frame):
    """The IP packet of a frame."""
    at = 14
    while frame[at - 2:at] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    return frame[at:]


def in_pieces(chance):
    """A tunnel's packet that was cut up on its way, and now and then what it carries before that."""
    inner, outer = random_datagram(chance), random_datagram(chance)
    while len(inner.udp) > 1400:  # longer ones do not leave (see below)
        inner = random_datagram(chance)
    carried = chance.choice(inner.fragments()) if chance.random() < 0.3 else inner.cut(0, len(inner.udp), False) if inner.version == 4 else whole(inner)
    frame = in_tunnel(chance, carried, chance.choice(TUNNELS), outer.version)
    payload = packet_of(frame)[20 if outer.version == 4 else 40:]
    outer.protocol, outer.udp = packet_of(frame)[9 if outer.version == 4 else 6], payload
    outer.source, outer.destination = OUTER[outer.version]
    return outer.fragments(chance.choice([256, 512, 1400]))


def through(chance, frame):
    """The frame in a tunnel, or in none: all fragments of a datagram alike."""
    packet = packet_of(frame)
    tunnel = [*TUNNELS, *TUNNELS, None][sum(packet[15:16] if packet[0] >> 4 == 4 else packet[23:24]) % 7]
    return in_tunnel(chance, frame, tunnel, chance.choice([4, 6])) if tunnel else frame


def what_came_in_no_fragments_leaves_in_none():
    chance = random.Random(10)
    long = messages(chance, [3000], tenants=[1], cut=0)[0]
    frame = in_tunnel(chance, long, "ipip", 4)
    outer = Datagram(chance, 4, 0)
    outer.protocol, outer.udp = packet_of(frame)[9], packet_of(frame)[20:]
    stats, out = run(outer.fragments(1400))
    assert stats["reasons"]["tx_full"] == {"mtu": 1} and not any(frame[:6] == bytes.fromhex("0200000000aa") for frame in out), stats


def fragments_in_tunnels_and_tunnels_in_fragments_are_put_together():
    for seed in range(1, 4):
        chance = random.Random(seed)
        frames = [through(chance, frame) for frame in random_capture(seed)]
        for _ in range(60):
            at = chance.randint(0, len(frames))
            frames[at:at] = in_pieces(chance)
        check(frames, name=f"seed {seed}", listeners=LISTENERS)


if __name__ == "__main__":
    main([messages_in_tunnels_end_and_leave_as_they_do_without,
          what_came_in_no_fragments_leaves_in_none,
          fragments_in_tunnels_and_tunnels_in_fragments_are_put_together,
          what_weir_sends_through_tunnels_weir_takes_out_of_them,
          a_wrong_checksum_inside_is_counted_as_outside])
