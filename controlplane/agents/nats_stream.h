// SPDX-License-Identifier: BSD-3-Clause
//
// The two streams that weir uses, made where they are missing and checked where they are not: messages go to
// `weir-agents`, answers come by `weir-answers`. A stream that is there is never changed, since its settings are an
// operator's; one whose settings could lose a message, or store it twice, is refused.
#pragma once

#include "controlplane/agents/nats_link.h"

#define NATS_STREAM_AGENTS "weir-agents"
#define NATS_STREAM_ANSWERS "weir-answers"

struct nats_stream {
	const char *name;
	const char *subject;  // that it has to take: ends in ".>"
	uint32_t replicas;    // at least
	uint32_t duplicates_s; // for how long it must recognise a message id, at least
	uint32_t max_messages; // of a stream that is made; 0: no limit of its own
};

// Whether a stream's settings keep what weir promises. 0, or -1 with one line in `why` that says which one does not and
// how to mend it. Pure.
int nats_stream_check(const jsStreamConfig *config, const struct nats_stream *stream, char why[NATS_WHY]);

struct nats_stream_state {
	uint64_t last;     // number of the last message that it took
	uint32_t replicas;
};

// Makes or checks a stream. 0, or -1 with `why`. Blocks.
int nats_stream_open(jsCtx *js, const struct nats_stream *stream, struct nats_stream_state *state, char why[NATS_WHY]);

// The number of the last message that a stream took. 0, or -1 with `why`. Blocks.
int nats_stream_last(jsCtx *js, const char *name, uint64_t *last, char why[NATS_WHY]);
