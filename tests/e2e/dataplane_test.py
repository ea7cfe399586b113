#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The dataplane by itself over captures: counters, and each frame that it sends, against the worked examples."""
import collections
import copy
import glob
import json
import os
import re
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
import coap  # noqa: E402
import sip_model  # noqa: E402
from gateway import Gateway, check_books, main, ones_sum, read_pcap, write_pcap  # noqa: E402

EXAMPLES = sorted(glob.glob(os.path.join(HERE, "..", "data", "accept", "*")))
PCAP_PORT = 'name = "in0"; device = "net_pcap0,rx_pcap=%s,tx_pcap=@/out.pcap"; queues = 1;'
STATUS = {"accepted": 0, "refused": 1, "busy": 2}


def layers(frame):
    """Offsets and addresses of a well-formed native frame."""
    at = 14
    while frame[at - 2:at] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    if frame[at] >> 4 == 4:
        header, source, destination = (frame[at] & 15) * 4, frame[at + 12:at + 16], frame[at + 16:at + 20]
        udp = at + header
    else:
        source, destination, following, udp = frame[at + 8:at + 24], frame[at + 24:at + 40], frame[at + 6], at + 40
        while following != 17:
            following, udp = frame[udp], udp + 8 * (frame[udp + 1] + 1)
    length = struct.unpack_from(">H", frame, udp + 4)[0]
    return {"l3": at, "source": source, "destination": destination, "udp": udp,
            "payload": frame[udp + 8:udp + length]}


def parse_answer(frame):
    """An answer as (addresses, message), after checking what is fixed about it."""
    found = layers(frame)
    at, udp, payload = found["l3"], found["udp"], found["payload"]
    segment = frame[udp:udp + 8 + len(payload)]
    assert struct.unpack_from(">H", frame, udp + 4)[0] == len(segment)
    if frame[at] >> 4 == 4:
        assert ones_sum(frame[at:udp]) == 0xffff, "IPv4 header checksum of an answer"
        assert struct.unpack_from(">H", frame, at + 2)[0] == 20 + len(segment)
    else:
        assert struct.unpack_from(">H", frame, at + 4)[0] == len(segment)
    pseudo = found["source"] + found["destination"] + struct.pack(">HH", 17, len(segment))
    assert ones_sum(pseudo + segment) == 0xffff, "UDP checksum of an answer"
    assert len(frame) >= 60
    return (frame[:at], found["source"], found["destination"], frame[udp:udp + 4], payload)


def expected_answer(frame, status, payload):
    found = layers(frame)
    at, udp, message = found["l3"], found["udp"], found["payload"]
    head = (message[:1] + b"\x12" + bytes([status]) + message[3:10] + struct.pack(">H", len(payload)) + message[12:16])
    return (frame[6:12] + frame[:6] + frame[12:at], found["destination"], found["source"],
            frame[udp + 2:udp + 4] + frame[udp:udp + 2], head + payload)


