// SPDX-License-Identifier: BSD-3-Clause
//
// Values of header fields, by the grammar of RFC 3261, 25.1. Pure; each reads its stretch once, but for user parts.
#include "dataplane/decode/sip_value.h"

#include "dataplane/abi/names.h"
#include "dataplane/decode/sip_scan.h"

enum { PORT_MAX = 65535 };

// sent-protocol: name / version / transport, tokens with white space between. Position after it, or 0.
static unsigned protocol_parse(const uint8_t *at, unsigned pos, unsigned end)
{
	static const char usual[] = "SIP/2.0/UDP ";
	unsigned token;

	if (end - pos > sizeof(usual) && memcmp(at + pos, usual, sizeof(usual) - 1) == 0)
		return pos + sizeof(usual) - 2; // at the space
	for (unsigned i = 0; i < 3; i++) {
		if (i > 0 && (pos == end || at[pos++] != '/'))
			return 0;
		token = i > 0 ? sip_skip_lws(at, pos, end) : pos;
		pos = sip_skip(at, token, end, SIP_TOKEN);
		if (pos == token)
			return 0;
		if (i < 2)
			pos = sip_skip_lws(at, pos, end);
	}
	return pos;
}

// sent-by: host, and perhaps a port, with white space around the colon. Position after both, or 0.
static unsigned sent_by_parse(const uint8_t *at, unsigned pos, unsigned end, struct sip_via *via)
{
	unsigned from = pos;
	int64_t port;

	pos = sip_host_skip(at, pos, end);
	if (pos == from)
		return 0;
	via->host = sip_span(from, pos);
	pos = sip_skip_lws(at, pos, end);
	if (pos == end || at[pos] != ':')
		return pos;
	pos = sip_skip_lws(at, pos + 1, end);
	port = sip_digits(at, &pos, end, PORT_MAX);
	if (port <= 0)
		return 0;
	via->port = (uint16_t)port;
	return sip_skip_lws(at, pos, end);
}

// Keeps a parameter of Via that weir uses. False where it came before, or lacks the value that it must have.
static bool via_param_put(const uint8_t *at, struct sip_via *via, const struct sip_param *param, unsigned end)
{
	const uint8_t *name = at + param->name.at;
	struct span *place;

	if (sip_same(name, param->name.length, "branch"))
		place = &via->branch;
	else if (sip_same(name, param->name.length, "rport"))
		place = &via->rport;
	else if (sip_same(name, param->name.length, "received"))
		place = &via->received;
	else if (sip_same(name, param->name.length, "maddr"))
		place = &via->maddr;
	else
		return true;
	if (place->length || (!param->value.length && place != &via->rport))
		return false;
	*place = place == &via->branch || place == &via->maddr ? param->value : sip_span(param->from, end);
	return true;
}

bool sip_via_parse(const uint8_t *at, unsigned pos, unsigned end, struct sip_via *via)
{
	unsigned from = pos, protocol;
	struct sip_param param;

	*via = (struct sip_via){ 0 };
	protocol = protocol_parse(at, pos, end);
	pos = sip_skip_lws(at, protocol, end);
	if (protocol == 0 || pos == protocol)
		return false;
	pos = sent_by_parse(at, pos, end, via);
	if (pos == 0)
		return false;
	while (pos < end && at[pos] == ';')
		if (!sip_param_parse(at, &pos, end, &param) || !via_param_put(at, via, &param, pos))
			return false;
	if (pos < end && at[pos] != ',')
		return false;
	while (sip_is(at[pos - 1], SIP_LWS))
		pos--;
	via->value = sip_span(from, pos);
	return true;
}

// Position of the `<` of a name-addr that starts at `pos`, or of `pos` where it is an addr-spec; *bad where neither.
static unsigned name_skip(const uint8_t *at, unsigned pos, unsigned end, bool *bad)
{
	unsigned p = pos;

	*bad = false;
	if (p < end && at[p] == '<')
		return p;
	if (p < end && at[p] == '"') {
		p = sip_quoted(at, p, end);
		*bad = p == 0;
		p = sip_skip_lws(at, p, end);
		*bad |= p == end || at[p] != '<';
		return p;
	}
	for (p = sip_skip(at, p, end, SIP_TOKEN); p < end && (sip_is(at[p], SIP_TOKEN | SIP_LWS) || at[p] >= 0x80);)
		p++;
	return p < end && at[p] == '<' ? p : pos;
}

// The URI of a From or To that starts at `pos`, after its display name. Position after it and its brackets; 0 where it
// is wrong.
static unsigned address_uri_parse(const uint8_t *at, unsigned pos, unsigned end, struct sip_address *address)
{
	struct sip_uri uri;
	bool bad;
	unsigned p;

	pos = name_skip(at, pos, end, &bad);
	if (bad || pos == end)
		return 0;
	if (at[pos] == '<') {
		p = sip_find(at, pos, end, '>');
		if (p == end || !sip_uri_parse(at, pos + 1, p, &uri))
			return 0;
		address->uri = sip_span(pos + 1, p);
		p++;
	} else {
		// without brackets a URI ends where `;`, `?` or `,` could be of the header field (RFC 3261, 20)
		for (p = pos; p < end && at[p] != ';' && at[p] != '?' && at[p] != ',' && !sip_is(at[p], SIP_LWS);)
			p++;
		if (!sip_uri_parse(at, pos, p, &uri))
			return 0;
		address->uri = sip_span(pos, p);
	}
	address->number = uri.number;
	return p;
}

// Reads a parameter of From or To. A tag comes once, with a value without quotes.
static bool address_param_parse(const uint8_t *at, unsigned *pos, unsigned end, struct sip_address *address)
{
	struct sip_param param;

	if (!sip_param_parse(at, pos, end, &param))
		return false;
	if (!sip_same(at + param.name.at, param.name.length, "tag"))
		return true;
	if (address->tag.length || !param.value.length || at[param.value.at] == '"')
		return false;
	address->tag = param.value;
	return true;
}

bool sip_address_parse(const uint8_t *at, unsigned pos, unsigned end, struct sip_address *address)
{
	unsigned p;

	*address = (struct sip_address){ 0 };
	p = address_uri_parse(at, pos, end, address);
	if (p == 0)
		return false;
	p = sip_skip_lws(at, p, end);
	while (p < end && at[p] == ';')
		if (!address_param_parse(at, &p, end, address))
			return false;
	return p == end;
}

bool sip_cseq_parse(const uint8_t *at, unsigned pos, unsigned end, struct span *method)
{
	int64_t number = sip_digits(at, &pos, end, INT32_MAX);
	unsigned space = sip_skip_lws(at, pos, end);

	*method = sip_span(space, end);
	return space > pos && space < end && number >= 0;
}

bool sip_call_id_check(const uint8_t *at, unsigned pos, unsigned end)
{
	return pos < end && sip_skip(at, pos, end, SIP_CALL_ID) == end;
}

uint8_t sip_priority_find(const uint8_t *at, unsigned length)
{
#define X(name, text)                          \
	if (sip_same(at, length, text))        \
		return (uint8_t)WEIR_##name;
	WEIR_PRIORITIES(X)
#undef X
	return WEIR_NORMAL;
}
