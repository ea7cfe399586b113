// SPDX-License-Identifier: BSD-3-Clause
//
// One health probe of one member, from its first packet to its verdict, without blocking the loop: a
// datagram and its answer (ping.h), a TCP connection, or a command. Loop's thread only.
#pragma once

#include <event2/event.h>
#include <stdint.h>

#include "rules/table.h"

enum probe_result {
	PROBE_ALIVE,
	PROBE_FAILED,      // no answer in time, or a wrong one
	PROBE_UNREACHABLE, // something on the way, or the member's kernel, says that nobody is there
};
enum { PROBE_WHY = 96 };

struct probe_target {
	uint8_t probe;       // enum weir_probe
	uint8_t family;      // 4 or 6
	uint8_t address[16]; // network order
	uint16_t port;
	uint32_t timeout_ms;
	const char *
		command; // path of the program, of WEIR_PROBE_COMMAND; gets the address as argument
};

struct probe;

// Called once, never from within probe_start; the probe is gone when it returns. `why` is one line for
// a person, "" for PROBE_ALIVE.
typedef void (*probe_done)(void *argument, enum probe_result result, const char *why);

// Starts a probe; the target is copied, but for `command`, which outlives it. NULL with errno: it could
// not even begin, which says nothing about the member (EMFILE, ENOMEM), or all about it (ENETUNREACH).
struct probe *probe_start(struct event_base *base, const struct probe_target *target,
			  probe_done done, void *argument);

// Ends it without a verdict; a command is killed.
void probe_cancel(struct probe *probe);
