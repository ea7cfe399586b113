// SPDX-License-Identifier: BSD-3-Clause
//
// Names of header fields by length, then by their bytes with the bit of letters' case set: of two tokens, only those
// that differ in case become the same by it.
#include "dataplane/decode/sip_header.h"

#include <errno.h>

#include "dataplane/decode/sip_scan.h"

// Eight bytes as a number, the first the lowest.
#define WORD(a, b, c, d, e, f, g, h)                                                                         \
	((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 | (uint64_t)(e) << 32 | \
	 (uint64_t)(f) << 40 | (uint64_t)(g) << 48 | (uint64_t)(h) << 56)
#define HALF(a, b, c, d) ((uint32_t)WORD(a, b, c, d, 0, 0, 0, 0))

static inline uint64_t word(const uint8_t *at)
{
	uint64_t bytes;

	memcpy(&bytes, at, sizeof(bytes));
	return bytes | UINT64_C(0x2020202020202020);
}

static inline uint32_t half(const uint8_t *at)
{
	uint32_t bytes;

	memcpy(&bytes, at, sizeof(bytes));
	return bytes | 0x20202020;
}

static enum sip_header compact_find(uint8_t name)
{
	switch (name | 0x20) {
	case 'v': return SIP_HEADER_VIA;
	case 'f': return SIP_HEADER_FROM;
	case 't': return SIP_HEADER_TO;
	case 'i': return SIP_HEADER_CALL_ID;
	case 'l': return SIP_HEADER_LENGTH;
	case 'c': return SIP_HEADER_TYPE;
	default: return SIP_HEADER_OTHER;
	}
}

static enum sip_header long_find(const uint8_t *name, unsigned length)
{
	if (length == 8 && word(name) == WORD('p', 'r', 'i', 'o', 'r', 'i', 't', 'y'))
		return SIP_HEADER_PRIORITY;
	if (length < 12 || word(name) != WORD('c', 'o', 'n', 't', 'e', 'n', 't', '-'))
		return SIP_HEADER_OTHER;
	if (length == 12 && half(name + 8) == HALF('t', 'y', 'p', 'e'))
		return SIP_HEADER_TYPE;
	if (length == 14 && word(name + 6) == WORD('t', '-', 'l', 'e', 'n', 'g', 't', 'h'))
		return SIP_HEADER_LENGTH;
	return SIP_HEADER_OTHER;
}

enum sip_header sip_header_find(const uint8_t *name, unsigned length)
{
	switch (length) {
	case 1:
		return compact_find(name[0]);
	case 2:
		return (name[0] | 0x20) == 't' && (name[1] | 0x20) == 'o' ? SIP_HEADER_TO : SIP_HEADER_OTHER;
	case 3:
		return (name[0] | 0x20) == 'v' && (name[1] | 0x20) == 'i' && (name[2] | 0x20) == 'a' ? SIP_HEADER_VIA :
												       SIP_HEADER_OTHER;
	case 4:
		if (half(name) == HALF('f', 'r', 'o', 'm'))
			return SIP_HEADER_FROM;
		return half(name) == HALF('c', 's', 'e', 'q') ? SIP_HEADER_CSEQ : SIP_HEADER_OTHER;
	case 7:
		if (half(name) == HALF('c', 'a', 'l', 'l') && half(name + 3) == HALF('l', '-', 'i', 'd'))
			return SIP_HEADER_CALL_ID;
		return half(name) == HALF('r', 'e', 'q', 'u') && half(name + 3) == HALF('u', 'i', 'r', 'e') ?
			       SIP_HEADER_REQUIRE : SIP_HEADER_OTHER;
	default:
		return long_find(name, length);
	}
}

int sip_line_parse(const uint8_t *at, unsigned pos, unsigned end, struct sip_line *line)
{
	unsigned name = pos;

	pos = sip_skip(at, pos, end, SIP_TOKEN);
	line->header = sip_header_find(at + name, pos - name);
	if (pos == name)
		return -EINVAL;
	while (pos < end && (at[pos] == ' ' || at[pos] == '\t'))
		pos++;
	if (pos == end || at[pos] != ':')
		return -EINVAL;
	line->from = sip_skip_lws(at, pos + 1, end);
	while (end > line->from && sip_is(at[end - 1], SIP_LWS))
		end--;
	line->to = end;
	return 0;
}