def rules_of(path):
    """Members' MAC addresses by pool, and reply templates, of an example's rule file."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    pools = {name: bytes.fromhex(mac.replace(":", "")) for name, mac in
             re.findall(r'name = "([\w-]+)"; port = 0;\s*members = .*?mac = "([0-9a-f:]+)"', text)}
    replies = {}
    for body in re.findall(r"\{([^{}]*status[^{}]*)\}", text):
        value = dict(re.findall(r'(\w+) = "?([^";]*)"?;', body))
        payload = struct.pack(">I", int(value.get("retry_after", 1))) if value["status"] == "busy" else b""
        replies[value["name"]] = (STATUS[value["status"]], payload + value.get("text", "").encode())
    return pools, replies


def expectation(folder):
    """What the dataplane must count and send for an example."""
    opened = os.path.join(folder, "opened.pcap")  # as in.pcap, but without tunnels
    frames = read_pcap(opened if os.path.exists(opened) else os.path.join(folder, "in.pcap"))
    pools, replies = rules_of(os.path.join(folder, "rules.conf"))
    counts, forwards, answers = collections.Counter(), collections.Counter(), collections.Counter()
    with open(os.path.join(folder, "expect.jsonl"), encoding="utf-8") as lines:
        for frame, line in zip(frames, lines):
            want = json.loads(line)
            counts[want["disposition"]] += 1
            if want["reason"]:
                counts[want["disposition"] + "." + want["reason"]] += 1
            if want["disposition"] == "forward":
                forwards[pools[want["target"]] + frame[12:]] += 1
            elif want["protocol"] != "native":
                continue  # answered in other words: sent() looks whether they are sound
            elif want["disposition"] == "reply":
                answers[expected_answer(frame, *replies[want["target"]])] += 1
            elif want["disposition"] == "drop" and want["rule"] and layers(frame)["payload"][1] & 1:
                answers[expected_answer(frame, STATUS["refused"], b"")] += 1
    return counts, forwards, answers


def counted(stats):
    """The statistics in the form of an expectation; agents_full counts as agents."""
    counts = collections.Counter(stats["dispositions"])
    counts["agents"] += counts.pop("agents_full")
    for disposition, reasons in stats["reasons"].items():
        counts.update({f"{disposition}.{reason}": n for reason, n in reasons.items()})
    return +counts


def sent(folder, path):
    """Frames of the output capture: forwarded ones by member's MAC and bytes past the L2 addresses, answers parsed; and how many
    answers are SIP's and CoAP's, each one that its protocol's second decoder takes for a response, a reset or an acknowledgement."""
    members = rules_of(os.path.join(folder, "rules.conf"))[0].values()
    forwards, answers, others = collections.Counter(), collections.Counter(), 0
    for frame in read_pcap(path):
        if frame[:6] in members:
            forwards[frame[:6] + frame[12:]] += 1
            continue
        answer = parse_answer(frame)
        if answer[-1][:2] == b"\x57\x12":
            answers[answer] += 1
            continue
        others += 1
        assert sip_model.decode(answer[-1])[0] == "sip-response" or coap.read(answer[-1])["reason"] == "coap-message", answer
    return forwards, answers, others


def counters_and_frames_are_what_the_worked_examples_say():
    assert EXAMPLES, "no examples found"
    for folder in EXAMPLES:
        with Gateway([PCAP_PORT % os.path.join(folder, "in.pcap")], polls=True) as gateway:
            stats = gateway.run_alone(gateway.compile(os.path.join(folder, "rules.conf")))
            check_books(stats)
            counts, forwards, answers = expectation(folder)
            assert counted(stats) == counts, f"{folder}: {counted(stats) - counts} too many, {counts - counted(stats)} missing"
            got_forwards, got_answers, others = sent(folder, gateway.path("out.pcap"))
            assert got_forwards == forwards, f"{folder}: forwarded frames differ: {len(got_forwards)} {len(forwards)}"
            assert got_answers == answers, f"{folder}: answers differ: {got_answers - answers} {answers - got_answers}"
            assert stats["answers"] == sum(answers.values()) + others


def each_rule_counts_the_messages_that_it_decided():
    folder = EXAMPLES[0]
    with Gateway([PCAP_PORT % os.path.join(folder, "in.pcap")], polls=True) as gateway:
        stats = gateway.run_alone(gateway.compile(os.path.join(folder, "rules.conf")))
        want = collections.Counter()
        with open(os.path.join(folder, "expect.jsonl"), encoding="utf-8") as lines:
            want.update(rule for rule in (json.loads(line)["rule"] for line in lines) if rule)
        assert +collections.Counter({rule["name"]: rule["count"] for rule in stats["rules"]}) == want
        names = [rule["name"] for rule in stats["rules"]]
        assert names[-1] == "default" and names[:-1] == [f"r{i}" for i in range(len(names) - 1)], names


def a_counter_that_is_off_by_one_turns_the_books_red():
    folder = EXAMPLES[0]
    with Gateway([PCAP_PORT % os.path.join(folder, "in.pcap")], polls=True) as gateway:
        stats = gateway.run_alone(gateway.compile(os.path.join(folder, "rules.conf")))
    check_books(stats)
    for spoil in (lambda s: s["dispositions"].update(forward=s["dispositions"]["forward"] + 1),
                  lambda s: s.update(rx=s["rx"] - 1),
                  lambda s: s["workers"][0]["dispositions"].update(held=1),
                  lambda s: s["ports"][0].update(rx=0),
                  lambda s: s["reasons"]["malformed"].update(truncated=0)):
        spoiled = copy.deepcopy(stats)
        spoil(spoiled)
        try:
            check_books(spoiled)
        except AssertionError:
            continue
        raise AssertionError("a broken counter was not noticed")


