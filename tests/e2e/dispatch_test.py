#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The dispatcher: one queue's frames over two workers by content, books exact for each row, siblings, workers that stand still."""
import collections
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from dataplane_workers_test import id_of, message  # noqa: E402
from gateway import Gateway, check_books, cpus, main, read_pcap, write_pcap  # noqa: E402

RULES = """version = 1;
pools = ( { name = "p"; port = 0; members = ( { name = "m"; address = "10.0.0.9"; mac = "02:00:00:00:00:09"; } ); } );
default = { forward = "p"; };
"""
ARP = bytes.fromhex("ffffffffffff0200000000020806") + bytes(46)


def port(capture, outputs, more=""):
    """A net_pcap port of one queue whose frames are dispatched; each sender has its output."""
    out = ",".join(f"tx_pcap=@/out{i}" if outputs else "tx_pcap=/dev/null" for i in range(3))
    return f'name = "in0"; device = "net_pcap0,rx_pcap=@/{capture},{out}{more}";'


def dispatch():
    return f"dispatch_cpu = {cpus()[-1]};"


def rows(stats):
    """The workers' rows and the dispatcher's."""
    return [row for row in stats["workers"] if "name" not in row], [row for row in stats["workers"] if "name" in row]


def one_sender_loads_both_workers_alike():
    frames = [flood(i) for i in range(20000)]
    with Gateway([port("in", True)], workers=2, dataplane=dispatch()) as g:
        write_pcap(g.path("in"), frames)
        stats = g.run_alone(g.compile(g.write("rules.conf", RULES)))
        check_books(stats)
        workers, (dispatcher,) = rows(stats)
        assert dispatcher["name"] == "dispatch" and dispatcher["rx"] == 0, dispatcher
        assert stats["rx"] == 20000 == stats["dispositions"]["forward"], stats["dispositions"]
        share = [row["rx"] / 20000 for row in workers]
        assert max(share) - min(share) <= 0.1 * max(share), share
        sent = [id_of(frame) for i in range(2) for frame in read_pcap(g.path(f"out{i}"))]
        assert collections.Counter(sent) == collections.Counter(range(20000))
        print(f"  shares {share[0]:.4f} {share[1]:.4f}")


def flood(number):
    """A message of one and the same sender."""
    frame = bytearray(message(7))
    frame[54:58] = number.to_bytes(4, "big")
    return bytes(frame)


if __name__ == "__main__":
    main([one_sender_loads_both_workers_alike])
