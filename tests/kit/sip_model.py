# SPDX-License-Identifier: BSD-3-Clause
"""SIP decoding once more: slow, from the grammar (RFC 3261, 25.1) and docs/sip.md, to hold the decoder against.

decode(datagram) gives (reason, fields) as tests/kit/sip_fields prints them; fields are bytes or numbers. What the
decoder says of a message that it refuses is modelled by its reason alone.
"""
import re

LWS = rb"[ \t\r\n]"
TOKEN = rb"[A-Za-z0-9\-.!%*_+`'~]+"
QUOTED = rb'"(?:[\t\n\r !#-\[\]-~\x80-\xff]|\\[\x00-\x09\x0b\x0c\x0e-\x7f])*"'
GENERIC = rb"[!#-+\--:=?-~]+"
HOST = rb"(?:\[(?=[^\]]*:)[0-9A-Fa-f:.]{2,}\]|[A-Za-z0-9._-]+)"
PLAIN = rb"[A-Za-z0-9\-_.!~*'();/?:&=+$,\[\]]"  # of a URI, but for @ and escapes
USER = rb"(?:" + PLAIN + rb"|%[0-9A-Fa-f]{2})"
PARAM = rb";" + LWS + rb"*(" + TOKEN + rb")" + LWS + rb"*(?:=" + LWS + rb"*(" + QUOTED + rb"|" + GENERIC + rb")" + LWS + rb"*)?"
PRIORITIES = [b"emergency", b"urgent", b"normal", b"non-urgent"]
NAMES = {b"v": b"via", b"f": b"from", b"t": b"to", b"i": b"call-id", b"l": b"content-length", b"c": b"content-type"}
REASON = {b"via": "sip-via", b"from": "sip-from", b"to": "sip-to", b"call-id": "sip-call-id", b"cseq": "sip-cseq",
          b"content-length": "sip-length"}


def whole(pattern, text):
    return re.fullmatch(pattern, text, re.S)


def uri(text):
    """(scheme, host, number), or None."""
    match = whole(rb"([A-Za-z][A-Za-z0-9+\-.]*):(.+)", text)
    if not match:
        return None
    scheme, rest = match[1].lower(), match[2]
    if scheme not in (b"sip", b"sips", b"im"):
        if not whole(rb"(?:" + PLAIN + rb"|[@%#])+", rest):
            return None
        return ("tel", b"", rest) if scheme == b"tel" else ("other", b"", b"")
    match = whole(rb"(?:(" + USER + rb"+)@)?(" + HOST + rb")(?::([0-9]+))?((?:[;?]" + USER + rb"*)?)", rest)
    if not match or (match[3] and int(match[3]) > 65535):
        return None
    user, params = match[1] or b"", match[4].split(b"?")[0] if match[4].startswith(b";") else b""
    phone = any(p.lower() == b"user=phone" for p in params.split(b";"))
    number = user.split(b":")[0] if user.startswith(b"+") or (user and phone) else b""
    return "sip", match[2], number


def params(text):
    """[(name, value)] of `;name=value…`, or None where it is something else."""
    found = []
    while text:
        match = re.match(PARAM, text, re.S)
        if not match:
            return None
        found.append((match[1].lower(), match[2] or b""))
        text = text[match.end():]
    return found


def address(text):
    """(number, tag) of From or To, or None."""
    match = whole(rb"(?:" + QUOTED + LWS + rb"*|(?:[A-Za-z0-9\-.!%*_+`'~\x80-\xff]|" + LWS + rb")*)<([^>]*)>" + LWS + rb"*(.*)", text)
    if not match:
        match = whole(rb"([^;?, \t\r\n]*)" + LWS + rb"*(.*)", text)
    parsed, rest = uri(match[1]), params(match[2])
    if not parsed or rest is None:
        return None
    tags = [value for name, value in rest if name == b"tag"]
    if len(tags) > 1 or any(t == b"" or t.startswith(b'"') for t in tags):
        return None
    return parsed[2], tags[0] if tags else b""


def sent_by(text):
    """Whether a Via value begins with its protocol and a host."""
    slash = LWS + rb"*/" + LWS + rb"*"
    return re.match(TOKEN + slash + TOKEN + slash + TOKEN + LWS + rb"+" + HOST, text, re.S)


def via(text):
    """Fields of the topmost value, and what follows it; or None."""
    slash = LWS + rb"*/" + LWS + rb"*"
    match = re.match(TOKEN + slash + TOKEN + slash + TOKEN + LWS + rb"+(" + HOST + rb")" + LWS + rb"*(?::" + LWS + rb"*([0-9]+)" + LWS + rb"*)?", text, re.S)
    if not match:
        return None
    if match[2] and not 0 < int(match[2]) <= 65535:
        return None
    fields = {"via_host": match[1], "port": int(match[2] or 0), "branch": b"", "maddr": b"", "received": b"", "rport": b""}
    pos, seen = match.end(), set()
    while pos < len(text) and text[pos:pos + 1] == b";":
        match = re.compile(PARAM, re.S).match(text, pos)
        name = match and match[1].lower().decode()
        if not match:
            return None
        if name in ("branch", "maddr", "received", "rport"):
            if name in seen or (match[2] is None and name != "rport"):
                return None
            seen.add(name)
            fields[name] = match[0] if name in ("received", "rport") else match[2]
        pos = match.end()
    if pos < len(text) and text[pos:pos + 1] != b",":
        return None
    fields["via"] = text[:pos].rstrip(b" \t\r\n")
    return fields, text[len(fields["via"]):]


def clean(text):
    return not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text)


