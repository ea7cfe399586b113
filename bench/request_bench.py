# SPDX-License-Identifier: BSD-3-Clause
"""`bench/run sip` and `bench/run coap`: what a message costs a worker, and messages a second beside a server of the protocol.

Cycles: a worker loops a capture of 1,024 messages on net_pcap and forwards them by 1,000 rules among 1,000 tenants, as in `corridor`; its
own clock (--stage-cycles) says what parse, decode and classify take, each as the mean over a window, and what the half of all messages takes
at most in all three (p50, by the mean of its burst, up to four cycles more). Messages a second: on a veth cable, as in `xdp`, each side
answers every message; both get the same frames, each with a number of its own, from the same sender, and have one CPU. What counts is what comes back. What the far end does for an answer that arrives is its own work
and has the sender's CPU (cable.far_end); a server that sleeps when it has nothing to do pays for waking that CPU, so the server is
measured both ways in each round and its better way counts.
"""
import json
import os
import re
import shutil
import signal
import statistics
import struct
import subprocess
import tempfile
import time

from cable import BUILD, CPUS, FAIR, cable, ended, far_end, rate
from gateway import SkipTest, check_books, wait_for, write_pcap
from xdp import XdpNetwork
import gateway

HERE = os.path.dirname(os.path.abspath(__file__))
RULES = """version = 1;
tenants = ( { id = 1001; name = "acme"; domains = [ "acme.example" ]; } );
replies = ( { name = "thanks"; status = "accepted"; } );
rules = ( { name = "unknown"; match = { tenant = "unknown"; }; action = { drop = "unknown-tenant"; }; } );
default = { reply = "thanks"; };
"""
STAGES = ["parse", "decode", "classify"]
RATIO_BAR = 10


def frame(payload, port):
    """In Ethernet, IPv4 and UDP without a checksum, from 10.9.0.2 to 10.9.0.1."""
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0, bytes([10, 9, 0, 2]), bytes([10, 9, 0, 1]))
    total = sum(struct.unpack(">10H", ip))
    total = (total & 0xffff) + (total >> 16)
    ip = ip[:10] + struct.pack(">H", 0xffff ^ total) + ip[12:]
    udp = struct.pack(">HHHH", 40000, port, 8 + len(payload), 0)
    return bytes.fromhex("020000000001" "020000000002" "0800") + ip + udp + payload


