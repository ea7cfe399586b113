#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The control plane as operators meet it: loads, refusals, errors of the environment, full disks, rude clients. The dataplane is
tests/kit/fake_dataplane."""
import contextlib
import json
import os
import pwd
import signal
import socket
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
from gateway import Gateway, SkipTest, main, program, wait_for  # noqa: E402

GOOD = """version = 1;
queues = ( { name = "desk"; } );
default = { agents = "desk"; };
"""
OTHER = GOOD.replace("desk", "other")
BAD = GOOD + "nonsense = 1;\n"
POOL = """version = 1;
pools = ( { name = "p"; port = 3;
            members = ( { name = "m"; address = "10.0.0.1"; mac = "02:00:00:00:00:01"; } ); } );
default = { forward = "p"; };
"""


class Plane:
    def __init__(self, rules=GOOD, **settings):
        settings.setdefault("agents", "{ spool_mb = 64; }")
        self.g = Gateway(['name = "in0"; device = "net_null0"; queues = 1;'], **settings)
        self.g.write("rules.conf", rules)
        self.run_folder = self.g.path("run/t")
        self.controlplane = self.dataplane = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.g.__exit__(*error)

    def start(self):
        self.controlplane = self.g.start("weir-controlplane", "--config", self.g.config)
        wait_for("the control plane", lambda: f"up, pid {self.controlplane.pid}" in self.log())
        return self

    def start_dataplane(self, rate=1, on_table=None, slots=1024):
        os.makedirs(self.run_folder, exist_ok=True)
        environment = dict(os.environ, **({"FAKE_TABLE": on_table} if on_table else {}))
        self.dataplane = self.g.start("fake_dataplane", self.run_folder, "1", str(slots), str(rate), env=environment)
        return self

    def log(self):
        return self.g.log("weir-controlplane") if os.path.exists(self.g.path("weir-controlplane.log")) else ""

    def ctl(self, *words):
        return self.g.run("weirctl", "--config", self.g.config, *words)

    def load_in_background(self, path):
        return subprocess.Popen([program("weirctl"), "--config", self.g.config, "rules", "load", path],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def status(self):
        done = self.ctl("--json", "status")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def history(self):
        return json.loads(self.ctl("--json", "rules", "history").stdout)

    def wait_generation(self, generation):
        return wait_for(f"generation {generation}", lambda: (self.status() or {}).get("generation") == generation)

    def kill_dataplane(self):
        self.dataplane.kill()
        self.dataplane.wait()
        wait_for("the end of the connection", lambda: not self.status()["connected"])


def the_rule_file_is_published_at_the_start_whoever_starts_first():
    for order in (("start", "start_dataplane"), ("start_dataplane", "start")):
        with Plane() as plane:
            for step in order:
                getattr(plane, step)()
            plane.wait_generation(1)
            assert plane.history()[0]["event"] == "start", plane.history()


def a_load_returns_when_its_table_is_in_use_and_prints_the_generation():
    with Plane() as plane:
        plane.start().start_dataplane().wait_generation(1)
        done = plane.ctl("rules", "load", plane.g.write("other.conf", OTHER))
        assert done.returncode == 0 and done.stdout.startswith("generation 2:"), done
        assert "starts again" in done.stderr
        assert json.loads(plane.ctl("--json", "rules", "load", plane.g.path("rules.conf")).stdout)["generation"] == 3
        assert plane.status()["generation"] == 3


def the_same_file_gives_the_same_bytes_by_load_and_by_restart():
    with Plane() as plane:
        plane.start().start_dataplane().wait_generation(1)
        plane.ctl("rules", "load", plane.g.write("other.conf", OTHER))
        plane.ctl("rules", "load", plane.g.path("rules.conf"))
        crcs = [entry["crc"] for entry in plane.history()]
        assert crcs[0] == crcs[2] != crcs[1], crcs
        plane.controlplane.send_signal(signal.SIGTERM)
        assert plane.controlplane.wait(30) == 0
        plane.start()
        wait_for("the comparison", lambda: "already, as generation 3" in plane.log())


def an_operators_load_waits_for_the_one_of_the_start():
    with Plane() as plane:
        plane.start().start_dataplane(on_table="ignore")
        wait_for("the offer", lambda: "ignored 1" in plane.g.log("fake_dataplane"))
        with plane.load_in_background(plane.g.write("other.conf", OTHER)) as first:
            wait_for("the load to wait", lambda: plane.log().count("load asked by") == 1)
            plane.history()
            assert "history asked by" not in plane.log(), "who only looks is not logged"
            second = plane.ctl("rules", "load", plane.g.path("rules.conf"))
            assert second.returncode == 1 and "another load is running" in second.stderr, second
            plane.kill_dataplane()  # ends the load of the start, and then the operator's finds no dataplane
            assert first.wait(30) == 3 and "it is back" in first.stderr.read()
        plane.start_dataplane().wait_generation(1)
        last = plane.history()[-1]
        assert last["file"].endswith("other.conf") and last["result"] == "published", plane.history()


def a_bad_file_changes_nothing_and_a_later_good_one_loads():
    with Plane() as plane:
        plane.start().start_dataplane().wait_generation(1)
        done = plane.ctl("rules", "load", plane.g.write("bad.conf", BAD))
        assert done.returncode == 1 and "bad.conf:4: error: " in done.stderr, done
        assert plane.ctl("rules", "load", plane.g.path("missing.conf")).returncode == 1
        assert plane.status()["generation"] == 1
        assert plane.ctl("rules", "load", plane.g.path("rules.conf")).returncode == 0
        assert [entry["result"] for entry in plane.history()] == ["published", "refused", "refused", "published"]


def a_bad_file_at_the_start_is_said_and_mended_by_a_load():
    with Plane(BAD) as plane:
        plane.start().start_dataplane()
        wait_for("the refusal", lambda: "rules.conf:4: error: " in plane.log())
        wait_for("the dataplane", lambda: plane.status()["connected"])
        assert plane.status()["generation"] == 0
        assert plane.ctl("rules", "load", plane.g.write("good.conf", GOOD)).returncode == 0


def a_pool_on_a_port_that_is_not_there_is_refused_with_its_line():
    with Plane() as plane:
        plane.start().start_dataplane().wait_generation(1)
        done = plane.ctl("rules", "load", plane.g.write("pool.conf", POOL))
        assert done.returncode == 1 and "pool.conf:2: error: pool \"p\"" in done.stderr, done


def a_table_that_the_dataplane_refuses_is_reported_and_not_kept():
    with Plane() as plane:
        plane.start().start_dataplane(on_table="refuse")
        wait_for("the refusal", lambda: "as the test wants" in plane.log())
        done = plane.ctl("rules", "load", plane.g.path("rules.conf"))
        assert done.returncode == 1 and "as the test wants" in done.stderr, done


def a_second_load_is_told_so_and_a_dataplane_that_dies_gets_the_table_when_it_is_back():
    with Plane(BAD) as plane:
        plane.start().start_dataplane(on_table="ignore")
        wait_for("the dataplane", lambda: (plane.status() or {}).get("connected"))
        wait_for("the refusal", lambda: not plane.status()["loading"])
        with plane.load_in_background(plane.g.write("good.conf", GOOD)) as first:
            wait_for("the offer", lambda: "ignored 1" in plane.g.log("fake_dataplane"))
            second = plane.ctl("rules", "load", plane.g.path("good.conf"))
            assert second.returncode == 1 and "another load is running" in second.stderr, second
            plane.kill_dataplane()
            assert first.wait(30) == 3 and "went away" in first.stderr.read()
        plane.start_dataplane().wait_generation(1)
        assert [entry["result"] for entry in plane.history()] == ["refused", "failed", "published"], plane.history()


def a_restarted_dataplane_gets_the_last_table_again():
    with Plane() as plane:
        plane.start().start_dataplane().wait_generation(1)
        plane.ctl("rules", "load", plane.g.write("other.conf", OTHER))
        plane.kill_dataplane()
        plane.start_dataplane().wait_generation(1)
        last = plane.history()[-1]
        assert last["event"] == "reconnect" and last["file"].endswith("other.conf"), last


def a_rollback_publishes_the_earlier_table_byte_for_byte():
    with Plane() as plane:
        plane.start().start_dataplane().wait_generation(1)
        none = plane.ctl("rules", "rollback")
        assert none.returncode == 1 and "no earlier table" in none.stderr, none
        plane.ctl("rules", "load", plane.g.write("other.conf", OTHER))
        back = plane.ctl("rules", "rollback")
        assert back.returncode == 0 and back.stdout.startswith("generation 3: "), back
        again = plane.ctl("rules", "rollback", "2")
        assert again.returncode == 0 and again.stdout.startswith("generation 4: "), again
        history = plane.history()
        crcs = [entry["crc"] for entry in history]
        assert crcs[0] == crcs[2] != crcs[1] == crcs[3], crcs
        assert history[3]["event"] == "rollback" and history[3]["who"].startswith("root"), history[3]
        wrong = plane.ctl("rules", "rollback", "77")
        assert wrong.returncode == 1 and "no table of that generation" in wrong.stderr, wrong
        assert plane.ctl("rules", "rollback", "x").returncode == 2
        plane.wait_generation(4)


def a_rollback_finds_its_table_behind_a_thousand_changes_of_members():
    with Plane() as plane:
        plane.start().start_dataplane().wait_generation(1)
        plane.ctl("rules", "load", plane.g.write("other.conf", OTHER))
        note = {"event": "member drain", "who": "root (uid 0)", "file": "p/a", "result": "done"}
        with open(plane.g.path("state/t/history"), "a", encoding="utf-8") as file:
            file.write((json.dumps(note) + "\n") * 1000)
        back = plane.ctl("rules", "rollback")
        assert back.returncode == 0 and back.stdout.startswith("generation 3: "), back


def a_kept_table_that_is_damaged_is_refused_and_changes_nothing():
    with Plane() as plane:
        plane.start().start_dataplane().wait_generation(1)
        plane.ctl("rules", "load", plane.g.write("other.conf", OTHER))
        path = os.path.join(plane.g.path("state/t/tables"), plane.history()[0]["crc"] + ".table")
        with open(path, "r+b") as file:
            file.seek(5000)
            file.write(b"damage")
        done = plane.ctl("rules", "rollback")
        assert done.returncode == 1 and "checksum" in done.stderr, done
        assert plane.status()["generation"] == 2


def the_last_ten_tables_are_kept():
    with Plane() as plane:
        plane.start().start_dataplane().wait_generation(1)
        for i in range(12):
            plane.ctl("rules", "load", plane.g.write("next.conf", GOOD.replace("desk", f"desk-{i}")))
        assert len(os.listdir(plane.g.path("state/t/tables"))) == 10
        plane.wait_generation(13)
        assert plane.ctl("rules", "rollback", "1").returncode == 1
        assert plane.ctl("rules", "rollback", "12").returncode == 0


def a_generation_is_compared_with_a_file():
    with Plane() as plane:
        plane.start().start_dataplane().wait_generation(1)
        other = plane.g.write("other.conf", OTHER)
        same = plane.ctl("rules", "diff", "1", plane.g.path("rules.conf"))
        assert same.returncode == 0 and same.stdout == "no difference\n", same
        done = plane.ctl("rules", "diff", "1", other)
        assert done.returncode == 0 and "now rule" in done.stdout, done
        missing = plane.ctl("rules", "diff", "9", other)
        assert missing.returncode == 1 and "no table of that generation" in missing.stderr, missing


def an_address_is_of_the_country_that_the_table_in_use_says_whatever_the_file_holds():
    with Plane(GOOD + 'country_by_address = "geo.csv";\n') as plane:
        geo = plane.g.write("geo.csv", "192.0.2.0,192.0.2.255,DE\n")
        early = plane.start().ctl("country", "192.0.2.1")
        assert early.returncode != 0 and early.stdout == "", early
        plane.start_dataplane().wait_generation(1)
        assert plane.ctl("country", "192.0.2.1").stdout == f"192.0.2.1: DE, by address: {geo}:1\n"
        plane.g.write("geo.csv", "\n192.0.2.0,192.0.2.255,FR\n")
        assert "DE, by address" in plane.ctl("country", "192.0.2.1").stdout
        assert plane.ctl("rules", "load", plane.g.path("rules.conf")).returncode == 0
        assert plane.ctl("country", "192.0.2.1").stdout == f"192.0.2.1: FR, by address: {geo}:2\n"
        assert "DE, by address" in plane.ctl("country", "192.0.2.1", "--rules", "1").stdout
        assert plane.ctl("rules", "rollback", "1").returncode == 0
        assert "DE, by address" in plane.ctl("country", "192.0.2.1").stdout


def hangup_loads_the_file_of_gateway_conf_again():
    with Plane() as plane:
        plane.start().start_dataplane().wait_generation(1)
        plane.g.write("rules.conf", OTHER)
        plane.controlplane.send_signal(signal.SIGHUP)
        plane.wait_generation(2)


def who_asks_without_a_control_plane_or_a_dataplane_hears_what_to_start():
    with Plane() as plane:
        done = plane.ctl("stats")
        assert done.returncode == 3 and "weir-controlplane" in done.stderr, done
        plane.start()
        for words in (["stats"], ["rules", "load", plane.g.path("rules.conf")]):
            done = plane.ctl(*words)
            assert done.returncode == 3 and "start weir-dataplane" in done.stderr, done


def what_is_wrong_at_the_start_is_one_line_and_its_exit_status():
    with Plane() as plane:
        g = plane.g
        assert g.run("weir-controlplane").returncode == 2
        assert g.run("weir-controlplane", "--config", g.path("missing.conf")).returncode == 1
        plane.start()
        second = g.run("weir-controlplane", "--config", g.config)
        assert second.returncode == 3 and f"pid {plane.controlplane.pid}" in second.stderr, second
        with open(g.config, encoding="utf-8") as file:
            text = file.read()
        for key in ("run_dir", "state_dir"):
            g.write("file", "no folder")
            config = g.write(f"{key}.conf", text.replace(f'{key} = "{g.folder}/', f'{key} = "{g.folder}/file/'))
            done = g.run("weir-controlplane", "--config", config)
            assert done.returncode == 3 and "/file" in done.stderr, done
        config = g.write("user.conf", text + 'user = "no-such-user-here";\n')
        plane.controlplane.send_signal(signal.SIGTERM)
        plane.controlplane.wait(30)
        if os.geteuid() == 0:
            assert g.run("weir-controlplane", "--config", config).returncode == 1


def a_socket_that_a_killed_one_left_is_no_obstacle():
    with Plane() as plane:
        plane.start()
        plane.controlplane.kill()
        plane.controlplane.wait()
        assert os.path.exists(plane.g.path("run/t/control.sock"))
        plane.start()
        assert plane.status()["pid"] == plane.controlplane.pid


def rude_clients_hurt_nobody():
    with Plane() as plane:
        plane.start().start_dataplane().wait_generation(1)
        with contextlib.ExitStack() as stack:
            rude = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(40)]
            for i, client in enumerate(rude):
                client.connect(plane.g.path("run/t/control.sock"))
                client.setblocking(False)
                with contextlib.suppress(OSError):
                    client.sendall([b"", b'{"command": "sta', b'{"command":"stats"}\n' * 1000, b"x" * 200000,
                                    b"[]\n\n{}\nnull\n", b'{"command":"load"}\n'][i % 6])
            assert plane.status()["generation"] == 1
            many = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(60)]
            for client in many:
                client.connect(plane.g.path("run/t/control.sock"))
        wait_for("the clients to be gone", plane.status)
        assert plane.controlplane.poll() is None


def root_becomes_the_user_of_gateway_conf():
    if os.geteuid() != 0:
        raise SkipTest("needs root")
    with Plane(user='"nobody"') as plane:
        os.chmod(plane.g.folder, 0o755)
        plane.start().start_dataplane(rate=1000)
        plane.wait_generation(1)
        with open(f"/proc/{plane.controlplane.pid}/status", encoding="utf-8") as file:
            uids = [line.split()[1:] for line in file if line.startswith("Uid:")][0]
        assert uids == [str(pwd.getpwnam("nobody").pw_uid)] * 4, uids
        wait_for("messages in the spool", lambda: plane.status()["spool"]["stored"] > 100)


def fill_until_stalled(plane):
    plane.start().start_dataplane(rate=100000).wait_generation(1)
    wait_for("the stall", lambda: plane.status()["spool"]["error"], 60)
    stored = plane.status()["spool"]["stored"]
    assert plane.log().count("nothing is acknowledged") == 1
    assert plane.ctl("rules", "load", plane.g.path("rules.conf")).returncode == 0  # rules are not held up
    return stored


def check_spool(plane):
    done = plane.g.run("spool_check", plane.g.path("state/t/spool"), plane.run_folder)
    assert done.returncode == 0, done


def a_full_spool_acknowledges_nothing_and_goes_on_with_a_larger_one():
    with Plane(agents="{ spool_mb = 16; }") as plane:
        fill_until_stalled(plane)
        plane.controlplane.send_signal(signal.SIGTERM)
        assert plane.controlplane.wait(30) == 0
        with open(plane.g.config, encoding="utf-8") as file:
            text = file.read()
        plane.g.write("gateway.conf", text.replace("spool_mb = 16", "spool_mb = 512"))
        plane.start()
        plane.dataplane.send_signal(signal.SIGTERM)
        assert plane.dataplane.wait(30) == 0
        check_spool(plane)


def a_full_disk_acknowledges_nothing_and_goes_on_when_there_is_room():
    with Plane(agents="{ spool_mb = 512; }") as plane:
        state = plane.g.path("state")
        os.mkdir(state)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", state], capture_output=True, check=False).returncode:
            raise SkipTest("a small file system cannot be mounted here")
        try:
            fill_until_stalled(plane)
            plane.controlplane.kill()
            plane.controlplane.wait()
            plane.start()  # also a control plane that starts on a full disk is up, and stalls
            wait_for("the stall", lambda: plane.status()["spool"]["error"], 60)
            stored = plane.status()["spool"]["stored"]
            subprocess.run(["mount", "-o", "remount,size=400m", state], check=True)
            wait_for("messages to be stored again", lambda: plane.status()["spool"]["stored"] > stored, 20)
            assert "takes messages again" in plane.log()
            plane.dataplane.send_signal(signal.SIGTERM)
            assert plane.dataplane.wait(30) == 0
            check_spool(plane)
            plane.controlplane.send_signal(signal.SIGTERM)
            assert plane.controlplane.wait(30) == 0
        finally:
            subprocess.run(["umount", "-l", state], check=False)


if __name__ == "__main__":
    main([the_rule_file_is_published_at_the_start_whoever_starts_first,
          a_load_returns_when_its_table_is_in_use_and_prints_the_generation,
          the_same_file_gives_the_same_bytes_by_load_and_by_restart,
          an_operators_load_waits_for_the_one_of_the_start,
          a_bad_file_changes_nothing_and_a_later_good_one_loads,
          a_bad_file_at_the_start_is_said_and_mended_by_a_load,
          a_pool_on_a_port_that_is_not_there_is_refused_with_its_line,
          a_table_that_the_dataplane_refuses_is_reported_and_not_kept,
          a_second_load_is_told_so_and_a_dataplane_that_dies_gets_the_table_when_it_is_back,
          a_restarted_dataplane_gets_the_last_table_again,
          a_rollback_publishes_the_earlier_table_byte_for_byte,
          a_rollback_finds_its_table_behind_a_thousand_changes_of_members,
    a_kept_table_that_is_damaged_is_refused_and_changes_nothing,
    the_last_ten_tables_are_kept,
    a_generation_is_compared_with_a_file,
    an_address_is_of_the_country_that_the_table_in_use_says_whatever_the_file_holds,
    hangup_loads_the_file_of_gateway_conf_again,
          who_asks_without_a_control_plane_or_a_dataplane_hears_what_to_start,
          what_is_wrong_at_the_start_is_one_line_and_its_exit_status,
          a_socket_that_a_killed_one_left_is_no_obstacle,
          rude_clients_hurt_nobody,
          root_becomes_the_user_of_gateway_conf,
          a_full_spool_acknowledges_nothing_and_goes_on_with_a_larger_one,
          a_full_disk_acknowledges_nothing_and_goes_on_when_there_is_room])
