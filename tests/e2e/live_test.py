#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Both daemons under full-speed traffic (a capture that loops): rules change 200 times, the control plane is killed 200 times, the
dataplane starts without one. KILLS and LOADS set how often, SLOWER stretches the times between kills."""
import glob
import json
import os
import random
import signal
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
from gateway import Gateway, check_books, main, ones_sum, program, wait_for, write_pcap  # noqa: E402

KILLS = int(os.environ.get("KILLS", "200"))
SLOWER = float(os.environ.get("SLOWER", "1"))
LOADS = int(os.environ.get("LOADS", "200"))
TABLE = """version = 1;
pools = ( { name = "p"; port = 0; members = ( { name = "m"; address = "10.0.0.9"; mac = "02:00:00:00:00:09"; } ); } );
replies = ( { name = "q"; status = "accepted"; } );
default = { drop = "nobody"; };
rules = ( %s );
"""
FORWARD = '{ name = "to-pool"; action = { forward = "p"; }; }'
REPLY = '{ name = "to-reply"; action = { reply = "q"; }; }'
AGENTS = """version = 1;
queues = ( { name = "desk"; }, { name = "copies"; } );
default = { agents = "desk"; copy = "copies"; rate = 10000; burst = 500; };
"""


def frame(number):
    """A native message: tenant and source differ by number, the payload says it."""
    body = b"message %4d" % number
    message = struct.pack(">BBBBIHHI", 0x57, 0x10, number % 4, 1, 1 + number, 0x4445, len(body), number) + body
    udp = struct.pack(">HHHH", 4000 + number, 5700, 8 + len(message), 0) + message
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0, bytes([10, 0, 1, number]),
                     bytes([10, 0, 0, 1]))
    ip = ip[:10] + struct.pack(">H", 0xffff ^ ones_sum(ip)) + ip[12:]
    return bytes.fromhex("020000000001020000000002") + b"\x08\x00" + ip + udp


class Live:
    def __init__(self, rules):
        self.g = Gateway(['name = "in0"; device = "net_pcap0,rx_pcap=@/in.pcap,tx_pcap=/dev/null,infinite_rx=1";'],
                         polls=True, agents="{ slots = 1024; spool_mb = 2048; }", memory_mb=64, state_on_disk=True)
        write_pcap(self.g.path("in.pcap"), [frame(i) for i in range(200)])
        self.g.write("rules.conf", rules)
        self.controlplane = self.dataplane = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.g.__exit__(*error)

    def start_controlplane(self):
        self.controlplane = self.g.start("weir-controlplane", "--config", self.g.config)

    def start_dataplane(self):
        self.dataplane = self.g.start("weir-dataplane", "--config", self.g.config)

    def kill(self, process):
        process.kill()
        process.wait()
        self.g.processes.remove(process)

    def try_stats(self):
        done = self.g.run("weirctl", "--config", self.g.config, "--json", "stats")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def wait_generation(self, generation):
        try:
            wait_for(f"generation {generation}", lambda: (self.try_stats() or {}).get("generation") == generation)
        except AssertionError as error:
            logs = [self.g.log(name)[-1500:] for name in ("weir-dataplane", "weir-controlplane")]
            raise AssertionError(f"{error}; statistics say {self.try_stats()}; logs:\n" + "\n---\n".join(logs)) from None

    def last_stats(self):
        """Ends the dataplane; its counters after the last burst, from the segment that we hold open."""
        path, = glob.glob(self.g.path("run/t/segment.*"))
        with open(path, "rb") as segment:
            self.dataplane.send_signal(signal.SIGTERM)
            assert self.dataplane.wait(30) == 0, self.g.log("weir-dataplane")[-2000:]
            done = self.g.run("spool_check", "--stats", f"/proc/{os.getpid()}/fd/{segment.fileno()}")
        assert done.returncode == 0, done.stderr
        stats = json.loads(done.stdout)
        check_books(stats)
        return stats


def counts(stats, kind):
    return {row["name"]: row["count"] for row in stats[kind]}


def no_message_is_judged_by_a_mixture_of_two_tables():
    with Live(TABLE % f"{FORWARD}, {REPLY}") as live:
        live.start_dataplane()
        live.start_controlplane()
        live.wait_generation(1)
        tables = [live.g.write("b.conf", TABLE % f"{REPLY}, {FORWARD}"), live.g.path("rules.conf")]
        for i in range(LOADS):
            done = live.g.run("weirctl", "--config", live.g.config, "--json", "rules", "load", tables[i % 2])
            assert done.returncode == 0 and json.loads(done.stdout)["generation"] == i + 2, done
        stats = live.last_stats()
        rules, ends = counts(stats, "rules"), stats["dispositions"]
        print(f"   {LOADS} loads, {stats['rx']} frames, {rules}", flush=True)
        assert stats["generation"] == LOADS + 1
        assert stats["rx"] == rules["to-pool"] + rules["to-reply"], "every frame was decided by one rule"
        assert rules["to-pool"] == counts(stats, "pools")["p"] == ends["forward"] + ends["tx_full"] + ends["shed"], stats
        assert rules["to-reply"] == counts(stats, "replies")["q"] == ends["reply"], stats
        assert min(rules["to-pool"], rules["to-reply"]) > stats["rx"] // 20, "both tables were in use"


def a_killed_control_plane_disturbs_no_traffic_and_costs_agents_no_message():
    draw = random.Random(4712)
    with Live(AGENTS) as live:
        live.start_dataplane()
        live.start_controlplane()
        live.wait_generation(1)
        rx = [live.try_stats()["rx"]]
        for _ in range(KILLS):
            live.kill(live.controlplane)
            live.start_controlplane()
            try:
                live.controlplane.wait(timeout=draw.uniform(0, 0.06 * SLOWER))  # the moment of a kill is what this test draws
            except Exception:
                continue
            raise AssertionError(f"weir-controlplane ended by itself: {live.g.log('weir-controlplane')[-1000:]}")
        live.wait_generation(1)
        rx.append(live.try_stats()["rx"])
        live.kill(live.controlplane)
        stats = live.last_stats()
        live.start_controlplane()
        wait_for("the segment to be drained", lambda: not glob.glob(live.g.path("run/t/segment.*")))
        # A dataplane whose messages were all taken leaves no segment: then a signal could come before its handler.
        wait_for("the control plane", lambda: f"up, pid {live.controlplane.pid}" in live.g.log("weir-controlplane"))
        live.controlplane.send_signal(signal.SIGTERM)
        status = live.controlplane.wait(30)
        assert status == 0, f"status {status}: {live.g.log('weir-controlplane')[-1000:]}"
        done = live.g.run("spool_check", "--count", live.g.path("state/t/spool"))
        agents = stats["dispositions"]["agents"]
        wanted = sum(counts(stats, "queues").values())
        print(f"   {KILLS} kills, {rx[1] - rx[0]} frames meanwhile, {agents} messages for agents and {wanted - agents} copies: "
              f"{done.stdout.strip()}", flush=True)
        assert done.stdout.split()[1:4:2] == [str(wanted), "0"], (done, stats)
        assert agents > 1000 and stats["generation"] == 1


def a_dataplane_without_a_control_plane_triages_by_the_last_good_table():
    with Live(TABLE % f"{REPLY}, {FORWARD}") as live:
        live.start_dataplane()
        live.start_controlplane()
        live.wait_generation(1)
        wait_for("the table on disk", lambda: glob.glob(live.g.path("state/t/table.*")))
        live.kill(live.controlplane)
        live.kill(live.dataplane)
        for old in glob.glob(live.g.path("run/t/segment.*")):
            os.unlink(old)
        live.start_dataplane()
        wait_for("its segment", lambda: glob.glob(live.g.path("run/t/segment.*")))
        live.start_controlplane()
        stats = wait_for("statistics", live.try_stats)
        live.kill(live.controlplane)
        stats = live.last_stats()
        assert stats["rx"] > 0 and stats["dispositions"]["reply"] == stats["rx"], stats


if __name__ == "__main__":
    assert os.path.exists(program("weir-dataplane")), "build first"
    main([no_message_is_judged_by_a_mixture_of_two_tables,
          a_killed_control_plane_disturbs_no_traffic_and_costs_agents_no_message,
          a_dataplane_without_a_control_plane_triages_by_the_last_good_table])
