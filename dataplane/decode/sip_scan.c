// SPDX-License-Identifier: BSD-3-Clause
//
// Bytes of SIP by class, and the steps over quoted strings and parameters. Pure; each step is linear in what it passes.
#include "dataplane/decode/sip_scan.h"

#define VISIBLE (SIP_GENERIC | SIP_CALL_ID)
#define ALNUM (SIP_TOKEN | SIP_HOST | SIP_URI | SIP_SCHEME | SIP_QUOTED | VISIBLE)
#define MARK (SIP_TOKEN | SIP_URI | SIP_QUOTED | VISIBLE) // both of a token and of a URI
#define DELIMITER (SIP_URI | SIP_QUOTED | VISIBLE) // of a URI alone
#define OTHER (SIP_QUOTED | VISIBLE)

const uint16_t sip_classes[256] = {
	['\t'] = SIP_LWS | SIP_QUOTED,
	['\n'] = SIP_LWS | SIP_QUOTED,
	['\r'] = SIP_LWS | SIP_QUOTED,
	[' '] = SIP_LWS | SIP_QUOTED,
	['!'] = MARK,
	['"'] = SIP_CALL_ID,
	['#'] = OTHER,
	['$'] = DELIMITER,
	['%'] = SIP_TOKEN | SIP_QUOTED | VISIBLE,
	['&'] = DELIMITER,
	['\''] = MARK,
	['('] = DELIMITER,
	[')'] = DELIMITER,
	['*'] = MARK,
	['+'] = MARK | SIP_SCHEME,
	[','] = SIP_URI | SIP_QUOTED,
	['-'] = MARK | SIP_HOST | SIP_SCHEME,
	['.'] = MARK | SIP_HOST | SIP_SCHEME | SIP_REFERENCE,
	['/'] = DELIMITER,
	['0' ... '9'] = ALNUM | SIP_REFERENCE,
	[':'] = DELIMITER | SIP_REFERENCE,
	[';'] = SIP_URI | SIP_QUOTED | SIP_CALL_ID,
	['<'] = SIP_QUOTED | SIP_CALL_ID,
	['='] = DELIMITER,
	['>'] = SIP_QUOTED | SIP_CALL_ID,
	['?'] = DELIMITER,
	['@'] = OTHER,
	['A' ... 'F'] = ALNUM | SIP_REFERENCE,
	['G' ... 'Z'] = ALNUM,
	['['] = DELIMITER,
	['\\'] = VISIBLE,
	[']'] = DELIMITER,
	['^'] = OTHER,
	['_'] = MARK | SIP_HOST,
	['`'] = SIP_TOKEN | SIP_QUOTED | VISIBLE,
	['a' ... 'f'] = ALNUM | SIP_REFERENCE,
	['g' ... 'z'] = ALNUM,
	['{'] = OTHER,
	['|'] = OTHER,
	['}'] = OTHER,
	['~'] = MARK,
	[0x80 ... 0xff] = SIP_QUOTED,
};

const uint8_t sip_lows[SIP_N_CLASSES][16] = {
	// SIP_TOKEN
	{ 0xe8, 0xfc, 0xf8, 0xf8, 0xf8, 0xfc, 0xf8, 0xfc, 0xf8, 0xf8, 0xf4, 0x54, 0x50, 0x54, 0xd4, 0x70 },
	// SIP_LWS
	{ 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00 },
	// SIP_HOST
	{ 0xa8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf0, 0x50, 0x50, 0x54, 0x54, 0x70 },
	// SIP_URI
	{ 0xa8, 0xfc, 0xf8, 0xf8, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0x7c, 0x54, 0x7c, 0xd4, 0x7c },
	// SIP_SCHEME
	{ 0xa8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf0, 0x54, 0x50, 0x54, 0x54, 0x50 },
	// SIP_QUOTED
	{ 0xfc, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfd, 0xfd, 0xfc, 0xdc, 0xfd, 0xfc, 0x7c },
	// SIP_GENERIC
	{ 0xf8, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xf4, 0xf0, 0xfc, 0xf4, 0x7c },
	// SIP_REFERENCE
	{ 0x08, 0x58, 0x58, 0x58, 0x58, 0x58, 0x58, 0x08, 0x08, 0x08, 0x08, 0x00, 0x00, 0x00, 0x04, 0x00 },
	// SIP_CALL_ID
	{ 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xf8, 0xfc, 0xfc, 0x7c },
};

int64_t sip_number(const uint8_t *at, unsigned pos, unsigned end, int64_t most)
{
	int64_t number = sip_digits(at, &pos, end, most);

	return pos == end ? number : -1;
}

unsigned sip_reference_skip(const uint8_t *at, unsigned pos, unsigned end)
{
	unsigned p = sip_skip(at, pos + 1, end, SIP_REFERENCE);

	return p == end || at[p] != ']' || p - pos < 3 || !memchr(at + pos, ':', p - pos) ? pos : p + 1;
}

unsigned sip_quoted(const uint8_t *at, unsigned pos, unsigned end)
{
	for (pos++; pos < end; pos++) {
		pos = sip_skip(at, pos, end, SIP_QUOTED);
		if (pos == end)
			return 0;
		if (at[pos] == '"')
			return pos + 1;
		// quoted-pair: any byte of ASCII, NUL too, but for the ends of lines
		if (at[pos] != '\\' || ++pos == end || at[pos] >= 0x80 || at[pos] == '\r' || at[pos] == '\n')
			return 0;
	}
	return 0;
}

bool sip_clean(const uint8_t *at, unsigned pos, unsigned end)
{
	for (; pos < end; pos++)
		if ((at[pos] < 0x20 && !sip_is(at[pos], SIP_LWS)) || at[pos] == 0x7f)
			return false;
	return true;
}

bool sip_param_parse(const uint8_t *at, unsigned *pos, unsigned end, struct sip_param *param)
{
	unsigned name = sip_skip_lws(at, *pos + 1, end), p = sip_skip(at, name, end, SIP_TOKEN), value;

	*param = (struct sip_param){ .name = sip_span(name, p), .from = *pos };
	if (p == name)
		return false;
	p = sip_skip_lws(at, p, end);
	if (p < end && at[p] == '=') {
		value = sip_skip_lws(at, p + 1, end);
		if (value == end)
			return false;
		p = at[value] == '"' ? sip_quoted(at, value, end) : sip_skip(at, value, end, SIP_GENERIC);
		if (p <= value)
			return false;
		param->value = sip_span(value, p);
		p = sip_skip_lws(at, p, end);
	}
	*pos = p;
	return true;
}
