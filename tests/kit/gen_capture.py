#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes a random rule file, a capture and what classify must say of it, from a seed.

    tests/kit/gen_capture.py --seed N --out FOLDER [--frames 600]

writes rules.conf (and tenants.csv, gateway.conf, `arguments` where the seed has them), in.pcap and
expect.jsonl. The frames are built layer by layer with odd things in them and then, some of them, broken;
what becomes of each is said by weir_model.py, which looks at the bytes alone. Standard library only.
"""
import argparse
import ipaddress
import json
import os
import random
import struct

import coap
import fragments_model
import weir_model as model

COUNTRIES = ["DE", "FR", "AT", "CH", "LI", "IN", "US", "JP", "ZA", "SG", "AE", "BR", "CA", "MX", "GB", "ZZ"]
GROUPS = ["gold", "silver", "bank", "trial", "health"]
QUEUES, REPLIES, REASONS = ["front-desk", "fraud-desk", "night"], ["busy", "thanks", "no"], ["spam", "closed", "policy"]
PORTS = [5700, 5060, 5683, 9000]


class Maker:
    def __init__(self, seed, plain=False):
        self.random = random.Random(seed)
        self.plain = plain
        self.tunnels = False  # some listener asks for them
        self.chance = lambda p: self.random.random() < p

    # --- rule file -----------------------------------------------------------------------------------

    def make_tenants(self):
        r, tenants, used = self.random, [], set()
        for n in range(r.choice([0, 1, 3, 10, 25, 60])):
            ident = r.choice([r.randint(1, 40), r.randint(1000, 1100), r.randint(1, 2**32 - 1), 2**32 - 1 - n, 2**31 - n])
            if ident in used:
                continue
            used.add(ident)
            key = r.randbytes(16) if self.chance(0.2) else None
            tenants.append({"id": ident, "name": f"t{n}", "groups": r.sample(GROUPS, r.choice([0, 0, 1, 1, 2, 3])),
                            "key": key, "home": r.choice([None, "DE", "IN"]), "rate": r.choice([None, 100]),
                            "domains": [f"t{n}.example", f"m.t{n}.example"][: r.choice([0, 1, 2])]})
        self.n_csv = r.randint(0, len(tenants)) if self.chance(0.3) else 0
        for tenant in tenants[: self.n_csv]:
            tenant["key"] = None
        return tenants

    def some(self, options, most=4):
        return self.random.sample(options, self.random.randint(1, min(most, len(options))))

    def make_match(self, tenants, zones, groups):
        r, match = self.random, {}
        if self.chance(0.5):
            names = [t["name"] for t in tenants] + [t["id"] for t in tenants] + ["@" + g for g in groups] + ["unknown"]
            match["tenant"] = self.some(names, 5)
        if self.chance(0.5):
            match["country"] = self.some(COUNTRIES + ["XK", "QZ"] + ["@" + z for z in zones], 5)
        if self.chance(0.4):
            match["priority"] = self.some(model.PRIORITIES, 3)
        if self.chance(0.4):
            match["channel"] = self.some(model.CHANNELS, 6)
        if self.chance(0.2):
            match["protocol"] = self.some(model.PROTOCOLS, 3)
        if self.chance(0.3):
            low, high = sorted([r.choice([0, 1, 9, 10, 100, 101, 300]), r.choice([0, 10, 99, 100, 300, 1400, 65535])])
            match["size"] = r.choice([(low, high), (low, None), (None, high)])
        return match

    def make_action(self, pools):
        kind, names = self.random.choice([("forward", pools), ("agents", QUEUES), ("reply", REPLIES), ("drop", REASONS)])
        return {"kind": kind, "target": self.random.choice(names)}

    def make_blocked(self):
        r = self.random
        options = ["192.0.2.0/24", "198.51.100.128/25", "10.9.0.0/16", "10.0.0.7/32", "2001:db8:bad::/48", "203.0.113.5",
                   "2001:db8::7/128", "2001:db8:8000::/33", "fc00::/7", "10.128.0.0/9", "192.0.2.128/26"]
        return r.sample(options, r.randint(0, 6))

    def make_rules(self):
        r, tenants = self.random, self.make_tenants()
        zones = {f"z{n}": self.some(COUNTRIES[:-1], 6) for n in range(r.randint(0, 4))}
        self.pools = [f"pool{n}" for n in range(r.randint(1, 4))]
        groups = sorted({g for t in tenants for g in t["groups"]})
        count = r.choice([0, 1, 4, 12, 40, 150])
        rules = [{"name": f"r{n}", "match": self.make_match(tenants, zones, groups), "action": self.make_action(self.pools)}
                 for n in range(count)]
        rules.append({"name": "default", "match": {}, "action": self.make_action(self.pools)})
        made = model.Rules(tenants, zones, self.make_blocked(), rules)
        if self.chance(0.4):
            made.geo = self.make_geo()
        return made

    def make_geo(self):
        """Ranges of addresses with a country, in the order of a file; none overlap."""
        r, ranges = self.random, []
        for first, size in (("10.0.0.0", 2), ("172.16.0.0", 255), ("192.0.2.0", 128), ("2001:db8::", 8), ("2001:db8:1::", 65535)):
            at, left = int(ipaddress.ip_address(first)), size
            while left > 0:
                n = r.randint(1, left)
                pair = tuple(type(ipaddress.ip_address(first))(at + step) for step in (0, n - 1))
                if self.chance(0.8):
                    ranges.append((*pair, r.choice(COUNTRIES[:-1])))
                at, left = at + n, left - n
        r.shuffle(ranges)
        return ranges

    # --- rule file as text ---------------------------------------------------------------------------

    def text_value(self, value):
        if isinstance(value, int):
            return f"{value}L" if value > 2**31 - 1 or self.chance(0.2) else str(value)
        return json.dumps(value)

    def text_list(self, values):
        kinds = {type(v) if not isinstance(v, int) else "L" for v in values}
        inner = ", ".join(map(self.text_value, values))
        if len(values) == 1 and self.chance(0.4):
            return inner
        if kinds == {str} and self.chance(0.5):
            return f"[ {inner} ]"
        return f"( {inner} )"

    def text_tenant(self, tenant):
        parts = [f"id = {self.text_value(tenant['id'])};", f"name = \"{tenant['name']}\";"]
        if tenant["groups"]:
            parts.append(f"groups = {self.text_list(tenant['groups'])};")
        if tenant["domains"]:
            parts.append(f"domains = {self.text_list(tenant['domains'])};")
        if tenant["key"]:
            text = tenant["key"].hex()
            parts.append(f'key = "{text.upper() if self.chance(0.3) else text}";')
        if tenant["home"]:
            parts.append(f"home = \"{tenant['home']}\";")
        if tenant["rate"] and not self.plain:
            parts.append(f"rate = {tenant['rate']}; burst = 10;")
        self.random.shuffle(parts)
        return "{ " + " ".join(parts) + " }"

    def text_match(self, match):
        parts = []
        for key, wanted in match.items():
            if key == "size":
                ends = [f"{name} = {end};" for name, end in zip(("min", "max"), wanted) if end is not None]
                parts.append("size = { " + " ".join(ends) + " };")
            else:
                parts.append(f"{key} = {self.text_list(wanted)};")
        self.random.shuffle(parts)
        return "{ " + " ".join(parts) + " }"

    def text_action(self, action, extras):
        parts = [f"{action['kind']} = \"{action['target']}\";"]
        if extras and self.chance(0.2):
            parts.append(f"set_priority = \"{self.random.choice(model.PRIORITIES)}\";")
        if extras and self.chance(0.2) and not self.plain:
            exceed = self.random.choice(["drop", "reply:busy", "agents:night"])
            parts.append(f'rate = {self.random.randint(1, 10000)}; burst = 5; exceed = "{exceed}";')
        if extras and self.chance(0.1):
            parts.append(f'copy = "{self.random.choice(QUEUES)}";')
        return "{ " + " ".join(parts) + " }"

    def text_rules(self, rules):
        inline, lines = rules.tenants[self.n_csv :], ["# made by gen_capture.py", "version = 1;"]
        lines.append("tenants = (\n" + ",\n".join("  " + self.text_tenant(t) for t in inline) + "\n);")
        if self.n_csv:
            lines.append('tenant_files = [ "tenants.csv" ];')
        lines.append("zones = (" + ",\n".join(f'{{ name = "{z}"; countries = {self.text_list(c)}; }}'
                                             for z, c in rules.zones.items()) + ");")
        lines.append("pools = (" + ",\n".join(
            f'{{ name = "{p}"; port = 0; members = ( {{ name = "m"; address = "10.1.0.{n + 1}"; '
            f'mac = "02:00:00:00:01:{n:02x}"; }} ); }}' for n, p in enumerate(self.pools)) + ");")
        lines.append("queues = (" + ", ".join(f'{{ name = "{q}"; }}' for q in QUEUES) + ");")
        lines.append("replies = (" + ", ".join(f'{{ name = "{n}"; status = "{s}"; }}' for n, s in
                                               zip(REPLIES, ["busy", "accepted", "refused"])) + ");")
        if rules.geo:
            lines.append('country_by_address = "geo.csv";')
        if rules.blocked or self.chance(0.5):
            blocked = ", ".join(f'"{b}"' for b in rules.blocked)
            lines.append(f"blocked_sources = ( {blocked} );")
        lines.append(f"default = {self.text_action(rules.rules[-1]['action'], False)};")
        lines.append("rules = (\n" + ",\n".join(
            f"  {{ name = \"{r['name']}\"; match = {self.text_match(r['match'])}; "
            f"action = {self.text_action(r['action'], True)}; }}" for r in rules.rules[:-1]) + "\n);")
        return "\n".join(lines) + "\n"

    def text_csv(self, rules):
        rows = ["id,name,domains,groups,home,rate,burst"]
        for t in rules.tenants[: self.n_csv]:
            rate = "" if self.plain else t["rate"] or ""
            rows.append(f"{t['id']},{t['name']},{';'.join(t['domains'])},{';'.join(t['groups'])},{t['home'] or ''},{rate},")
        return "\n".join(rows) + "\n"

    # --- listeners -----------------------------------------------------------------------------------

    def make_listeners(self):
        """None for the default ones."""
        if self.chance(0.5):
            return None
        listeners, seen = [], set()
        if self.chance(0.7):
            seen.add(("any", 5700))
            listeners.append(model.Listener("any", 5700, "native", self.make_decap()))
        for _ in range(self.random.randint(1, 10)):
            address = self.random.choice(["any", "10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"])
            port = self.random.choice(PORTS)
            if (address, port) not in seen:
                seen.add((address, port))
                protocol = self.random.choice(["native", "native", "native", "sip", "coap"])
                listeners.append(model.Listener(address, port, protocol, self.make_decap()))
        self.tunnels = any(one.decap for one in listeners)
        return listeners

    def make_decap(self):
        return self.random.choice([(), (), (), ("ipip",), ("gue",), ("vxlan",), ("ipip", "gue"), ("ipip", "gue", "vxlan"), ("vxlan", "gue", "ipip")])

    @staticmethod
    def text_gateway(listeners):
        def decap(one):
            return f" decap = [ {', '.join(map(json.dumps, one.decap))} ];" if one.decap else ""

        rows = ",\n".join(f'  {{ address = "{one.text}"; port = {one.port}; protocol = "{one.protocol}";{decap(one)} }}' for one in listeners)
        return f'name = "test";\nlisteners = (\n{rows}\n);\n'

    # --- frames --------------------------------------------------------------------------------------

    def make_native(self, rules):
        r = self.random
        known = rules.tenants and self.chance(0.85)
        tenant = r.choice(rules.tenants) if known else {"id": r.choice([0, r.randint(1, 50), r.randint(1, 2**32 - 1)]),
                                                        "key": None}
        if not known and tenant["id"] == 0 and self.chance(0.7):
            tenant["id"] = 1
        size = r.choice([0, 1, 2, 9, 10, 11, 99, 100, 101, 299, 300, 301, r.randint(0, 60), r.randint(0, 1400)])
        country = r.choice(COUNTRIES).encode() if self.chance(0.9) else r.choice([b"\0\0", b"XK", b"QZ", b"AA"])
        body = r.randbytes(size)
        tagged = tenant["key"] is not None
        if self.chance(0.05):
            tagged = not tagged
        flags = (4 if tagged else 0) | r.choice([0, 1])
        head = struct.pack(">BBBBI2sHI", 0x57, 0x10 | flags, r.randint(0, 3), r.choice([*range(8), r.randint(0, 15)]),
                           tenant["id"], country, size, r.getrandbits(32))
        if self.chance(0.12):
            head = self.break_native(head)
        tag = b""
        if tagged:
            value = model.siphash24(tenant["key"] or bytes(16), head + body)
            tag = struct.pack("<Q", value ^ (1 << r.randint(0, 63) if self.chance(0.1) else 0))
        data = head + tag + body
        if self.chance(0.03):
            data = data[: r.randint(0, len(data))]
        return data

    def break_native(self, head):
        head, r = bytearray(head), self.random
        what = r.randint(0, 8)
        if what == 0:
            head[0] = r.randint(0, 255)
        elif what == 1:
            head[1] = r.choice([0x10 | r.randint(0, 15), r.randint(0, 255)])
        elif what == 2:
            head[2] = r.randint(0, 255)
        elif what == 3:
            head[3] = r.randint(0, 255)
        elif what == 4:
            head[4:8] = bytes(4)
        elif what == 5:
            head[8:10] = r.choice([b"de", b"D\0", b"\0E", b"A[", b"@A", r.randbytes(2)])
        elif what == 6:
            head[10:12] = struct.pack(">H", r.randint(0, 1500))
        else:
            for _ in range(r.randint(1, 3)):
                head[r.randint(0, 15)] = r.randint(0, 255)
        return bytes(head)

    def some_country(self):
        """A country that has numbers, or none."""
        return self.random.choice([*model.NUMBERS.values(), None])

    def make_coap(self, rules):
        r = self.random
        if self.chance(0.25):
            return coap.mutate(r, coap.random_message(r)) if self.chance(0.5) else coap.random_message(r)
        tenant = r.choice(rules.tenants) if rules.tenants and self.chance(0.9) else {"id": 77, "name": "nobody", "domains": []}
        place, host = r.choice([str(tenant["id"]), tenant["name"]]), None
        if tenant["domains"] and self.chance(0.3):
            place, host = "", r.choice(tenant["domains"]).swapcase()
        options = [(coap.URI_HOST, host.encode())] if host else []
        options += [(coap.URI_PATH, part.encode()) for part in ["m", place, r.choice(model.CHANNELS)] if part]
        country = self.some_country()
        queries = [f"country={country}"] if country else []
        queries += [f"priority={r.choice(model.PRIORITIES)}"] if self.chance(0.7) else []
        options += [(coap.URI_QUERY, query.encode()) for query in queries]
        body = r.randbytes(r.choice([1, 9, 10, 11, 99, 100, 101, 299, 300, 301])) if self.chance(0.9) else None
        return coap.make(r.choice([0, 1]), r.choice([2, 3]), r.getrandbits(16), r.randbytes(r.randint(0, 8)), options, body)

    def make_sip(self, rules):
        r = self.random
        tenant = r.choice(rules.tenants) if rules.tenants and self.chance(0.9) else {"domains": []}
        host = r.choice(tenant["domains"] or ["nobody.example", "[2001:db8::1]", "10.0.0.1"])
        method = r.choice(["MESSAGE"] * 12 + ["OPTIONS", "INVITE", "ACK"])
        body = "x" * r.choice([0, 1, 2, 9, 10, 11, 99, 100, 101, 299, 300, 301])

        def party(code):
            number = f"+{code}-{r.randint(10**6, 10**7)}"
            return r.choice([f"<sip:{number}@a.example>", f"<sip:7042;phone-context={number}@a.example;user=phone>", f"<tel:{number};isub=9>",
                             f"<tel:7042;isub=9;Phone-Context={number}>", "<tel:7042;phone-context=a.example>", f"<sip:{number};phone-context=x@a.example;user=phone>", f"<tel:{number}>",
                             '"A, b" <sip:alice@a.example>', "sip:alice@a.example"])

        codes = r.choices(list(model.NUMBERS), k=2)
        lines = [f"{method} sip:desk@{r.choice([host, host.upper()])} SIP/2.0",
                 f"{r.choice(['Via', 'v'])}: SIP/2.0/UDP a.example:5060;branch=z9hG4bK{r.getrandbits(64)}", "Max-Forwards: 70",
                 f"{r.choice(['From', 'f', 'FROM'])}: {party(codes[0])};tag=1", f"{r.choice(['To', 't'])}: {party(codes[1])}",
                 f"{r.choice(['Call-ID', 'i'])}: {r.getrandbits(64)}@a.example", f"CSeq: 1 {method}",
                 f"Priority: {r.choice(model.PRIORITIES + ['whatever', 'Urgent'])}", f"{r.choice(['Content-Length', 'l'])}: {len(body)}"]
        if self.chance(0.1):
            del lines[r.randint(1, len(lines) - 1)]
        if self.chance(0.05):
            lines[0] = "SIP/2.0 200 OK"
        end = r.choice(["\r\n", "\r\n", "\n"])
        return (end.join(lines) + end * 2 + body).encode()

    def make_udp(self, rules, source, destination):
        r = self.random
        port = r.choice(PORTS) if self.chance(0.4) else 5700
        if self.chance(0.04):
            port = r.randint(0, 65535)
        make = {5060: self.make_sip, 5683: self.make_coap}.get(port, self.make_native)
        data = make(rules) if self.chance(0.9) else self.make_native(rules)
        length = 8 + len(data)
        if self.chance(0.03):
            length = r.choice([0, 7, 8, length - 1, length + 1, 65535, r.randint(0, 65535)]) & 0xFFFF
        header = struct.pack(">HHH", r.randint(1, 65535), port, length)
        trailer = r.randbytes(r.randint(1, 30)) if self.chance(0.06) else b""  # IP payload longer than UDP
        datagram = (header + b"\0\0" + data + trailer)[: max(length, 8)]
        carried = model.checksum(source + destination + struct.pack(">IHH", length, 0, 17) + datagram) or 0xFFFF
        if self.chance(0.06):
            carried = r.choice([0, 0, 0, carried ^ (1 << r.randint(0, 15)), 0xFFFF])
        return header + struct.pack(">H", carried) + data + trailer

    def make_gue(self, kind, packet, source, destination):
        """A UDP datagram to port 6080."""
        r, protocol = self.random, 4 if kind == 0x0800 else 41
        first, flags, private = 0, 0, b""
        if self.chance(0.2):
            private = r.randbytes(4 * r.choice([1, 2, 31]))
        if self.chance(0.05):
            first = r.choice([0x20, 0x80, 0xC0, r.randint(0, 255)])
        if self.chance(0.05):
            flags = r.randint(1, 65535)
        if self.chance(0.05):
            protocol = r.choice([4, 41, 17, 0, 59])
        header = struct.pack(">BBH", first | len(private) // 4, protocol, flags) + private
        data = packet if self.chance(0.2) else header + packet
        return self.make_udp_tunnel(model.GUE, data, source, destination)

    def make_vxlan(self, kind, packet, source, destination):
        """A UDP datagram to port 4789."""
        r = self.random
        header = bytearray(b"\x08" + r.choice([b"\0\0\0", r.randbytes(3)]) + r.randbytes(3) + r.choice([b"\0", r.randbytes(1)]))
        if self.chance(0.1):
            header[0] = r.randint(0, 255)
        if self.chance(0.05):
            kind = r.choice([0x0800, 0x86DD, 0x0806, 0x05DC, r.randint(0, 65535)])
        tags = b"".join(struct.pack(">HH", r.choice([0x8100, 0x88A8]), r.getrandbits(16)) for _ in range(r.choice([0, 0, 0, 1, 2, 3])))
        data = bytes(header) + r.randbytes(12) + tags + struct.pack(">H", kind) + packet
        return self.make_udp_tunnel(model.VXLAN, data, source, destination)

    def make_udp_tunnel(self, port, data, source, destination):
        """IP protocol and a UDP datagram, sometimes cut, to another port or with another checksum."""
        r = self.random
        if self.chance(0.03):
            data = data[: r.randint(0, min(len(data), 40))]
        udp = struct.pack(">HHHH", r.randint(1, 65535), port if self.chance(0.97) else port + 1, 8 + len(data), 0) + data
        carried = model.checksum(source + destination + struct.pack(">IHH", len(udp), 0, 17) + udp) or 0xFFFF
        if self.chance(0.4):
            carried = 0
        elif self.chance(0.05):
            carried ^= 1 << r.randint(0, 15)
        return 17, udp[:6] + struct.pack(">H", carried) + udp[8:]

    def make_inside(self, kind, packet, source, destination):
        """IP protocol and payload of a tunnel's packet with another one inside."""
        if self.chance(0.6):
            return self.random.choice([self.make_gue, self.make_vxlan])(kind, packet, source, destination)
        return (4 if (kind == 0x0800) == self.chance(0.97) else 41), packet

    def make_packet(self, rules):
        kind, packet = self.make_ipv4(rules) if self.chance(0.6) else self.make_ipv6(rules)
        while self.tunnels and self.chance(0.3):
            if self.chance(0.05):
                packet += self.random.randbytes(7)  # of no meaning, in the tunnel as outside
            make = self.make_ipv4 if self.chance(0.6) else self.make_ipv6
            kind, packet = make(rules, (kind, packet))
        return kind, packet

    def make_ipv4(self, rules, inside=None):
        r = self.random
        source = ipaddress.ip_address(r.choice(["10.0.0.9", "10.0.0.7", "192.0.2.77", "192.0.2.130", "198.51.100.127",
                                                "198.51.100.128", "10.9.255.255", "10.10.0.0", "203.0.113.5"]
                                               + ["172.16.0.%d" % r.randint(0, 255)] * 12)).packed
        destination = ipaddress.ip_address(r.choice(["10.0.0.1", "10.0.0.2", "10.0.0.3"])).packed
        options = r.randbytes(4 * r.randint(1, 10)) if self.chance(0.1) else b""
        protocol = 17 if self.chance(0.96) else r.choice([1, 6, 47, 132, 0, 43])
        payload = self.make_udp(rules, source, destination) if protocol == 17 else r.randbytes(r.randint(0, 60))
        if inside:
            protocol, payload = self.make_inside(*inside, source, destination)
        fragment = r.choice([0x4000, 0, 0x8000]) if self.chance(0.97) else r.choice([0x2000, 1, 0x1FFF, 0x6000])
        first, total = 0x45 + len(options) // 4, 20 + len(options) + len(payload)
        if self.chance(0.03):
            first = r.choice([0x44, 0x40, 0x65, 0x4F, 0x55, r.randint(0, 255)])
        if self.chance(0.03):
            total = r.choice([0, 19, 20, total - 1, total + 1, 65535, r.randint(0, 100)]) & 0xFFFF
        header = struct.pack(">BBHHHBBH4s4s", first, r.randint(0, 255), total, r.getrandbits(16), fragment, 64, protocol, 0,
                             source, destination) + options
        words = model.checksum(header[: max(20, (first & 15) * 4)])
        if self.chance(0.02):
            words ^= 1 << r.randint(0, 15)
        return 0x0800, header[:10] + struct.pack(">H", words) + header[12:] + payload

    def make_ipv6(self, rules, inside=None):
        r = self.random
        source = ipaddress.ip_address(r.choice(["2001:db8::9", "2001:db8::7", "2001:db8:bad::1", "2001:db8:bad:ffff::",
                                                "2001:db8:bae::1", "2001:db8:8000::1", "fd00::1"]
                                               + ["2001:db8:1::%x" % r.randint(1, 65535)] * 8)).packed
        destination = ipaddress.ip_address(r.choice(["2001:db8::1", "2001:db8::2", "2001:db8::3"])).packed
        protocol = 17 if self.chance(0.95) else r.choice([58, 6, 59, 50, 51, 135])
        payload = self.make_udp(rules, source, destination) if protocol == 17 else r.randbytes(r.randint(0, 60))
        if inside:
            protocol, payload = self.make_inside(*inside, source, destination)
        following = protocol
        n = 0 if self.chance(0.6) else r.choice([1, 1, 2, 3, 7, 8, 9, 10])
        for _ in range(n):
            kind = r.choice([0, 43, 60]) if self.chance(0.96) else 44
            units = r.choice([0, 0, 0, 1, 3, 40])
            claimed = units if self.chance(0.98) else r.randint(0, 255)
            payload = bytes([following, claimed]) + r.randbytes(6 + 8 * units) + payload
            following = kind
        length = len(payload)
        if self.chance(0.03):
            length = r.choice([0, 7, 8, length - 1, length + 1, 65535, r.randint(0, 100)]) & 0xFFFF
        first = 0x60000000 | r.getrandbits(28) if self.chance(0.98) else r.getrandbits(32)
        return 0x86DD, struct.pack(">IHBB", first, length, following, 64) + source + destination + payload

    def make_frame(self, rules):
        r = self.random
        kind, packet = self.make_packet(rules)
        if self.chance(0.03):
            kind, packet = r.choice([(0x0806, r.randbytes(46)), (0x88CC, r.randbytes(50)), (60, r.randbytes(60)),
                                     (0x86DD, packet), (0x0800, packet), (0x9100, packet)])
        tags = b""
        for _ in range(r.choice([0, 0, 0, 0, 0, 0, 1, 1, 2, 3])):
            tags += struct.pack(">HH", r.choice([0x8100, 0x88A8]), r.getrandbits(16))
        addresses = bytes(byte & 0xFC | 2 if n in (0, 6) else byte for n, byte in enumerate(r.randbytes(12)))
        frame = addresses + tags + struct.pack(">H", kind) + packet
        if self.chance(0.5):
            frame += bytes(max(0, 60 - len(frame)))  # what a sender pads to
        if self.chance(0.1):
            frame += r.randbytes(r.randint(1, 40))
        if self.chance(0.03):
            frame = frame[: r.randint(0, len(frame))]
        if self.chance(0.02):
            frame = bytearray(frame)
            for _ in range(r.randint(1, 4)):
                if frame:
                    frame[r.randint(0, len(frame) - 1)] = r.randint(0, 255)
            frame = bytes(frame)
        return frame

    # --- captures ------------------------------------------------------------------------------------

    def pcap(self, frames):
        order = "<" if self.plain else self.random.choice("<>")
        magic = 0xA1B2C3D4 if self.plain else self.random.choice([0xA1B2C3D4, 0xA1B23C4D])
        parts = [struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 262144, 1)]
        for n, frame in enumerate(frames):
            longer = self.random.choice([0, 0, 0, 100])  # a frame of which not all was captured
            parts.append(struct.pack(order + "IIII", 1700000000 + n, n, len(frame), len(frame) + longer) + frame)
        return b"".join(parts)

    def pcapng(self, frames):
        order = self.random.choice("<>")

        def block(kind, body):
            body += bytes(-len(body) % 4)
            return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)

        parts = [block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)),
                 block(1, struct.pack(order + "HHI", 1, 0, 262144))]
        for n, frame in enumerate(frames):
            if self.chance(0.05):
                parts.append(block(0x0BAD, b"an unknown block"))
            parts.append(block(6, struct.pack(order + "IIIII", 0, 0, n, len(frame), len(frame)) + frame))
        return b"".join(parts)


