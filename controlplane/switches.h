// SPDX-License-Identifier: BSD-3-Clause
//
// Route switches that operators made (docs/decisions/014-route-switch.md): sets that never change, one of which is in
// force and kept in state_dir/NAME/switches.json. A new set comes into force when the table made with it does.
// Loop's thread only, but for reading a set that one holds.
#pragma once

#include <event2/event.h>
#include <jansson.h>
#include <stdint.h>

#include "dataplane/abi/names.h"

enum { SWITCHES_MAX = 256, SWITCH_WHO = 96 };

struct switch_entry {
	char from[WEIR_NAME_MAX + 1], to[WEIR_NAME_MAX + 1];
	char tenant[WEIR_NAME_MAX + 1]; // "": all
	char who[SWITCH_WHO];
	int64_t since_s, until_s; // of the wall; until 0: until it is taken back
};

struct switch_set {
	unsigned uses, n;
	struct switch_entry entry[];
};

void switch_set_put(struct switch_set *set); // one use less; NULL is fine

// A set without switches, with a use for the caller; NULL when memory is out.
struct switch_set *switch_set_none(void);

struct switches;

// Reads `path` where it is there; what cannot be read is said, and no switch is in force. `expired` is called when
// the time of one is over. NULL when memory is out.
struct switches *switches_create(struct event_base *base, const char *path,
				 void (*expired)(void *argument), void *argument);
void switches_destroy(struct switches *switches);

// The set in force, with a use for the caller.
struct switch_set *switches_get(const struct switches *switches);

// The set in force with `entry` in it (in the place of one of its pool and tenant), or without that one where `to` is
// the pool itself. NULL with errno: ENOENT (there is none to take back), E2BIG, ENOMEM.
struct switch_set *switches_with(const struct switches *switches, const struct switch_entry *entry);

// The set in force without those whose time is over. NULL: none is over, or memory is out.
struct switch_set *switches_without_old(const struct switches *switches);

// This set is in force now. Kept on disk; an error is said.
void switches_adopt(struct switches *switches, struct switch_set *set);

// Asks again, in so many seconds, whether a time is over.
void switches_retry(struct switches *switches, unsigned seconds);

json_t *switch_set_json(const struct switch_set *set);
