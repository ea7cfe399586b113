#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 of whoever writes the spool, at random moments, while agents claim, settle with and without answers, return and
extend: whatever was acknowledged has happened, and nothing was done by half.

The writer is tests/kit/spool_worker: the control plane's consumer and spool, with agents that write down what they were
told. KILLS sets the number of kills (200), SLOWER stretches the times between them."""
import os
import random
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
from gateway import main, program  # noqa: E402

KILLS = int(os.environ.get("KILLS", "200"))
SLOWER = float(os.environ.get("SLOWER", "1"))


def check(folder):
    done = subprocess.run([program("spool_worker"), "--check", f"{folder}/spool", f"{folder}/log"], capture_output=True, text=True,
                          timeout=60)
    print(f"   {done.stdout.strip()}", flush=True)
    assert done.returncode == 0, f"spool_worker --check: {done.returncode} {done.stdout} {done.stderr[-2000:]}"
    return {name: int(value) for name, value in re.findall(r"(\w+) (\d+)", done.stdout)}


def what_agents_were_told_survives_kills_at_any_moment():
    moments = random.Random(815)
    with tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
        os.mkdir(f"{folder}/spool")
        os.mkdir(f"{folder}/run")
        for kill in range(KILLS):
            with open(f"{folder}/err", "ab") as err:
                agent = subprocess.Popen([program("spool_worker"), f"{folder}/spool", f"{folder}/run", f"{folder}/log", str(kill)],
                                         stdout=subprocess.PIPE, stderr=err)
            if moments.random() < 0.8:  # else while it starts
                agent.stdout.readline()
            try:  # the moment of a kill is what this test draws
                agent.wait(timeout=moments.uniform(0, 0.1 * SLOWER))
            except subprocess.TimeoutExpired:
                pass
            else:
                with open(f"{folder}/err", encoding="utf-8") as err:
                    raise AssertionError(f"spool_worker ended by itself, {agent.returncode}: {err.read()[-2000:]}")
            agent.kill()
            agent.wait()
            agent.stdout.close()
            if kill % 50 == 49:
                check(folder)
        found = check(folder)
        with open(f"{folder}/err", encoding="utf-8") as err:
            said = err.read()
        assert "Sanitizer" not in said, said[-2000:]
        assert found["acknowledged"] > 1000 and found["settled"] > 100, "too little to show anything"


if __name__ == "__main__":
    assert os.path.exists(program("spool_worker")), "build first"
    main([what_agents_were_told_survives_kills_at_any_moment])
