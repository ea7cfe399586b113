// SPDX-License-Identifier: BSD-3-Clause
//
// What fake_dataplane writes into the rings and spool_check looks for in the spool: messages with a
// number of their own, counted in a file that survives a kill -9.
#pragma once

#include <stdint.h>

#include "dataplane/abi/segment.h"

#define NUMBERED_MAGIC UINT64_C(0x6e756d6265726564)

struct numbered { // begin of a payload; the rest are bytes made from `number`
	uint64_t magic;
	uint64_t number; // 0, 1, 2, ... of this worker of this boot
	uint8_t boot_id[WEIR_BOOT_ID_SIZE];
	uint32_t worker;
	uint32_t length; // of the whole payload
};

// produced.BOOTID beside the segment: written after each push, so it is behind by one at most.
struct produced {
	uint8_t boot_id[WEIR_BOOT_ID_SIZE];
	uint64_t n_workers;
	_Atomic uint64_t produced[WEIR_MAX_WORKERS];
};

static inline uint32_t numbered_length(uint64_t number)
{
	uint64_t mixed = number * UINT64_C(0x9e3779b97f4a7c15) >> 40;

	return (uint32_t)(sizeof(struct numbered) + mixed % (mixed % 64 == 0 ? 4000 : 300));
}

static inline uint8_t numbered_byte(uint64_t number, uint32_t at)
{
	return (uint8_t)(number * 31 + at);
}
