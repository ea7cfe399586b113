#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Two workers on captures of their own (net_pcap with a capture a queue): books of each worker and port, rates that hold over both,
what an exceeded rate leads to, priorities, copies, and a port that backs up (net_memif without a peer refuses every frame)."""
import collections
import glob
import json
import os
import re
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from dataplane_test import expected_answer, layers, parse_answer  # noqa: E402
from gateway import Gateway, SkipTest, check_books, cpus, main, ones_sum, read_pcap, wait_for, write_pcap  # noqa: E402

WANTS_ANSWER = 1
EMERGENCY, URGENT, NORMAL, NON_URGENT = range(4)
HEAD = """version = 1;
pools = ( { name = "p"; port = %s; members = ( { name = "m"; address = "10.0.0.9"; mac = "02:00:00:00:00:09"; } ); },
          { name = "q"; port = %s; members = ( { name = "m"; address = "10.0.0.8"; mac = "02:00:00:00:00:08"; } ); } );
queues = ( { name = "desk"; }, { name = "copies"; } );
replies = ( { name = "later"; status = "busy"; retry_after = 7; text = "later"; } );
"""


def message(number, tenant=1, priority=NORMAL, flags=0, size=0):
    """A native message over IPv4; its source address and id say its number."""
    body = b"m%d" % number + bytes(size)
    native = struct.pack(">BBBBIHHI", 0x57, 0x10 | flags, priority, 1, tenant, 0x4445, len(body), number) + body
    udp = struct.pack(">HHHH", 4000, 5700, 8 + len(native), 0) + native
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x0a\x01" + struct.pack(">H", number % 65536),
                     bytes([10, 0, 0, 1]))
    ip = ip[:10] + struct.pack(">H", 0xffff ^ ones_sum(ip)) + ip[12:]
    return bytes.fromhex("020000000001020000000002") + b"\x08\x00" + ip + udp


def id_of(frame):
    return struct.unpack_from(">I", layers(frame)["payload"], 12)[0]


def port(name, device, *captures, more=""):
    """A net_pcap port with one capture a queue, and as many output captures."""
    arguments = [f"rx_pcap=@/{capture}" for capture in captures] + [f"tx_pcap=@/{name}.out{i}" for i in range(len(captures))]
    return f'name = "{name}"; device = "{device},{",".join(arguments)}{more}"; queues = {len(captures)};'


def counts(stats, kind):
    return {row["name"]: row["count"] for row in stats[kind]}


def run(ports, captures, rules, workers=2, **settings):
    """The statistics of a run over finite captures, and the frames sent by port."""
    with Gateway(ports, workers=workers, **settings) as g:
        for name, frames in captures.items():
            write_pcap(g.path(name), frames)
        stats = g.run_alone(g.compile(g.write("rules.conf", rules)), idle=0.3)
        check_books(stats)
        sent = collections.defaultdict(list)
        for path in sorted(glob.glob(g.path("*.out*"))):
            sent[os.path.basename(path).split(".")[0]] += read_pcap(path)
        records = [record for path in glob.glob(g.path("run/t/segment.*")) for record in read_records(path)]
        return stats, sent, records


def read_records(path):
    """Priority and own priority of each message in the agent channels of a segment (abi/segment.h, abi/channel.h)."""
    with open(path, "rb") as file:
        data = file.read()
    workers, _, _, slots = struct.unpack_from("<4I", data, 12)
    shared, ring = struct.unpack_from("<Q", data, 88)[0], struct.unpack_from("<Q", data, 144)[0]
    for worker in range(workers):
        at, head = 0, struct.unpack_from("<Q", data, shared + 64 * worker)[0]
        while at < head:
            record = ring + (worker * slots + at % slots) * 256
            length, kind = struct.unpack_from("<IH", data, record + 8)
            if kind != 3:
                yield data[record + 46], data[record + 112]
            at += length


def books_hold_for_each_worker_and_port():
    captures = {"a": [message(i) for i in range(300)], "b": [message(i, tenant=2) for i in range(500)] + [b"\0" * 60] * 7,
                "c": [message(i, tenant=3) for i in range(1100)], "d": [message(i) for i in range(13)]}
    rules = HEAD % (1, 0) + """default = { forward = "p"; };
