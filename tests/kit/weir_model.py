# SPDX-License-Identifier: BSD-3-Clause
"""A second opinion on every frame: DESIGN 1.2 to 1.4 in Python, written from the contract alone.

Slow and literal. It shares nothing with the C code; gen_capture.py uses it to say what
`weirctl classify` must print. Standard library only.
"""
import ipaddress
import re
import struct

import coap
import sip_model

PRIORITIES = ["emergency", "urgent", "normal", "non-urgent"]
CHANNELS = ["unspecified", "sms", "email", "chat", "voice", "push", "social", "web"] + [str(n) for n in range(8, 16)]
PROTOCOLS = ["native", "sip", "coap"]
EMERGENCY, URGENT, NORMAL, NON_URGENT = range(4)
MASK = (1 << 64) - 1


class Stop(Exception):
    """A frame ends here, in this disposition, for this reason."""

    def __init__(self, disposition, reason):
        super().__init__(reason)
        self.disposition, self.reason = disposition, reason


def malformed(reason):
    return Stop("malformed", reason)


def exception(reason):
    return Stop("exception", reason)


def checksum(data):
    """RFC 1071: the complement of the one's complement sum of 16-bit words."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def siphash24(key, data):
    def rotate(x, n):
        return (x << n | x >> (64 - n)) & MASK

    def rounds(n):
        nonlocal v0, v1, v2, v3
        for _ in range(n):
            v0 = (v0 + v1) & MASK
            v1 = rotate(v1, 13) ^ v0
            v0 = rotate(v0, 32)
            v2 = (v2 + v3) & MASK
            v3 = rotate(v3, 16) ^ v2
            v0 = (v0 + v3) & MASK
            v3 = rotate(v3, 21) ^ v0
            v2 = (v2 + v1) & MASK
            v1 = rotate(v1, 17) ^ v2
            v2 = rotate(v2, 32)

    k0, k1 = struct.unpack("<QQ", key)
    v0, v1, v2, v3 = k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573
    padded = data + b"\0" * (7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for (word,) in struct.iter_unpack("<Q", padded):
        v3 ^= word
        rounds(2)
        v0 ^= word
    v2 ^= 0xFF
    rounds(4)
    return v0 ^ v1 ^ v2 ^ v3


def parse_ethernet(frame):
    """The inner type and what follows it."""
    if len(frame) < 14:
        raise malformed("truncated")
    kind, rest = struct.unpack(">H", frame[12:14])[0], frame[14:]
    for _ in range(2):
        if kind not in (0x8100, 0x88A8):
            break
        if len(rest) < 4:
            raise malformed("truncated")
        kind, rest = struct.unpack(">H", rest[2:4])[0], rest[4:]
    return kind, rest


def parse_ipv4(packet):
    """Source, destination, protocol, payload."""
    if len(packet) < 20:
        raise malformed("truncated")
    version, header = packet[0] >> 4, (packet[0] & 15) * 4
    total = struct.unpack(">H", packet[2:4])[0]
    if version != 4 or header < 20 or total < header:
        raise malformed("ip-header")
    if header > len(packet) or total > len(packet):
        raise malformed("truncated")
    if checksum(packet[:header]) != 0:
        raise malformed("ip-checksum")
    if struct.unpack(">H", packet[6:8])[0] & 0x3FFF:
        raise malformed("fragment")
    return packet[12:16], packet[16:20], packet[9], packet[header:total]


def parse_ipv6(packet):
    if len(packet) < 40:
        raise malformed("truncated")
    if packet[0] >> 4 != 6:
        raise malformed("ip-header")
    length = struct.unpack(">H", packet[4:6])[0]
    if length > len(packet) - 40:
        raise malformed("truncated")
    following, payload, walked = packet[6], packet[40 : 40 + length], 0
    while following in (0, 43, 60):
        walked += 1
        if walked > 8:
            raise malformed("ipv6-extensions")
        if len(payload) < 8 or len(payload) < 8 * (payload[1] + 1):
            raise malformed("truncated")
        following, payload = payload[0], payload[8 * (payload[1] + 1) :]
    if following == 44:
        raise malformed("truncated" if len(payload) < 8 else "fragment")
    return packet[8:24], packet[24:40], following, payload


def parse_udp(source, destination, payload, trust, zero_is_good):
    """Destination port and the message."""
    if len(payload) < 8:
        raise malformed("truncated")
    _, port, length, carried = struct.unpack(">HHHH", payload[:8])
    if length < 8 or length > len(payload):
        raise malformed("truncated")
    datagram = payload[:length]
    if not trust:
        if carried == 0 and len(source) == 16 and not zero_is_good(port):
            raise malformed("udp-checksum")
        pseudo = source + destination + struct.pack(">IHH", length, 0, 17)
        if carried != 0 and checksum(pseudo + datagram) != 0:
            raise malformed("udp-checksum")
    return port, datagram[8:]


class Message:
    """A decoded native message."""

    def __init__(self, data):
        if len(data) < 16:
            raise malformed("native-short")
        magic, version_flags, self.priority, self.channel, self.tenant = struct.unpack(">BBBBI", data[:8])
        country, length = data[8:10], struct.unpack(">H", data[10:12])[0]
        version, flags = version_flags >> 4, version_flags & 15
        if magic != 0x57:
            raise malformed("native-magic")
        if version != 1:
            raise malformed("native-version")
        if flags & 0xA:
            raise malformed("native-flags")
        if self.priority > 3:
            raise malformed("native-priority")
        if self.channel > 15:
            raise malformed("native-channel")
        if self.tenant == 0:
            raise malformed("native-tenant")
        if country != b"\0\0" and not all(ord("A") <= c <= ord("Z") for c in country):
            raise malformed("native-country")
        self.country = "ZZ" if country == b"\0\0" else country.decode()
        head = 24 if flags & 4 else 16
        if len(data) - head != length:
            raise malformed("native-length")
        self.tag = data[16:24] if flags & 4 else None
        self.header, self.body = data[:16], data[head:]
        self.size = length
        self.protocol = "native"

    def tag_holds(self, key):
        """`key` is the tenant's, or None for none."""
        if key is None or self.tag is None:
            return key is None and self.tag is None
        return self.tag == struct.pack("<Q", siphash24(key, self.header + self.body))