class Stages:
    """A worker on net_pcap, with the corridor's rules."""

    def __init__(self, protocol):
        self.folder = tempfile.mkdtemp(prefix="weir-bench-", dir="/dev/shm")
        self.path = lambda name: os.path.join(self.folder, name)
        subprocess.run([os.path.join(HERE, "corridor_input"), f"--out={self.folder}", "--frames=64", "--memory-mb=512"], check=True)
        with open(self.path("tenants.csv"), encoding="ascii") as file:
            rows = file.read().splitlines()
        with open(self.path("tenants.csv"), "w", encoding="ascii") as file:
            file.write("\n".join([rows[0]] + [re.sub(r",(t\d+),,", r",\1,\1.example,", row) for row in rows[1:]]) + "\n")
        with open(self.path("gateway.conf"), encoding="ascii") as file:
            settings = file.read()
        with open(self.path("gateway.conf"), "w", encoding="ascii") as file:
            file.write(settings.replace('port = 5700; protocol = "native"', f'port = {protocol.PORT}; protocol = "{protocol.NAME}"'))
        write_pcap(self.path("in.pcap"), [frame(protocol.message(f"t{i % 1000}", i), protocol.PORT) for i in range(1024)])
        subprocess.run([os.path.join(BUILD, "controlplane", "weirctl"), "rules", "compile", self.path("rules.conf"), "-o",
                        self.path("table.image")], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def cycles(self, seconds):
        """Of each stage, a message."""
        process = subprocess.Popen([*FAIR, os.path.join(BUILD, "dataplane", "weir-dataplane"), "--config", self.path("gateway.conf"), "--table",
                                    self.path("table.image"), "--exit-when-idle", "1000", "--stage-cycles"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        said = []
        while not any("worker(s)" in line for line in said):
            said.append(process.stderr.readline())
            if not said[-1]:
                raise SystemExit(f"weir-dataplane did not start: {''.join(said)}")
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
        if process.returncode:
            raise SystemExit(f"weir-dataplane: {errors}")
        stats = json.loads(out)
        check_books(stats)
        if stats["dispositions"]["forward"] != stats["rx"]:
            raise SystemExit(f"not every message was forwarded: {stats['dispositions']} {stats['reasons']}")
        found = {name: float(n) for name, n in re.findall(r"stage (\w+) worker 0: ([\d.]+) cycles", errors)}
        found["p50"] = float(re.search(r"triage worker 0: p10 \d+, p50 (\d+),", errors).group(1))
        return found


class Cable:
    """The cable, a capture for the sender, and who answers at the other end."""

    def __init__(self, net, protocol, folder):
        self.net, self.protocol, self.folder = net, protocol, folder
        self.mac = cable(net)
        capture = os.path.join(folder, "sent.pcap")
        write_pcap(capture, [frame(protocol.message("acme", i), protocol.PORT) for i in range(64)])
        self.frames = [capture, protocol.NAME, str(42 + protocol.NUMBER_AT)]
        self.unanswered = 0
        self.repeats = 0
        self.busy = []

    def weir(self, seconds):
        """The better of two windows, as the other side has it; of a gateway each, since few messages shall be repeats by chance."""
        return max(self.one_weir(seconds) for _ in range(2))

    def one_weir(self, seconds):
        with gateway.Gateway(['name = "in0"; type = "xdp"; device = "gw0";'], polls=True, memory_mb=128, name=f"bench{os.getpid()}", hugepages="auto",
                             dataplane="retransmissions = 4194304;") as g:
            image = g.compile(g.write("rules.conf", RULES))
            process = g.start("weir-dataplane", "--config", g.config, "--table", image, "--exit-when-idle", "1000",
                              prefix=[*self.net.prefix("gw"), *FAIR], stdout=subprocess.PIPE)
            wait_for("weir to start", lambda: process.poll() is not None or "worker(s)" in g.log("weir-dataplane"))
            far_end(self.net, by_sender=True)
            result = rate(self.net, self.mac, seconds, *self.frames)
            process.send_signal(signal.SIGINT)
            out = process.communicate(timeout=60)[0]
            if process.returncode:
                raise SystemExit(f"weir-dataplane: {g.log('weir-dataplane')}")
        stats = json.loads(out)
        check_books(stats)
        lost = stats["dispositions"]["tx_full"] + stats["dispositions"]["shed"]
        if stats["dispositions"]["reply"] + lost != stats["rx"]:
            raise SystemExit(f"not every message was answered: {stats['dispositions']} {stats['reasons']}")
        self.unanswered = max(self.unanswered, lost / stats["rx"])
        self.busy.append(stats["workers"][0]["busy"])
        self.repeats = max(self.repeats, stats["protocol_answers"].get("repeat", 0) / stats["rx"])
        return result

    def server(self, seconds):
        """The other side: a process of its own, with the CPU that weir's worker has. The better of two windows, one with either far end."""
        command = self.protocol.server(self.folder)
        with open(os.path.join(self.folder, "server.log"), "wb") as log:
            process = self.net.start("gw", *FAIR, "taskset", "-c", str(CPUS[1]), *command, stdout=log, stderr=log)
        try:
            wait_for("the server to listen", lambda: process.poll() is not None or
                     f":{self.protocol.PORT} " in self.net.run("gw", "ss", "-Hlun"))
            if process.poll() is not None:
                with open(os.path.join(self.folder, "server.log"), encoding="utf-8", errors="replace") as log:
                    raise SystemExit(f"{command[0]}: {log.read()[-2000:]}")
            both = []
            for by_sender in (False, True):
                far_end(self.net, by_sender)
                both.append(rate(self.net, self.mac, seconds, *self.frames))
            return max(both)
        finally:
            ended(process, signal.SIGTERM)


def spread(values, unit=1, digits=1):
    values = [value / unit for value in values]
    return f"{statistics.median(values):8.{digits}f}  ({min(values):.{digits}f} to {max(values):.{digits}f})"


def met(yes):
    return "met" if yes else "not met"


def report_cycles(protocol, windows):
    totals = [sum(window[stage] for stage in STAGES) for window in windows]
    size = len(protocol.message("t500", 500))
    p50 = [window["p50"] for window in windows]
    good = statistics.median(p50) <= protocol.BAR
    print(f"\ncycles a message of {size} bytes, on one worker, mean of a window: median of windows (least to most)")
    for stage in STAGES:
        print(f"  {stage:24} {spread([window[stage] for window in windows])}")
    print(f"  {'all three':24} {spread(totals)}")
    print(f"  {'all three, p50':24} {spread(p50)}   bar {protocol.BAR}: {met(good)}", flush=True)
    return {"bytes": size, "windows": windows, "bar": protocol.BAR, "met": good}


def report_rates(protocol, rates, sent, there):
    print("\nanswers a second that come back, median (least to most); ratio of weir's to the other's, round by round")
    for side, values in rates.items():
        line = f"  {side:24} {spread(values, 1e3, 0)} k/s, of {statistics.median(sent[side]) / 1e3:.0f} k/s sent"
        if statistics.median(values) > 0.9 * statistics.median(sent[side]):
            line += " (all of it: the sender is the limit)"
        print(line)
    result = {"rates": rates, "sent": sent, "bar": RATIO_BAR}
    print(f"  weir gave up at most {there.unanswered:.2%} of what it had received (tx_full, shed); at most {there.repeats:.1%} were repeats by chance")
    print(f"  its worker had frames for {statistics.median(there.busy):.0%} of its time, start and end of the flood included: the rest waited for the sender")
    if protocol.SERVER in rates:
        ratios = [ours / theirs for ours, theirs in zip(rates["weir"], rates[protocol.SERVER])]
        result["met"] = statistics.median(ratios) >= RATIO_BAR
        print(f"  ratio {spread(ratios)}   bar {RATIO_BAR}: {met(result['met'])}")
    return result


def beside(protocol, options):
    sides = ["weir"] + ([protocol.SERVER] if shutil.which(protocol.PROGRAM) else [])
    if len(sides) == 1:
        print(f"  {protocol.SERVER} is not installed (apt-get build-dep ./ brings it): left out")
    rates, sent = {side: [] for side in sides}, {side: [] for side in sides}
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder, XdpNetwork("gw", "far") as net:
        there = Cable(net, protocol, folder)
        for turn in range(options.rounds):
            for side in sides if turn % 2 == 0 else sides[::-1]:
                back, out = (there.weir if side == "weir" else there.server)(options.seconds)
                rates[side].append(back)
                sent[side].append(out)
            print(f"  round {turn + 1}: " + ", ".join(f"{side} {rates[side][-1] / 1e3:.0f} k/s" for side in sides), flush=True)
        return report_rates(protocol, rates, sent, there)


def run(protocol, options):
    if len(CPUS) < 2:
        raise SystemExit(f"{protocol.NAME}: two CPUs are needed")
    gateway.BUILD = BUILD
    result = {"bench": protocol.NAME, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    with Stages(protocol) as stages:
        result["cycles"] = report_cycles(protocol, [stages.cycles(options.seconds) for _ in range(options.rounds)])
    try:
        result["beside"] = beside(protocol, options)
    except SkipTest as reason:
        print(f"  answers a second: {reason}: left out")
    os.makedirs(os.path.join(HERE, "results"), exist_ok=True)
    with open(os.path.join(HERE, "results", f"{protocol.NAME}.json"), "w", encoding="ascii") as out:
        json.dump(result, out, indent=1)
