// SPDX-License-Identifier: BSD-3-Clause
//
// A consumer for tests, with its spool and the segment of a dataplane of two workers: queue 2 is "desk", rule 3 "fraud".
#pragma once

#include "controlplane/consumer.h"
#include "tests/kit/segments.h"

struct consumer_kit {
	char *folder, *run; // of the spool; of segments
	struct spool *spool;
	struct consumer *consumer;
	struct segment_file file;
	int news; // the eventfd that the consumer writes
};

// All of it, the segment not attached yet.
void consumer_kit_open(struct consumer_kit *kit);
void consumer_kit_close(struct consumer_kit *kit);

// Spool and consumer alone.
void consumer_kit_start(struct consumer_kit *kit);
void consumer_kit_stop(struct consumer_kit *kit);

// Another segment, whose file takes the place of the one before in the kit.
void consumer_kit_segment(struct consumer_kit *kit);
void consumer_kit_attach(struct consumer_kit *kit);

// Messages of tenants `first` to first + n - 1 into both workers' rings.
void consumer_kit_push(struct consumer_kit *kit, uint32_t first, uint32_t n);

// For wait_until, the kit being its argument: everything that was pushed is acknowledged; the spool takes nothing.
bool consumer_kit_consumed(void *kit);
bool consumer_kit_stalled(void *kit);