def plain_message(tenant):
    """A native message of an empty body, without a tag and without a UDP checksum."""
    message = struct.pack(">BBBBI2sHI", 0x57, 0x10, 2, 1, tenant, b"DE", 0, 1)
    udp = struct.pack(">HHHH", 40000, 5700, 8 + len(message), 0) + message
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
    ip = ip[:10] + struct.pack(">H", 0xffff - ones_sum(ip)) + ip[12:]
    return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + udp


def a_tenant_with_a_key_takes_no_untagged_message():
    """Not even where no message of a whole burst has a tag."""
    with Gateway([PCAP_PORT % "@/plain.pcap"], polls=True) as gateway:
        rules = gateway.write("rules.conf", 'version = 1; tenants = ( { id = 7; name = "k"; key = "%s"; }, '
                              '{ id = 8; name = "n"; } ); default = { drop = "all"; };' % ("5c" * 16))
        write_pcap(gateway.path("plain.pcap"), [plain_message(7 + i % 2) for i in range(256)])
        stats = gateway.run_alone(gateway.compile(rules))
        check_books(stats)
        assert stats["reasons"].get("malformed") == {"native-auth": 128}, stats["reasons"]
        assert stats["dispositions"]["drop"] == 128, stats["dispositions"]


def frames_longer_than_a_buffer_are_judged_whole():
    folder = EXAMPLES[0]
    plain = [frame for frame in read_pcap(os.path.join(folder, "in.pcap")) if frame[12:14] == b"\x08\x00"][:50]
    with Gateway([PCAP_PORT % "@/long.pcap"], polls=True) as gateway:
        write_pcap(gateway.path("long.pcap"), [frame + bytes(7000) for frame in plain] + plain)
        stats = gateway.run_alone(gateway.compile(os.path.join(folder, "rules.conf")))
        check_books(stats)
        assert stats["rx"] == 100
        for disposition, n in stats["dispositions"].items():
            assert n % 2 == 0, f"{disposition}: padding past the IP length changed the outcome"


def stages_and_turns_are_timed_where_that_is_asked_for():
    rules = 'version = 1; default = { drop = "all"; };'
    with Gateway([PCAP_PORT % "@/in.pcap"]) as g:
        write_pcap(g.path("in.pcap"), [plain_message(1001)] * 500)
        done = g.run("weir-dataplane", "--config", g.config, "--table", g.compile(g.write("rules.conf", rules)), "--exit-when-idle", "0.5",
                     "--stage-cycles")
        assert done.returncode == 0, done.stderr
        stages = re.findall(r"^stage (\w+) worker 0: [\d.]+ cycles a frame$", done.stderr, re.M)
        assert stages == ["rx", "parse", "decode", "classify", "police", "act", "tx"], done.stderr
        shares, = re.findall(r"^triage worker 0: p10 (\d+), p50 (\d+), p90 (\d+) cycles a frame$", done.stderr, re.M)
        assert 0 < int(shares[0]) <= int(shares[1]) <= int(shares[2]), done.stderr
        (longest, seconds), = re.findall(r"^turns worker 0 generation \d+: longest ([\d.]+) us in ([\d.]+) s$", done.stderr, re.M)
        assert 0 < float(longest) <= float(seconds) * 1e6 + 1, done.stderr


if __name__ == "__main__":
    main([stages_and_turns_are_timed_where_that_is_asked_for, counters_and_frames_are_what_the_worked_examples_say,
          each_rule_counts_the_messages_that_it_decided,
          a_counter_that_is_off_by_one_turns_the_books_red,
          a_tenant_with_a_key_takes_no_untagged_message,
          frames_longer_than_a_buffer_are_judged_whole])
