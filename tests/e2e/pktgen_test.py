#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""weir-pktgen: what it makes is what the scenario says, and between it and a gateway every message is accounted for."""
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, "..", "..", "bench")
sys.path[:0] = [os.path.join(HERE, "..", "kit"), os.path.join(BENCH, "trex")]
sys.dont_write_bytecode = True
from gateway import Gateway, SkipTest, check_books, cpus, main, program, read_pcap, wait_for  # noqa: E402
from network import Network  # noqa: E402
import weir as trex_profile  # noqa: E402

SCENARIOS = os.path.join(BENCH, "scenarios")
NAMES = sorted(name[:-5] for name in os.listdir(SCENARIOS))
RULES = """version = 1;
tenant_files = [ "tenants.csv" ];
pools = ( { name = "p"; port = 0; members = ( { name = "m"; address = "10.0.0.9"; mac = "02:00:00:00:00:09"; } ); } );
replies = ( { name = "ok"; status = "accepted"; text = "thanks"; } );
rules = ( { name = "dropped"; match = { priority = "non-urgent"; country = "AT"; }; action = { drop = "full"; }; },
          { name = "answered"; match = { priority = [ "urgent", "emergency" ]; }; action = { reply = "ok"; }; } );
default = { forward = "p"; };
"""


def scenario(name):
    return os.path.join(SCENARIOS, name + ".conf")


def pktgen(g, *arguments, status=0, timeout=120):
    """What it prints, of standard output."""
    done = g.run("weir-pktgen", *arguments, timeout=timeout)
    assert done.returncode == status, done
    return done.stdout if status == 0 else done.stderr


def anywhere():
    return Gateway(['name = "in0"; device = "net_null0"; queues = 1;'])


def the_same_seed_makes_the_same_bytes_and_another_others():
    with anywhere() as g:
        for name in NAMES:
            files = [g.path(f"{i}.pcap") for i in range(3)]
            for file, seed in zip(files, ("7", "7", "8")):
                pktgen(g, "--pcap", file, "--count", "2000", "--seed", seed, scenario(name))
            one, same, other = (open(file, "rb").read() for file in files)
            assert one == same and one != other, name


def what_is_made_is_what_the_scenario_says():
    with anywhere() as g:
        for name in NAMES:
            pktgen(g, "--pcap", g.path("out.pcap"), "--count", "20000", "--tenants", g.path("tenants.csv"), scenario(name))
            g.write("rules.conf", RULES)
            done = g.run("weirctl", "--json", "classify", "--rules", g.path("rules.conf"), "--pcap", g.path("out.pcap"))
            assert done.returncode == 0, done.stderr
            rows = [json.loads(line) for line in done.stdout.splitlines()]
            assert len(rows) == 20000
            text = open(scenario(name), encoding="utf-8").read()
            good = [row for row in rows if row["disposition"] != "malformed"]
            share = float((re.search(r"malformed = \{ share = ([\d.]+)", text) or [0, "0"])[1])
            assert abs(len(rows) - len(good) - share * 20000) < 300, (name, len(good))
            reasons = {row["reason"] for row in rows} - {row.get("reason") for row in good}
            wanted = re.search(r"reasons = \{(.*?)\}", text, re.S)
            assert reasons == (set(re.findall(r"([\w-]+) =", wanted[1])) if wanted else set()), (name, reasons)
            check_shares(name, text, good)


def check_shares(name, text, rows):
    """Each share within five standard deviations of what the scenario says."""
    for key, field, default in (("protocols", "protocol", "native = 1"), ("countries", "country", "DE = 1"), ("priorities", "priority", "normal = 1")):
        shares = dict(re.findall(r"([\w-]+) = ([\d.]+)", (re.search(rf"^{key} = {{(.*?)}}", text, re.M) or [0, default])[1]))
        total = sum(map(float, shares.values()))
        rows_of = rows if key == "protocols" else [row for row in rows if row["protocol"] == "native"]
        if key == "protocols" and "malformed" in text:
            continue  # the reasons have a say in it
        for value, share in shares.items():
            p, n = float(share) / total, len(rows_of)
            found = sum(row[field] == value for row in rows_of)
            assert abs(found - p * n) <= 5 * (p * (1 - p) * n) ** 0.5 + 1, (name, key, value, found, p * n)
    tenants = re.search(r"tenants = \{ first = (\d+); count = (\d+)", text)
    first, count = (int(tenants[1]), int(tenants[2])) if tenants else (1000, 100)
    assert all(first <= row["tenant"] < first + count for row in rows if row["protocol"] == "native"), name