NUMBERS = {"49": "DE", "33": "FR", "43": "AT", "41": "CH", "423": "LI", "91": "IN", "81": "JP", "27": "ZA", "65": "SG", "971": "AE",
           "55": "BR", "52": "MX"}  # the calling codes that gen_capture.py uses


def number_country(numbers):
    for number in numbers:
        number, *parameters = number.decode("latin-1").split(";")
        if not number.startswith("+"):  # a local one (RFC 3966, 5.1.5)
            number = next((value for name, _, value in (p.partition("=") for p in parameters) if name.lower() == "phone-context" and value), "")
        digits = re.sub(r"[-.()]", "", number)
        match = re.fullmatch(r"\+([0-9]{1,15})", digits)
        found = match and [country for code, country in NUMBERS.items() if match[1].startswith(code)]
        if found:
            return found[0]
    return "ZZ"


class CoapMessage:
    protocol = "coap"

    def __init__(self, data, rules):
        said = coap.read(data)
        if said["kind"] in ("ping", "core"):
            raise Stop("reply", None)
        if said["kind"] != "triage":
            raise Stop("exception" if said["reason"] == "coap-message" else "malformed", said["reason"])
        self.tenant = said["tenant"] or (rules.named(said["name"]) if said["name"] else rules.with_domain(said["host"]))
        self.country, self.priority, self.channel, self.size = said["country"], said["priority"], said["channel"], len(said["body"])

    @staticmethod
    def tag_holds(key):
        return key is None


class SipMessage:
    protocol = "sip"

    def __init__(self, data, rules):
        reason, said = sip_model.decode(data)
        if reason != "none":
            raise Stop("exception" if reason == "sip-response" else "malformed", reason)
        if said["kind"] == 3:
            raise exception("sip-ack")
        if said["kind"] != 1:
            raise Stop("reply", None)
        self.tenant, self.country = rules.with_domain(said["host"]), number_country([said["from_number"], said["to_number"]])
        self.priority, self.channel, self.size = said["priority"], 1, len(said["body"])

    @staticmethod
    def tag_holds(key):
        return key is None


class Listener:
    def __init__(self, address, port, protocol, decap=()):
        self.address = None if address == "any" else ipaddress.ip_address(address).packed
        self.text, self.port, self.protocol, self.decap = address, port, protocol, decap

    def takes(self, destination, port):
        return self.port == port and self.address in (None, destination)


