# SPDX-License-Identifier: BSD-3-Clause
"""A TRex profile (stateless): the messages of a scenario, from a capture that weir-pktgen wrote. README.md says how to run it.

As `stream`, each frame of the capture is a stream of its own, all at the same rate: the shares are the scenario's, the order is
not, and `-m` of the console scales the whole. As `replay`, frames are sent in the capture's order, one after the other.
"""
import argparse
import os
import struct

FRAME_MIN = 60  # without FCS; shorter ones a NIC fills up to this
STREAMS_MAX = 20000  # that a port of TRex takes


def read_capture(path):
    """Frames of a classic pcap file of Ethernet in either byte order; raises ValueError with what is wrong."""
    with open(path, "rb") as file:
        data = file.read()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\x3c\x4d": ">"}.get(data[:4])
    if not order or len(data) < 24 or struct.unpack_from(order + "I", data, 20)[0] != 1:
        raise ValueError(f"{path}: no capture of Ethernet frames in pcap's classic format")
    frames, at = [], 24
    while at < len(data):
        if at + 16 > len(data):
            raise ValueError(f"{path}: ends inside the header of frame {len(frames) + 1}")
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        at += 16
        if length < 14 or at + length > len(data):
            raise ValueError(f"{path}: frame {len(frames) + 1} has a length of {length} bytes, {len(data) - at} bytes follow")
        frames.append(data[at:at + length])
        at += length
    if not frames:
        raise ValueError(f"{path}: no frames")
    return frames


def read_options(tunables):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], prog=os.path.basename(__file__))
    parser.add_argument("--pcap", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "scenario.pcap"),
                        help="written by weir-pktgen; default scenario.pcap beside the profile")
    parser.add_argument("--rate", type=float, default=100000, help="messages a second")
    parser.add_argument("--mode", choices=["stream", "replay"], default="stream")
    parser.add_argument("--loops", type=int, default=0, help="of a replay; 0, the default, is for ever")
    options = parser.parse_args(tunables)
    if options.rate <= 0 or options.loops < 0:
        parser.error("--rate is above 0, --loops not below")
    return options


def make_streams(frames, options):
    # Here, so that the capture's reader can be had without TRex.
    from trex.stl.api import STLPktBuilder, STLStream, STLStreamDstMAC_PKT, STLTXCont, STLTXSingleBurst

    if len(frames) > STREAMS_MAX:
        raise ValueError(f"{len(frames)} frames; a port takes {STREAMS_MAX} streams: write a shorter capture (--count)")
    gap_us, streams = 1e6 / options.rate, []
    for number, frame in enumerate(frames, 1):
        how = {"packet": STLPktBuilder(pkt_buffer=frame.ljust(FRAME_MIN, b"\0")), "mac_src_override_by_pkt": 1,
               "mac_dst_override_mode": STLStreamDstMAC_PKT}  # addresses as in the capture
        if options.mode == "stream":
            streams.append(STLStream(mode=STLTXCont(pps=options.rate / len(frames)), isg=number * gap_us, **how))
        else:
            last = number == len(frames)
            streams.append(STLStream(name=str(number), mode=STLTXSingleBurst(total_pkts=1, percentage=100), isg=gap_us, self_start=number == 1,
                                     next="1" if last else str(number + 1), action_count=options.loops if last else 0, **how))
    return streams


class Profile:
    def get_streams(self, direction=0, port_id=0, tunables=(), **_):
        """Streams of the port that sends; none of the other of a pair, which only receives."""
        options = read_options(tunables)
        return make_streams(read_capture(options.pcap), options) if direction == 0 else []


def register():
    return Profile()
