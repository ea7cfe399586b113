# SPDX-License-Identifier: BSD-3-Clause
"""CoAP in Python: messages are made, mutated and read (RFC 7252, docs/coap.md). Slow and literal; it shares nothing with the C code.

read() is the second opinion on dataplane/decode/coap.c. Standard library only."""
import random
import re
import struct

CON, NON, ACK, RST = range(4)
PRIORITIES = ["emergency", "urgent", "normal", "non-urgent"]
CHANNELS = ["unspecified", "sms", "email", "chat", "voice", "push", "social", "web"] + [str(n) for n in range(8, 16)]
URI_HOST, URI_PORT, URI_PATH, URI_QUERY, ACCEPT, PROXY_URI, PROXY_SCHEME, NO_RESPONSE = 3, 7, 11, 15, 17, 35, 39, 258
LENGTHS = {URI_HOST: (1, 255), URI_PORT: (0, 2), URI_PATH: (0, 255), URI_QUERY: (0, 255), ACCEPT: (0, 2), NO_RESPONSE: (0, 1)}
REPEATED = {URI_PATH, URI_QUERY, PROXY_URI, PROXY_SCHEME}  # the last two end the matter the first time
KNOWN = {URI_HOST, URI_PORT, URI_PATH, URI_QUERY, ACCEPT, PROXY_URI, PROXY_SCHEME, NO_RESPONSE}


class Wrong(Exception):
    """An error of format, by reason."""


def code(text):
    return int(text[0]) << 5 | int(text[2:])


def extended(value):
    if value < 13:
        return value, b""
    return (13, bytes([value - 13])) if value < 269 else (14, struct.pack(">H", value - 269))


def make(kind, code_, mid=1, token=b"", options=(), body=None):
    """A message. Options are (number, bytes), in any order."""
    out, last = struct.pack(">BBH", 1 << 6 | kind << 4 | len(token), code_, mid) + token, 0
    for number, value in sorted(options, key=lambda o: o[0]):
        (delta, more_delta), (length, more_length) = extended(number - last), extended(len(value))
        out += bytes([delta << 4 | length]) + more_delta + more_length + value
        last = number
    return out + (b"\xff" + body if body is not None else b"")


def read_extended(nibble, data, at):
    if nibble == 15:
        raise Wrong("coap-option")
    size = max(nibble - 12, 0)
    if at + size > len(data):
        raise Wrong("coap-option")
    value = nibble if nibble < 13 else int.from_bytes(data[at:at + size], "big") + (13 if nibble == 13 else 269)
    return value, at + size


def read_options(data, at):
    """[(number, start, length)] and where the body begins."""
    options, number = [], 0
    while at < len(data):
        first = data[at]
        at += 1
        if first == 0xFF:
            if at == len(data):
                raise Wrong("coap-marker")
            return options, at
        delta, at = read_extended(first >> 4, data, at)
        length, at = read_extended(first & 15, data, at)
        number += delta
        if at + length > len(data) or number > 65535:
            raise Wrong("coap-option")
        options.append((number, at, length))
        at += length
    return options, at


def understood(options):
    """The options that are, and the number of the first critical one that is not (0: none)."""
    kept, unknown = [], 0
    for number, start, length in options:
        low, high = LENGTHS.get(number, (0, 65535))
        again = number not in REPEATED and any(n == number for n, _, _ in kept)
        if number in KNOWN and low <= length <= high and not again:
            kept.append((number, start, length))
        elif number & 1 and not unknown:
            unknown = number
    return kept, unknown


class Message(dict):
    """What is said of a datagram, field by field as tests/kit/coap_print.c prints it."""

    def __init__(self):
        super().__init__(reason="none", kind="ignored", type=0, code=0, id=0, error=0, no_response=0, plain=0, option=0, token=b"",
                         body=b"", tenant=0, name=b"", host=b"", country="ZZ", priority=2, channel=0)

    def end(self, kind, reason, error=0):
        self.update(kind=kind, reason=reason, error=error)
        return self


def rejected(message, reason):
    return message.end("rejected" if message["type"] == CON else "ignored", reason)