DEFAULT_LISTENERS = [Listener("any", 5700, "native"), Listener("any", 5060, "sip"), Listener("any", 5683, "coap")]


class Rules:
    """A rule file as plain data.

    tenants: dicts id, name, groups, key (bytes or None); zones: name → list of codes; blocked: prefixes;
    rules: dicts name, match, action, the last of them the default. A match is a dict with the keys of
    DESIGN 1.4, each a list (size: a pair, either may be None); an action has `kind` and `target`.
    """

    def __init__(self, tenants, zones, blocked, rules):
        self.tenants, self.zones, self.rules = tenants, zones, rules
        self.geo = []
        self.blocked = [ipaddress.ip_network(b) for b in blocked]
        self.by_id = {t["id"]: t for t in tenants}

    def country_of(self, source):
        """By address: `geo` has (first, last, country), none of which overlap."""
        address = ipaddress.ip_address(source)
        for first, last, country in self.geo:
            if first.version == address.version and first <= address <= last:
                return country
        return "ZZ"

    def named(self, name):
        return next((t["id"] for t in self.tenants if t["name"].encode() == name), 0)

    def with_domain(self, host):
        return next((t["id"] for t in self.tenants if host.lower() in [d.encode() for d in t.get("domains", [])]), 0)

    def blocks(self, source):
        address = ipaddress.ip_address(source)
        return any(address.version == network.version and address in network for network in self.blocked)

    def tenant_matches(self, entry, message):
        tenant = self.by_id.get(message.tenant)
        if entry == "unknown":
            return tenant is None
        if tenant is None:
            return False
        if isinstance(entry, int):
            return tenant["id"] == entry
        if entry.startswith("@"):
            return entry[1:] in tenant["groups"]
        return tenant["name"] == entry

    def country_matches(self, entry, message):
        return message.country in self.zones[entry[1:]] if entry.startswith("@") else message.country == entry

    def holds(self, match, message):
        for key, wanted in match.items():
            if key == "tenant":
                good = any(self.tenant_matches(entry, message) for entry in wanted)
            elif key == "country":
                good = any(self.country_matches(entry, message) for entry in wanted)
            elif key == "priority":
                good = PRIORITIES[message.priority] in wanted
            elif key == "channel":
                good = CHANNELS[message.channel] in wanted
            elif key == "protocol":
                good = message.protocol in wanted
            else:
                low, high = wanted
                good = (low is None or message.size >= low) and (high is None or message.size <= high)
            if not good:
                return False
        return True

    def decide(self, message):
        return next(rule for rule in self.rules if self.holds(rule["match"], message))


def find_listener(listeners, destination, port):
    found = [one for one in listeners if one.takes(destination, port)]
    return next((one for one in found if one.address is not None), found[0] if found else None)


GUE, VXLAN = 6080, 4789


class NotForUs(Exception):
    """What a tunnel carries is no message to a listener that asks for it."""


def end_of(tunnel, destination, listeners):
    """Whether the tunnel ends at this destination."""
    return any(tunnel in one.decap and one.address in (None, destination) for one in listeners)


def inside_gue(data):
    """Ethernet type and packet."""
    if not data:
        raise malformed("truncated")
    first = data[0]
    if first >> 4 in (4, 6):
        return (0x0800 if first >> 4 == 4 else 0x86DD), data
    if first >> 6:
        raise malformed("tunnel-header")
    if len(data) < 4 or len(data) < 4 + 4 * (first & 31):
        raise malformed("truncated")
    if first & 0x20:
        raise NotForUs
    if data[2:4] != b"\0\0":
        raise malformed("tunnel-header")
    if data[1] not in (4, 41):
        raise NotForUs
    return (0x0800 if data[1] == 4 else 0x86DD), data[4 + 4 * (first & 31) :]


def inside_vxlan(data):
    """Ethernet type and packet of the frame inside."""
    if len(data) < 8:
        raise malformed("truncated")
    if not data[0] & 8:
        raise malformed("tunnel-header")
    kind, rest = parse_ethernet(data[8:])
    if kind not in (0x0800, 0x86DD):
        raise NotForUs
    return kind, rest


IN_UDP = {GUE: ("gue", inside_gue), VXLAN: ("vxlan", inside_vxlan)}


