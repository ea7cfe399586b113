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
	unsigned p, digits;

	if (pos < end && at[pos] == '[') {
		p = sip_skip(at, pos + 1, end, SIP_REFERENCE);
		if (p == end || at[p] != ']' || p - pos < 3 || !memchr(at + pos, ':', p - pos))
			return 0;
		p++;
	} else {
		p = sip_skip(at, pos, end, SIP_HOST);
		if (p == pos)
			return 0;
	}
	*host = sip_span(pos, p);
	if (p == end || at[p] != ':')
		return p;
	for (digits = ++p; p < end && sip_digit(at[p]);)
		p++;
	return sip_number(at, digits, p, PORT_MAX) < 0 ? 0 : p;
}

// Value of the parameter of that name (given with its `=`) in `;name=value;…`, from `pos` to `end`.
static struct span param_find(const uint8_t *at, unsigned pos, unsigned end, const char *name)
{
	unsigned length = (unsigned)strlen(name), next;

	for (; pos < end && at[pos] == ';'; pos = next) {
		for (next = pos + 1; next < end && at[next] != ';' && at[next] != '?';)
			next++;
		if (next - pos - 1 > length && sip_same(at + pos + 1, length, name))
			return sip_span(pos + 1 + length, next);
	}
	return (struct span){ 0 };
}

static bool has_phone(const uint8_t *at, unsigned pos, unsigned end)
{
	struct span user = param_find(at, pos, end, "user=");

	return sip_same(at + user.at, user.length, "phone");
}

// `+`, escaped or not.
static bool is_plus(const uint8_t *at, unsigned length)
{
	return at[0] == '+' || (length > 3 && at[0] == '%' && at[1] == '2' && (at[2] | 0x20) == 'b');
}

// A telephone number: digits with visual separators (RFC 3966, 3), perhaps after a `+`.
static bool is_number(const uint8_t *at, unsigned pos, unsigned end)
{
	unsigned digits = 0;

	if (pos < end && at[pos] == '+')
		pos++;
	for (; pos < end; pos++) {
		if (sip_digit(at[pos]))
			digits++;
		else if (at[pos] != '-' && at[pos] != '.' && at[pos] != '(' && at[pos] != ')')
			return false;
	}
	return digits > 0;
}

// The number of `number;params`, from `pos` to `end`.
static struct span number_find(const uint8_t *at, unsigned pos, unsigned end)
{
	const uint8_t *params = memchr(at + pos, ';', end - pos);
	unsigned stop = params ? (unsigned)(params - at) : end;
	struct span context = param_find(at, stop, end, "phone-context=");

	if (stop > pos && is_plus(at + pos, stop - pos))
		pos += at[pos] == '%' ? 3 : 0;
	else if (context.length && at[context.at] == '+')
		return is_number(at, context.at, context.at + context.length) ? context : (struct span){ 0 };
	return is_number(at, pos, stop) ? sip_span(pos, stop) : (struct span){ 0 };
}

static bool hier_parse(const uint8_t *at, unsigned pos, unsigned end, struct sip_uri *uri)
{
	unsigned after, host, p, user_end;

	if (!bytes_parse(at, pos, end, &after) || after == pos + 1)
		return false;
	host = after ? after : pos;
	p = host_parse(at, host, end, &uri->host);
	if (p == 0 || (p < end && at[p] != ';' && at[p] != '?'))
		return false;
	if (!after)
		return true;
	if (is_plus(at + pos, after - pos) || has_phone(at, p, end)) {
		const uint8_t *password = memchr(at + pos, ':', after - 1 - pos);

		user_end = password ? (unsigned)(password - at) : after - 1;
		uri->number = number_find(at, pos, user_end);
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
	pos = sip_skip(at, pos, end, SIP_SCHEME);
	if (pos == start || end - pos < 2 || at[pos] != ':' || (uint8_t)((at[start] | 0x20) - 'a') > 25)
		return false;
	uri->scheme = scheme_find(at + start, pos - start);
	pos++;
	if (uri->scheme == SIP_SCHEME_SIP)
		return hier_parse(at, pos, end, uri);
	if (uri->scheme == SIP_SCHEME_TEL)
		uri->number = number_find(at, pos, end);
	while (pos < end && (sip_is(at[pos], SIP_URI) || at[pos] == '@' || at[pos] == '%' || at[pos] == '#'))
		pos++;
	return pos == end;
}
