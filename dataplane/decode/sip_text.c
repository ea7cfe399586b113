// SPDX-License-Identifier: BSD-3-Clause
//
// SIP messages being written, see sip_text.h. Pure; what has no room is left out whole.
#include "dataplane/decode/sip_text.h"

#include <arpa/inet.h>

#include "dataplane/decode/sip_scan.h"

enum { DIGITS_MAX = 10 };

void sip_text_put_bytes(struct sip_text *text, const void *bytes, unsigned n)
{
	if (text->size - text->n < n) {
		text->full = true;
		return;
	}
	memcpy(text->at + text->n, bytes, n);
	text->n += n;
}

void sip_text_put(struct sip_text *text, const char *string)
{
	sip_text_put_bytes(text, string, (unsigned)strlen(string));
}

void sip_text_put_number(struct sip_text *text, uint32_t number)
{
	uint8_t digits[DIGITS_MAX];
	unsigned first = DIGITS_MAX;

	do {
		digits[--first] = (uint8_t)('0' + number % 10);
		number /= 10;
	} while (number);
	sip_text_put_bytes(text, digits + first, DIGITS_MAX - first);
}

void sip_text_put_hex(struct sip_text *text, uint64_t number)
{
	char digits[SIP_TEXT_HEX];

	for (unsigned i = SIP_TEXT_HEX; i-- > 0; number >>= 4)
		digits[i] = "0123456789abcdef"[number & 15];
	sip_text_put_bytes(text, digits, SIP_TEXT_HEX);
}

void sip_text_put_value(struct sip_text *text, const uint8_t *at, unsigned from, unsigned to)
{
	while (from < to) {
		unsigned start = from, p;

		while (from < to && at[from] != '\r' && at[from] != '\n')
			from++;
		p = from;
		while (from < to && p > start && (at[p - 1] == ' ' || at[p - 1] == '\t'))
			p--;
		sip_text_put_bytes(text, at + start, p - start);
		if (from == to)
			return;
		from = sip_skip_lws(at, from, to);
		sip_text_put(text, " ");
	}
}

void sip_text_put_header(struct sip_text *text, const char *name, const uint8_t *at, struct span value)
{
	sip_text_put(text, name);
	sip_text_put_value(text, at, value.at, (unsigned)value.at + value.length);
	sip_text_put(text, "\r\n");
}

void sip_text_put_address(struct sip_text *text, const struct sip_peer *peer)
{
	char v6[INET6_ADDRSTRLEN];

	if (peer->family == 6) {
		sip_text_put(text, inet_ntop(AF_INET6, peer->address, v6, sizeof(v6)));
		return;
	}
	for (unsigned i = 0; i < 4; i++) {
		sip_text_put(text, i ? "." : "");
		sip_text_put_number(text, peer->address[i]);
	}
}
