#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Pools that are alive: members on loopback addresses, probed for real; the dataplane is tests/kit/fake_dataplane, which checks
each routes image and says the slots of each member."""
import json
import os
import re
import signal
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
from gateway import Gateway, main, wait_for  # noqa: E402
from members import Member, answer_coap, answer_native, answer_sip  # noqa: E402

SLOWER = int(os.environ.get("SLOWER", "1"))
NET = f"127.{os.getpid() % 250 + 2}.{os.getpid() // 250 % 250}."  # addresses of this process's own


def rules(members, health="", more="", after=""):
    rows = ", ".join('{ name = "%s"; address = "%s%d"; mac = "02:00:00:00:00:%02x"; %s }' % (name, NET, i + 1, i + 1, extra)
                     for i, (name, extra) in enumerate(members))
    return f'''version = 1;
pools = ( {{ name = "p"; slots = 1021; {more} members = ( {rows} ); {health} }}{after} );
default = {{ forward = "p"; }};
'''


def health(probe, port, interval=40, timeout=20, up=2, down=2):
    where = f"port = {port};" if port else ""
    return (f'health = {{ probe = "{probe}"; {where} interval_ms = {interval * SLOWER}; timeout_ms = {timeout * SLOWER}; '
            f'up = {up}; down = {down}; jitter = 20; }};')


class Pools:
    def __init__(self, text, **settings):
        self.g = Gateway(['name = "in0"; device = "net_null0"; queues = 1;'], agents="{ spool_mb = 64; }", **settings)
        self.g.write("rules.conf", text)
        self.members, self.controlplane, self.dataplane = [], None, None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for member in self.members:
            if not member.stopping:
                member.stop()
        self.g.__exit__(*error)

    def member(self, i, port=0, **kwargs):
        self.members.append(Member(f"{NET}{i}", port, **kwargs))
        return self.members[-1]

    def start(self, **environment):
        self.start_controlplane()
        os.makedirs(self.g.path("run/t"), exist_ok=True)
        self.dataplane = self.g.start("fake_dataplane", self.g.path("run/t"), "1", "1024", "1",
                                      env=dict(os.environ, **environment))
        wait_for("generation 1", lambda: "generation 1" in self.g.log("fake_dataplane"))
        return self

    def start_controlplane(self):
        self.controlplane = self.g.start("weir-controlplane", "--config", self.g.config)
        wait_for("the control plane", lambda: f"up, pid {self.controlplane.pid}" in self.g.log("weir-controlplane"))

    def end_controlplane(self, number=signal.SIGTERM):
        self.controlplane.send_signal(number)
        assert self.controlplane.wait(30) == (0 if number == signal.SIGTERM else -number)

    def ctl(self, *words):
        return self.g.run("weirctl", "--config", self.g.config, *words)

    def json(self, *words):
        done = self.ctl("--json", *words)
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    def show(self, member, pool="p"):
        return next(m for m in self.json("pool", "show", pool)["members"] if m["name"] == member)

    def slots(self, pool="p"):
        """The slots of each member, as the dataplane has them now."""
        lines = re.findall(rf"^routes {pool}((?: \S+=\d+)+)$", self.g.log("fake_dataplane"), re.M)
        return {name: int(n) for name, n in (part.split("=") for part in lines[-1].split())} if lines else {}

    def wait_carrying(self, *names, pool="p"):
        return wait_for(f"{names} to carry", lambda: {m for m, n in self.slots(pool).items() if n} == set(names))


def three(probe="native", answer=answer_native, kind=socket.SOCK_DGRAM):
    """A pool of three living members on one port."""
    first = Member(f"{NET}1", 0, answer, kind)
    pools = Pools(rules([("a", ""), ("b", ""), ("c", "")], health(probe, first.port)))
    pools.members = [first] + [Member(f"{NET}{i}", first.port, answer, kind) for i in (2, 3)]
    return pools


def a_member_that_dies_loses_its_slots_and_gets_them_back(probe="native", answer=answer_native, kind=socket.SOCK_DGRAM):
    with three(probe, answer, kind) as pools:
        pools.start().wait_carrying("a", "b", "c")
        before = pools.slots()
        wait_for("all to be probed", lambda: all(m.asked > 1 for m in pools.members))
        pools.members[1].stop()
        pools.wait_carrying("a", "c")
        state = wait_for("what is shown", lambda: (pools.show("b")["state"] == "down") and pools.show("b"))
        assert "refused" in state["health"]["error"] and state["share"] == 0, state
        pools.members[1].start()
        pools.wait_carrying("a", "b", "c")
        assert pools.slots() == before, (before, pools.slots())
        log = pools.g.log("weir-controlplane")
        assert log.count("pool p: member b is down: Connection refused") == 1 and log.count("pool p: member b is up") == 1, log


def members_that_speak_coap_are_asked_by_its_ping():
    a_member_that_dies_loses_its_slots_and_gets_them_back("coap", answer_coap)


def members_that_speak_sip_are_asked_by_options():
    a_member_that_dies_loses_its_slots_and_gets_them_back("sip", answer_sip)


def members_that_take_connections_are_asked_by_tcp():
    a_member_that_dies_loses_its_slots_and_gets_them_back("tcp", None, socket.SOCK_STREAM)


def a_silent_member_is_down_after_as_many_probes_as_the_file_says():
    with three() as pools:
        pools.start().wait_carrying("a", "b", "c")
        wait_for("all to be probed", lambda: all(m.asked > 1 for m in pools.members))
        pools.members[2].silent = True
        asked = pools.members[2].asked
        pools.wait_carrying("a", "b")
        assert pools.members[2].asked - asked >= 2, "not before two went unanswered"
        assert "no answer within" in pools.show("c")["health"]["error"]
        pools.members[2].silent = False
        pools.wait_carrying("a", "b", "c")


def wrong_answers_do_not_count():
    wrong = {"another id": lambda d: answer_native(d)[:12] + b"\0\0\0\0", "no reply flag": lambda d: d,
             "a status that is none": lambda d: answer_native(d)[:2] + b"\3" + answer_native(d)[3:],
             "another tenant": lambda d: answer_native(d)[:4] + b"\0\0\0\1" + answer_native(d)[8:]}
    for what, answer in wrong.items():
        with three() as pools:
            pools.start()
            pools.members[0].answer = answer
            pools.wait_carrying("b", "c")
            assert pools.show("a")["state"] == "down", what


def a_pool_of_the_dead_has_no_slots():
    with three() as pools:
        pools.start().wait_carrying("a", "b", "c")
        for member in pools.members:
            member.stop()
        pools.wait_carrying()
        wait_for("that to be said", lambda: "pool p: no member can take messages" in pools.g.log("weir-controlplane"))
        assert "0  active-active" in re.sub(" +", " ", pools.ctl("pool", "list").stdout).replace("0 active", "0  active")
        pools.members[1].start()
        pools.wait_carrying("b")
        assert "pool p: takes messages again" in pools.g.log("weir-controlplane")


def a_command_decides_by_its_exit_status_and_its_time():
    text = health("command", 0, interval=100, timeout=90).replace("};", ' command = "check"; };', 1)
    with Pools(rules([("a", ""), ("b", "")], text), health_commands='"checks"') as pools:
        os.mkdir(pools.g.path("checks"))
        script = pools.g.write("checks/check", f'#!/bin/sh\n[ "$1" = {NET}1 ] && exit 0\n'
                               f'[ -e {pools.g.path("good")} ] && exit 0\n[ -e {pools.g.path("hang")} ] && sleep 1000\nexit 3\n')
        os.chmod(script, 0o755)
        pools.start().wait_carrying("a")
        wait_for("the status", lambda: "ended with status 3" in (pools.show("b")["health"]["error"] or ""))
        pools.g.write("good", "")
        pools.wait_carrying("a", "b")
        pools.g.write("hang", "")
        os.unlink(pools.g.path("good"))
        pools.wait_carrying("a")
        wait_for("the time", lambda: "no answer within" in (pools.show("b")["health"]["error"] or ""))
        os.unlink(script)
        pools.wait_carrying()
        assert "No such file" in pools.show("a")["health"]["error"], pools.show("a")


def drain_and_enable_hold_over_loads_and_restarts_and_are_in_the_history():
    with three() as pools:
        pools.start().wait_carrying("a", "b", "c")
        done = pools.ctl("member", "drain", "p/a")
        assert done.returncode == 0 and "drained" in done.stdout, done
        assert {m for m, n in pools.slots().items() if n} == {"b", "c"}, "in use when the command returns"
        assert pools.ctl("rules", "load", pools.g.path("rules.conf")).returncode == 0
        assert {m for m, n in pools.slots().items() if n} == {"b", "c"}
        for number in (signal.SIGTERM, signal.SIGKILL):
            pools.end_controlplane(number)
            pools.start_controlplane()
            wait_for("the pools", lambda: pools.json("pool", "list"))
            assert pools.show("a")["drained"] and pools.show("a")["state"] == "drained"
            assert pools.slots()["a"] == 0
        assert pools.ctl("member", "enable", "p/a").returncode == 0
        pools.wait_carrying("a", "b", "c")
        events = [e for e in pools.json("rules", "history") if e["event"].startswith("member")]
        assert [(e["event"], e["file"]) for e in events] == [("member drain", "p/a"), ("member enable", "p/a")], events
        assert all("uid" in e["who"] and e["time"] for e in events)


def weights_move_shares_and_zero_drains():
    with three() as pools:
        pools.start().wait_carrying("a", "b", "c")
        assert pools.ctl("member", "weight", "p/a", "2").returncode == 0
        slots = pools.slots()
        assert abs(slots["a"] - 1021 / 2) < 30, slots
        assert abs(pools.show("a")["share"] - 0.5) < 0.03 and pools.show("a")["weight_of_file"] == 1
        assert pools.ctl("member", "weight", "p/a", "0").returncode == 0
        assert pools.slots()["a"] == 0 and pools.show("a")["state"] == "drained"
        assert pools.ctl("member", "weight", "p/a", "file").returncode == 0
        assert abs(pools.slots()["a"] - 1021 / 3) < 30
        for words, status in ((("member", "weight", "p/a", "1001"), 2), (("member", "drain", "p/nobody"), 1),
                              (("member", "drain", "nobody"), 1), (("pool", "show", "q"), 1), (("member", "drain"), 2)):
            assert pools.ctl(*words).returncode == status, words


def a_known_dead_member_gets_nothing_after_a_load_or_a_restart():
    with three() as pools:
        pools.start().wait_carrying("a", "b", "c")
        pools.members[0].stop()
        pools.wait_carrying("b", "c")
        said = pools.g.log("fake_dataplane").count("routes p")
        pools.g.write("rules.conf", rules([("a", ""), ("b", ""), ("c", ""), ("d", "")], health("native", pools.members[1].port)))
        assert pools.ctl("rules", "load", pools.g.path("rules.conf")).returncode == 0
        wait_for("d to be down", lambda: pools.slots().get("d") == 0)
        pools.end_controlplane(signal.SIGTERM)
        pools.start_controlplane()
        wait_for("the pools", lambda: pools.json("pool", "list"))
        wait_for("probes again", lambda: pools.show("b")["health"]["probed"])
        assert pools.show("a")["state"] == "down" and not pools.show("a")["health"]["up"]
        later = re.findall(r"^routes p.*$", pools.g.log("fake_dataplane"), re.M)[said:]
        assert later and all(" a=0 " in line for line in later), later


def a_restarted_dataplane_gets_the_routes_with_the_table():
    with three() as pools:
        pools.start().wait_carrying("a", "b", "c")
        pools.members[0].stop()
        pools.wait_carrying("b", "c")
        pools.dataplane.kill()
        pools.dataplane.wait()
        start = len(re.findall(r"^routes p", pools.g.log("fake_dataplane"), re.M))
        pools.dataplane = pools.g.start("fake_dataplane", pools.g.path("run/t"), "1", "1024", "1")
        wait_for("generation 1 again", lambda: pools.g.log("fake_dataplane").count("generation 1") == 2)
        later = re.findall(r"^routes p.*$", pools.g.log("fake_dataplane"), re.M)[start:]
        assert later and " a=0 " in later[0], later


def routes_that_come_too_early_are_offered_again():
    for why in ("busy", "stale"):
        with three() as pools:
            pools.start(FAKE_ROUTES=why).wait_carrying("a", "b", "c")
            assert pools.ctl("member", "drain", "p/c").returncode == 0
            pools.wait_carrying("a", "b")
            assert pools.g.log("fake_dataplane").count("refused routes") == 1


def a_standby_takes_over_and_hands_back_after_the_delay():
    more = 'redundancy = "active-standby"; fail_back = 1;'
    first = Member(f"{NET}1", 0)
    with Pools(rules([("a", ""), ("b", ""), ("s", "standby = true;")], health("native", first.port), more)) as pools:
        pools.members = [first] + [Member(f"{NET}{i}", first.port) for i in (2, 3)]
        pools.start().wait_carrying("a", "b")
        assert pools.show("s")["state"] == "standby"
        pools.members[0].stop()
        pools.wait_carrying("b")
        pools.members[1].stop()
        pools.wait_carrying("s")
        pools.members[1].start()
        wait_for("b to be up", lambda: pools.show("b")["health"]["up"])
        up = time.monotonic()
        pools.wait_carrying("b")
        assert time.monotonic() - up > 0.5, "it waits for about a second"
        log = pools.g.log("weir-controlplane")
        assert "its standby members take over" in log and "its first members take over again" in log


def a_file_of_states_that_cannot_be_read_is_said_and_does_no_harm():
    for text in ("{", '{"version":1,"members":[{"pool":"p"},7,{"pool":"p","member":"a","up":true,"weight":99999}]}', "[]", ""):
        with three() as pools:
            os.makedirs(pools.g.path("state/t"))
            pools.g.write("state/t/pools.json", text)
            pools.start().wait_carrying("a", "b", "c")
            assert "pools.json" in pools.g.log("weir-controlplane"), text


def a_broken_rule_file_at_the_start_leaves_the_pools_of_the_dataplane_watched():
    with three() as pools:
        pools.start().wait_carrying("a", "b", "c")
        pools.end_controlplane()
        pools.g.write("rules.conf", "nonsense")
        pools.start_controlplane()
        wait_for("the pools of the table in use", lambda: pools.json("pool", "list"))
        pools.members[0].stop()
        pools.wait_carrying("b", "c")


SWITCH = '''version = 1;
tenants = ( { id = 1; name = "acme"; home = "DE"; }, { id = 2; name = "globex"; home = "DE"; } );
zones = ( { name = "eu"; countries = [ "DE" ]; }, { name = "ch"; countries = [ "CH" ]; } );
pools = ( { name = "p"; zone = "eu"; members = ( { name = "a"; address = "10.0.0.1"; mac = "02:00:00:00:00:01"; } ); },
          { name = "q"; zone = "eu"; members = ( { name = "b"; address = "10.0.0.2"; mac = "02:00:00:00:00:02"; } ); },
          { name = "far"; zone = "ch"; members = ( { name = "c"; address = "10.0.0.3"; mac = "02:00:00:00:00:03"; } ); } );
residency = { enforce = true; };
default = { drop = "other"; };
rules = ( { name = "de"; match = { country = "DE"; }; action = { forward = "p"; }; } );
'''


def crc(pools):
    return [e["crc"] for e in pools.json("rules", "history") if e.get("result") == "published"][-1]


def a_route_is_switched_as_a_generation_and_taken_back():
    with Pools(SWITCH) as pools:
        pools.start()
        plain = crc(pools)
        done = pools.ctl("route", "switch", "p", "--to", "q")
        assert done.returncode == 0 and done.stdout.startswith("generation 2:"), done
        switched = crc(pools)
        entry, = pools.json("route", "list")
        assert (entry["from"], entry["to"], entry["tenant"], entry["until"]) == ("p", "q", None, None), entry
        assert switched != plain and "p to q, since " in pools.ctl("route", "list").stdout
        assert pools.ctl("rules", "load", pools.g.path("rules.conf")).returncode == 0 and crc(pools) == switched, "over a load"
        pools.end_controlplane()
        pools.start_controlplane()
        wait_for("the comparison", lambda: "already, as generation 3" in pools.g.log("weir-controlplane"))  # over a restart
        pools.g.write("rules.conf", "not to be read by an undo")
        done = pools.ctl("route", "undo", "p")
        assert done.returncode == 0 and crc(pools) == plain and pools.json("route", "list") == [], done
        assert pools.ctl("route", "undo", "p").returncode == 1
        last = pools.json("rules", "history")[-1]
        assert last["event"] == "switch" and last["change"] == "route undo p" and "uid" in last["who"], last


def one_tenant_is_switched_alone_and_rules_are_proven_anew():
    with Pools(SWITCH) as pools:
        pools.start()
        before = pools.json("rules", "history")
        for words, part in ((("p", "--to", "far"), 'rule "de"'), (("p", "--to", "far", "--tenant", "acme"), 'tenant "acme"'),
                            (("p", "--to", "nowhere"), 'no pool "nowhere"'), (("x", "--to", "q"), 'no pool "x"'),
                            (("p", "--to", "q", "--tenant", "nobody"), 'no tenant "nobody"')):
            done = pools.ctl("route", "switch", *words)
            assert done.returncode == 1 and part in done.stderr, (words, done)
        assert pools.json("route", "list") == [] and crc(pools) == before[-1]["crc"]
        done = pools.ctl("--json", "route", "switch", "p", "--to", "q", "--tenant", "acme")
        assert json.loads(done.stdout)["rules"] == 2, done
        assert pools.ctl("route", "undo", "p").returncode == 1  # that of all is another one
        assert pools.ctl("route", "switch", "q", "--to", "p").returncode == 1  # acme's messages would go round in a circle
        assert pools.ctl("route", "undo", "p", "--tenant", "acme").returncode == 0
        for words in (("switch", "p"), ("switch", "p", "--to", "q", "--for", "0"), ("switch", "p", "--to", "q", "--for", "9y"), ("undo",)):
            assert pools.ctl("route", *words).returncode == 2, words


def a_switch_for_a_time_is_taken_back_by_itself_also_over_a_restart():
    for restart in (False, True):
        with Pools(SWITCH) as pools:
            pools.start()
            plain = crc(pools)
            assert pools.ctl("route", "switch", "p", "--to", "q", "--for", "2").returncode == 0
            if restart:
                pools.end_controlplane()
                time.sleep(2.1)  # its time passes while nobody is there
                pools.start_controlplane()
            wait_for("the end of its time", lambda: pools.json("route", "list") == [])
            wait_for("the table of before", lambda: crc(pools) == plain)
            if not restart:
                last = pools.json("rules", "history")[-1]
                assert last["who"] == "timer" and last["change"] == "route undo: the time is over", last


def a_rollback_takes_switches_out_of_force():
    with Pools(SWITCH) as pools:
        pools.start()
        plain = crc(pools)
        assert pools.ctl("route", "switch", "p", "--to", "q").returncode == 0
        assert pools.ctl("rules", "rollback").returncode == 0
        assert crc(pools) == plain and pools.json("route", "list") == []
        done = pools.ctl("route", "switch", "p", "--to", "q")
        assert done.returncode == 1 and "was not made from a rule file" in done.stderr, done
        assert pools.ctl("rules", "load", pools.g.path("rules.conf")).returncode == 0
        assert pools.ctl("route", "switch", "p", "--to", "q").returncode == 0


def a_file_without_the_pool_of_a_switch_is_refused():
    with Pools(SWITCH) as pools:
        pools.start()
        assert pools.ctl("route", "switch", "p", "--to", "q").returncode == 0
        done = pools.ctl("rules", "load", pools.g.write("less.conf", SWITCH.replace('name = "q"', 'name = "other"')))
        assert done.returncode == 1 and "route undo" in done.stderr, done
        pools.end_controlplane()
        os.rename(pools.g.path("less.conf"), pools.g.path("rules.conf"))
        pools.start_controlplane()  # which refuses its own file
        wait_for("the refusal", lambda: "rules.conf is not loaded" in pools.g.log("weir-controlplane"))
        wait_for("the dataplane", lambda: pools.json("status")["connected"])
        assert pools.ctl("rules", "load", pools.g.path("rules.conf")).returncode == 1
        done = pools.ctl("route", "undo", "p")
        assert done.returncode == 0 and "the next load is made without it" in done.stdout, done
        assert pools.ctl("rules", "load", pools.g.path("rules.conf")).returncode == 0


if __name__ == "__main__":
    main([a_member_that_dies_loses_its_slots_and_gets_them_back,
          members_that_speak_coap_are_asked_by_its_ping,
          members_that_speak_sip_are_asked_by_options,
          members_that_take_connections_are_asked_by_tcp,
          a_silent_member_is_down_after_as_many_probes_as_the_file_says,
          wrong_answers_do_not_count,
          a_pool_of_the_dead_has_no_slots,
          a_command_decides_by_its_exit_status_and_its_time,
          drain_and_enable_hold_over_loads_and_restarts_and_are_in_the_history,
          weights_move_shares_and_zero_drains,
          a_known_dead_member_gets_nothing_after_a_load_or_a_restart,
          a_restarted_dataplane_gets_the_routes_with_the_table,
          routes_that_come_too_early_are_offered_again,
          a_standby_takes_over_and_hands_back_after_the_delay,
          a_file_of_states_that_cannot_be_read_is_said_and_does_no_harm,
          a_broken_rule_file_at_the_start_leaves_the_pools_of_the_dataplane_watched,
          a_route_is_switched_as_a_generation_and_taken_back,
          one_tenant_is_switched_alone_and_rules_are_proven_anew,
          a_switch_for_a_time_is_taken_back_by_itself_also_over_a_restart,
          a_rollback_takes_switches_out_of_force,
          a_file_without_the_pool_of_a_switch_is_refused])
