#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Routes over dp.sock, from a control plane that is this script: who lives gets the messages, from one moment to the next and over a
restart; bad routes change nothing; a pool without a live member gives up its messages as its rule says."""
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
import routes  # noqa: E402
from dataplane_peer_test import SEALS, Dataplane, Gateway, table_fd  # noqa: E402
from gateway import check_books, main, wait_for, write_pcap  # noqa: E402
from live_test import frame  # noqa: E402

TABLE, TABLE_ACK, ROUTES, ROUTES_ACK = 3, 4, 6, 7
PORT = 'name = "in0"; device = "net_pcap0,rx_pcap=@/in.pcap,tx_pcap=/dev/null,infinite_rx=1";'
RULES = """version = 1;
queues = ( { name = "desk"; } );
replies = ( { name = "later"; status = "busy"; retry_after = 9; } );
pools = ( { name = "p"; slots = 251; members = (
  { name = "a"; address = "10.0.0.1"; mac = "02:00:00:00:00:01"; },
  { name = "b"; address = "10.0.0.2"; mac = "02:00:00:00:00:02"; },
  { name = "c"; address = "10.0.0.3"; } ); } );
default = { forward = "p"; %s };
"""


class Routed(Dataplane):
    def __init__(self, rules):
        self.g = Gateway([PORT])
        write_pcap(self.g.path("in.pcap"), [frame(i) for i in range(200)])
        with open(self.g.compile(self.g.write("rules.conf", rules)), "rb") as file:
            self.image = file.read()
        self.table = routes.Table(self.image)
        self.start()

    def start(self, first=True):
        alone = ["--table", self.g.path("table.image")] if first else []
        self.process = self.g.start("weir-dataplane", "--config", self.g.config, *alone)
        wait_for("its socket", lambda: os.path.exists(self.g.path("run/t/dp.sock")))
        wait_for("traffic", lambda: self.stats()["rx"] > 0)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=60) == 0

    def restart(self):
        self.stop()
        self.start(first=False)

    def make(self, **kwargs):
        return routes.make(self.table, kwargs.pop("macs", {"c": "02:00:00:00:00:03"}), **kwargs)

    def members(self, stats):
        return {row["name"].split("/")[1]: row["count"] for row in stats["members"]}

    def got(self):
        """Who gets messages from now on: members whose counts rise over two snapshots that have a publication between them."""
        first = self.stats()
        second = wait_for("more traffic", lambda: (lambda s: s if s["rx"] > first["rx"] + 60000 else None)(self.stats()))
        before, after = self.members(first), self.members(second)
        return {name for name in after if after[name] > before.get(name, 0)}, first, second


def offer_routes(peer, data, sequence, size=None, seals=SEALS):
    peer.send(struct.pack("<IIQQ", ROUTES, 0, sequence, len(data) if size is None else size), [table_fd(data, seals=seals)])
    answer = peer.receive()
    kind, status, got = struct.unpack_from("<IiQ", answer)
    assert (kind, got) == (ROUTES_ACK, sequence), (kind, got)
    return status, answer[16:].split(b"\0")[0].decode()


def offer_table(peer, image, generation, data):
    peer.send(struct.pack("<IIQQQ", TABLE, 0, generation, len(image), len(data)),
              [table_fd(image)] + ([table_fd(data)] if data else []))
    return peer.answer()


def routes_say_who_gets_messages():
    with Routed(RULES % "") as d:
        peer = d.peer()
        assert d.got()[0] == {"a", "b"}
        assert offer_routes(peer, d.make(), 7) == (0, "")
        assert d.got()[0] == {"a", "b", "c"}
        assert offer_routes(peer, d.make(dead="ab"), 8) == (0, "")
        assert d.got()[0] == {"c"}
        assert offer_routes(peer, d.make(dead="c", macs={}), 9) == (0, "")
        assert d.got()[0] == {"a", "b"}
        assert d.stats()["generation"] == peer.generation()
        d.stop()


def a_table_and_its_routes_take_effect_together():
    with Routed(RULES % "") as d:
        peer = d.peer()
        generation = peer.generation()
        status, why = offer_table(peer, d.image, generation + 1, d.make(dead="ac"))
        assert (status, why) == (0, ""), why
        assert d.got()[0] == {"b"}
        status, why = offer_table(peer, d.image, generation + 2, b"")
        assert (status, why) == (0, ""), why
        assert d.got()[0] == {"a", "b"}  # without routes, by the table alone
        d.stop()


def bad_routes_are_refused_and_those_in_use_stay():
    with Routed(RULES % "") as d:
        peer = d.peer()
        good = d.make(dead="ac")
        assert offer_routes(peer, good, 1) == (0, "")
        spoiled = good[:200] + bytes([good[200] ^ 1]) + good[201:]
        status, why = offer_routes(peer, spoiled, 2)
        assert status == 22 and "checksum" in why, why
        status, why = offer_routes(peer, good, 3, seals=SEALS & ~8)
        assert status == 1 and "not sealed" in why, why
        status, why = offer_routes(peer, good, 4, size=len(good) * 2)
        assert status == 22 and "larger than its memory" in why, why
        other = routes.Table(d.image)
        other.crc ^= 1
        status, why = offer_routes(peer, routes.make(other, {}), 5)
        assert status == 116 and "they are for table" in why, why  # ESTALE
        status, why = offer_table(peer, d.image, peer.generation() + 1, routes.make(other, {}))
        assert status == 116 and "they are for table" in why, why
        assert d.got()[0] == {"b"}
        d.goes_on("bad routes")
        d.stop()


def messages_that_break_the_protocol_end_the_connection():
    with Routed(RULES % "") as d:
        data = d.make()
        for message, n in ((struct.pack("<IIQQ", ROUTES, 0, 1, len(data)), 0), (struct.pack("<IIQQ", ROUTES, 0, 1, len(data)), 2),
                           (struct.pack("<IIQQQ", TABLE, 0, 2, len(d.image), 5), 1),
                           (struct.pack("<IIQQQ", TABLE, 0, 2, len(d.image), 0), 2)):
            peer = d.peer()
            peer.send(message, [table_fd(data) for _ in range(n)])
            assert peer.receive() == b"", message
            peer.close()
        d.goes_on("broken messages")
        d.stop()


def many_routes_in_a_row_are_each_acknowledged_and_lose_nothing():
    with Routed(RULES % "") as d:
        peer = d.peer()
        images = [d.make(dead=dead) for dead in ("a", "b", "ab", "")]
        for i in range(200):
            assert offer_routes(peer, images[i % 4], i) == (0, "")
        stats = d.got()[2]
        check_books(stats)
        ends = stats["dispositions"]
        assert ends["tx_full"] == 0 or stats["reasons"]["tx_full"].keys() == {"no-room"}, stats["reasons"]
        d.stop()


def last_routes_are_used_after_a_restart():
    with Routed(RULES % "") as d:
        peer = d.peer()
        assert offer_table(peer, d.image, peer.generation() + 1, d.make())[0] == 0
        assert offer_routes(peer, d.make(dead="a"), 1) == (0, "")
        peer.close()
        d.restart()
        assert d.got()[0] == {"b", "c"}
        kept, = [name for name in os.listdir(d.g.path("state/t")) if name.startswith("routes.")]
        d.stop()
        with open(d.g.path("state/t/" + kept), "r+b") as file:
            file.seek(300)
            file.write(b"????")
        d.start(first=False)
        assert d.got()[0] == {"a", "b"}
        assert "last routes refused, going by the table alone: routes: the checksum is wrong" in d.g.log("weir-dataplane")
        d.stop()


def without_a_live_member(action, check):
    with Routed(RULES % action) as d:
        peer = d.peer()
        assert offer_routes(peer, d.make(dead="abc"), 1) == (0, "")
        who, first, second = d.got()
        assert not who, who
        check_books(second)
        change = {end: second["dispositions"][end] - first["dispositions"][end] for end in second["dispositions"]}
        check(change, second)
        assert offer_routes(peer, d.make(dead="ac"), 2) == (0, "")
        assert d.got()[0] == {"b"}
        d.stop()


def a_pool_without_a_live_member_gives_messages_up():
    def check(change, stats):
        assert change["tx_full"] > 0 and change["forward"] + change["held"] <= 0, change
        assert stats["reasons"]["tx_full"]["no-member"] > 0, stats["reasons"]
    without_a_live_member("", check)


def a_pool_without_a_live_member_leaves_it_to_exceed():
    def police(change, stats):
        assert change["police"] > 0 and change["tx_full"] <= 0, change

    def reply(change, stats):
        assert change["reply"] > 0 and change["police"] == 0, change

    def agents(change, stats):
        assert change["agents"] + change["agents_full"] > 0 and change["police"] == 0, change
    without_a_live_member('exceed = "drop";', police)
    without_a_live_member('exceed = "reply:later";', reply)
    without_a_live_member('exceed = "agents:desk";', agents)


if __name__ == "__main__":
    main([routes_say_who_gets_messages, a_table_and_its_routes_take_effect_together, bad_routes_are_refused_and_those_in_use_stay,
          messages_that_break_the_protocol_end_the_connection, many_routes_in_a_row_are_each_acknowledged_and_lose_nothing,
          last_routes_are_used_after_a_restart, a_pool_without_a_live_member_gives_messages_up,
          a_pool_without_a_live_member_leaves_it_to_exceed])