rules = ( { name = "two"; match = { tenant = "unknown"; size = { max = 3; }; }; action = { drop = "short"; }; } );"""
    stats, sent, _ = run([port("in0", "net_pcap0", "a", "b"), port("in1", "net_pcap1", "c", "d")], captures, rules)
    assert [part["rx"] for part in stats["ports"]] == [807, 1113], stats["ports"]
    assert [part["rx"] for part in stats["workers"]] == [1400, 520], stats["workers"]
    assert stats["dispositions"]["exception"] == 7 == stats["workers"][1]["dispositions"]["exception"]
    assert counts(stats, "rules") == {"two": 313, "default": 1600}, stats["rules"]
    assert not sent["in0"] and collections.Counter(map(id_of, sent["in1"])) == collections.Counter(
        list(range(100, 300)) + list(range(100, 500)) + list(range(100, 1100)))
    assert [part["dispositions"]["forward"] for part in stats["workers"]] == [1200, 400], stats["workers"]


class Snapshot:
    """Admitted messages by pool and each worker's own clock, from the segment of a running dataplane."""

    def __init__(self, g):
        path, = glob.glob(g.path("run/t/segment.*"))
        stats = json.loads(g.run("spool_check", "--stats", path).stdout)
        self.admitted = counts(stats, "pools") if stats["pools"] else {}
        self.seconds = [worker["cycles"] / stats["tsc_hz"] for worker in stats["workers"]]
        self.rx = [worker["rx"] for worker in stats["workers"]]


def a_rate_holds_over_both_workers_within_two_per_cent():
    rates, burst = {"p": 50000, "q": 20000}, 2500
    rules = f"""tenants = ( {{ id = 1; name = "one"; rate = {rates["p"]}; burst = {burst}; }} );
default = {{ drop = "rest"; }};
rules = ( {{ name = "one"; match = {{ tenant = "one"; }}; action = {{ forward = "p"; }}; }},
          {{ name = "capped"; match = {{ channel = "sms"; }};
             action = {{ forward = "q"; rate = {rates["q"]}; burst = {burst}; }}; }} );"""
    device = port("in0", "net_pcap0", "a", "b", more=",infinite_rx=1").replace("tx_pcap=@/in0.out0", "tx_pcap=/dev/null")
    with Gateway([device.replace("tx_pcap=@/in0.out1", "tx_pcap=/dev/null")], workers=2) as g:
        write_pcap(g.path("a"), [message(i, tenant=1 if i % 10 else 5) for i in range(200)])
        write_pcap(g.path("b"), [message(i, tenant=5 if i % 10 < 8 else 1) for i in range(200)])
        g.start("weir-dataplane", "--config", g.config, "--table", g.compile(g.write("rules.conf", HEAD % (0, 0) + rules)))
        wait_for("traffic on both", lambda: glob.glob(g.path("run/t/segment.*")) and min(Snapshot(g).rx) > 100000)
        within, seen = set(), []
        for _ in range(6):  # both workers may stand still at once, on a machine that others use: no rate can be had then
            before = Snapshot(g)
            time.sleep(2.5)
            after = Snapshot(g)
            seconds = max(b - a for a, b in zip(before.seconds, after.seconds))
            for pool, rate in rates.items():
                admitted = after.admitted[pool] - before.admitted[pool]
                seen.append(f"{pool} {admitted / seconds:.0f}/s")
                assert admitted <= rate * seconds * 1.02 + burst, f"{pool}: {admitted} in {seconds:.3f} s"
                if abs(admitted - rate * seconds) <= rate * seconds * 0.02:
                    within.add(pool)
            offered = sum(after.rx) - sum(before.rx)
            assert offered > 4 * sum(rates.values()) * seconds, f"only {offered} offered"
            if within == set(rates):
                break
        print(f"   {offered / seconds:.0f} messages a second offered: {', '.join(seen)}", flush=True)
        assert within == set(rates), seen


