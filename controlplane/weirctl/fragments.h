// SPDX-License-Identifier: BSD-3-Clause
//
// The frames of a capture in their order, while some wait for what becomes of their datagram (DESIGN 1.3, step 3). A
// capture is judged as if its frames had come at once: nothing times out, and what is not whole at its end never is.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/reassembly.h"
#include "dataplane/triage.h"
#include "rules/gateway.h"

struct fragments;

// What is done with each judged frame, in the capture's order.
struct fragments_out {
	void (*print)(void *context, const struct triage *triage);
	void *context;
};

// NULL: no memory.
struct fragments *fragments_create(const struct gateway_fragments *limits, const struct fragments_out *out);
void fragments_destroy(struct fragments *fragments);

// Judges a datagram, as triage_whole.
typedef void fragments_judge(void *context, const struct whole *whole, struct triage *triage);

// The next frame, judged. Where it is a fragment it waits, or `judge` judges the datagram that it made whole. Prints
// all that waits for nothing before it any more. STATUS_DONE, or STATUS_ENVIRONMENT with a line on stderr: no memory.
int fragments_take(struct fragments *fragments, const struct triage *triage, fragments_judge *judge, void *context);

// The end of the capture: prints the rest.
void fragments_end(struct fragments *fragments);
