// SPDX-License-Identifier: BSD-3-Clause
//
// Bodies of requests, as parsed JSON, into what handlers work with. Unknown members are refused, so that a slip of
// the pen is heard of. Pure: no claim on anything but their arguments; fuzzed.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "controlplane/spool_ops.h"

enum { API_BATCH = 500, API_WAIT_S = 60, API_EXTEND_S = 86400, API_ANSWER = 16 << 10, API_WHY = 120 };

struct api_claim {
	const json_t *queues; // NULL: all that the agent may see
	unsigned max, wait_s;
};

struct api_lease {
	uint8_t token[SPOOL_TOKEN_SIZE];
	unsigned extend_s;    // 0: the queue's lease_s
};

struct api_batch {
	struct { uint64_t id; uint8_t token[SPOOL_TOKEN_SIZE]; } message[API_BATCH];
	unsigned n;
};

// Each returns false after writing one line to `why`.
bool api_read_claim(const json_t *body, struct api_claim *claim, char why[API_WHY]);
bool api_read_lease(const json_t *body, bool may_extend, struct api_lease *lease, char why[API_WHY]);
bool api_read_batch(const json_t *body, struct api_batch *batch, char why[API_WHY]);
// An answer to a message's sender: `payload` of `length` bytes points into the struct or the body.
struct api_answer {
	struct api_lease lease;
	uint8_t status; // enum weir_status
	const char *payload;
	size_t length;
	char room[API_ANSWER];
};
bool api_read_answer(const json_t *body, struct api_answer *answer, char why[API_WHY]);
// The queue that a claim by id names, NULL: none.
bool api_read_queue(const json_t *body, const char **queue, char why[API_WHY]);
