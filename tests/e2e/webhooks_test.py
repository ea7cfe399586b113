#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Messages delivered by webhooks: signatures, failures and back-off, breakers, dead letters, certificates, kills. The control plane is
the real one, its servers are Python's on loopback, the dataplane tests/kit/fake_dataplane, whose messages go round robin to three
queues."""
import base64
import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
from agents import make_certificate  # noqa: E402
from agents_test import Desk  # noqa: E402
from answers_test import Agents, collect, message as question  # noqa: E402
from gateway import SkipTest, main, wait_for  # noqa: E402
from hooks import Hooks, make_secret  # noqa: E402
from network import Network  # noqa: E402

NO = (500, {}, b"secret words")
PRIORITIES = ["emergency", "urgent", "normal", "non-urgent"]


class Plane(Desk):
    """A gateway whose queue-0 has the webhooks `hooks`: (URL, more settings); its other two queues have none."""

    def __init__(self, *hooks, queue="retries = 3;", mode=0o600, secret=None, others=""):
        super().__init__("{ spool_mb = 64; }")
        path, self.key = make_secret(self.g.folder, mode=mode)
        text = ", ".join(f'{{ url = "{url}"; secret_file = "{secret or path}"; {more} }}' for url, more in hooks)
        with open(self.g.config, encoding="utf-8") as file:
            config = file.read()
        self.g.write("gateway.conf", config.replace("spool_mb = 64;", f"""spool_mb = 64; queues = (
            {{ name = "queue-0"; {queue} webhooks = ( {text} ); }} {others});"""))

    def state(self, n=0, name="queue-0"):
        if not hasattr(self, "looker"):
            self.looker = self.agent("looker", operator=True)
        return self.queue(self.looker, name)["webhooks"][n]

    def counts(self, name="queue-0"):
        self.state()
        return self.queue(self.looker, name)

    def wait_settled(self, n):
        wait_for(f"{n} messages settled", lambda: self.counts()["acknowledged"] == n)


def each_message_of_the_queue_is_delivered_signed_and_settled():
    with Hooks() as hooks, Plane((hooks.url("/in?token=word"), "")) as plane:
        plane.begin(30)
        plane.wait_settled(10)
        assert len(hooks.got) == 10 and len({d.id for d in hooks.got}) == 10
        assert {d.type for d in hooks.got} == {"application/cloudevents+json; charset=utf-8"}
        for delivery in hooks.got:
            event, data = delivery.event, delivery.data
            assert delivery.is_signed_by(plane.key) and not delivery.is_signed_by(b"x" * 32)
            assert event["specversion"] == "1.0" and event["type"] == "weir.message" and event["id"] == delivery.id, event
            assert event["source"] == "/weir/t/queues/queue-0" and event["subject"] == str(data["id"]), event
            assert event["datacontenttype"] == "application/json" and event["time"].endswith("Z"), event
            assert data["queue"] == "queue-0" and data["tenant"] == 1001 and data["attempts"] == 1 and "lease" not in data, data
            assert len(base64.b64decode(data["body_base64"])) == data["size"], data
        state, queue = plane.state(), plane.counts()
        assert state == {"host": f"127.0.0.1:{hooks.port}", "agent": "webhook:queue-0:1", "breaker": "closed", "in_flight": 0,
                         "delivered": 10, "failed": 0, "next_ms": 0}, state
        assert (queue["waiting"], queue["leased"], queue["dead"], queue["agents"]) == (0, 0, 0, 1), queue
        assert plane.counts("queue-1")["waiting"] == 10
        assert plane.counts("queue-1")["webhooks"] == []
        shown = plane.ctl("queue", "queue-0").stdout
        assert f"127.0.0.1:{hooks.port}" in shown and "closed" in shown and "word" not in shown, shown
        assert json.loads(plane.ctl("--json", "queue", "queue-0").stdout)["webhooks"] == [state]
        assert "token=word" not in plane.log() and "body" not in plane.log()


def messages_go_by_priority_and_then_by_age_one_at_a_time():
    gate = Hooks(lambda delivery: None)
    with gate as hooks, Plane((hooks.url(), "max = 1;")) as plane:
        plane.begin(90)
        wait_for("a delivery", lambda: hooks.got)
        hooks.answer = lambda delivery: (200, {}, b"thank you")
        hooks.release.set()
        plane.wait_settled(30)
        keys = [(PRIORITIES.index(d.data["priority"]), d.data["id"]) for d in hooks.got[1:]]
        assert keys == sorted(keys) and len(keys) == 29 and hooks.most == 1, (keys, hooks.most)


def at_most_so_many_deliveries_are_under_way_and_a_slow_server_holds_up_nobody_else():
    with Hooks(lambda delivery: None) as slow, Plane((slow.url(), "max = 3; timeout_s = 60;")) as plane:
        plane.begin(60)
        wait_for("three deliveries", lambda: len(slow.got) == 3)
        anna = plane.agent("anna", "*")
        for name, n in (("queue-1", 20), ("queue-0", 17)):  # people work on, in the same queue too
            for _ in range(n):
                (message,) = anna.claim(queues=[name], wait_s=30)
                assert anna.ack(message).status == 200
        assert plane.state()["in_flight"] == 3 and len(slow.got) == slow.most == 3
        assert plane.counts()["leased"] == 3
        slow.release.set()
        plane.wait_settled(20)


def what_fails_is_tried_again_later_and_under_the_same_id():
    failing = {"left": 2}

    def answer(delivery):
        failing["left"] -= 1
        return NO if failing["left"] >= 0 else (204, {}, b"")

    with Hooks(answer) as hooks, Plane((hooks.url(), "max = 1;")) as plane:
        plane.begin(3)
        plane.wait_settled(1)
        assert len(hooks.got) == 3 and len({d.id for d in hooks.got}) == 1
        assert [d.data["attempts"] for d in hooks.got] == [1, 2, 3]
        first, second = (b.at - a.at for a, b in zip(hooks.got, hooks.got[1:]))
        assert first > 0.45 and second > 0.9, (first, second)  # 1 s and 2 s, less up to half
        state = plane.state()
        assert (state["delivered"], state["failed"], state["breaker"]) == (1, 2, "closed"), state
        assert "did not take message" in plane.log() and "takes messages again" in plane.log()
        assert "secret words" not in plane.log()


def a_server_that_asks_to_wait_is_left_alone_for_so_long():
    answers = [(429, {"Retry-After": "3"}, b""), (204, {}, b"")]
    with Hooks(lambda delivery: answers[min(len(hooks.got) - 1, 1)]) as hooks, Plane((hooks.url(), "max = 1;")) as plane:
        plane.begin(3)
        wait_for("a delivery", lambda: plane.state()["failed"] == 1)
        assert plane.state()["next_ms"] > 0
        plane.wait_settled(1)
        assert hooks.got[1].at - hooks.got[0].at > 2.9, hooks.got[1].at - hooks.got[0].at


def after_its_last_attempt_a_message_is_a_dead_letter():
    with Hooks(lambda delivery: NO) as hooks, Plane((hooks.url(), "max = 1; break_after = 1000;"), queue="retries = 2;") as plane:
        plane.begin(3)
        wait_for("a dead letter", lambda: plane.counts()["dead"] == 1)
        queue = plane.counts()
        assert (queue["waiting"], queue["leased"], queue["acknowledged"]) == (0, 0, 0), queue
        assert [d.data["attempts"] for d in hooks.got] == [1, 2]
        assert "dead letter" in plane.log()


def a_breaker_opens_after_failures_in_a_row_and_closes_by_one_that_is_taken():
    with Hooks(lambda delivery: NO) as hooks, Plane((hooks.url(), "max = 1; break_after = 2; break_s = 2;"), queue="retries = 0;") as plane:
        plane.begin(30)
        wait_for("an open breaker", lambda: plane.state()["breaker"] == "open")
        assert len(hooks.got) == 2 and plane.counts()["waiting"] == 10, plane.counts()
        assert "left alone for a while after 2 failures" in plane.log()
        wait_for("the second time that it opens", lambda: plane.state()["failed"] == 3)
        assert hooks.got[2].at - hooks.got[1].at > 1.9
        hooks.answer = lambda delivery: (204, {}, b"")
        plane.wait_settled(10)
        assert hooks.got[3].at - hooks.got[2].at > 3.9  # twice as long
        state = plane.state()
        assert (state["breaker"], state["delivered"], state["failed"]) == ("closed", 10, 3), state


def a_server_that_is_not_there_costs_no_attempts():
    with Hooks() as hooks:
        url = hooks.url()
    with Plane((url, "break_after = 2; break_s = 1;"), queue="retries = 1;") as plane:
        plane.begin(3)
        wait_for("failures", lambda: plane.state()["failed"] >= 3, 60)
        queue = plane.counts()
        assert queue["dead"] == 0 and queue["waiting"] + queue["leased"] == 1, queue
        with Hooks(port=hooks.port) as again:
            plane.wait_settled(1)
            assert again.got[0].data["attempts"] == 1


def a_url_that_is_gone_for_good_is_used_no_more():
    # The other one says nothing until the first is gone, so one of the first two messages comes to that.
    with Hooks(lambda delivery: (410, {}, b"")) as gone, Hooks(lambda delivery: None) as other, \
            Plane((gone.url(), "max = 1;"), (other.url(), "max = 1;")) as plane:
        plane.begin(30)
        wait_for("the end of the first", lambda: plane.state(0)["breaker"] == "disabled")
        other.answer = lambda delivery: (204, {}, b"")
        other.release.set()
        plane.wait_settled(10)
        assert len(gone.got) == 1 and plane.state(0)["failed"] == 1 and "gone for good" in plane.log()
        assert plane.state(0)["breaker"] == "disabled" and plane.state(0)["delivered"] == 0
        assert plane.state(1)["agent"] == "webhook:queue-0:2" and plane.state(1)["delivered"] == 10
        assert {d.data["attempts"] for d in other.got} == {1}, "a message that was refused for good was no attempt"


def redirects_are_not_followed():
    with Hooks() as target, Hooks(lambda delivery: (307, {"Location": target.url()}, b"")) as hooks, \
            Plane((hooks.url(), "max = 1;"), queue="retries = 1;") as plane:
        plane.begin(3)
        wait_for("a dead letter", lambda: plane.counts()["dead"] == 1)
        assert target.got == [] and len(hooks.got) == 1 and "redirects are not followed" in plane.log()


def an_answer_that_cannot_be_leaves_the_message():
    with Hooks(lambda delivery: (200, {"Content-Type": "application/json"}, b'{"answer": {"status": "perhaps"}}')) as hooks, \
            Plane((hooks.url(), "max = 1;"), queue="retries = 1;") as plane:
        plane.begin(3)
        wait_for("a dead letter", lambda: plane.counts()["dead"] == 1)
        assert "has no status accepted, refused or busy" in plane.log() and "perhaps" not in plane.log()


def what_the_server_answers_arrives_at_the_sender():
    def answer(delivery):  # "question 7"
        text = "answer to " + delivery.data["body"].split()[1]
        return 200, {"Content-Type": "application/json"}, json.dumps({"answer": {"status": "refused", "text": text}}).encode()

    with Hooks(answer) as hooks, Network("gw", "far") as net, tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
        secret, key = make_secret(folder)
        queues = f'( {{ name = "desk"; webhooks = ( {{ url = "{hooks.url()}"; secret_file = "{secret}"; }} ); }} )'
        with Agents(net, queues=queues) as gateway:
            sender = gateway.sender()
            for number in range(20):
                sender.send(question(number))
            counts = collect(sender, range(20))
            assert set(counts.values()) == {1}, counts
            assert len(hooks.got) == 20 and all(d.is_signed_by(key) for d in hooks.got)
            assert {d.data["sender"]["address"] for d in hooks.got} == {"10.9.0.1"}
            wait_for("an empty outbox", lambda: gateway.outbox() == 0)


def a_message_whose_delivery_was_cut_off_by_a_kill_comes_again_under_its_id():
    with Hooks(lambda delivery: None) as hooks, Plane((hooks.url(), "max = 2; timeout_s = 60;")) as plane:
        plane.begin(12)
        wait_for("two deliveries", lambda: len(hooks.got) == 2)
        hooks.answer = lambda delivery: (204, {}, b"")
        plane.restart(kill=True)
        plane.wait_settled(4)
        ids = [d.id for d in hooks.got]
        assert set(ids[:2]) <= set(ids[2:]), ids  # at least once
        assert len(set(ids)) == 4, ids
        assert {d.data["attempts"] for d in hooks.got} == {1}  # a restart is no attempt
        assert len({d.data["id"] for d in hooks.got}) == 4


def an_orderly_end_waits_for_no_server_and_loses_nothing():
    with Hooks(lambda delivery: None) as hooks, Plane((hooks.url(), "max = 2; timeout_s = 60;")) as plane:
        plane.begin(12)
        wait_for("two deliveries", lambda: len(hooks.got) == 2)
        hooks.answer = lambda delivery: (204, {}, b"")
        plane.restart(kill=False)  # which waits for it for 30 s
        plane.wait_settled(4)


def a_certificate_that_is_not_trusted_is_refused():
    with Plane(("https://127.0.0.1:1/", "")) as first:
        certificate = make_certificate(first.g.folder)
        other = make_certificate(first.g.folder, "other")
        if not certificate:
            raise SkipTest("openssl is not installed")
        with Hooks(certificate=certificate) as hooks:
            for ca, url, good in ((certificate[0], hooks.url(scheme="https"), True), (other[0], hooks.url(scheme="https"), False),
                                  (None, hooks.url(scheme="https"), False)):
                more = "max = 1; break_after = 2; break_s = 3600; " + (f'ca_file = "{ca}";' if ca else "")
                hooks.got.clear()
                with Plane((url, more)) as plane:
                    plane.begin(3)
                    if good:
                        plane.wait_settled(1)
                        assert hooks.got[0].is_signed_by(plane.key)
                    else:
                        wait_for("an open breaker", lambda: plane.state()["breaker"] == "open")
                        wait_for("the message in its queue again", lambda: plane.counts()["waiting"] == 1)
                        assert hooks.got == [], hooks.got
                        assert "ertificate" in plane.log() or "SSL" in plane.log(), plane.log()


def what_an_operator_did_wrong_is_said_at_the_start():
    for make, words in ((lambda: Plane(("https://a.example/word", ""), mode=0o644), ["secret_file", "others can read"]),
                        (lambda: Plane(("https://a.example/word", ""), secret="/nowhere"), ["secret_file /nowhere: No such file"]),
                        (lambda: Plane(("https://a.example/word", 'ca_file = "/dev/null";')), ["ca_file /dev/null"]),
                        (lambda: Plane(("http://a.example/word", "")), ["gateway.conf:", "another machine"])):
        with make() as plane:
            done = plane.g.run("weir-controlplane", "--config", plane.g.config)
            assert done.returncode == 1, done
            for word in words:
                assert word in done.stderr, done.stderr
            assert "word" not in done.stderr, done.stderr


CASES = [each_message_of_the_queue_is_delivered_signed_and_settled, messages_go_by_priority_and_then_by_age_one_at_a_time,
         at_most_so_many_deliveries_are_under_way_and_a_slow_server_holds_up_nobody_else,
         what_fails_is_tried_again_later_and_under_the_same_id, a_server_that_asks_to_wait_is_left_alone_for_so_long,
         after_its_last_attempt_a_message_is_a_dead_letter,
         a_breaker_opens_after_failures_in_a_row_and_closes_by_one_that_is_taken, a_server_that_is_not_there_costs_no_attempts,
         a_url_that_is_gone_for_good_is_used_no_more, redirects_are_not_followed, an_answer_that_cannot_be_leaves_the_message,
         what_the_server_answers_arrives_at_the_sender,
         a_message_whose_delivery_was_cut_off_by_a_kill_comes_again_under_its_id,
         an_orderly_end_waits_for_no_server_and_loses_nothing, a_certificate_that_is_not_trusted_is_refused,
         what_an_operator_did_wrong_is_said_at_the_start]

if __name__ == "__main__":
    main([case for case in CASES if not sys.argv[1:] or case.__name__ in sys.argv[1:]])
