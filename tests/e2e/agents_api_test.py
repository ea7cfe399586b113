#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""docs/api.yaml against the running server, both ways: every path, method, status and field that the server gives is in
the file, and all that is in the file was seen. Then what the server refuses, and with which words."""
import contextlib
import os
import re
import signal
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.path.insert(0, HERE)
import agents as kit  # noqa: E402
from agents import Agent  # noqa: E402
from agents_test import Desk, RULES, SETTINGS  # noqa: E402
from gateway import Gateway, SkipTest, main, read_pcap, wait_for, write_pcap  # noqa: E402
from hooks import make_secret  # noqa: E402
from live_test import frame  # noqa: E402

try:
    import yaml
except ImportError:
    yaml = None

ROOT = os.path.join(HERE, "..", "..")


class Description:
    """docs/api.yaml; remembers what of it was seen."""

    def __init__(self):
        with open(os.path.join(ROOT, "docs/api.yaml"), encoding="utf-8") as file:
            self.file = yaml.safe_load(file)
        self.seen = set()

    def find(self, node):
        while "$ref" in node:
            self.seen.add(node["$ref"])
            found = self.file
            for part in node["$ref"].split("/")[1:]:
                found = found[part]
            node = found
        return node

    def operation(self, method, path):
        for pattern, item in self.file["paths"].items():
            if re.fullmatch(re.sub(r"\{id\}", r"[0-9]+", re.sub(r"\{name\}", ".+", pattern)), path) and method.lower() in item:
                return pattern, item[method.lower()]
        return None, None

    def check_value(self, schema, value, at):
        where = schema.get("$ref", at)
        schema = self.find(schema)
        if value is None:
            assert schema.get("nullable"), f"{at} is null"
            return
        kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "number": (int, float)}
        kind = schema["type"]
        assert isinstance(value, kinds[kind]) and (kind != "integer" or not isinstance(value, bool)), f"{at}: {value!r} is no {kind}"
        if "enum" in schema:
            assert value in schema["enum"], f"{at}: {value!r}"
        if "pattern" in schema:
            assert re.search(schema["pattern"], value), f"{at}: {value!r}"
        if kind == "object":
            assert not set(schema.get("required", [])) - set(value), f"{at}: {set(schema['required']) - set(value)} missing"
            for key, member in value.items():
                if "properties" in schema:
                    assert key in schema["properties"], f"{at}.{key} is not in docs/api.yaml"
                    self.seen.add((where, key))
                    self.check_value(schema["properties"][key], member, f"{at}.{key}")
        if kind == "array":
            for member in value:
                self.check_value(schema["items"], member, f"{at}[]")

    def check(self, method, path, status, content_type, value):
        if method == "EVENT":
            self.check_value({"$ref": f"#/components/schemas/{path.capitalize()}"}, value, path)
            return
        pattern, operation = self.operation(method, path)
        if not pattern:
            assert status in (401, 404, 405), f"{method} {path}: {status}"
            return
        assert str(status) in operation["responses"], f"{method} {pattern}: {status} is not in docs/api.yaml"
        self.seen.add((pattern, method, str(status)))
        answer = self.find(operation["responses"][str(status)])
        (media, content), = answer["content"].items()
        assert content_type == media, f"{method} {pattern} {status}: {content_type}"
        if value is not None:
            self.check_value(content["schema"], value, f"{method} {pattern} {status}")

    def unseen(self):
        """What the file has and nobody saw. A response that is shared need be seen once; a request's schemas are not answers."""
        missing = []
        for pattern, item in self.file["paths"].items():
            for method, operation in item.items():
                for status, answer in (operation["responses"].items() if method != "parameters" else ()):
                    if ("$ref" in answer and answer["$ref"] not in self.seen) or \
                            ("$ref" not in answer and (pattern, method.upper(), status) not in self.seen):
                        missing.append(f"{method.upper()} {pattern} {status}")
        for name, schema in self.file["components"]["schemas"].items():
            if name in ("Claim", "ClaimMessage", "Lease", "Extend", "Batch", "Stats", "Answer"):
                continue
            for key in schema.get("properties", ()):
                if (f"#/components/schemas/{name}", key) not in self.seen:
                    missing.append(f"{name}.{key}")
        return missing


