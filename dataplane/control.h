// SPDX-License-Identifier: BSD-3-Clause
//
// Serves run_dir/NAME/dp.sock (abi/socket.h): one control plane at a time. Main thread only. What
// comes in is checked as if an enemy wrote it; a peer that breaks the protocol loses its
// connection, nothing else.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/agent_answers.h"
#include "dataplane/steering.h"
#include "dataplane/swap.h"
#include "dataplane/worker.h"

struct control {
	struct swap *swap;
	struct steering *steering;
	struct worker *workers;
	struct agent_answers *answers;
	int segment_fd;     // read-only, passed in HELLO
	int listener, peer; // -1: none
	int wake;           // ends a wait when it is readable, -1: none
	uint32_t peer_pid;
	uint64_t offered; // generation that the peer waits for, 0: none
	bool routes_offered;      // the peer waits for the routes that are pending
	uint64_t routes_sequence; // of those
	uint64_t steered; // sequence of the steering table that the peer waits for
	bool steering_waits;
	char path[108];
};

// Listens. 0, or -errno with `why`.
int control_open(struct control *control, const struct gateway *gateway, char *why,
		 size_t why_size);

// Handles what has come, waiting at most `timeout_us` for it or for `wake`.
void control_poll(struct control *control, unsigned timeout_us);

// The pending table is in use: tells the peer that offered it.
void control_table_taken(struct control *control);

// The same for pending routes.
void control_routes_taken(struct control *control);

// What the peer wanted is how frames are steered now: tells it.
void control_steered(struct control *control);

// Tells the peer which of its answers ports have taken.
void control_answered(struct control *control);

// Tells the control plane, where one is there and reads, of an ICMP error about a member of the table whose crc is
// given. What it does not take is lost.
void control_unreachable(struct control *control, uint32_t table_crc, uint32_t member, unsigned cause);

void control_close(struct control *control);