def generate(seed, folder, n_frames, plain=False):
    """`plain`: no rates, and a little-endian pcap, for a comparison with the dataplane."""
    maker = Maker(seed, plain)
    rules, listeners, trust = maker.make_rules(), maker.make_listeners(), maker.chance(0.15)
    frames = [maker.make_frame(rules) for _ in range(n_frames)]
    capture = maker.pcapng(frames) if maker.chance(0.3) and not plain else maker.pcap(frames)
    files = {"rules.conf": maker.text_rules(rules).encode(), "in.pcap": capture}
    if maker.n_csv:
        files["tenants.csv"] = maker.text_csv(rules).encode()
    if rules.geo:
        files["geo.csv"] = "".join(f"{first},{last},{country}\n" for first, last, country in rules.geo).encode()
    if listeners is not None:
        files["gateway.conf"] = maker.text_gateway(listeners).encode()
    if trust:
        files["arguments"] = b"--udp-checksum trust\n"
    used = model.DEFAULT_LISTENERS if listeners is None else listeners
    lines = fragments_model.expectation(frames, rules, used, trust)
    files["expect.jsonl"] = ("\n".join(lines) + "\n").encode()
    if maker.tunnels:  # the frames as they are without tunnels, padded
        opened = [model.open_frame(frame, used, trust) for frame in frames]
        files["opened.pcap"] = maker.pcap([frame + bytes(max(0, 60 - len(frame))) if tunnel else frame for frame, tunnel in opened])
    os.makedirs(folder, exist_ok=True)
    for name, data in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)


def main():
    parser = argparse.ArgumentParser(description="random rule file, capture and expectation from a seed")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--frames", type=int, default=600)
    arguments = parser.parse_args()
    generate(arguments.seed, arguments.out, arguments.frames)


if __name__ == "__main__":
    main()
