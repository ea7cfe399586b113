// SPDX-License-Identifier: BSD-3-Clause
//
// What tests of table and route swaps stand on: a segment, two ports, a handover, a swap with its folder,
// and workers as far as a swap sees them.
#pragma once

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>

#include "dataplane/swap.h"
#include "dataplane/worker.h"

enum { WORKERS = 2, SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

struct kit_swap {
	struct weir_segment *segment;
	struct port ports[2];
	struct gateway *gateway;
	struct handover handover;
	struct swap swap;
	char *folder;
	char why[200];
};

extern struct kit_swap t;

// Set-up and tear-down of a cmocka test.
int kit_swap_setup(void **state);
int kit_swap_teardown(void **state);

// `size` bytes in a memfd of `file_size` with these seals.
int kit_memory(const void *data, size_t size, size_t file_size, int seals);

// The same bytes as a sealed image.
struct sealed kit_sealed(const void *data, size_t size);

// Offers a rule file's table alone.
int kit_offer_text(const char *text, uint64_t generation);

// A worker that takes up what it is given, reads it, and may be stuck in a burst that takes long.
struct kit_fake {
	pthread_t thread;
	unsigned index;
	_Atomic bool stop;
	_Atomic bool stuck;
	uint64_t sum;
};

extern struct kit_fake fakes[WORKERS];

void kit_fakes_start(void);
void kit_fakes_stop(void);
