// SPDX-License-Identifier: BSD-3-Clause
//
// Bytes of SIP by class, and the steps over quoted strings and parameters. Pure; each step is linear in what it passes.
#include "dataplane/decode/sip_scan.h"

#define ALNUM (SIP_TOKEN | SIP_HOST | SIP_URI | SIP_SCHEME | SIP_QUOTED | SIP_GENERIC)
#define MARK (SIP_TOKEN | SIP_URI | SIP_QUOTED | SIP_GENERIC)   // both of a token and of a URI
#define DELIMITER (SIP_URI | SIP_QUOTED | SIP_GENERIC)          // of a URI alone
#define OTHER (SIP_QUOTED | SIP_GENERIC)

const uint8_t sip_classes[256] = {
	['\t'] = SIP_LWS | SIP_QUOTED,
	['\n'] = SIP_LWS | SIP_QUOTED,
	['\r'] = SIP_LWS | SIP_QUOTED,
	[' '] = SIP_LWS | SIP_QUOTED,
	['!'] = MARK,
	['"'] = 0,
	['#'] = OTHER,
	['$'] = DELIMITER,
	['%'] = SIP_TOKEN | SIP_QUOTED | SIP_GENERIC,
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
	[';'] = SIP_URI | SIP_QUOTED,
	['<'] = SIP_QUOTED,
	['='] = DELIMITER,
	['>'] = SIP_QUOTED,
	['?'] = DELIMITER,
	['@'] = OTHER,
	['A' ... 'F'] = ALNUM | SIP_REFERENCE,
	['G' ... 'Z'] = ALNUM,
	['['] = DELIMITER,
	['\\'] = SIP_GENERIC,
	[']'] = DELIMITER,
	['^'] = OTHER,
	['_'] = MARK | SIP_HOST,
	['`'] = SIP_TOKEN | SIP_QUOTED | SIP_GENERIC,
	['a' ... 'f'] = ALNUM | SIP_REFERENCE,
	['g' ... 'z'] = ALNUM,
	['{'] = OTHER,
	['|'] = OTHER,
	['}'] = OTHER,
	['~'] = MARK,
	[0x80 ... 0xff] = SIP_QUOTED,
};

int64_t sip_number(const uint8_t *at, unsigned pos, unsigned end, int64_t most)
{
	int64_t number = 0;

	if (pos >= end)
		return -1;
	for (; pos < end; pos++) {
		if (!sip_digit(at[pos]))
			return -1;
		number = number * 10 + (at[pos] - '0');
		if (number > most)
			return -1;
	}
	return number;
}

unsigned sip_host_skip(const uint8_t *at, unsigned pos, unsigned end)
{
	unsigned p;

	if (pos == end || at[pos] != '[')
		return sip_skip(at, pos, end, SIP_HOST);
	p = sip_skip(at, pos + 1, end, SIP_REFERENCE);
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
	unsigned name = sip_skip(at, *pos + 1, end, SIP_LWS), p = sip_skip(at, name, end, SIP_TOKEN), value;

	*param = (struct sip_param){ .name = sip_span(name, p), .from = *pos };
	if (p == name)
		return false;
	p = sip_skip(at, p, end, SIP_LWS);
	if (p < end && at[p] == '=') {
		value = sip_skip(at, p + 1, end, SIP_LWS);
		if (value == end)
			return false;
		p = at[value] == '"' ? sip_quoted(at, value, end) : sip_skip(at, value, end, SIP_GENERIC);
		if (p <= value)
			return false;
		param->value = sip_span(value, p);
		p = sip_skip(at, p, end, SIP_LWS);
	}
	*pos = p;
	return true;
}
