// SPDX-License-Identifier: BSD-3-Clause
//
// Decimal digits to numbers, eight at once. libc only.
#pragma once

#include <stdint.h>

// The number of eight digits, bytes of 0 to 9, the first one lowest. Put together in pairs, fours and eights.
static inline uint32_t digits_join(uint64_t digits)
{
	digits = (digits * 10 + (digits >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
	digits = (digits * 100 + (digits >> 16)) & UINT64_C(0x0000ffff0000ffff);
	return (uint32_t)(digits * 10000 + (digits >> 32));
}
