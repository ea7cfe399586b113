// SPDX-License-Identifier: BSD-3-Clause
//
// One load of a rule file: read, check, compile, seal. Runs in a thread of its own so that neither the
// loop nor the spool waits for it.
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "controlplane/switches.h"
#include "controlplane/table_map.h"
#include "rules/diag.h"
#include "rules/gateway.h"
#include "rules/model.h"

enum load_kind { LOAD_AT_START, LOAD_BY_OPERATOR, LOAD_AT_RECONNECT, LOAD_BACK, LOAD_BY_SWITCH };

// The rules of a file as they were read, counted. Loop's thread, but for reading them while one holds a use.
struct load_rules {
	struct rule_set *set;
	unsigned uses;
};

struct load {
	enum load_kind kind;
	char *path;    // absolute: the rule file; of LOAD_BACK the image (images.h)
	char *who;     // for the history
	char *change;  // for the history, of LOAD_BY_SWITCH: what was switched; else NULL
	struct switch_set *switches; // that the rules are made with; one use is the load's
	const struct gateway *gateway;
	int wake;      // eventfd, written when the thread is done
	_Atomic bool huge; // huge pages may be taken: the dataplane runs, and has its own
	pthread_t thread;
	// filled by the thread, read after load_wait
	struct load_rules *rules; // of the file, without switches; given where the file is not to be read again
	struct diags diags;
	int err;       // 0; -EINVAL: refused, see diags; else the environment failed
	int fd;        // sealed image, -1: none
	size_t size;
	struct table_map *map; // of it
	uint32_t crc, n_tenants, n_rules;
	double seconds;
	bool published; // some dataplane took it
};

// What a load is made of; copied.
struct load_order {
	enum load_kind kind;
	const char *path, *who, *change; // change may be NULL
	struct load_rules *rules;    // NULL: the file is read. Gets another use.
	struct switch_set *switches; // gets another use
};

// Starts a load. NULL with errno. `gateway` outlives it.
struct load *load_start(const struct load_order *order, const struct gateway *gateway, int wake);

// Waits for the thread, which has written `wake` (or will soon).
void load_wait(struct load *load);

// The same for at most `seconds`; whether the thread is done.
bool load_wait_for(struct load *load, unsigned seconds);

// Frees it and closes its image; the thread has been waited for.
void load_destroy(struct load *load);

const char *load_kind_name(enum load_kind kind);
