// SPDX-License-Identifier: BSD-3-Clause
//
// Ranges to prefixes, see prefix.h.
#include "dataplane/prefix.h"

#include <stdbool.h>

unsigned prefix_free_bits(prefix_address first, prefix_address last, unsigned width)
{
	unsigned bits = 0;

	while (bits < width) {
		prefix_address mask = prefix_mask(bits + 1);
		bool aligned = (first & mask) == 0;

		if (!aligned || mask > last - first)
			break;
		bits++;
	}
	return bits;
}