def the_paths_of_the_server_are_those_of_the_description():
    with open(os.path.join(ROOT, "controlplane/agents/api_routes.h"), encoding="utf-8") as file:
        routes = set(re.findall(r'X\("(\w+)", "([^"]+)"', file.read()))
    described = {(method.upper(), path) for path, item in Description().file["paths"].items() for method in item
                 if method != "parameters"}
    assert routes == described, routes ^ described


def words_of_refusals():
    """Runs into every refusal that needs no broken disk."""
    with Desk(SETTINGS.replace("lease_s = 60; retries = 2", "lease_s = 60; retries = 1")) as desk:
        desk.start()
        boss = desk.agent("boss", operator=True)
        assert boss.get("/v1/stats").json["type"].endswith("no-dataplane")
        os.environ["FAKE_LIMIT"] = "9"
        desk.start_dataplane(rate=100000)
        desk.wait_generation(1)
        desk.wait_stored(9)
        anna, bert = desk.agent("anna", "queue-0", "queue-1", "nowhere"), desk.agent("bert", "*")
        stranger = Agent(desk.sock, None)
        first = anna.claim(queues=["queue-0"])[0]
        good = {"lease": first["lease"]}
        assert len(bert.get("/v1/queues/queue-2").json["next"]) == 3
        for agent, method, path, body, status, word, text in (
                (stranger, "GET", "/v1/queues", None, 401, "token-missing", "weirctl agent add"),
                (Agent(desk.sock, "weir-" + "0" * 64), "GET", "/v1/queues", None, 401, "token-unknown", "nobody's"),
                (anna, "GET", "/v1/nothing", None, 404, "path", "no such path"),
                (anna, "GET", "/v1/claim", None, 405, "method", "not done"),
                (anna, "POST", "/v1/claim", {"queues": ["queue-2"]}, 403, "queue-forbidden", "queue-2"),
                (bert, "POST", "/v1/claim", {"queues": ["queu"]}, 404, "queue-unknown", "queu"),
                (anna, "POST", "/v1/claim", {"queues": []}, 400, "body", "1 to 64"),
                (anna, "POST", "/v1/claim", {"max": 101}, 400, "body", "max is a whole number from 1 to 100"),
                (anna, "POST", "/v1/claim", {"max": "2"}, 400, "body", "max is"),
                (anna, "POST", "/v1/claim", {"wait": 2}, 400, "body", 'no member "wait"'),
                (anna, "POST", "/v1/ack", {"messages": []}, 400, "body", "1 to 500"),
                (anna, "POST", "/v1/ack", {"messages": [{"id": 1}]}, 400, "body", "32 hexadecimal digits"),
                (anna, "POST", f"/v1/messages/{first['id']}/ack", {}, 400, "body", "32 hexadecimal digits"),
                (anna, "POST", f"/v1/messages/{first['id']}/ack", {"lease": "0" * 32}, 409, "lease-over", "over"),
                (bert, "POST", f"/v1/messages/{first['id']}/ack", good, 409, "lease-over", "another agent's"),
                (anna, "POST", "/v1/messages/99999/ack", good, 404, "message-unknown", "no such message"),
                (anna, "POST", f"/v1/messages/{first['id']}/answer", good, 409, "not-answerable", "acknowledge it"),
                (anna, "POST", "/v1/messages/99999/claim", {}, 400, "body", "name its queue"),
                (anna, "POST", "/v1/messages/99999/claim", {"queue": "queue-2"}, 403, "queue-forbidden", "queue-2"),
                (anna, "POST", f"/v1/messages/{first['id']}/extend", {**good, "extend_s": 0}, 400, "body", "extend_s"),
                (anna, "GET", "/v1/queues/queue-2", None, 403, "queue-forbidden", "queue-2"),
                (anna, "POST", "/v1/claim", {"é" * 30: 1}, 400, "body", "there is no member"),
                (anna, "POST", "/v1/claim", {"a\nb": 1}, 400, "body", 'no member "a?b"'),
                (anna, "POST", "/v1/claim", {"queues": ["é" * 60]}, 403, "queue-forbidden", "queue"),
                (anna, "GET", "/v1/queues/%ff%0a", None, 403, "queue-forbidden", '"??"'),
                (bert, "GET", "/v1/queues/no/where", None, 404, "queue-unknown", "no/where"),
                (anna, "GET", "/v1/stats", None, 403, "operators-only", "operators"),
                (anna, "GET", "/v1/picture", None, 403, "operators-only", "operators"),
                (boss, "GET", "/v1/picture?after=-1", None, 400, "query", "after is a whole number"),
                (boss, "GET", "/v1/picture?after=", None, 400, "query", "after is a whole number"),
                (boss, "GET", "/v1/picture?after=1234567890123456789", None, 400, "query", "after is a whole number"),
                (anna, "GET", "/v1/offers?max=0", None, 400, "query", "1 to 100"),
                (anna, "GET", "/v1/offers?queues=queue-2", None, 403, "queue-forbidden", "queue-2"),
                (bert, "GET", "/v1/offers?queues=queu", None, 404, "queue-unknown", "queu")):
            answer = agent.request(method, path, body)
            assert answer.status == status and answer.json["type"] == f"urn:weir:problem:{word}" and text in answer.json["detail"], \
                (method, path, body, answer)
            assert (answer.headers.get("WWW-Authenticate") is not None) == (status == 401), answer
        # bodies
        assert anna.request("POST", "/v1/claim", raw="{ nonsense").json["detail"].startswith("the body is no JSON object")
        assert anna.request("POST", "/v1/claim", raw="[]").status == 400
        assert anna.request("POST", "/v1/claim", raw='{"max": 1, "max": 2}').status == 400
        assert anna.request("POST", "/v1/claim", raw="x" * 70000).status == 413
        chunked = anna.request("POST", "/v1/claim", raw=iter([b"x" * 7000] * 10))
        assert chunked.status == 413, chunked
        # the rest of the good ones
        assert anna.post("/v1/ack", messages=[{"id": first["id"], **good}, {"id": 99999, **good}]).json["messages"] == [
            {"id": first["id"], "state": "settled", "repeated": False}, {"id": 99999, "state": "unknown", "repeated": False}]
        assert anna.post(f"/v1/messages/{first['id']}/extend", **good).json["type"].endswith("message-settled")
        second = anna.claim(queues=["queue-0"])[0]
        assert anna.post(f"/v1/messages/{second['id']}/give-back", lease=second["lease"]).json["state"] == "dead"
        third = anna.claim(queues=["queue-1"])[0]
        assert anna.post(f"/v1/messages/{third['id']}/extend", lease=third["lease"]).json["state"] == "leased"
        stream = anna.offers("?queues=queue-0&max=5")
        offer = wait_for("the offer", lambda: stream.of("offer"))[0]
        assert anna.post(f"/v1/messages/{offer['id']}/claim").status == 200
        wait_for("the withdrawal", lambda: stream.of("withdraw"))
        assert desk.ctl("agent", "revoke", "anna").returncode == 0
        wait_for("the end", lambda: stream.of("end"))
        revoked = anna.get("/v1/queues")
        assert revoked.status == 401 and revoked.json["type"].endswith("token-revoked"), revoked
        assert boss.get("/v1/stats").status == 200 and boss.get("/v1/queues").status == 200
        # too many bad tokens
        bad = Agent(desk.sock, "weir-" + "1" * 64)
        limited = wait_for("the limit", lambda: (a := bad.get("/v1/queues")).status == 429 and a)
        assert limited.json["type"].endswith("too-many-bad-tokens") and int(limited.headers["Retry-After"]) > 0, limited
        assert bert.get("/v1/queues").status == 200  # good ones from there go on
        log = desk.log()
        assert "a request with a bad token" in log and "1" * 64 not in log, log


