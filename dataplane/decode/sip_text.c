// SPDX-License-Identifier: BSD-3-Clause
//
// SIP messages being written, see sip_text.h: what is rare, or long. Pure; what has no room is left out whole.
#include "dataplane/decode/sip_text.h"

#include <arpa/inet.h>

#include "dataplane/decode/sip_scan.h"

int sip_text_unfold(uint8_t *out, unsigned room, const uint8_t *from, unsigned n)
{
	struct sip_text text = { .at = out, .size = room };
	unsigned pos = 0;

	while (pos < n) {
		unsigned start = pos, p;

		while (pos < n && from[pos] != '\r' && from[pos] != '\n')
			pos++;
		p = pos;
		while (pos < n && p > start && (from[p - 1] == ' ' || from[p - 1] == '\t'))
			p--;
		sip_text_put_bytes(&text, from + start, p - start);
		if (pos == n)
			break;
		pos = sip_skip_lws(from, pos, n);
		sip_text_put(&text, " ");
	}
	return text.full ? -1 : (int)text.n;
}

static inline unsigned octet_length(uint8_t byte) // with the dot behind it
{
	return 2u + (byte > 9) + (byte > 99);
}

// One to three digits and a dot, the first lowest.
static inline uint64_t octet(uint8_t byte)
{
	uint32_t hundreds = byte * 41u >> 12, tens = byte * 205u >> 11;
	uint32_t digits = hundreds | (tens - 10 * hundreds) << 8 | (byte - 10 * tens) << 16;

	return (digits | (uint32_t)('0' | '0' << 8 | '0' << 16 | '.' << 24)) >> 8 * (4 - octet_length(byte));
}

// Two of the four parts, as many bytes as are returned; eight are written.
static inline unsigned pair_format(uint8_t *out, const uint8_t *address)
{
	unsigned first = octet_length(address[0]);
	uint64_t both = htole64(octet(address[0]) | octet(address[1]) << 8 * first);

	memcpy(out, &both, sizeof(both));
	return first + octet_length(address[1]);
}

unsigned sip_address_format(uint8_t out[SIP_ADDRESS_MAX], const struct sip_peer *peer)
{
	unsigned n;

	if (peer->family == 6) {
		inet_ntop(AF_INET6, peer->address, (char *)out, SIP_ADDRESS_MAX);
		return (unsigned)strlen((const char *)out);
	}
	n = pair_format(out, peer->address);
	return n + pair_format(out + n, peer->address + 2) - 1; // no dot at the end
}
