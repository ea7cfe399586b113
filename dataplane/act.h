// SPDX-License-Identifier: BSD-3-Clause
//
// Stage act: does what the verdict says (worker.h: act), and answers senders of what is given up.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/abi/channel.h"

struct worker;
struct burst;

// A frame that was rewritten and staged for its member (TX_FORWARD_ACK) is given up: answers busy.
// Takes the mbuf.
void act_given_up(struct worker *worker, struct rte_mbuf *mbuf);

// The control plane has made `record` (in our ring) durable: answers `accepted`. Best effort:
// without a free mbuf or an address that may be answered, answers_lost counts it.
void act_accepted(struct worker *worker, const struct weir_record *record);

// Ends the live frame at `at` in `disposition`, and answers with `status` where its sender asked for an answer.
void act_refuse(struct worker *worker, struct burst *burst, unsigned at,
		enum weir_disposition disposition, unsigned status);