def a_message_off_the_wire_is_text_where_it_is_text():
    with Gateway(['name = "in0"; device = "net_pcap0,rx_pcap=@/in.pcap,tx_pcap=@/out.pcap";'], agents="{ spool_mb = 64; }",
                 memory_mb=64) as g:
        write_pcap(g.path("in.pcap"), [frame(i) for i in range(4)])
        g.write("rules.conf", 'version = 1; tenants = ( { id = 1; name = "one"; } ); queues = ( { name = "desk"; } ); default = { agents = "desk"; };')
        g.start("weir-controlplane", "--config", g.config)
        dataplane = g.start("weir-dataplane", "--config", g.config)
        ctl = lambda *words: g.run("weirctl", "--config", g.config, *words).stdout.strip()
        wait_for("both daemons", lambda: os.path.exists(g.path("run/t/agents.sock")) and ctl("stats"))
        anna = Agent(g.path("run/t/agents.sock"), ctl("agent", "add", "anna", "--queue", "desk"))
        wait_for("the messages", lambda: any(q["waiting"] == 4 for q in anna.get("/v1/queues").json["queues"]))
        messages = anna.claim(max=10)
        assert [(m["priority"], m["body"], m["tenant"], m["country"], m["sender"]) for m in messages] == [
            (name, f"message {i:4}", 1 + i, "DE", {"address": f"10.0.1.{i}", "port": 4000 + i})
            for i, name in enumerate(("emergency", "urgent", "normal", "non-urgent"))], messages
        assert [(row["name"], row["count"]) for row in g.stats()["priorities"]] == [(m["priority"], 1) for m in messages]
        assert [m["tenant_name"] for m in messages] == ["one", None, None, None]
        assert anna.get("/v1/queues/desk").json["next"] == []
        # what is in hand is had again, with its leases, by who has it
        assert anna.get("/v1/messages").json["messages"] == messages
        boss = Agent(g.path("run/t/agents.sock"), ctl("agent", "add", "boss", "--operator"))
        assert boss.get("/v1/messages").json["messages"] == []
        who = [anna.get("/v1/agent").json, boss.get("/v1/agent").json]
        assert [(w["name"], w["role"], w["queues"], w["backend"]) for w in who] == [("anna", "agent", ["desk"], "local"),
                                                                                    ("boss", "operator", ["*"], "local")], who
        assert abs(who[0]["now_ms"] - time.time() * 1000) < 60000
        picture = wait_for("the picture", lambda: (p := boss.get("/v1/picture").json)["books"] and p["books"]["rx"] == 4 and p)
        assert picture["books"]["dispositions"]["agents"] == sum(picture["books"]["dispositions"].values()) == 4, picture
        later = wait_for("a sample more", lambda: (p := boss.get(f"/v1/picture?after={picture['first']}").json)["rates"]["rx"] and p)
        assert later["first"] == picture["first"] + 1 and set(map(len, later["rates"]["priorities"].values())) == {len(later["rates"]["rx"])}, later
        first, second, third, last = ((f"/v1/messages/{m['id']}/answer", m["lease"]) for m in messages)
        for path, body in ((first, {"status": "refused", "body": "grüße"}), (second, {"body_base64": "AP8="}), (third, {"status": "busy"})):
            done = anna.post(path[0], lease=path[1], **body)
            assert done.status == 200 and done.json["state"] == "settled", done
            assert anna.post(path[0], lease=path[1], **body).json["repeated"] is True
        for body, status, text in (({"body": "x" * 1460}, 400, "longer than a reply"), ({"body": "a", "body_base64": "YQ=="}, 400, "not both"),
                                   ({"body_base64": "=?"}, 400, "a body"), ({"status": "done"}, 400, "accepted, refused or busy"),
                                   ({"bodi": "a"}, 400, "no member"), ({"body": "x" * 20000}, 400, "at most")):
            refused = anna.post(last[0], lease=last[1], **body)
            assert refused.status == status and text in refused.json["detail"], (body, refused)
        assert [m["id"] for m in anna.get("/v1/messages").json["messages"]] == [messages[3]["id"]]
        assert anna.post(last[0], lease=last[1], body="x" * 1456).status == 200
        assert anna.get("/v1/messages").json["messages"] == []
        wait_for("the answers to leave", lambda: g.stats().get("agent_answers") == 4)
        dataplane.send_signal(signal.SIGTERM)
        dataplane.wait(60)
        sent = sorted((data[14 + 20 + 8:] for data in read_pcap(g.path("out.pcap"))), key=lambda payload: payload[15])
        assert [payload[2] for payload in sent] == [1, 0, 2, 0] and all(payload[1] == 0x12 for payload in sent), sent
        assert [payload[16:] for payload in sent] == ["grüße".encode(), b"\0\xff", struct.pack(">I", 60), b"x" * 1456], sent


