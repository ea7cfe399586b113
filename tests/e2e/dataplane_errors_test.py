#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What weir-dataplane says when it cannot start: one line on stderr that names the file, port or setting and how to mend it, and
the exit status of DESIGN 1.1. And how it ends: what it leaves behind, what it removes."""
import contextlib
import glob
import os
import re
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from gateway import Gateway, SkipTest, main, program, wait_for, write_pcap  # noqa: E402
from live_test import frame  # noqa: E402

REFUSED, USAGE, ENVIRONMENT = 1, 2, 3
NULL_PORT = 'name = "in0"; device = "net_null0,no-rx=1";'
LOOP_PORT = 'name = "in0"; device = "net_pcap0,rx_pcap=@/in.pcap,tx_pcap=/dev/null,infinite_rx=1";'
ONCE_PORT = 'name = "in0"; device = "net_pcap0,rx_pcap=@/in.pcap,tx_pcap=/dev/null";'
DROP = 'version = 1;\ndefault = { drop = "nobody"; };\n'
AGENTS = 'version = 1;\nqueues = ( { name = "desk"; } );\ndefault = { agents = "desk"; };\n'


def expect(done, status, *parts):
    """One line on stderr, with all of `parts` in it, and this status."""
    lines = [line for line in done.stderr.splitlines() if ": warning: " not in line]
    assert done.returncode == status, f"status {done.returncode}, not {status}: {done.stderr}"
    assert len(lines) == 1, f"{len(lines)} lines: {done.stderr}"
    for part in parts:
        assert re.search(part, lines[0]), f"no {part!r} in: {lines[0]}"


def device_fails(device, *parts):
    with Gateway([f'name = "in0"; device = "{device}";']) as g:
        expect(g.run("weir-dataplane", "--config", g.config), ENVIRONMENT, 'port "in0"', *parts)


def a_config_line_fails(ports, status, *parts, **settings):
    with Gateway(ports, **settings) as g:
        expect(g.run("weir-dataplane", "--config", g.config), status, *parts)


def wrong_usage_is_refused_in_one_line():
    with Gateway([NULL_PORT]) as g:
        expect(g.run("weir-dataplane"), USAGE, "--config FILE must be given", "--help")
        expect(g.run("weir-dataplane", "--nonsense"), USAGE, "--nonsense")
        expect(g.run("weir-dataplane", "--config"), USAGE, "--config")
        expect(g.run("weir-dataplane", "--config", g.config, "more"), USAGE, "more")
        expect(g.run("weir-dataplane", "--config", g.config, "--exit-when-idle", "x"), USAGE, "not a number of seconds")
        assert g.run("weir-dataplane", "--help").returncode == 0


def a_gateway_conf_that_is_missing_or_broken_is_named_with_its_line():
    with Gateway([NULL_PORT]) as g:
        expect(g.run("weir-dataplane", "--config", "/nonexistent.conf"), REFUSED, "^/nonexistent.conf: .*No such file")
        for text, line, part in (('name = "t";\nports = (\n', 2, "closed"), ('name = "t";\n\nport = 5;\n' + "ports = "
                                 '( { name = "a"; device = "net_null0"; } );\n', 3, 'did you mean "ports"'), ("", 1, "no port")):
            path = g.write("broken.conf", text)
            expect(g.run("weir-dataplane", "--config", path), REFUSED, f"^{path}:{line}: error: ", part)


def a_device_that_is_not_there_is_named_with_its_cause():
    device_fails("net_pcap0,rx_pcap=/nonexistent.pcap,tx_pcap=/dev/null", "/nonexistent.pcap: No such file", "is it there")
    device_fails("net_nonsense0", "net_nonsense0")
    device_fails("0000:7f:1f.0", "0000:7f:1f.0", "Cannot find")
    device_fails("net_af_packet0,iface=weirnope0", "weirnope0", "No such device")
    device_fails("net_null0,nonsense=1", "net_null0", "nonsense")


def a_port_that_another_process_has_is_named():
    with Gateway([NULL_PORT]) as first:
        device = f"net_memif0,role=server,socket={first.path('memif')},socket-abstract=no"
        with Gateway([f'name = "in0"; device = "{device}";']) as second, Gateway([f'name = "in0"; device = "{device}";']) as third:
            second.start("weir-dataplane", "--config", second.config)
            wait_for("the port", lambda: os.path.exists(first.path("memif")))
            expect(third.run("weir-dataplane", "--config", third.config), ENVIRONMENT, 'port "in0"', "in use|busy")


def a_second_instance_names_the_first():
    with Gateway([NULL_PORT]) as g:
        first = g.start("weir-dataplane", "--config", g.config)
        wait_for("its socket", lambda: os.path.exists(g.path("run/t/dp.sock")))
        expect(g.run("weir-dataplane", "--config", g.config), ENVIRONMENT, f"pid {first.pid}\\)", "dataplane.lock")
        assert first.poll() is None and os.path.exists(g.path("run/t/dp.sock")), "the first goes on"


def too_little_memory_is_said_with_the_setting():
    a_config_line_fails([NULL_PORT], REFUSED, "gateway.conf:4: ", "memory_mb 16", "64", memory_mb=16)
    a_config_line_fails([NULL_PORT], ENVIRONMENT, "memory_mb = 1000000", "MiB are free", memory_mb=1000000)
    with Gateway([LOOP_PORT], polls=True, memory_mb=64) as g:
        write_pcap(g.path("in.pcap"), [frame(1)] * 40000)
        expect(g.run("weir-dataplane", "--config", g.config), ENVIRONMENT, 'port "in0"', "[Nn]ot enough mbufs|capture", "memory_mb")


def hugepages_that_are_required_and_not_free_are_said():
    with open("/proc/meminfo", encoding="ascii") as file:
        found = dict(re.findall(r"(HugePages_Free|Hugepagesize):\s+(\d+)", file.read()))
    free_mb = int(found.get("HugePages_Free", 0)) * int(found.get("Hugepagesize", 0)) // 1024
    a_config_line_fails([NULL_PORT], ENVIRONMENT, "hugepages is required", "vm.nr_hugepages=", memory_mb=free_mb + 64,
                        hugepages="required")


def a_cpu_that_is_not_there_is_said():
    with Gateway([NULL_PORT]) as g:
        path = g.write("cpu.conf", re.sub("worker_cpus = .*?]", "worker_cpus = [1000]", open(g.config, encoding="utf-8").read()))
        expect(g.run("weir-dataplane", "--config", path), ENVIRONMENT, "cpu.conf: .*cpu 1000 is not there", "worker_cpus")


def more_workers_or_queues_than_a_device_has_are_said():
    with Gateway([ONCE_PORT], workers=2) as g:
        write_pcap(g.path("in.pcap"), [frame(1)])
        expect(g.run("weir-dataplane", "--config", g.config), ENVIRONMENT, 'port "in0"', "each of 2 workers needs one")


@contextlib.contextmanager
def tiny_tmpfs(path, size):
    os.makedirs(path)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", path], capture_output=True, check=False).returncode:
        raise SkipTest("a tmpfs of our own needs the right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def a_run_dir_that_is_full_or_forbidden_is_named():
    with Gateway([NULL_PORT]) as g, tiny_tmpfs(g.path("run"), "1m"):
        expect(g.run("weir-dataplane", "--config", g.config), ENVIRONMENT, f"{g.path('run')}/t/segment", "No space left", "room")
        assert not glob.glob(g.path("run/t/segment.*"))
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        raise SkipTest("another user needs root and setpriv")
    with Gateway([NULL_PORT]) as g:
        os.chmod(g.folder, 0o755)
        copy = shutil.copy(program("weir-dataplane"), g.path("weir-dataplane"))
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy, "--config", g.config],
                              capture_output=True, text=True, timeout=60, check=False)
        expect(done, ENVIRONMENT, f"{g.path('run')}/t: cannot be used: Permission denied", "run as root, or set run_dir")


def without_a_state_dir_it_runs_and_says_so():
    with Gateway([ONCE_PORT]) as g:
        write_pcap(g.path("in.pcap"), [frame(1)] * 10)
        image = g.compile(g.write("rules.conf", DROP))
        path = g.write("state.conf", re.sub('state_dir = ".*?"', 'state_dir = "/dev/null/state"',
                                            open(g.config, encoding="utf-8").read()))
        done = g.run("weir-dataplane", "--config", path, "--table", image, "--exit-when-idle", "0.2")
        assert done.returncode == 0 and "/dev/null/state" in done.stderr, done
        assert '"drop": 10' in done.stdout, done.stdout


def an_image_that_is_no_table_is_refused_with_its_reason():
    with Gateway([NULL_PORT]) as g:
        with open(g.compile(g.write("rules.conf", DROP)), "rb") as file:
            good = file.read()
        spoiled = bytearray(good)
        spoiled[len(good) // 2] ^= 1
        for name, content, part in (("empty", b"", "empty|Invalid"), ("short", good[:20], "short|truncated|header|size"),
                                    ("truncated", good[:-64], "size|truncated"), ("corrupted", bytes(spoiled), "checksum|CRC"),
                                    ("foreign", b"\x7fELF" + good[4:], "no rule table"),
                                    ("other-abi", good[:8] + b"\x63" + good[9:], "table format 99, this program reads 4")):
            with open(g.path(name), "wb") as out:
                out.write(content)
            done = g.run("weir-dataplane", "--config", g.config, "--table", g.path(name))
            expect(done, REFUSED, f"{g.path(name)}: ", part)
        expect(g.run("weir-dataplane", "--config", g.config, "--table", g.path("none")), REFUSED, "none: .*No such file")
        expect(g.run("weir-dataplane", "--config", g.config, "--table", g.folder), REFUSED, "image")


def a_last_good_table_that_is_damaged_does_not_stop_it():
    with Gateway([NULL_PORT]) as g:
        os.makedirs(g.path("state/t"))
        g.write("state/t/table.7", "rubbish")
        g.start("weir-dataplane", "--config", g.config)
        wait_for("its socket", lambda: os.path.exists(g.path("run/t/dp.sock")))
        assert "table.7 refused" in g.log("weir-dataplane"), g.log("weir-dataplane")


def a_table_before_a_damaged_one_is_used():
    with Gateway([ONCE_PORT]) as g:
        write_pcap(g.path("in.pcap"), [frame(1)] * 10)
        os.makedirs(g.path("state/t"))
        os.rename(g.compile(g.write("rules.conf", DROP)), g.path("state/t/table.6"))
        g.write("state/t/table.7", "rubbish")
        done = g.run("weir-dataplane", "--config", g.config, "--exit-when-idle", "0.2")
        assert done.returncode == 0 and "table.7 refused" in done.stderr, done
        assert '"generation": 6' in done.stdout and '"drop": 10' in done.stdout, done.stdout


def after_a_kill_the_next_one_starts_at_once():
    with Gateway([NULL_PORT]) as g:
        for _ in range(3):
            process = g.start("weir-dataplane", "--config", g.config)
            wait_for("it to serve", lambda: "1 worker" in g.log("weir-dataplane"))
            os.unlink(g.path("weir-dataplane.log"))
            assert process.poll() is None
            process.kill()
            process.wait()
            assert os.path.exists(g.path("run/t/dp.sock")), "what a killed one leaves"


def a_signal_ends_it_in_order():
    for number in (signal.SIGTERM, signal.SIGINT):
        with Gateway([LOOP_PORT], polls=True) as g:
            write_pcap(g.path("in.pcap"), [frame(1)] * 100)
            process = g.start("weir-dataplane", "--config", g.config, "--table", g.compile(g.write("rules.conf", DROP)))
            wait_for("its socket", lambda: os.path.exists(g.path("run/t/dp.sock")))
            process.send_signal(number)
            assert process.wait(30) == 0, g.log("weir-dataplane")
            assert os.listdir(g.path("run/t")) == ["dataplane.lock"], os.listdir(g.path("run/t"))


def messages_for_agents_that_nobody_has_read_keep_their_segment():
    with Gateway([ONCE_PORT]) as g:
        write_pcap(g.path("in.pcap"), [frame(i) for i in range(50)])
        stats = g.run_alone(g.compile(g.write("rules.conf", AGENTS)), idle=0.2)
        assert stats["dispositions"]["agents"] == 50, stats["dispositions"]
        segment, = glob.glob(g.path("run/t/segment.*"))
        assert g.run("spool_check", "--stats", segment).returncode == 0
        assert not os.path.exists(g.path("run/t/dp.sock"))
        done = g.run("weir-dataplane", "--config", g.config, "--table", g.path("table.image"), "--exit-when-idle", "0.2")
        assert done.returncode == 0 and len(glob.glob(g.path("run/t/segment.*"))) == 2, "the next one leaves it alone"


if __name__ == "__main__":
    main([wrong_usage_is_refused_in_one_line,
          a_gateway_conf_that_is_missing_or_broken_is_named_with_its_line,
          a_device_that_is_not_there_is_named_with_its_cause,
          a_port_that_another_process_has_is_named,
          a_second_instance_names_the_first,
          too_little_memory_is_said_with_the_setting,
          hugepages_that_are_required_and_not_free_are_said,
          a_cpu_that_is_not_there_is_said,
          more_workers_or_queues_than_a_device_has_are_said,
          a_run_dir_that_is_full_or_forbidden_is_named,
          without_a_state_dir_it_runs_and_says_so,
          an_image_that_is_no_table_is_refused_with_its_reason,
          a_last_good_table_that_is_damaged_does_not_stop_it,
          a_table_before_a_damaged_one_is_used,
          after_a_kill_the_next_one_starts_at_once,
          a_signal_ends_it_in_order,
          messages_for_agents_that_nobody_has_read_keep_their_segment])