def sizes_are_those_of_the_link():
    with anywhere() as g:
        g.write("s.conf", "sizes = ( { frame = 64; share = 7; }, { frame = 594; share = 4; }, { frame = 1518; share = 1; } );")
        pktgen(g, "--pcap", g.path("out.pcap"), "--count", "5000", g.path("s.conf"))
        lengths = [len(frame) + 4 for frame in read_pcap(g.path("out.pcap"))]
        assert set(lengths) == {64, 594, 1518} and 2700 < lengths.count(64) < 3130, {n: lengths.count(n) for n in set(lengths)}


class Pair:
    """A gateway on a port of its own device, for the generator at the other end."""

    def __init__(self, device, name, prefix=(), **settings):
        self.g = Gateway([f'name = "in0"; device = "{device}"; queues = 1;'], **settings)
        self.prefix = list(prefix)
        self.name = name

    def __enter__(self):
        rules = RULES
        if self.name == "worst":  # a table of a million tenants is slow to make, and these rules do not look at them
            rules = RULES.replace('tenant_files = [ "tenants.csv" ];', "")
        else:
            pktgen(self.g, "--tenants", self.g.path("tenants.csv"), scenario(self.name))
        self.g.write("rules.conf", rules)
        self.dataplane = self.g.start("weir-dataplane", "--config", self.g.config, prefix=self.prefix)
        self.g.start("weir-controlplane", "--config", self.g.config)
        wait_for("the first table", self.ready)
        return self

    def ready(self):
        assert self.dataplane.poll() is None, self.g.log("weir-dataplane")
        done = self.g.run("weirctl", "--config", self.g.config, "--json", "stats")
        return done.returncode == 0 and json.loads(done.stdout)["generation"] > 0

    def __exit__(self, *error):
        self.g.__exit__(*error)

    def send(self, device, *more, prefix=()):
        """The generator's report and the dataplane's statistics, while both still are there: memif's driver may crash a program whose peer goes."""
        sender = self.g.start("weir-pktgen", "--port", device, "--json", "-", "--quiet", "--no-huge", "--memory-mb", "64", "--settle", "1", "--hold",
                              "--cpu", str(cpus()[NAMES.index(self.name) % len(cpus())]), *more, scenario(self.name), prefix=prefix, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        text, report = b"", None
        while report is None:
            line = sender.stdout.readline()
            assert line, self.g.log("weir-pktgen")
            text += line
            if line == b"}\n":
                report = json.loads(text)
        wait_for("the last counters", lambda: self.g.stats()["rx"] >= report["counts"]["sent"])
        stats = self.g.stats()
        self.dataplane.kill()
        sender.communicate(timeout=60)
        assert sender.returncode == 0, self.g.log("weir-pktgen")
        check_books(stats)
        return report, stats


def check_both_books(name, report, stats):
    sent, ends = report["counts"], stats["dispositions"]
    assert sent["sent"] == stats["rx"], (name, sent, stats["rx"])
    # Acknowledgements, and what senders of SIP and CoAP are told of a drop, come beside a disposition.
    assert (sent["forwarded"], sent["answered"], sent["other"]) == (ends["forward"], stats["answers"], 0), (name, sent, stats["answers"], ends)
    assert stats["answers_lost"] == 0 and 0 <= stats["answers"] - ends["reply"] <= sent["asked"] + ends["drop"], stats
    assert sent["sent"] == sent["forwarded"] + ends["reply"] + ends["drop"] + ends["malformed"] + ends["tx_full"] + ends["shed"], (name, ends)
    assert ends["exception"] == ends["agents"] == ends["held"] == 0, ends
    assert report["latency"]["n"] == sent["timed"] <= sent["stamped"], sent
    print(f"   {name}: {sent['sent']} sent, {sent['forwarded']} forwarded, {sent['answered']} answered, "
          f"{ {key: n for key, n in ends.items() if n and key not in ('forward', 'reply')} or 'nothing'} else; p50 "
          f"{report['latency']['p50_us']:.0f} us", flush=True)


def each_scenario(run):
    """Two at a time, since most of each is waiting."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(run, NAMES))


def every_message_of_each_scenario_is_accounted_for_between_two_processes_by_memif():
    def run(name):
        with Pair("net_memif0,role=server,socket=@/memif,socket-abstract=no", name) as pair:
            report, stats = pair.send(f"net_memif0,role=client,socket={pair.g.path('memif')},socket-abstract=no", "--count", "20000", "--rate", "100000")
        check_both_books(name, report, stats)
        assert report["counts"]["sent"] == 20000 and (report["counts"]["timed"] > 0) == (name != "worst"), report["counts"]

    each_scenario(run)


def every_message_of_each_scenario_is_accounted_for_on_a_cable():
    device = "net_af_packet0,iface=%s,blocksz=65536,framesz=2048,framecnt=8192"
    # Namespaces of their own: the driver's socket takes frames of any interface until it is bound.
    with Network(*(f"{end}{i}" for i in range(len(NAMES)) for end in ("gw", "gen"))) as net:
        def run(name):
            i = NAMES.index(name)
            net.veth(f"gw{i}", "gw0", f"gen{i}", "gen0")
            with Pair(device % "gw0", name, prefix=net.prefix(f"gw{i}")) as pair:
                report, stats = pair.send(device % "gen0", "--count", "8000", "--rate", "20000", prefix=net.prefix(f"gen{i}"))
            check_both_books(name, report, stats)

        each_scenario(run)


def a_search_ends_at_a_rate_that_loses_nothing():
    with anywhere() as g:
        out = pktgen(g, "--port", "net_ring0", "--no-huge", "--memory-mb", "64", "--search", "--seconds", "0.2", "--settle", "0.05", "--json", "-",
                     "--quiet", "--html", g.path("out.html"), scenario("one-sender"))
        report = json.loads(out)
        assert report["found"] > 1000 and report["loss"] == 0 and report["trials"], report
        page = open(g.path("out.html"), encoding="utf-8").read()
        assert "http-equiv" not in page and "src=" not in page and '"scenario":"one-sender"' in page, "a page that needs nothing else"


def a_captures_frames_are_sent_as_they_are():
    with anywhere() as g:
        pktgen(g, "--pcap", g.path("in.pcap"), "--count", "500", scenario("quiet-day"))
        report = json.loads(pktgen(g, "--port", "net_ring0", "--no-huge", "--memory-mb", "64", "--replay", g.path("in.pcap"), "--count", "1500",
                                   "--rate", "10000", "--json", "-", "--quiet"))
        assert report["counts"]["sent"] == report["counts"]["forwarded"] == 1500 and report["deck"]["frames"] == 500, report["counts"]
        g.write("bad.pcap", "no capture")
        assert "bad.pcap" in pktgen(g, "--port", "net_ring0", "--replay", g.path("bad.pcap"), status=1)


def the_profile_for_trex_reads_what_was_exported():
    with anywhere() as g:
        path = g.path("out.pcap")
        pktgen(g, "--pcap", path, "--count", "500", scenario("hostile"))
        assert trex_profile.read_capture(path) == read_pcap(path)
        data = open(path, "rb").read()
        for wrong, said in ((b"no capture", "classic format"), (data[:24], "no frames"), (data[:-1], "frame 500 has"), (data[:24 + 15], "header of frame 1")):
            with open(path, "wb") as out:
                out.write(wrong)
            try:
                trex_profile.read_capture(path)
                raise AssertionError(f"{len(wrong)} bytes were taken for a capture")
            except ValueError as error:
                assert said in str(error) and path in str(error), error


PKTGEN_LUA = """
-- What weir.lua calls, as Pktgen-DPDK answers it: versions 26 and those before differ in portStats, and a link comes late.
local version, asked, rate, counts = tonumber(os.getenv("PKTGEN_VERSION")), 0, nil, { opackets = 0, ipackets = 0, imissed = 2, rx_nombuf = 1 }
pktgen = { screen = function() end, pcap = function() end, delay = function() end, stop = function() end }
function pktgen.linkState(ports) asked = asked + 1; return { [tonumber(ports)] = asked < 3 and "<--Down-->" or "<UP-10000-FD>" } end
function pktgen.set(_, what, value) if what == "rate" then rate = asked < 3 and "unlimited" or value end end
function pktgen.clr() counts.opackets, counts.ipackets = 0, 0 end
function pktgen.start() counts.opackets, counts.ipackets = rate * 1000, rate * 900 end
function pktgen.portStats(...)
    local ports, what = ...
    if select("#", ...) ~= (version < 26 and 2 or 1) then error("portStats, wrong number of arguments") end
    if version < 26 and what ~= "port" then error("the rates, not the counters") end
    return { n = 1, [tonumber(ports)] = version < 26 and counts or { curr = counts } }
end
"""


def the_script_for_pktgen_dpdk_waits_for_the_link_and_reads_the_counters_of_old_and_new_versions():
    if not shutil.which("tshark"):
        raise SkipTest("no tshark, whose Lua runs the script")
    with anywhere() as g:
        g.write("Pktgen.lua", PKTGEN_LUA)
        g.write("check.lua", f'print("runs Lua"); dofile("{BENCH}/pktgen-dpdk/weir.lua")')
        pktgen(g, "--pcap", g.path("one.pcap"), "--count", "1", scenario("one-sender"))
        for version in ("25", "26"):
            done = subprocess.run(["tshark", "-X", f"lua_script:{g.path('check.lua')}", "-r", g.path("one.pcap")], capture_output=True, text=True, timeout=120, cwd=g.folder,
                                  env={**os.environ, "PKTGEN_VERSION": version, "WEIR_PORT": "3", "WEIR_RATES": "1,20", "WEIR_SECONDS": "7"})
            if "runs Lua" not in done.stdout:
                raise SkipTest("this tshark runs no Lua here")
            assert re.findall(r"^ +([\d.]+) % of the line, 7 s: (\d+) sent, (\d+) back, (\d+) not back, 2 missed by the port, 1 without an mbuf$", done.stdout, re.M) == \
                [("1.00", "1000", "900", "100"), ("20.00", "20000", "18000", "2000")], (version, done)


def what_is_wrong_is_said():
    with anywhere() as g:
        for text, said in (("rat = 1;", 'unknown setting "rat"'), ("sizes = [ 12 ];", "12"), ("countries = { XX9 = 1; };", 'no "XX9"'),
                           ("priorities = { urgent = 0; };", "no share is above 0"), ("tenants = { first = 0; };", "first"),
                           ('rate = { shape = "step"; };', "to start from"), ("rate = { messages = 5; percent = 5; };", "not both"),
                           ('sources = { ipv4 = "10.0.0.1/8"; };', "is no IPv4 prefix"), ("malformed = { reasons = { nonsense = 1; }; };", 'no "nonsense"'),
                           ('seconds = "5";', "seconds must be a number"), ("malformed = { share = 1.5; };", "share 1.5 is outside 0 to 1")):
            path = g.write("s.conf", text)
            error = pktgen(g, "--pcap", g.path("out.pcap"), path, status=1)
            assert said in error and f"{path}:1: error: " in error, (text, error)
        for arguments, said in (([], "a scenario or --replay"), ([scenario("surge")], "--port, --pcap or --tenants"), (["--rate", "fast", "x"], '--rate "fast"'),
                                (["--count", "1.5", "x"], "no whole number"), (["a", "b"], "one scenario at a time")):
            assert said in pktgen(g, *arguments, status=2), arguments
        assert "net_nope0" in pktgen(g, "--port", "net_nope0", "--no-huge", "--memory-mb", "64", scenario("surge"), status=1)
        assert "/dev/null/x: Not a directory" in pktgen(g, "--pcap", "/dev/null/x", scenario("surge"), status=1)


if __name__ == "__main__":
    assert os.path.exists(program("weir-pktgen")), "build first"
    main([the_same_seed_makes_the_same_bytes_and_another_others, what_is_made_is_what_the_scenario_says, sizes_are_those_of_the_link,
          every_message_of_each_scenario_is_accounted_for_between_two_processes_by_memif,
          every_message_of_each_scenario_is_accounted_for_on_a_cable,
          a_search_ends_at_a_rate_that_loses_nothing, a_captures_frames_are_sent_as_they_are, the_profile_for_trex_reads_what_was_exported,
          the_script_for_pktgen_dpdk_waits_for_the_link_and_reads_the_counters_of_old_and_new_versions, what_is_wrong_is_said])
