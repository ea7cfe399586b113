// SPDX-License-Identifier: BSD-3-Clause
//
// Names of header fields: the table, and lines that are not as lines mostly are. Letters are compared without their
// case; a name that is found needs no look at whether it is a token, so that common ones are there for that alone.
#include "dataplane/decode/sip_header.h"

#include <errno.h>

#define OTHERS(header) ((header) == SIP_N_HEADERS ? UINT32_MAX : ~(1u << (header)))
#define BEGIN(a, b) SIP_NAME_SLOT((a) | (b) << 8)
#define NAME(text, header, next) \
	{ text, (1u << (sizeof(text) - 1)) - 1, sizeof(text) - 1, header, next, 1u << (header), OTHERS(header) }

const struct sip_name sip_names[SIP_NAMES] = {
	[BEGIN('v', ':')] = NAME("v:", SIP_HEADER_VIA, 0),
	[BEGIN('v', 'i')] = NAME("via:", SIP_HEADER_VIA, 0),
	[BEGIN('f', ':')] = NAME("f:", SIP_HEADER_FROM, 0),
	[BEGIN('f', 'r')] = NAME("from:", SIP_HEADER_FROM, 0),
	[BEGIN('t', ':')] = NAME("t:", SIP_HEADER_TO, 0),
	[BEGIN('t', 'o')] = NAME("to:", SIP_HEADER_TO, 0),
	[BEGIN('i', ':')] = NAME("i:", SIP_HEADER_CALL_ID, 0),
	[BEGIN('c', 'a')] = NAME("call-id:", SIP_HEADER_CALL_ID, 0),
	[BEGIN('c', 's')] = NAME("cseq:", SIP_HEADER_CSEQ, 0),
	[BEGIN('l', ':')] = NAME("l:", SIP_HEADER_LENGTH, 0),
	[BEGIN('c', 'o')] = NAME("content-length:", SIP_HEADER_LENGTH, SIP_NAME_SLOTS + 0),
	[BEGIN('c', ':')] = NAME("c:", SIP_HEADER_TYPE, 0),
	[SIP_NAME_SLOTS + 0] = NAME("content-type:", SIP_HEADER_TYPE, SIP_NAME_SLOTS + 1),
	[BEGIN('p', 'r')] = NAME("priority:", SIP_HEADER_PRIORITY, 0),
	[BEGIN('r', 'e')] = NAME("require:", SIP_HEADER_REQUIRE, 0),
	[BEGIN('m', 'a')] = NAME("max-forwards:", SIP_N_HEADERS, 0),
	[BEGIN('u', 's')] = NAME("user-agent:", SIP_N_HEADERS, 0),
	[SIP_NAME_SLOTS + 1] = NAME("contact:", SIP_N_HEADERS, 0),
	[BEGIN('m', ':')] = NAME("m:", SIP_N_HEADERS, 0),
	[BEGIN('a', 'l')] = NAME("allow:", SIP_N_HEADERS, 0),
	[BEGIN('e', 'x')] = NAME("expires:", SIP_N_HEADERS, 0),
	[BEGIN('s', 'u')] = NAME("subject:", SIP_N_HEADERS, SIP_NAME_SLOTS + 2),
	[BEGIN('s', ':')] = NAME("s:", SIP_N_HEADERS, 0),
	[SIP_NAME_SLOTS + 2] = NAME("supported:", SIP_N_HEADERS, 0),
	[BEGIN('k', ':')] = NAME("k:", SIP_N_HEADERS, 0),
	[BEGIN('r', 'o')] = NAME("route:", SIP_N_HEADERS, 0),
	[BEGIN('d', 'a')] = NAME("date:", SIP_N_HEADERS, 0),
};

// Position of the colon after the name at `pos`, white space before it passed over; `end` where there is none.
static unsigned colon_find(const uint8_t *at, unsigned pos, unsigned end)
{
	unsigned name = pos;

	pos = sip_skip(at, pos, end, SIP_TOKEN);
	if (pos == name)
		return end;
	while (pos < end && (at[pos] == ' ' || at[pos] == '\t'))
		pos++;
	return pos < end && at[pos] == ':' ? pos : end;
}

// sip_name_find of a name in a line that is short, the datagram's last, or has white space before its colon.
static unsigned name_find_safely(const uint8_t *at, unsigned pos, unsigned colon)
{
	const struct sip_name *name;
	uint8_t copy[sizeof(name->text)] = { 0 };

	while (at[colon - 1] == ' ' || at[colon - 1] == '\t')
		colon--;
	if (colon - pos >= sizeof(copy))
		return SIP_HEADER_OTHER;
	memcpy(copy, at + pos, colon - pos);
	copy[colon - pos] = ':';
	name = sip_name_find(copy);
	return name ? name->header : SIP_HEADER_OTHER;
}

struct sip_head sip_head_parse_slowly(const uint8_t *at, unsigned pos, unsigned end, unsigned length)
{
	unsigned colon = colon_find(at, pos, end);

	if (colon == end)
		return (struct sip_head){ -EINVAL, pos };
	if (length - pos >= sizeof(sip_names[0].text) && sip_is(at[colon - 1], SIP_TOKEN))
		return (struct sip_head){ SIP_HEADER_OTHER, colon + 1 }; // it was looked for
	return (struct sip_head){ (int)name_find_safely(at, pos, colon), colon + 1 };
}