class Message:
    def __init__(self):
        self.faults, self.seen, self.unfit = [], set(), set()
        self.fields = {name: b"" for name in ("method", "host", "from_number", "to_number", "call_id", "from", "to", "cseq", "from_tag",
                                              "to_tag", "type", "body", "via", "via_host", "branch", "maddr", "received", "rport")}
        self.fields.update(kind=0, status=0, priority=2, requires=0, port=0)
        self.length = None

    def version(self, text):
        match = whole(rb"[Ss][Ii][Pp]/([0-9]+)\.([0-9]+)", text)
        if match and (match[1], match[2]) != (b"2", b"0") and int(match[2]) <= 65535:
            self.faults.append("sip-version")
        return match and int(match[2]) <= 65535

    def start(self, line):
        """False where it is no start line at all."""
        if len(line) > 4 and line[:4].lower() == b"sip/":
            match = whole(rb"([^ ]*) ([1-6][0-9][0-9])( .*)?", line)
            if not match or not self.version(match[1]):
                return False
            self.fields.update(kind=5, status=int(match[2]))
            return True
        match = re.match(rb"(" + TOKEN + rb") ", line)
        if not match:
            return False
        self.fields.update(method=match[1], kind={b"MESSAGE": 1, b"OPTIONS": 2, b"ACK": 3}.get(match[1], 4))
        match = whole(TOKEN + rb" (.*) ([^ ]*)", line)
        if not match or not self.version(match[2]):
            self.faults.append("sip-start-line")
            return True
        parsed = uri(match[1])
        if not parsed:
            self.faults.append("sip-uri")
        else:
            self.fields["host"] = parsed[1]
            if parsed[0] == "other":
                self.faults.append("sip-scheme")
        return True

    def wrong(self, name, value, copied=True):
        self.faults.append(REASON[name])
        if not copied or not value or not clean(value):
            self.unfit.add(name)

    def header(self, name, value):
        first = name not in self.seen
        self.seen.add(name)
        if not first and name in (b"from", b"to", b"call-id", b"cseq", b"content-length"):
            self.faults.append("sip-repeated")
        elif name == b"via":
            parsed = via(value) if first else ({}, value)
            if parsed is None or not clean(parsed[1]):
                self.wrong(name, value, copied=not first or sent_by(value))
            if parsed:
                self.fields.update(parsed[0])
        elif name in (b"from", b"to"):
            key, parsed = name.decode(), address(value)
            self.fields[key] = value
            if not parsed:
                self.wrong(name, value)
            else:
                self.fields[key + "_number"], self.fields[key + "_tag"] = parsed
        elif name == b"call-id":
            self.fields["call_id"] = value
            if not whole(rb"[!-+\--~]+", value):
                self.wrong(name, value)
        elif name == b"cseq":
            match = whole(rb"([0-9]+)" + LWS + rb"+(" + TOKEN + rb")", value)
            self.fields["cseq"] = value
            if not match or int(match[1]) >= 1 << 31 or (self.fields["kind"] != 5 and match[2] != self.fields["method"]):
                self.wrong(name, value)
        elif name == b"content-length":
            self.length = int(value) if whole(rb"[0-9]+", value) and int(value) <= 65535 else None
            if self.length is None:
                self.wrong(name, value)
        elif name == b"require":
            self.fields["requires"] = 1
        elif first and name == b"content-type":
            self.fields["type"] = value
        elif first and name == b"priority":
            self.fields["priority"] = PRIORITIES.index(value.lower()) if value.lower() in PRIORITIES else 2


def decode(datagram):
    message, skipped = Message(), len(datagram) - len(datagram.lstrip(b"\r\n"))
    lines = re.findall(rb"[^\n]*\n", datagram[skipped:])
    if not lines or not message.start(re.sub(rb"\r?\n$", b"", lines[0])):
        return "sip-start-line", message.fields
    headers, body = [], None
    pos, n, used = skipped + len(lines[0]), 1, [lines[0]]
    while n < len(lines):
        line = lines[n]
        if line in (b"\n", b"\r\n"):
            used.append(line)
            body = datagram[pos + len(line):]
            break
        length, n = len(line), n + 1
        while datagram[pos + length:pos + length + 1] in (b" ", b"\t") and n < len(lines):
            length, n = length + len(lines[n]), n + 1
        used.append(datagram[pos:pos + length])
        if datagram[pos + length:pos + length + 1] in (b" ", b"\t"):
            break  # a fold without an end
        headers.append(datagram[pos:pos + length - 1])
        pos += length
    for header in headers:
        match = whole(rb"(" + TOKEN + rb")[ \t]*:(.*)", header)
        if not match:
            message.faults.append("sip-header")
            continue
        name = match[1].lower()
        message.header(NAMES.get(name, name), match[2].strip(b" \t\r\n"))
    if body is None:
        message.faults.append("sip-header")
    else:
        if message.length is not None and message.length > len(body):
            message.faults.append("sip-length")
            message.length = None
        message.fields["body"] = body if message.length is None else body[:message.length]
    needed = {b"via", b"from", b"to", b"call-id", b"cseq"}
    if needed - message.seen:
        message.faults.append("sip-missing")
    answer = not needed - message.seen and not needed & message.unfit and message.fields["kind"] not in (3, 5)
    message.fields["answer"] = int(answer)
    if re.search(rb"\r(?!\n|\Z)", b"".join(used) if body is not None else datagram[skipped:]):
        message.faults.append("sip-header")
    message.fields["fault"] = (message.faults + ["none"])[0]
    return "sip-response" if message.fields["kind"] == 5 else message.fields["fault"], message.fields
