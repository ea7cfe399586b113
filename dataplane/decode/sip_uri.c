// SPDX-License-Identifier: BSD-3-Clause
//
// URIs. One look at each byte, one more at parameters where `user=phone` matters.
#include "dataplane/decode/sip_uri.h"

#include "dataplane/decode/sip_scan.h"

enum { PORT_MAX = 65535 };

static bool is_hex(uint8_t byte)
{
	return sip_is(byte, SIP_REFERENCE) && byte != ':' && byte != '.';
}

// Position of the first byte from `pos` that may not stand in a URI, as `@` and broken escapes, or `end`.
static unsigned bytes_skip(const uint8_t *at, unsigned pos, unsigned end)
{
	while ((pos = sip_skip(at, pos, end, SIP_URI)) < end) {
		if (at[pos] != '%' || end - pos < 3 || !is_hex(at[pos + 1]) || !is_hex(at[pos + 2]))
			break;
		pos += 3;
	}
	return pos;
}

// Whether `user=phone` is among the parameters, `;name=value;…` from `pos` to `end`.
static bool has_phone(const uint8_t *at, unsigned pos, unsigned end)
{
	unsigned next;

	for (; pos < end && at[pos] == ';'; pos = next) {
		for (next = pos + 1; next < end && at[next] != ';' && at[next] != '?';)
			next++;
		if (sip_same(at + pos + 1, next - pos - 1, "user=phone"))
			return true;
	}
	return false;
}

// [user [:password] @] host [:port] and parameters. What may stand in a host may in a URI.
static bool hier_parse(const uint8_t *at, unsigned pos, unsigned end, struct sip_uri *uri)
{
	unsigned user = bytes_skip(at, pos, end), host = user < end ? user + 1 : pos, p;

	if (user < end && (at[user] != '@' || user == pos))
		return false;
	p = sip_host_skip(at, host, end);
	if (p == host || (p < end && user < end && bytes_skip(at, p, end) < end))
		return false;
	uri->host = sip_span(host, p);
	if (p < end && at[p] == ':') {
		p++;
		if (sip_digits(at, &p, end, PORT_MAX) < 0)
			return false;
	}
	if (p < end && at[p] != ';' && at[p] != '?')
		return false;
	if (user < end && (at[pos] == '+' || has_phone(at, p, end)))
		uri->number = sip_span(pos, sip_find(at, pos, user, ':')); // without a password
	return true;
}

static enum sip_scheme scheme_find(const uint8_t *at, unsigned length)
{
	if (sip_same(at, length, "sip") || sip_same(at, length, "sips") || sip_same(at, length, "im"))
		return SIP_SCHEME_SIP;
	return sip_same(at, length, "tel") ? SIP_SCHEME_TEL : SIP_SCHEME_OTHER;
}

bool sip_uri_parse(const uint8_t *at, unsigned pos, unsigned end, struct sip_uri *uri)
{
	unsigned start = pos;

	*uri = (struct sip_uri){ 0 };
	if (end - pos > 4 && sip_same(at + pos, 4, "sip:"))
		return hier_parse(at, pos + 4, end, uri); // SIP_SCHEME_SIP is 0
	pos = sip_skip(at, pos, end, SIP_SCHEME);
	if (pos == start || end - pos < 2 || at[pos] != ':' || (uint8_t)((at[start] | 0x20) - 'a') > 25)
		return false;
	uri->scheme = scheme_find(at + start, pos - start);
	pos++;
	if (uri->scheme == SIP_SCHEME_SIP)
		return hier_parse(at, pos, end, uri);
	if (uri->scheme == SIP_SCHEME_TEL)
		uri->number = sip_span(pos, end);
	while (pos < end && (sip_is(at[pos], SIP_URI) || at[pos] == '@' || at[pos] == '%' || at[pos] == '#'))
		pos++;
	return pos == end;
}
