// SPDX-License-Identifier: BSD-3-Clause
//
// One load of a rule file: read, check, compile, seal. Runs in a thread of its own so that neither the
// loop nor the spool waits for it.
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "rules/diag.h"
#include "rules/gateway.h"

enum load_kind { LOAD_AT_START, LOAD_BY_OPERATOR, LOAD_AT_RECONNECT, LOAD_BACK };

struct load {
	enum load_kind kind;
	char *path;    // absolute: the rule file; of LOAD_BACK the image (images.h)
	char *who;     // for the history
	const struct gateway *gateway;
	int wake;      // eventfd, written when the thread is done
	_Atomic bool huge; // huge pages may be taken: the dataplane runs, and has its own
	pthread_t thread;
	// filled by the thread, read after load_wait
	struct diags diags;
	int err;       // 0; -EINVAL: refused, see diags; else the environment failed
	int fd;        // sealed image, -1: none
	size_t size;
	uint32_t crc, n_tenants, n_rules;
	double seconds;
	bool published; // some dataplane took it
};

// Starts a load. NULL with errno. `gateway` outlives it.
struct load *load_start(enum load_kind kind, const char *path, const char *who, const struct gateway *gateway,
			int wake);

// Waits for the thread, which has written `wake` (or will soon).
void load_wait(struct load *load);

// The same for at most `seconds`; whether the thread is done.
bool load_wait_for(struct load *load, unsigned seconds);

// Frees it and closes its image; the thread has been waited for.
void load_destroy(struct load *load);

const char *load_kind_name(enum load_kind kind);