def read(data):
    message = Message()
    if len(data) < 4:
        return message.end("ignored", "coap-short")
    message.update(type=data[0] >> 4 & 3, code=data[1], id=data[2] << 8 | data[3])
    size = data[0] & 15
    if data[0] >> 6 != 1:
        return message.end("ignored", "coap-version")
    if size > 8 or (data[1] and len(data) < 4 + size):
        return rejected(message, "coap-token")
    if data[1] == 0 and (size or len(data) > 4):
        return rejected(message, "coap-empty")
    message["token"] = data[4:4 + size]
    try:
        options, at = read_options(data, 4 + size)
    except Wrong as wrong:
        look_at_options(message, data, partial(data, 4 + size))
        return rejected(message, str(wrong))
    message["body"] = data[at:]
    request = look_at_options(message, data, options)
    if message["type"] in (ACK, RST):
        return message.end("ignored", "coap-message")
    if message["code"] == 0:
        return message.end("ping", "none") if message["type"] == CON else message.end("ignored", "coap-empty")
    if message["code"] >= 32:
        return rejected(message, "coap-message" if message["code"] >> 5 in (2, 3, 4, 5) else "coap-code")
    return read_request(message, *request)


def partial(data, at):
    """The options before the first that is wrong: their marks stay on a message that is refused."""
    for end in range(len(data), at, -1):
        try:
            options, stop = read_options(data[:end], at)
            if stop == end:
                return options
        except Wrong:
            continue
    return []


def look_at_options(message, data, options):
    """Fills what is filled for every message; the rest of what options say."""
    kept, message["option"] = understood(options)
    values = [(number, data[start:start + length]) for number, start, length in kept]
    for number, value in values:
        if number == URI_HOST:
            message["host"] = value
        elif number == NO_RESPONSE:
            message["no_response"] = value[0] if value else 0
    accept = next((int.from_bytes(v, "big") for n, v in values if n == ACCEPT), None)
    return [v for n, v in values if n == URI_PATH], [v for n, v in values if n == URI_QUERY], accept, \
        any(n in (PROXY_URI, PROXY_SCHEME) for n, _ in values)


def read_request(message, path, query, accept, proxy):
    message["plain"] = int(accept in (None, 0))
    if message["option"]:
        return message.end("refused" if message["type"] == CON else "rejected", "coap-critical", code("4.02"))
    if proxy:
        return message.end("refused", "coap-proxy", code("5.05"))
    if message["code"] > 4:
        return message.end("refused", "coap-method", code("4.05"))
    if path == [b".well-known", b"core"]:
        if message["code"] != 1:
            return message.end("refused", "coap-method", code("4.05"))
        return message.end("core", "none") if accept in (None, 40) else message.end("refused", "coap-accept", code("4.06"))
    if path[:1] != [b"m"] or len(path) not in (2, 3):
        return message.end("refused", "coap-path", code("4.04"))
    return read_place(message, path[1] if len(path) == 3 else b"", path[-1], query)


def read_place(message, tenant, channel, query):
    names = [name.encode() for name in CHANNELS]
    if channel not in names:
        return message.end("refused", "coap-channel", code("4.04"))
    if not tenant and not message["host"]:
        return message.end("refused", "coap-tenant", code("4.04"))
    message["channel"] = names.index(channel)
    if re.fullmatch(rb"[1-9][0-9]*", tenant) and int(tenant) < 1 << 32:
        message["tenant"] = int(tenant)
    else:
        message["name"] = tenant
    if message["code"] not in (2, 3):
        return message.end("refused", "coap-method", code("4.05"))
    return read_arguments(message, query)


def read_arguments(message, query):
    countries = [q[8:] for q in query if q.startswith(b"country=")]
    priorities = [q[9:] for q in query if q.startswith(b"priority=")]
    if countries:
        if len(countries) > 1 or not re.fullmatch(rb"[A-Z][A-Z]", countries[0]):
            return message.end("refused", "coap-country", code("4.00"))
        message["country"] = countries[0].decode()
    if priorities:
        names = [name.encode() for name in PRIORITIES]
        if len(priorities) > 1 or priorities[0] not in names:
            return message.end("refused", "coap-priority", code("4.00"))
        message["priority"] = names.index(priorities[0])
    return message.end("triage", "none")


