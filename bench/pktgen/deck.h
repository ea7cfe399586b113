// SPDX-License-Identifier: BSD-3-Clause
//
// The deck: all frames of a scenario, made once, sent round and round. The same scenario and seed make the same bytes.
// Each frame begins on a cache line. Read-only once made.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "bench/pktgen/scenario.h"

struct deck_frame {
	uint64_t at;      // offset in `bytes`
	uint16_t length;  // without FCS
	uint16_t stamp;   // offset of a stamp's place in the frame, 0: none
	uint16_t udp;     // offset of the UDP header, 0: none known
	bool asks;        // for an acknowledgement (native)
	uint16_t reason;  // why the gateway must count it malformed, WEIR_REASON_NONE: it must not
};

struct deck {
	uint32_t n, room;
	struct deck_frame *frames;
	uint8_t *bytes;
	size_t used, capacity;
	uint64_t longest, total; // bytes of the longest frame and of all, without FCS
};

enum { DECK_MB_MAX = 4096 };

// Makes the frames. 0, or -ENOMEM, or -E2BIG for more than DECK_MB_MAX. deck_fini in every case.
int deck_make(struct deck *deck, const struct scenario *scenario);

// The frames of a capture (pcap or pcapng, Ethernet), at most SCENARIO_FRAMES_MAX; stamps are put into none. 0, or
// -errno with one line in `why`. deck_fini in every case.
int deck_read(struct deck *deck, const char *path, char *why, size_t why_size);

// Writes `n` frames of the deck, round and round, as a capture whose times are those of the scenario's rate (1,000,000
// a second where it has none). 0 or -errno.
int deck_write(const struct deck *deck, const struct scenario *scenario, const char *path, uint64_t n);

// Messages a second at the start of a scenario's rate with this deck; 0: as fast as the port takes them.
double deck_rate(const struct deck *deck, const struct rate *rate);

void deck_fini(struct deck *deck);