def a_queue_shows_its_webhooks_by_their_hosts():
    hooked = 'queues = ( { name = "hooked"; webhooks = ( { url = "https://127.0.0.1:1/way"; secret_file = "hook.secret"; } ); },'
    with Desk(SETTINGS.replace("queues = (", hooked)) as desk:
        make_secret(desk.g.folder)
        desk.begin(0)
        (hook,) = desk.queue(desk.agent("anna", "*"), "hooked")["webhooks"]
        assert (hook["host"], hook["agent"], hook["breaker"]) == ("127.0.0.1:1", "webhook:hooked:1", "closed"), hook


def a_full_disk_is_answered_503_and_nothing_is_half_done():
    with Desk(SETTINGS.replace("spool_mb = 64", "spool_mb = 512")) as desk:
        state = desk.g.path("state")
        os.mkdir(state)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", state], capture_output=True, check=False).returncode:
            raise SkipTest("a small file system cannot be mounted here")
        try:
            filler = os.open(os.path.join(state, "filler"), os.O_WRONLY | os.O_CREAT)
            os.write(filler, bytes(11 << 20))  # so that the spool finds little room to write ahead
            desk.begin(0)
            anna = desk.agent("anna", "*")
            desk.more(3)
            held = anna.claim(max=3)
            with contextlib.suppress(OSError):
                while True:
                    os.write(filler, b"x" * 4096)
            os.close(filler)
            refused = wait_for("the refusal", lambda: (a := anna.ack(held[0])).status == 503 and a)
            assert int(refused.headers["Retry-After"]) > 0 and "nothing was done" in refused.json["detail"], refused
            assert anna.post("/v1/ack", messages=[{"id": m["id"], "lease": m["lease"]} for m in held]).status == 503
            os.unlink(os.path.join(state, "filler"))
            done = wait_for("room", lambda: (a := anna.ack(held[0])).status == 200 and a)
            assert done.json["state"] == "settled", done
            assert anna.post("/v1/ack", messages=[{"id": m["id"], "lease": m["lease"]} for m in held]).status == 200
        finally:
            subprocess.run(["umount", "-l", state], check=False)


def all_that_was_answered_is_described_and_all_that_is_described_was_answered():
    description = Description()
    for seen in kit.SEEN:
        description.check(*seen)
    assert not description.unseen(), description.unseen()


if __name__ == "__main__":
    if yaml is None:
        print("skip: no python3-yaml")
        raise SystemExit(77)
    words_of_refusals.__name__ = "what_is_refused_is_refused_with_its_reason"
    main([the_paths_of_the_server_are_those_of_the_description,
          words_of_refusals,
          a_message_off_the_wire_is_text_where_it_is_text,
          a_queue_shows_its_webhooks_by_their_hosts,
          a_full_disk_is_answered_503_and_nothing_is_half_done,
          all_that_was_answered_is_described_and_all_that_is_described_was_answered])
