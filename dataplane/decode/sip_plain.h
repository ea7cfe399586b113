// SPDX-License-Identifier: BSD-3-Clause
//
// A URI and parameters in the form that most have, without white space, quotes, escapes or ports, read in one go. Where
// anything is otherwise they say so, and sip_uri.c and sip_scan.c read it: these tell nothing that those would not.
// `pos` and `end` as in sip_scan.h. libc only.
#pragma once

#include "dataplane/decode/sip_scan.h"
#include "dataplane/decode/sip_uri.h"

// Reads the parameter `text`, a literal in lower case from the semicolon to the equals sign, with a value without
// quotes that a semicolon, a comma or `end` follows, as most are. Position after it; 0 where anything else is at `pos`.
static inline unsigned sip_param_plain(const uint8_t *at, unsigned pos, unsigned end, const char *text,
				       struct span *value)
{
	const unsigned n = (unsigned)strlen(text);
	unsigned from = pos + n, p;

	if (end - pos <= n || !sip_same(at + pos, n, text))
		return 0;
	p = sip_skip(at, from, end, SIP_GENERIC);
	if (p == from || (p < end && at[p] != ';' && at[p] != ','))
		return 0;
	*value = sip_span(from, p);
	return p;
}

// Reads `sip:user@host`, as most are, from `pos` on: no port, no parameters, no escapes, and `end` or `>` behind the
// host. Position after the host; 0, and nothing said, where anything else stands there.
static inline unsigned sip_uri_plain(const uint8_t *at, unsigned pos, unsigned end, struct sip_uri *uri)
{
	unsigned user = pos + 4, host, p;

	if (end - pos < 8 || !sip_same(at + pos, 4, "sip:"))
		return 0;
	host = sip_skip(at, user, end, SIP_URI);
	if (host == user || host == end || at[host] != '@')
		return 0;
	p = sip_skip(at, host + 1, end, SIP_HOST);
	if (p == host + 1 || (p < end && at[p] != '>'))
		return 0;
	*uri = (struct sip_uri){ .host = sip_span(host + 1, p) };
	if (at[user] == '+')
		uri->number = sip_span(user, sip_find(at, user, host, ':'));
	return p;
}
