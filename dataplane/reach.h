// SPDX-License-Identifier: BSD-3-Clause
//
// What is not plain about reaching a member (docs/decisions/013-forwarding-modes.md): tunnels, exchanged
// addresses, ways that are narrower than a port, and the answers of members behind nat. Part of act and of
// parse; runs on the worker. Frames of plain pools never come here.
#pragma once

#include <rte_mbuf.h>
#include <stdbool.h>
#include <stdint.h>

struct worker;
struct burst;

enum reach {
	REACH_GOOD,      // the frame is as its member takes it, but for the MAC addresses
	REACH_NO_MEMBER, // the member is of the other family
	REACH_MTU,       // the datagram does not fit on the way
	REACH_IN_PARTS,  // likewise, and it came in fragments (reassemble_forward)
	REACH_NO_ROOM,   // there is no room for outer headers in the frame's buffer
};

// Makes of the live frame at `at` what `member` (index in the table) of pool `pool` takes. Only where it is
// REACH_GOOD the frame has changed; frame_origin says how, for reach_undo.
enum reach reach_member(struct worker *worker, struct burst *burst, unsigned at, uint32_t pool, uint32_t member);

// Takes back what reach_member did: the frame is as it came, but for its MAC addresses.
void reach_undo(struct rte_mbuf *mbuf);

// Frame `i` of the burst met no listener. Where it is the answer of a member behind nat, it gets the service
// address for its source and goes on to whom it is for; or it ends as tx_full where it cannot. Returns false, with
// nothing changed, for any other frame.
bool reach_back(struct worker *worker, struct burst *burst, unsigned i);
