// SPDX-License-Identifier: BSD-3-Clause
//
// Addresses exchanged, see nat.h. Runs on the worker. HC' = ~(~HC + ~m + m') (RFC 1624, equation 3) over
// whole addresses: a sum of 16-bit words may be taken over wider ones (RFC 1071, 2.B).
#include "dataplane/nat.h"

#include "dataplane/checksum.h"

// ~m + m' of `n` bytes, 4 or 16.
static uint64_t change_of(const uint8_t *from, const uint8_t *to, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i += 4) {
		sum = checksum_add(sum, (uint32_t)~checksum_load32(from + i));
		sum = checksum_add(sum, checksum_load32(to + i));
	}
	return sum;
}

static uint64_t mend(const uint8_t *field, uint64_t change)
{
	uint16_t value;

	memcpy(&value, field, sizeof(value));
	return checksum_add(change, (uint16_t)~value);
}

static void store(uint8_t *field, uint16_t value)
{
	memcpy(field, &value, sizeof(value));
}

// `field`: the address within the IP header.
static void exchange(uint8_t *ip, uint8_t *udp, uint8_t *field, const uint8_t *address)
{
	bool v4 = ip[0] >> 4 == 4;
	uint64_t change = change_of(field, address, v4 ? 4 : 16);

	if (v4)
		store(ip + 10, checksum_finish(mend(ip + 10, change)));
	if (!v4 || udp[6] != 0 || udp[7] != 0)
		store(udp + 6, checksum_finish_udp(mend(udp + 6, change)));
	memcpy(field, address, v4 ? 4 : 16);
}

void nat_destination(uint8_t *ip, uint8_t *udp, const uint8_t *address)
{
	exchange(ip, udp, ip + (ip[0] >> 4 == 4 ? 16 : 24), address);
}

void nat_source(uint8_t *ip, uint8_t *udp, const uint8_t *address)
{
	exchange(ip, udp, ip + (ip[0] >> 4 == 4 ? 12 : 8), address);
}