def an_exceeded_rate_leads_where_the_rule_says():
    n = 2000
    captures = {"a": [message(i, flags=WANTS_ANSWER) for i in range(n)], "b": [message(i, tenant=2) for i in range(n)]}
    for exceed, tenant_rate, ends, answers in (('exceed = "drop";', "", "police", n), ("", "", "police", n),
                                               ('exceed = "reply:later";', "", "reply", 2 * n),
                                               ('exceed = "agents:desk";', "", "agents", 0),
                                               ('exceed = "reply:later";', "rate = 1; burst = 10;", "police", n)):
        rules = HEAD % (0, 0) + f"""tenants = ( {{ id = 1; name = "one"; {tenant_rate} }}, {{ id = 2; name = "two"; {tenant_rate} }} );
default = {{ forward = "p"; rate = 1; burst = {200 if tenant_rate else 20}; {exceed} }};"""
        stats, sent, _ = run([port("in0", "net_pcap0", "a", "b")], captures, rules, agents="{ slots = 8192; }")
        found, admitted = stats["dispositions"], stats["dispositions"]["forward"]
        assert 18 <= admitted <= 26, (exceed, found)
        assert found[ends] == 2 * n - admitted, (exceed, found)
        replies = [frame for frame in sent["in0"] if layers(frame)["payload"][1] & 2]
        assert stats["answers"] == len(replies), (exceed, stats["answers"], len(replies))
        assert answers - 26 <= len(replies) <= answers, (exceed, len(replies))
        if ends == "agents":
            assert counts(stats, "queues") == {"desk": found["agents"], "copies": 0}, stats["queues"]
        status, payload = (2, struct.pack(">I", 7) + b"later") if ends == "reply" else (2, struct.pack(">I", 1))
        want = {expected_answer(frame, status, payload) for frame in captures["a"] + captures["b"]}
        assert all(parse_answer(frame) in want for frame in replies), f"{exceed}: an answer differs"


def a_priority_that_a_rule_sets_is_the_one_that_counts():
    frames = [message(i, priority=NORMAL) for i in range(40)] + [message(40, tenant=7, priority=NON_URGENT)]
    rules = HEAD % (0, 0) + """tenants = ( { id = 7; name = "seven"; } );
default = { forward = "p"; };
rules = ( { name = "up"; match = { tenant = "seven"; }; action = { %s; set_priority = "emergency"; }; } );"""
    _, sent, _ = run([port("in0", "net_pcap0", "a")], {"a": frames}, rules % 'forward = "p"', workers=1)
    assert [id_of(frame) for frame in sent["in0"]] == [40] + list(range(40)), "the frame that was raised leaves first"
    stats, _, records = run([port("in0", "net_pcap0", "a")], {"a": frames}, rules % 'agents = "desk"', workers=1)
    assert records == [(EMERGENCY, NON_URGENT)] and counts(stats, "queues")["desk"] == 1, records


def a_copy_is_counted_in_its_queue_beside_the_message():
    captures = {"a": [message(i, flags=WANTS_ANSWER) for i in range(100)], "b": [message(i) for i in range(100, 150)]}
    rules = HEAD % (0, 0) + 'default = { forward = "p"; copy = "copies"; };'
    stats, sent, records = run([port("in0", "net_pcap0", "a", "b")], captures, rules)
    assert stats["dispositions"]["forward"] == 150 == len(sent["in0"]), stats["dispositions"]
    assert counts(stats, "queues") == {"desk": 0, "copies": 150} and len(records) == 150
    assert stats["answers"] == 0 and stats["copies_lost"] == 0, "the member answers"
    assert sorted(map(id_of, sent["in0"])) == list(range(150))
    captures["a"] = [message(i) for i in range(3000)]
    stats, sent, records = run([port("in0", "net_pcap0", "a", "b")], captures, rules, agents="{ slots = 1024; }")
    assert stats["dispositions"]["forward"] == 3050 and stats["copies_lost"] == 3000 - 1024, (stats["copies_lost"], len(records))
    assert len(records) == 1024 + 50 == counts(stats, "queues")["copies"]


