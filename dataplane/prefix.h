// SPDX-License-Identifier: BSD-3-Clause
//
// Address ranges cut into prefixes, for the kernel's longest-prefix maps. Pure; any thread.
#pragma once

typedef unsigned __int128 prefix_address; // host order; an IPv4 address in the low 32 bits

enum { PREFIX_MAX_BITS = 128 };

// How many low bits the largest prefix leaves free that begins at `first` and ends at or before `last`
// (first <= last) of addresses of `width` bits: it covers [first, first | prefix_mask(result)].
unsigned prefix_free_bits(prefix_address first, prefix_address last, unsigned width);

static inline prefix_address prefix_mask(unsigned bits)
{
	return bits >= PREFIX_MAX_BITS ? ~(prefix_address)0 : ((prefix_address)1 << bits) - 1;
}
