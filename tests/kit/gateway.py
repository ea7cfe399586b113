# SPDX-License-Identifier: BSD-3-Clause
"""What the end-to-end tests share: a gateway in a folder of its own, captures, the book-keeping equation."""
import json
import os
import shutil
import struct
import subprocess
import tempfile
import time
import traceback

BUILD = os.environ.get("WEIR_BUILD", "build")
DISPOSITIONS = ["forward", "agents", "reply", "drop", "police", "shed", "malformed", "exception", "fragment", "agents_full",
                "tx_full", "held"]


def program(name):
    return os.path.join(BUILD, {"weir-dataplane": "dataplane", "weir-controlplane": "controlplane",
                                "weirctl": "controlplane", "weir-pktgen": "bench/pktgen", "fake_dataplane": "tests/kit",
                                "spool_answer": "tests/kit", "spool_check": "tests/kit",
                                "spool_agents": "tests/kit", "spool_places": "tests/kit",
                                "spool_worker": "tests/kit"}[name], name)


def cpus():
    return sorted(os.sched_getaffinity(0))


def read_pcap(path):
    """The frames of a classic little-endian pcap file."""
    with open(path, "rb") as file:
        data = file.read()
    frames, at = [], 24
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        frames.append(data[at + 16:at + 16 + length])
        at += 16 + length
    return frames


def write_pcap(path, frames):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for frame in frames:
            out.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def ones_sum(data):
    """The sum of checksums; 0xffff over what is right and holds its own."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) % 2 else 0)
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return total


def check_books(stats):
    """Raises where rx is not the sum of the dispositions: the gateway's, each worker's, each port's."""
    parts = [("gateway", stats)] + [(f"{kind} {i}", part) for kind in ("workers", "ports")
                                    for i, part in enumerate(stats[kind])]
    for name, part in parts:
        unknown = set(part["dispositions"]) ^ set(DISPOSITIONS)
        if unknown:
            raise AssertionError(f"{name}: dispositions {unknown} missing or unknown")
        total = sum(part["dispositions"].values())
        if total != part["rx"]:
            raise AssertionError(f"{name}: rx {part['rx']} but dispositions sum to {total}")
    for name in ["rx"]:
        for kind in ("workers", "ports"):
            if sum(part[name] for part in stats[kind]) != stats[name]:
                raise AssertionError(f"{name} of the {kind} does not add up to the gateway's")
    for disposition, reasons in stats["reasons"].items():
        if sum(reasons.values()) != stats["dispositions"][disposition]:
            raise AssertionError(f"reasons of {disposition} sum to {sum(reasons.values())}, "
                                 f"not {stats['dispositions'][disposition]}")


class Gateway:
    """A gateway with files of its own; `with` removes them and ends what still runs."""

    def __init__(self, ports, workers=1, polls=False, **settings):
        # A segment needs some 25 MiB; containers often have a /dev/shm of 64.
        memory = os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > 200 << 20
        self.folder = tempfile.mkdtemp(prefix="weir-test-", dir="/dev/shm" if memory else None)
        self.processes = []
        self.state = None
        if settings.pop("state_on_disk", False):  # for spools that grow
            self.state = tempfile.mkdtemp(prefix="weir-test-")
            os.symlink(self.state, self.path("state"))
        cpu = cpus()
        if workers > len(cpu):
            raise SkipTest(f"{workers} workers need as many CPUs, {len(cpu)} are ours")
        if workers > 1 or polls:  # the main thread shares the first CPU with a worker where there is no other
            worker_cpus = (cpu[1:] + cpu[:1])[:workers]
        else:  # tests run side by side: on the main thread's CPU the worker naps while it has nothing
            cpu = cpu[os.getpid() % len(cpu):][:1]
            worker_cpus = cpu
        lines = [f'name = "{settings.pop("name", "t")}";', f'run_dir = "{self.folder}/run";', f'state_dir = "{self.folder}/state";']
        lines.append(f'dataplane = {{ main_cpu = {cpu[0]}; worker_cpus = {worker_cpus}; memory_mb = '
                     f'{settings.pop("memory_mb", 128)}; hugepages = "{settings.pop("hugepages", "never")}"; '
                     f'{settings.pop("dataplane", "")} }};')
        lines.append("ports = ( " + ", ".join("{ " + port.replace("@", self.folder) + " }" for port in ports) + " );")
        lines += [f"{key} = {value};" for key, value in settings.items()]
        self.config = self.path("gateway.conf")
        self.write("gateway.conf", "\n".join(lines) + "\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.state:
            shutil.rmtree(self.state, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        return self.path(name)

    def run(self, name, *arguments, timeout=60, prefix=()):
        return subprocess.run([*prefix, program(name), *arguments], capture_output=True, text=True, timeout=timeout)

    def start(self, name, *arguments, **kwargs):
        log = open(self.path(name + ".log"), "ab")
        process = subprocess.Popen([*kwargs.pop("prefix", []), program(name), *arguments], stdout=kwargs.pop("stdout", log), stderr=log,
                                   stdin=kwargs.pop("stdin", subprocess.DEVNULL), **kwargs)
        self.processes.append(process)
        return process

    def log(self, name):
        with open(self.path(name + ".log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def compile(self, rules, image="table.image"):
        done = self.run("weirctl", "rules", "compile", rules, "-o", self.path(image))
        if done.returncode != 0:
            raise AssertionError(f"rules compile: {done.returncode}: {done.stderr}")
        return self.path(image)

    def run_alone(self, image, idle=0.5):
        """The dataplane by itself until it is idle; the statistics that it prints."""
        done = self.run("weir-dataplane", "--config", self.config, "--table", image, "--exit-when-idle", str(idle))
        if done.returncode != 0:
            raise AssertionError(f"weir-dataplane: {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def stats(self):
        done = self.run("weirctl", "--config", self.config, "--json", "stats")
        if done.returncode != 0:
            raise AssertionError(f"weirctl stats: {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)


class SkipTest(Exception):
    """Something that the machine must have is not there."""


def wait_for(what, condition, seconds=30):
    """Polls until `condition()` is true; its value. On machines that are slow by nature PATIENCE makes it longer, and asks less often."""
    patience = int(os.environ.get("PATIENCE", "1"))
    end = time.monotonic() + seconds * patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.01 * patience)


def main(cases):
    """Runs test functions whose names are sentences; exits 77 when all were skipped."""
    failed = skipped = 0
    for case in cases:
        name = case.__name__.replace("_", " ")
        try:
            case()
            print(f"ok {name}", flush=True)
        except SkipTest as reason:
            skipped += 1
            print(f"skip {name}: {reason}", flush=True)
        except Exception as error:  # whatever it is, it is this case's failure
            failed += 1
            at = traceback.extract_tb(error.__traceback__)[-1]
            print(f"FAILED {name}: {type(error).__name__}: {error} ({os.path.basename(at.filename)}:{at.lineno}: {at.line})", flush=True)
    raise SystemExit(1 if failed else 77 if skipped == len(cases) else 0)