def a_port_that_backs_up_costs_the_lowest_priorities_and_no_answer():
    n = 3000
    captures = {"a": [message(i, priority=i * 7 % 4, flags=i % 3 == 0) for i in range(n)],
                "b": [message(n + i, priority=NON_URGENT, flags=WANTS_ANSWER) for i in range(n)]}
    for i in range(3, n, 300):  # longer than a frame buffer
        captures["a"][i] = message(i, priority=i * 7 % 4, flags=WANTS_ANSWER, size=5000)
    with Gateway(['name = "x"; device = "net_null0";']) as scratch:
        ports = [port("in0", "net_pcap0", "a", "b"),
                 f'name = "out0"; device = "net_memif0,role=server,socket={scratch.path("memif")},socket-abstract=no"; queues = 2;']
        stats, sent, _ = run(ports, captures, HEAD % (1, 1) + 'default = { forward = "p"; };', memory_mb=192)
    found, flagged = stats["dispositions"], n // 3 + n
    assert found["forward"] == 0 and found["held"] == 0, found
    assert found["shed"] + found["tx_full"] == 2 * n and found["shed"] > 0, found
    assert stats["workers"][1]["dispositions"]["shed"] == 0, "equals find the port full, none is lower"
    assert stats["ports"][1]["rx"] == 0 and stats["ports"][0]["dispositions"] == found
    assert stats["answers"] == flagged == len(sent["in0"]), (stats["answers"], stats["answers_lost"], len(sent["in0"]))
    want = collections.Counter(expected_answer(frame, 2, struct.pack(">I", 1))
                               for frame in captures["a"] + captures["b"] if layers(frame)["payload"][1] & 1)
    assert collections.Counter(map(parse_answer, sent["in0"])) == want, "each flagged sender is answered once"


def naps(dataplane):
    """How often the worker's thread has given its CPU up by itself."""
    for folder in glob.glob(f"/proc/{dataplane.pid}/task/*"):
        with open(f"{folder}/comm", encoding="ascii") as comm, open(f"{folder}/status", encoding="ascii") as status:
            if "worker-1" in comm.read():
                return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status.read(), re.M).group(1))
    raise AssertionError("no thread of worker 0")


def a_worker_polls_on_a_cpu_of_its_own_and_naps_on_the_main_threads():
    if len(cpus()) < 2:
        raise SkipTest("it needs two CPUs")
    for polls in (True, False):
        with Gateway(['name = "in0"; device = "net_null0,no-rx=1";'], polls=polls, memory_mb=64) as g:
            table = g.compile(g.write("rules.conf", HEAD % (0, 0) + 'default = { drop = "rest"; };'))
            dataplane = g.start("weir-dataplane", "--config", g.config, "--table", table)
            wait_for("the worker", lambda: glob.glob(g.path("run/t/segment.*")) and Snapshot(g).seconds[0] > 0)
            before, since = naps(dataplane), Snapshot(g).seconds[0]
            wait_for("a second of its clock", lambda g=g, since=since: Snapshot(g).seconds[0] > since + 1)
            if polls:
                assert naps(dataplane) - before < 10, naps(dataplane) - before
            else:
                wait_for("naps", lambda d=dataplane, before=before: naps(d) > before + 100)


if __name__ == "__main__":
    main([a_worker_polls_on_a_cpu_of_its_own_and_naps_on_the_main_threads,
          books_hold_for_each_worker_and_port,
          a_rate_holds_over_both_workers_within_two_per_cent,
          an_exceeded_rate_leads_where_the_rule_says,
          a_priority_that_a_rule_sets_is_the_one_that_counts,
          a_copy_is_counted_in_its_queue_beside_the_message,
          a_port_that_backs_up_costs_the_lowest_priorities_and_no_answer])
