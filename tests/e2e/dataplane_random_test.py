#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The dataplane over random rule files and captures: its counters and each frame that it sends, against the second
implementation (tests/kit/weir_model.py). WEIR_SEED is the first seed (1), WEIR_SEEDS how many (10)."""
import collections
import json
import os
import re
import sys

sys.dont_write_bytecode = True
from dataplane_test import PCAP_PORT, counted, expectation, sent  # first: it makes the kit importable
import gen_capture  # noqa: E402
from gateway import Gateway, check_books, main  # noqa: E402

FIRST, SEEDS, FRAMES = int(os.environ.get("WEIR_SEED", "1")), int(os.environ.get("WEIR_SEEDS", "10")), 1500


def listeners_of(folder):
    """The gateway's settings that a generated folder asks for."""
    try:
        with open(f"{folder}/gateway.conf", encoding="utf-8") as file:
            return {"listeners": re.search(r"listeners = (\(.*\));", file.read(), re.S).group(1)}
    except FileNotFoundError:
        return {}


def check_seed(seed):
    with Gateway([]) as scratch:
        folder = scratch.path("case")
        gen_capture.generate(seed, folder, FRAMES, plain=True)
        trust = ' udp_checksum = "trust";' if os.path.exists(f"{folder}/arguments") else ""
        port = PCAP_PORT % f"{folder}/in.pcap" + trust
        with Gateway([port], polls=True, **listeners_of(folder)) as gateway:
            stats = gateway.run_alone(gateway.compile(f"{folder}/rules.conf"), idle=0.2)
            check_books(stats)
            counts, forwards, answers = expectation(folder)
            assert counted(stats) == counts, f"seed {seed}: {counted(stats) - counts} too many, {counts - counted(stats)} missing"
            got_forwards, got_answers, others = sent(folder, gateway.path("out.pcap"))
            assert got_forwards == forwards, f"seed {seed}: {len(got_forwards - forwards)} frames forwarded otherwise"
            assert got_answers == answers, f"seed {seed}: {got_answers - answers} instead of {answers - got_answers}"
        with open(f"{folder}/expect.jsonl", encoding="utf-8") as lines:
            want = collections.Counter(rule for rule in (json.loads(line)["rule"] for line in lines) if rule)
        assert +collections.Counter({rule["name"]: rule["count"] for rule in stats["rules"]}) == want, f"seed {seed}: rules"


def random_captures_are_counted_rewritten_and_answered_as_the_contract_says():
    for seed in range(FIRST, FIRST + SEEDS):
        check_seed(seed)


if __name__ == "__main__":
    main([random_captures_are_counted_rewritten_and_answered_as_the_contract_says])
