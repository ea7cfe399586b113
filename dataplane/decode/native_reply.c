// SPDX-License-Identifier: BSD-3-Clause
//
// The check of native replies, see native_reply.h. Any thread; trusts nothing but payload and length.
#include "dataplane/decode/native_reply.h"

#include "dataplane/abi/names.h"

enum { HEADER_SIZE = 16, MAGIC = 0x57, VERSION_AND_FLAGS = 0x12, BUSY_SECONDS = 4 };

static unsigned get16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

static bool country_is_good(const uint8_t *p)
{
	return get16(p) == 0 || weir_country_find((const char *)p) >= 0;
}

bool native_reply_is_good(const uint8_t *payload, size_t length)
{
	if (length < HEADER_SIZE || payload[0] != MAGIC || payload[1] != VERSION_AND_FLAGS)
		return false;
	if (payload[2] >= WEIR_N_STATUSES || payload[3] >= WEIR_N_CHANNELS)
		return false;
	if ((get16(payload + 4) | get16(payload + 6)) == 0 || !country_is_good(payload + 8))
		return false;
	if (get16(payload + 10) != length - HEADER_SIZE)
		return false;
	return payload[2] != WEIR_STATUS_BUSY || length >= HEADER_SIZE + BUSY_SECONDS;
}
