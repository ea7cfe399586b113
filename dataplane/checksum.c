// SPDX-License-Identifier: BSD-3-Clause
//
// The part of the Internet checksum that is not inline: long stretches. Halves of 32 bits are added into
// 64-bit sums, which cannot overflow here and which the compiler turns into vector additions.
#include "dataplane/checksum.h"

uint64_t checksum_blocks(const uint8_t *data, size_t n)
{
	uint64_t low = 0, high = 0;

	for (size_t i = 0; i < n * (CHECKSUM_BLOCK / 8); i++) {
		uint64_t word = checksum_load64(data + 8 * i);

		low += (uint32_t)word;
		high += word >> 32;
	}
	return checksum_add(low, high << 32 | high >> 32);
}
