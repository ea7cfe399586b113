// SPDX-License-Identifier: BSD-3-Clause
//
// One frame through parse, blocked sources, decode, tag and classify, without a NIC: what weirctl
// classify, tests and fuzzers call; the worker's stages call the same functions over bursts. libc only.
#pragma once

#include "dataplane/packet.h"
#include "dataplane/parse.h"
#include "rules/table.h"

struct triage {
	struct packet packet;
	enum weir_disposition disposition; // what the verdict alone decides
	const char *reason;  // of malformed, exception, drop; NULL otherwise
	const char *rule;    // NULL where no rule decided
	const char *target;  // pool, queue or template; NULL where there is none
	uint32_t verdict;    // index, TABLE_NONE where no rule decided
};

// Strings point into `table` or are static.
void triage_frame(const struct table *table, const struct listeners *listeners, bool trust_udp_checksum,
		  const uint8_t *data, uint32_t length, struct triage *triage);
