// SPDX-License-Identifier: BSD-3-Clause
//
// An answer as it comes from NATS, {"id": …, "status": …, "text": …}: whoever may publish there wrote it. Pure.
#pragma once

#include <jansson.h>

#include "controlplane/agents/answer_id.h"
#include "controlplane/spool_ops.h"

enum { NATS_ANSWER_MAX = 64 << 10 };

struct nats_answer {
	struct answer_origin origin; // what it answers
	struct spool_answer answer;  // its payload is part of `root`
	json_t *root;
};

// Reads `n` bytes. 0, or -1 with what is wrong in `*why`, a static text without any of the content. nats_answer_fini
// after 0.
int nats_answer_parse(const struct answer_key *key, const char *data, size_t n, struct nats_answer *answer,
		      const char **why);
void nats_answer_fini(struct nats_answer *answer);
