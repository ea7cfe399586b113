#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Agents at work over HTTP: claims, acknowledgements, leases that end, retries, dead letters, routing, restarts. The control plane
is the real one, the dataplane tests/kit/fake_dataplane, whose messages go round robin to three queues."""
import json
import os
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.path.insert(0, HERE)
from agents import Agent  # noqa: E402
from controlplane_test import Plane  # noqa: E402
from gateway import main, wait_for  # noqa: E402

RULES = """version = 1;
queues = ( { name = "queue-0"; }, { name = "queue-1"; routing = "serial"; }, { name = "queue-2"; routing = "simultaneous"; } );
default = { agents = "queue-0"; };
"""
SETTINGS = """{ spool_mb = 64; queues = (
  { name = "queue-0"; lease_s = 60; retries = 2; ring_s = 1; },
  { name = "queue-1"; lease_s = 60; ring_s = 1; order = [ "carl", "anna" ]; },
  { name = "queue-2"; lease_s = 60; } ); }"""
SLOWER = int(os.environ.get("SLOWER", "1"))


class Desk(Plane):
    def __init__(self, settings=SETTINGS, **more):
        super().__init__(RULES, agents=settings, **more)
        self.sock = os.path.join(self.run_folder, "agents.sock")

    def begin(self, messages=0):
        """Both daemons, and so many messages in the spool."""
        self.start()
        os.environ["FAKE_LIMIT"] = str(messages)
        self.start_dataplane(rate=100000)
        self.wait_generation(1)
        return self.wait_stored(messages)

    def wait_stored(self, n):
        wait_for(f"{n} messages", lambda: self.status()["spool"]["stored"] >= n)
        return self

    def more(self, n):
        """n more messages, the next numbers, so round robin."""
        for _ in range(n):
            stored = self.status()["spool"]["stored"]
            self.dataplane.send_signal(signal.SIGUSR1)
            wait_for("one more", lambda: self.status()["spool"]["stored"] > stored)

    def agent(self, name, *queues, operator=False, where=None):
        words = ["agent", "add", name] + [word for queue in queues for word in ("--queue", queue)]
        done = self.ctl(*words, *(["--operator"] if operator else []))
        assert done.returncode == 0, done
        return Agent(where or self.sock, done.stdout.strip())

    def restart(self, kill=True):
        if kill:
            self.controlplane.kill()
        else:
            self.controlplane.send_signal(signal.SIGTERM)
        status = self.controlplane.wait(30)
        assert kill or status == 0, status
        return self.start()

    def queue(self, agent, name):
        answer = agent.get(f"/v1/queues/{name}")
        assert answer.status == 200, answer
        return answer.json


def a_message_is_claimed_and_acknowledged_and_gone():
    with Desk() as desk:
        desk.begin(9)
        anna = desk.agent("anna", "queue-0")
        first, second = anna.claim(max=2)
        assert (first["priority"], second["priority"]) == ("emergency", "normal") or first["id"] < second["id"], (first, second)
        assert first["queue"] == "queue-0" and first["tenant"] == 1001 and first["attempts"] == 1, first
        assert len(first["lease"]) == 32 and first["lease"] != second["lease"]
        assert "body_base64" in first and "body" not in first
        queue = desk.queue(anna, "queue-0")
        assert (queue["waiting"], queue["leased"], queue["stored"]) == (1, 2, 3), queue
        done = anna.ack(first)
        assert done.status == 200 and done.json == {"id": first["id"], "state": "settled", "repeated": False}, done
        again = anna.ack(first)
        assert again.status == 200 and again.json["repeated"] is True, again
        queue = desk.queue(anna, "queue-0")
        assert (queue["waiting"], queue["leased"], queue["acknowledged"]) == (1, 1, 1), queue
        assert len(anna.claim(max=10)) == 1
        assert anna.claim(max=10) == []


def messages_come_by_priority_and_then_by_age():
    with Desk() as desk:
        desk.begin(120)
        anna = desk.agent("anna", "*")
        for queue in ("queue-0", "queue-1", "queue-2"):
            keys = []
            while messages := anna.claim(queues=[queue], max=7):
                keys += [(["emergency", "urgent", "normal", "non-urgent"].index(m["priority"]), m["id"]) for m in messages]
            assert len(keys) == 40 and keys == sorted(keys), keys


def a_claim_waits_for_a_message_and_gets_it_when_it_comes():
    with Desk() as desk:
        desk.begin(0)
        anna = desk.agent("anna", "*")
        began = time.monotonic()
        assert anna.claim(wait_s=1) == [] and time.monotonic() - began > 0.9
        waiting = anna.in_background(lambda agent: agent.claim(wait_s=60))
        wait_for("the claim to wait", lambda: desk.queue(anna, "queue-0")["agents"] == 1)
        desk.more(1)
        (message,) = waiting.done()
        assert message["queue"] == "queue-0", message


def what_is_given_back_waits_again_at_its_place():
    with Desk() as desk:
        desk.begin(6)
        anna = desk.agent("anna", "queue-1")
        first, second = anna.claim(max=2)
        done = anna.post(f"/v1/messages/{first['id']}/give-back", lease=first["lease"])
        assert done.status == 200 and done.json == {"id": first["id"], "state": "waiting"}, done
        (again,) = anna.claim()
        assert again["id"] == first["id"] and again["attempts"] == 2 and again["lease"] != first["lease"], again
        stale = anna.ack(first)
        assert stale.status == 409 and stale.json["type"] == "urn:weir:problem:lease-over", stale
        assert anna.ack(again).status == 200 and anna.ack(second).status == 200


def a_lease_that_is_over_gives_the_message_to_the_next_and_is_no_more_good():
    with Desk(SETTINGS.replace("lease_s = 60; retries", "lease_s = 1; retries")) as desk:
        desk.begin(1)
        anna, bert = desk.agent("anna", "queue-0"), desk.agent("bert", "queue-0")
        (mine,) = anna.claim()
        (his,) = bert.claim(wait_s=30)
        assert his["id"] == mine["id"] and his["attempts"] == 2, (mine, his)
        assert anna.ack(mine).status == 409
        assert bert.ack(his).status == 200


def an_extended_lease_holds():
    with Desk(SETTINGS.replace("lease_s = 60; retries", "lease_s = 2; retries")) as desk:
        desk.begin(1)
        anna = desk.agent("anna", "queue-0")
        (mine,) = anna.claim()
        longer = anna.post(f"/v1/messages/{mine['id']}/extend", lease=mine["lease"], extend_s=600)
        assert longer.status == 200 and longer.json["lease_until_ms"] > mine["lease_until_ms"] + 500000, longer
        assert anna.claim(wait_s=4) == []
        assert anna.ack(mine).status == 200


def after_its_retries_a_message_is_a_dead_letter():
    with Desk(SETTINGS.replace("lease_s = 60; retries", "lease_s = 1; retries")) as desk:
        desk.begin(1)
        anna = desk.agent("anna", "queue-0")
        for _ in range(2):
            assert len(anna.claim(wait_s=30)) == 1
        wait_for("the dead letter", lambda: desk.queue(anna, "queue-0")["dead"] == 1)
        assert anna.claim() == []
        assert "is a dead letter: it was leased 2 times" in desk.log()


def many_agents_never_hold_the_same_message():
    with Desk() as desk:
        desk.begin(3000)
        agents = [desk.agent(f"agent-{i}", "*") for i in range(6)]
        taken, lock = [], threading.Lock()

        def work(agent):
            while messages := agent.claim(max=23):
                with lock:
                    taken.extend(m["id"] for m in messages)
                assert agent.post("/v1/ack", messages=[{"id": m["id"], "lease": m["lease"]} for m in messages]).status == 200

        for thread in [agent.in_background(work) for agent in agents]:
            thread.done(120)
        assert len(taken) == 3000 and len(set(taken)) == 3000, (len(taken), len(set(taken)))
        queues = agents[0].get("/v1/queues").json["queues"]
        assert [(q["waiting"], q["leased"], q["acknowledged"]) for q in queues] == [(0, 0, 1000)] * 3, queues


def balanced_gives_to_who_has_least_in_hand():
    with Desk() as desk:
        desk.begin(9)
        anna, bert = desk.agent("anna", "queue-0"), desk.agent("bert", "queue-0")
        held = anna.claim(max=2)
        assert len(held) == 2
        his = bert.in_background(lambda agent: agent.claim(queues=["queue-0"], max=5, wait_s=60))
        assert len(his.done()) == 1
        waiting = [agent.in_background(lambda a: a.claim(max=5, wait_s=60)) for agent in (anna, bert)]
        wait_for("both to wait", lambda: desk.queue(anna, "queue-0")["agents"] == 2)
        desk.more(1)  # number 9: queue-0
        assert len(waiting[1].done()) == 1  # bert had one in hand, anna two


def serial_gives_to_the_first_in_order_and_refuses_others_while_it_rings_there():
    with Desk(SETTINGS.replace("ring_s = 1; order", "ring_s = 3600; order")) as desk:
        desk.begin(0)
        anna, bert, carl = (desk.agent(name, "queue-1") for name in ("anna", "bert", "carl"))
        streams = [agent.offers() for agent in (bert, anna, carl)]
        wait_for("all to be there", lambda: desk.queue(anna, "queue-1")["agents"] == 3)
        desk.more(2)  # the second is for queue-1
        offer = wait_for("an offer", lambda: streams[2].of("offer"))[0]
        assert offer["queue"] == "queue-1" and offer["ring_ms"] == 3600000, offer
        path = f"/v1/messages/{offer['id']}/claim"
        for agent in (anna, bert):
            early = agent.post(path)
            assert early.status == 409 and early.json["type"] == "urn:weir:problem:message-taken", early
        taken = carl.post(path)
        assert taken.status == 200 and carl.ack(taken.json).status == 200, taken
        assert streams[0].of("offer") == streams[1].of("offer") == []
        for stream in streams:
            stream.close()


def serial_offers_to_the_next_after_the_ring_time():
    with Desk() as desk:
        desk.begin(0)
        anna, bert, carl = (desk.agent(name, "queue-1") for name in ("anna", "bert", "carl"))
        streams = {"bert": bert.offers(), "anna": anna.offers(), "carl": carl.offers()}
        wait_for("all to be there", lambda: desk.queue(anna, "queue-1")["agents"] == 3)
        desk.more(2)
        offer = wait_for("an offer", lambda: streams["carl"].of("offer"))[0]
        assert offer["queue"] == "queue-1" and offer["ring_ms"] == 1000, offer
        wait_for("the withdrawal", lambda: streams["carl"].of("withdraw"))
        wait_for("the next in order", lambda: streams["anna"].of("offer"))
        wait_for("the last", lambda: streams["bert"].of("offer"))
        taken = wait_for("the claim", lambda: (a := bert.post(f"/v1/messages/{offer['id']}/claim")).status == 200 and a)
        assert taken.json["id"] == offer["id"] and bert.ack(taken.json).status == 200
        for stream in streams.values():
            stream.close()


def simultaneous_is_offered_to_all_and_the_first_claim_wins():
    with Desk() as desk:
        desk.begin(0)
        agents = [desk.agent(name, "queue-2") for name in ("anna", "bert", "carl")]
        streams = [agent.offers() for agent in agents]
        wait_for("all to be there", lambda: desk.queue(agents[0], "queue-2")["agents"] == 3)
        desk.more(3)
        for stream in streams:
            assert wait_for("the offer", lambda s=stream: s.of("offer"))[0]["ring_ms"] is None
        path = f"/v1/messages/{streams[0].of('offer')[0]['id']}/claim"
        first = [agent.in_background(lambda a: a.post(path)) for agent in agents]
        answers = sorted(thread.done().status for thread in first)
        assert answers == [200, 409, 409], answers
        for stream in streams:
            wait_for("the withdrawal", lambda s=stream: s.of("withdraw"))
            stream.close()


def an_operator_takes_what_is_offered_to_another():
    with Desk() as desk:
        desk.begin(0)
        anna, boss = desk.agent("anna", "queue-0"), desk.agent("boss", operator=True)
        stream = anna.offers()
        wait_for("anna", lambda: desk.queue(anna, "queue-0")["agents"] == 1)
        desk.more(1)
        offer = wait_for("the offer", lambda: stream.of("offer"))[0]
        assert boss.post(f"/v1/messages/{offer['id']}/claim").status == 200
        assert wait_for("the withdrawal", lambda: stream.of("withdraw")) == [{"id": offer["id"]}]
        stream.close()


def a_client_that_leaves_gets_nothing_and_holds_nothing():
    with Desk() as desk:
        desk.begin(0)
        anna, bert = desk.agent("anna", "queue-0"), desk.agent("bert", "queue-0")
        for _ in range(3):
            connection = anna.connect()
            connection.request("POST", "/v1/claim", body='{"wait_s": 60}', headers=anna.headers())
            wait_for("it to wait", lambda: desk.queue(bert, "queue-0")["agents"] == 1)
            connection.close()
            wait_for("it to be gone", lambda: desk.queue(bert, "queue-0")["agents"] == 0)
        desk.more(1)
        (message,) = bert.claim(wait_s=30)
        assert message["attempts"] == 1, message


def a_killed_control_plane_keeps_leases_and_their_tokens():
    with Desk(SETTINGS.replace("lease_s = 60; retries", f"lease_s = {6 * SLOWER}; retries")) as desk:
        desk.begin(6)
        anna, bert = desk.agent("anna", "queue-0"), desk.agent("bert", "queue-0")
        first, second = anna.claim(max=2)
        desk.restart()
        assert bert.claim() == []  # others do not get them before their time
        assert anna.ack(first).status == 200
        assert anna.ack(first).json["repeated"] is True
        (again,) = bert.claim(wait_s=60)
        assert again["id"] == second["id"], (second, again)
        assert anna.ack(second).status == 409
        desk.restart(kill=False)
        assert bert.ack(again).status == 200


def a_control_plane_that_ends_lets_waiting_claims_go():
    with Desk() as desk:
        desk.begin(0)
        anna = desk.agent("anna", "*")
        waiting = anna.in_background(lambda agent: agent.post("/v1/claim", wait_s=60))
        wait_for("it to wait", lambda: desk.queue(anna, "queue-0")["agents"] == 1)
        stream = anna.offers()  # of the same agent: both count as one
        desk.controlplane.send_signal(signal.SIGTERM)
        assert desk.controlplane.wait(30) == 0
        answer = waiting.done()
        assert answer.status == 503 and answer.json["type"] == "urn:weir:problem:ending" and answer.headers["Retry-After"], answer
        stream.join(10)
        assert stream.over
        assert not os.path.exists(desk.sock)


def a_revoked_agent_is_out_and_what_it_held_goes_back():
    with Desk() as desk:
        desk.begin(6)
        anna, bert = desk.agent("anna", "queue-0", "queue-1"), desk.agent("bert", "*")
        (held,) = anna.claim(queues=["queue-0"])
        rest = anna.claim(queues=["queue-1"], max=10)
        waiting = anna.in_background(lambda agent: agent.post("/v1/claim", queues=["queue-1"], wait_s=60))
        wait_for("it to wait", lambda: desk.queue(bert, "queue-1")["agents"] == 1)
        stream = anna.offers("?queues=queue-1")  # of the same agent: both count as one
        assert desk.ctl("agent", "revoke", "anna").returncode == 0
        answer = waiting.done()
        assert answer.status == 401 and answer.json["type"] == "urn:weir:problem:token-revoked", answer
        wait_for("the end of the stream", lambda: stream.over)
        assert stream.of("end") == [{"reason": "revoked"}]
        assert anna.get("/v1/queues").status == 401
        wait_for("the leases to end", lambda: desk.queue(bert, "queue-1")["leased"] == 0)
        assert held["id"] in [m["id"] for m in bert.claim(queues=["queue-0"], max=10)]
        assert len(bert.claim(queues=["queue-1"], max=10)) == len(rest)


def an_old_message_raises_an_alarm_once():
    with Desk(SETTINGS.replace("retries = 2;", "retries = 2; alarm_s = 1;")) as desk:
        desk.begin(1)
        anna = desk.agent("anna", "queue-0")
        wait_for("the alarm", lambda: desk.queue(anna, "queue-0")["alarm"])
        assert desk.queue(anna, "queue-0")["oldest_s"] >= 1
        assert desk.log().count("its oldest message waits for") == 1
        anna.ack(anna.claim()[0])
        wait_for("its end", lambda: not desk.queue(anna, "queue-0")["alarm"])
        assert "no message waits for 1 s any more" in desk.log()


def statistics_are_for_operators_and_those_of_weirctl():
    with Desk() as desk:
        desk.start()
        boss, anna = desk.agent("boss", operator=True), desk.agent("anna", "*")
        assert boss.get("/v1/stats").status == 503
        desk.begin_dataplane = desk.start_dataplane(rate=1)
        desk.wait_generation(1)
        mine, theirs = boss.get("/v1/stats"), json.loads(desk.ctl("--json", "stats").stdout)
        assert mine.status == 200 and set(mine.json) == set(theirs), mine
        refused = anna.get("/v1/stats")
        assert refused.status == 403 and refused.json["type"] == "urn:weir:problem:operators-only", refused


def a_queue_shows_what_comes_next_without_content():
    with Desk() as desk:
        desk.begin(9)
        anna = desk.agent("anna", "queue-0")
        queue = desk.queue(anna, "queue-0")
        assert len(queue["next"]) == 3 and sum(queue["waiting_by"].values()) == 3, queue
        assert not any("body" in key or "lease" in key for m in queue["next"] for key in m), queue
        chosen = queue["next"][-1]
        taken = anna.post(f"/v1/messages/{chosen['id']}/claim", queue="queue-0")
        assert taken.status == 200 and taken.json["id"] == chosen["id"], taken
        assert anna.post(f"/v1/messages/{chosen['id']}/claim", queue="queue-0").status == 409
        assert anna.post("/v1/messages/999999/claim", queue="queue-0").status == 409


CASES = [a_message_is_claimed_and_acknowledged_and_gone,
         messages_come_by_priority_and_then_by_age,
         a_claim_waits_for_a_message_and_gets_it_when_it_comes,
         what_is_given_back_waits_again_at_its_place,
         a_lease_that_is_over_gives_the_message_to_the_next_and_is_no_more_good,
         an_extended_lease_holds,
         after_its_retries_a_message_is_a_dead_letter,
         many_agents_never_hold_the_same_message,
         balanced_gives_to_who_has_least_in_hand,
         serial_gives_to_the_first_in_order_and_refuses_others_while_it_rings_there,
         serial_offers_to_the_next_after_the_ring_time,
         simultaneous_is_offered_to_all_and_the_first_claim_wins,
         an_operator_takes_what_is_offered_to_another,
         a_client_that_leaves_gets_nothing_and_holds_nothing,
         a_killed_control_plane_keeps_leases_and_their_tokens,
         a_control_plane_that_ends_lets_waiting_claims_go,
         a_revoked_agent_is_out_and_what_it_held_goes_back,
         an_old_message_raises_an_alarm_once,
         statistics_are_for_operators_and_those_of_weirctl,
         a_queue_shows_what_comes_next_without_content]

if __name__ == "__main__":
    main([case for case in CASES if not sys.argv[1:] or case.__name__ in sys.argv[1:]])