class Packet:
    """An IP packet up to its listener. Where it is in a tunnel that ends here, and carries a message or a fragment, it is the
    packet inside: `tunnel` names it, `kind` and `rest` are its Ethernet type and bytes."""

    def __init__(self, kind, rest, listeners, trust, tunnel=None):
        self.kind, self.rest, self.tunnel, self.stop = kind, rest, tunnel, None
        self.listeners, self.trust, self.inside, self.outer = listeners, trust, None, None
        try:
            self.read()
        except Stop as stop:
            self.stop = stop
        if tunnel is None and self.inside and self.outer in ("not-udp", "no-listener"):
            self.open()

    def read(self):
        kind, rest, listeners = self.kind, self.rest, self.listeners
        if kind == 0x0800:
            self.source, destination, protocol, payload = parse_ipv4(rest)
        elif kind == 0x86DD:
            self.source, destination, protocol, payload = parse_ipv6(rest)
        else:
            raise exception("ethertype")
        if protocol != 17:
            if protocol in (4, 41) and end_of("ipip", destination, listeners):
                self.outer, self.inside = "not-udp", lambda: ("ipip", 0x0800 if protocol == 4 else 0x86DD, payload)
            raise exception("not-udp")

        def ends(port):
            return self.tunnel is None and port in IN_UDP and end_of(IN_UDP[port][0], destination, listeners)

        port, self.data = parse_udp(self.source, destination, payload, self.trust, ends)
        self.listener = find_listener(listeners, destination, port)
        if self.listener is None or (self.tunnel and self.tunnel not in self.listener.decap):
            if ends(port):
                tunnel, inside = IN_UDP[port]
                self.outer, self.inside = "no-listener", lambda: (tunnel, *inside(self.data))
            raise exception("no-listener")

    def open(self):
        try:
            tunnel, kind, rest = self.inside()
        except NotForUs:
            return
        except Stop as stop:
            self.stop = stop
            return
        inner = Packet(kind, rest, self.listeners, self.trust, tunnel)
        if inner.stop is None or inner.stop.reason == "fragment":
            self.__dict__ = inner.__dict__
        elif inner.stop.disposition == "malformed":
            self.stop = inner.stop


def open_frame(frame, listeners, trust):
    """The frame that is inside, and in which tunnel; the frame itself and None where it is in none."""
    try:
        kind, rest = parse_ethernet(frame)
    except Stop:
        return frame, None
    packet = Packet(kind, rest, listeners, trust)
    if packet.tunnel is None:
        return frame, None
    return frame[: len(frame) - len(rest) - 2] + struct.pack(">H", packet.kind) + packet.rest, packet.tunnel


def judge(frame, rules, listeners, trust, out, tunnel):
    """Fills `out` as far as the frame gets; raises Stop where it ends before the rules."""
    packet = Packet(*parse_ethernet(frame), listeners, trust, tunnel)
    if packet.stop:
        raise packet.stop
    source, data, listener = packet.source, packet.data, packet.listener
    if rules.blocks(source):
        raise Stop("drop", "blocked-source")
    out["protocol"] = listener.protocol
    if listener.protocol == "native":
        message = Message(data)
    else:
        message = (SipMessage if listener.protocol == "sip" else CoapMessage)(data, rules)
    tenant = rules.by_id.get(message.tenant)
    if not message.tag_holds(tenant["key"] if tenant else None):
        raise malformed(f"{message.protocol}-auth")
    if message.country == "ZZ":
        message.country = rules.country_of(source)
    rule = rules.decide(message)
    action = rule["action"]
    out.update(tenant=message.tenant or None, country=message.country, priority=PRIORITIES[message.priority],
               channel=CHANNELS[message.channel], size=message.size, rule=rule["name"], disposition=action["kind"])
    out["reason" if action["kind"] == "drop" else "target"] = action["target"]


def classify(n, frame, rules, listeners, trust, tunnel=None):
    """The object that `weirctl classify --json` must print for frame number n; `tunnel`: its fragments came in it."""
    out = dict.fromkeys(["n", "disposition", "reason", "protocol", "tenant", "country", "priority", "channel", "size",
                         "rule", "target"])
    out["n"] = n
    try:
        judge(frame, rules, listeners, trust, out, tunnel)
    except Stop as stop:
        out["disposition"], out["reason"] = stop.disposition, stop.reason
    return out
