// SPDX-License-Identifier: BSD-3-Clause
//
// ICMP errors, see icmp_error.h.
#include "tests/kit/icmp_error.h"

#include <string.h>

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t sum(uint32_t so_far, const uint8_t *at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		so_far += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	return so_far;
}

static unsigned folded(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

void icmp_error_mend(struct icmp_error *error)
{
	uint8_t *ip = error->bytes + error->ip, *icmp = error->bytes + error->icmp;
	uint32_t n = error->length - error->icmp, pseudo = 0;

	if (ip[0] >> 4 == 4) {
		put16(ip + 10, 0);
		put16(ip + 10, folded(sum(0, ip, error->icmp - error->ip)));
	} else {
		pseudo = sum(n + 58, ip + 8, 32);
	}
	put16(icmp + 2, 0);
	put16(icmp + 2, folded(sum(pseudo, icmp, n)));
}

void icmp_error_make(struct icmp_error *error, unsigned type, unsigned code, const uint8_t *about,
		     uint32_t quoted, unsigned n_vlan)
{
	static const uint8_t addresses[12] = { 2, 0, 0, 0, 0, 0xa, 2, 0, 0, 0, 0, 0xb };
	unsigned v4 = about[0] >> 4 == 4, size = v4 ? 20 : 40;
	uint8_t *ip;

	memset(error, 0, sizeof(*error));
	memcpy(error->bytes, addresses, sizeof(addresses));
	error->ip = 14 + 4 * n_vlan;
	error->icmp = error->ip + size;
	error->length = error->icmp + 8 + quoted;
	for (unsigned i = 0; i < n_vlan; i++)
		put16(error->bytes + 12 + 4 * i, 0x8100);
	put16(error->bytes + error->ip - 2, v4 ? 0x0800 : 0x86dd);
	ip = error->bytes + error->ip;
	if (v4) {
		ip[0] = 0x45;
		put16(ip + 2, size + 8 + quoted);
		ip[8] = 64;
		ip[9] = 1;
		memcpy(ip + 12, about + 16, 4);
		memcpy(ip + 16, about + 12, 4);
	} else {
		ip[0] = 0x60;
		put16(ip + 4, 8 + quoted);
		ip[6] = 58;
		ip[7] = 64;
		memcpy(ip + 8, about + 24, 16);
		memcpy(ip + 24, about + 8, 16);
	}
	error->bytes[error->icmp] = (uint8_t)type;
	error->bytes[error->icmp + 1] = (uint8_t)code;
	memcpy(error->bytes + error->icmp + 8, about, quoted);
	icmp_error_mend(error);
}
