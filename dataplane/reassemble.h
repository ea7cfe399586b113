// SPDX-License-Identifier: BSD-3-Clause
//
// Fragments on a worker: what reassembly.h does, with mbufs and the books. Runs on the worker, but for the first two.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct worker;
struct burst;
struct gateway;

// Gives a worker its reassembly by `gateway`'s settings; all workers together hold at most half of the pool's
// `n_mbufs`. `random`: known to nobody outside. 0 or -ENOMEM. Main thread, as the second.
int reassemble_init(struct worker *worker, const struct gateway *gateway, uint32_t n_mbufs, uint64_t random);
void reassemble_fini(struct worker *worker);

// Takes frame `i` of the burst, which is a fragment. True: it is its whole datagram now, parsed, and goes on. False: it
// is held, or has ended.
bool reassemble(struct worker *worker, struct burst *burst, unsigned i);

// Ends fragments that are out of time, and all at the end.
void reassemble_expire(struct worker *worker);
void reassemble_end(struct worker *worker);

// Where a whole datagram goes.
struct forward_to {
	const uint8_t *macs; // 12 bytes, as the frames begin
	unsigned port;       // index
	unsigned priority;
	uint16_t mtu;        // largest IP datagram
};

// Stages the whole datagram of the live frame at `at` in fragments again, for it is longer than the mtu. They have the
// identification that they came with. Its mbuf stays the caller's. 0, or nothing is staged: -ENOBUFS there is no room;
// -EMSGSIZE it has IP options or extension headers, which not every fragment is to have, or makes too many fragments.
int reassemble_forward(struct worker *worker, struct burst *burst, unsigned at, const struct forward_to *to);
