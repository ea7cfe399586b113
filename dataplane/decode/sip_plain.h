// SPDX-License-Identifier: BSD-3-Clause
//
// Values in the form that most have: no folds, white space or escapes but where all put it, no parameters but the usual
// ones. Each is read in one go from `from` on. The LF that ends its line ends every stretch too, so that none needs to
// know where its line ends; SIP_LEAST bytes must be there behind that LF. Each returns the position after what it has
// read, 0 where anything else stands there: sip_value.c then reads it, and these tell nothing that it would not. libc
// only.
#pragma once

#include "dataplane/decode/sip_scan.h"
#include "dataplane/decode/sip_value.h"

// Whether `pos` is where the value of a line ends that has its LF at `feed`.
static inline bool sip_plain_ends(const uint8_t *at, unsigned pos, unsigned feed)
{
	return pos + (at[pos] == '\r') == feed;
}

// The first position from `pos` whose byte is not of `class`. An LF, which is of none but SIP_LWS and SIP_QUOTED, ends
// it.
static inline unsigned sip_plain_skip(const uint8_t *at, unsigned pos, unsigned class)
{
	uint32_t others;

	while ((others = sip_others(at + pos, class)) == 0)
		pos += 32;
	return pos + (unsigned)__builtin_ctz(others);
}

// One to seven digits.
static inline unsigned sip_plain_number(const uint8_t *at, unsigned from, uint32_t *number)
{
	uint64_t bytes;
	unsigned n;

	memcpy(&bytes, at + from, sizeof(bytes));
	n = sip_word_digits(le64toh(bytes), number);
	return n == 0 || n == 8 ? 0 : from + n;
}

// `user@host`, or a host alone, which is then the user too.
struct sip_plain_uri {
	unsigned user, host;
};

// Behind the host.
static inline unsigned sip_plain_uri(const uint8_t *at, unsigned from, struct sip_plain_uri *uri)
{
	unsigned end;

	if (sip_difference(at + from, "sip:"))
		return 0;
	uri->user = from + 4;
	end = sip_plain_skip(at, uri->user, SIP_URI);
	uri->host = at[end] == '@' && end > uri->user ? end + 1 : uri->user;
	end = sip_plain_skip(at, uri->host, SIP_HOST);
	return end > uri->host ? end : 0;
}

// The quoted string or token before a `<`, and one space at most. Position of the `<`.
static inline unsigned sip_plain_name(const uint8_t *at, unsigned from, unsigned feed)
{
	unsigned end = at[from] == '"' ? sip_quoted(at, from, feed) : sip_plain_skip(at, from, SIP_TOKEN);

	if (end <= from)
		return 0;
	end += at[end] == ' ';
	return at[end] == '<' ? end : 0;
}

// From or To: perhaps a name, `<sip:user@host>`, perhaps a tag. address->uri is not set.
static inline unsigned sip_plain_address(const uint8_t *at, unsigned from, unsigned feed, struct sip_address *address)
{
	struct sip_plain_uri uri;
	unsigned pos = at[from] == '<' ? from : sip_plain_name(at, from, feed), tag;

	if (pos == 0)
		return 0;
	pos = sip_plain_uri(at, pos + 1, &uri);
	if (pos == 0 || at[pos] != '>')
		return 0;
	*address = (struct sip_address){ 0 };
	if (at[uri.user] == '+') // no host begins so
		address->number = sip_span(uri.user, sip_find(at, uri.user, uri.host - 1, ':')); // without a password
	pos++;
	if (at[pos] != ';')
		return pos;
	tag = pos + 5;
	if (!sip_same(at + pos, 5, ";tag="))
		return 0;
	pos = sip_plain_skip(at, tag, SIP_GENERIC);
	address->tag = sip_span(tag, pos);
	return pos > tag ? pos : 0;
}

// Via: UDP, a host, perhaps a port, and `branch` and `rport` in any order.
static inline unsigned sip_plain_via(const uint8_t *at, unsigned from, struct sip_via *via)
{
	static const char protocol[] = "SIP/2.0/UDP ";
	unsigned host = from + sizeof(protocol) - 1, pos, start;
	uint32_t port;

	if (memcmp(at + from, protocol, sizeof(protocol) - 1) != 0)
		return 0;
	pos = sip_plain_skip(at, host, SIP_HOST);
	if (pos == host)
		return 0;
	*via = (struct sip_via){ .host = sip_span(host, pos) };
	if (at[pos] == ':') {
		pos = sip_plain_number(at, pos + 1, &port);
		if (pos == 0 || port == 0 || port > UINT16_MAX)
			return 0;
		via->port = (uint16_t)port;
	}
	while (at[pos] == ';') {
		if (!via->branch.length && sip_same(at + pos, 8, ";branch=")) {
			start = pos + 8;
			pos = sip_plain_skip(at, start, SIP_GENERIC);
			via->branch = sip_span(start, pos);
			if (pos == start)
				return 0;
		} else if (!via->rport.length && sip_same(at + pos, 6, ";rport")) {
			via->rport = sip_span(pos, pos + 6);
			pos += 6;
		} else {
			return 0;
		}
	}
	via->value = sip_span(from, pos);
	return pos;
}

static inline unsigned sip_plain_call_id(const uint8_t *at, unsigned from)
{
	unsigned end = sip_plain_skip(at, from, SIP_CALL_ID);

	return end > from ? end : 0;
}

// CSeq: a number, a space and `method`.
static inline unsigned sip_plain_cseq(const uint8_t *at, unsigned from, struct span method)
{
	uint32_t number;
	unsigned pos = sip_plain_number(at, from, &number);

	if (pos == 0 || at[pos] != ' ' || method.length > SIP_LEAST ||
	    !bytes_equal(at + pos + 1, at + method.at, method.length))
		return 0;
	return pos + 1 + method.length;
}
