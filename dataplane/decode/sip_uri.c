// SPDX-License-Identifier: BSD-3-Clause
//
// URIs. One look at each byte of the user part and host, one more at parameters where `user=phone` matters.
#include "dataplane/decode/sip_uri.h"

#include "dataplane/decode/sip_scan.h"

enum { PORT_MAX = 65535 };

static bool is_hex(uint8_t byte)
{
	return sip_is(byte, SIP_REFERENCE) && byte != ':' && byte != '.';
}

// Whether all bytes may stand in a URI, escapes are whole, and at most one is `@`. *after: position after it, or 0.
static bool bytes_parse(const uint8_t *at, unsigned pos, unsigned end, unsigned *after)
{
	*after = 0;
	while ((pos = sip_skip(at, pos, end, SIP_URI)) < end) {
		if (at[pos] == '@' && *after == 0)
			*after = ++pos;
		else if (at[pos] == '%' && end - pos > 2 && is_hex(at[pos + 1]) && is_hex(at[pos + 2]))
			pos += 3;
		else
			return false;
	}
	return true;
}

// host [:port]. Position after it, 0 where it is none.
static unsigned host_parse(const uint8_t *at, unsigned pos, unsigned end, struct span *host)
{
	unsigned p = sip_host_skip(at, pos, end), digits;

	if (p == pos)
		return 0;
	*host = sip_span(pos, p);
	if (p == end || at[p] != ':')
		return p;
	for (digits = ++p; p < end && sip_digit(at[p]);)
		p++;
	return sip_number(at, digits, p, PORT_MAX) < 0 ? 0 : p;
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

static bool hier_parse(const uint8_t *at, unsigned pos, unsigned end, struct sip_uri *uri)
{
	unsigned after, host, p;

	if (!bytes_parse(at, pos, end, &after) || after == pos + 1)
		return false;
	host = after ? after : pos;
	p = host_parse(at, host, end, &uri->host);
	if (p == 0 || (p < end && at[p] != ';' && at[p] != '?'))
		return false;
	if (!after)
		return true;
	if (at[pos] == '+' || has_phone(at, p, end)) {
		const uint8_t *password = memchr(at + pos, ':', after - 1 - pos);

		uri->number = sip_span(pos, password ? (unsigned)(password - at) : after - 1);
	}
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
	pos = sip_skip_few(at, pos, end, SIP_SCHEME);
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