def random_options(r):
    """Mostly those of a message, some wrong, some strange."""
    host = [(URI_HOST, r.choice([b"acme.example"] * 4 + [b"GW.Example", b"", b"x" * 255, b"x" * 256]))] * r.choice([0] * 6 + [1] * 6 + [2])
    tenant = r.choice([b"acme", b"1001", b"0", b"4294967295", b"4294967296", b"01", b"", b"x" * r.randrange(300)])
    channel = r.choice(CHANNELS + ["SMS", "fax", "16", "0"]).encode()
    path = r.choice([[b"m", tenant, channel]] * 12 + [[b"m", channel], [b".well-known", b"core"], [], [b"m"], [b"m", tenant, channel, b""],
                                                     [b".well-known"], [b"core"], [b"M", tenant, channel]])
    query = r.choice([[], [b"country=DE"], [b"priority=urgent", b"country=FR"]]) if r.random() < 0.6 else r.sample([
        b"country=DE", b"country=FR", b"country=de", b"country=ZZ", b"priority=urgent", b"priority=normal", b"priority=non-urgent",
        b"priority=Urgent", b"priority=", b"country=", b"x", b"", b"country", b"q" * 256], r.choice([1, 1, 2, 3]))
    strange = [(r.choice([1, 4, 5, 6, 7, 8, 9, 12, 14, 16, 17, 20, 23, 27, 28, 35, 39, 60, 252, 258, 258, 292, 65000, 65001, 65535]),
                r.randbytes(r.choice([0, 0, 1, 1, 2, 3, 4, 12, 13, 14, 268, 269, 270, 600]))) for _ in range(r.choice([0] * 12 + [1, 1, 2, 4]))]
    return host + [(URI_PATH, p) for p in path] + [(URI_QUERY, q) for q in query] + strange


def random_message(r):
    kind = r.choice([CON] * 4 + [NON] * 4 + [ACK, RST])
    if r.random() < 0.02:
        core = [(URI_PATH, b".well-known"), (URI_PATH, b"core")] + r.choice([[], [(ACCEPT, r.choice([b"(", b"\0(", b"", b"2", b"123"]))]])
        return make(kind, r.choice([1, 1, 1, 2]), r.randrange(65536), b"", core)
    code_ = r.choice([code("0.02")] * 10 + [code("0.03")] * 4 + [0, 1, 1, 4, 5, 31, 32, code("2.04"), code("3.00"), code("5.03"), 0xC1, 0xE1, 255])
    if code_ == 0 and r.random() < 0.8:
        return make(kind, 0, r.randrange(65536))
    return make(kind, code_, r.randrange(65536), r.randbytes(r.choice([0, 1, 2, 4, 4, 7, 8, 8])), random_options(r),
                r.choice([None, None, b"", b"hi", b"\xff\x00\xff", r.randbytes(r.randrange(1, 200))]))


def mutate(r, data):
    """Flips, cuts, inserts, doubles: what makes messages almost right."""
    data = bytearray(data)
    for _ in range(r.choice([1, 1, 1, 2, 3, 8])):
        at = r.randrange(len(data)) if data else 0
        way = r.randrange(6)
        if way == 0 and data:
            data[at] ^= 1 << r.randrange(8)
        elif way == 1 and data:
            data[at] = r.choice([0, 0xFF, 0xDD, 0xEE, 0xF0, 0x0F, 0xB1, 0xD0, 0x0D, 0xE0, 0x0E, r.randrange(256)])
        elif way == 2:
            del data[at:]
        elif way == 3:
            data[at:at] = r.randbytes(r.randrange(1, 4))
        elif way == 4:
            del data[at:at + r.randrange(1, 4)]
        else:
            data[at:at] = data[at:at + r.randrange(1, 12)]
    return bytes(data)


def messages(seed, n):
    """`n` messages, two thirds of them mutated; now and then noise."""
    r = random.Random(seed)
    for _ in range(n):
        data = random_message(r) if r.random() < 0.97 else r.randbytes(r.randrange(40))
        yield data if r.random() < 0.34 else mutate(r, data)
