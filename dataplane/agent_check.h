// SPDX-License-Identifier: BSD-3-Clause
//
// Checks an agent's answer (abi/socket.h: WEIR_ANSWER) as if an enemy had written it. Pure, libc only: the dataplane,
// the tests and the fuzzer run the very same code.
#pragma once

#include "dataplane/abi/socket.h"
#include "dataplane/answer.h"
#include "dataplane/parse.h"

// What the check needs to know of a port.
struct agent_port {
	uint32_t tag; // weir_port_tag of its name
	uint16_t mtu; // largest IP datagram
};

struct agent_sight {
	const struct agent_port *ports;
	unsigned n_ports;
	const struct listeners *listeners;
};

// Where an answer goes.
struct agent_way {
	unsigned port;       // index
	struct answer_to to; // its `header` stays zero
};

// What `answer` is worth, in this order: SHAPE (lengths, IP version, VLAN tags, what must be 0), PROTOCOL without a
// decoder, PORT that is not (any more), ADDRESS (a MAC, IP address or UDP port that no answer may have), LISTENER (its
// source is none of ours for that protocol), PAYLOAD (no well-formed reply), MTU of the port. SENT: all is good, and
// `way` is filled.
enum weir_answer_fate agent_check(const struct weir_answer *answer, const struct agent_sight *sight,
				  struct agent_way *way);
