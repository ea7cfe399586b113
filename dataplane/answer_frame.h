// SPDX-License-Identifier: BSD-3-Clause
//
// Answers (answer.h) in the place of the frame that they answer.
#pragma once

#include <rte_mbuf.h>
#include <stdbool.h>

#include "dataplane/answer.h"

enum { ANSWER_RETRY_SECONDS = 1 }; // of a busy answer that no template made

// Turns `mbuf` into the answer. False when there is no one who may be answered, or no room in the
// frame's buffer; the frame is then what it was, but for segments after its first.
bool answer_frame(struct rte_mbuf *mbuf, const struct answer_to *to, const struct answer *answer);

// The same with a UDP payload that is there already and does not lie in the frame.
bool answer_frame_payload(struct rte_mbuf *mbuf, const struct answer_to *to, const void *payload, size_t length);
