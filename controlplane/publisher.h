// SPDX-License-Identifier: BSD-3-Clause
//
// Loads of rule files: one at a time, from the file to the moment when every worker uses the table. A
// refused file changes nothing. The last good image is kept, and offered again to a dataplane that
// comes without it. Loop's thread only; compiling is done in a thread of its own (load.h).
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "controlplane/load.h"
#include "controlplane/load_outcome.h"
#include "dataplane/abi/socket.h"
#include "rules/gateway.h"

struct link;
struct publisher;
struct router;
struct switches;

// Called once for a load that was begun with a function, unless publisher_forget came before.
typedef void (*load_done)(void *argument, const struct load_outcome *outcome);

// `link` is given by publisher_serve. NULL when memory or descriptors are out.
struct publisher *publisher_create(struct event_base *base, const struct gateway *gateway, const char *history,
				   struct switches *switches);

// Waits some seconds for a load that is compiling; returns false when it still was, and goes on using `gateway`
// until the process ends.
bool publisher_destroy(struct publisher *publisher);

// The connection that tables go over, and who makes the routes that go with them.
void publisher_serve(struct publisher *publisher, struct link *link, struct router *router);

// Begins a load of `path` (absolute): a rule file or, for LOAD_BACK, a kept image. An operator's begins
// when one of our own (at the start, at a reconnect) is done. 0; -EBUSY: an operator's is running or
// waiting; -ENOTCONN: no dataplane, and an operator wants the table in use; -errno.
int publisher_load(struct publisher *publisher, enum load_kind kind, const char *path, const char *who);

// Begins to publish the rules of the last good table as they were read, with these switches, which are in force when
// the table is. `change` says in the history what was done. 0; -EBUSY: a load runs; -ENOENT: there is no
// good table yet, or one that was rolled back to; -errno.
int publisher_switch(struct publisher *publisher, struct switch_set *set, const char *change, const char *who);

// Who is told how the load that was just begun ends, and that nobody is any more.
void publisher_tell(struct publisher *publisher, load_done done, void *argument);
void publisher_forget(struct publisher *publisher, const void *argument);

// The load that runs, or NULL.
const struct load *publisher_running(const struct publisher *publisher);

// The file of the last good image, or NULL.
const char *publisher_file(const struct publisher *publisher);

// What the link says (link.h).
void publisher_up(struct publisher *publisher, const struct weir_hello *hello, int table_fd);
void publisher_down(struct publisher *publisher);
void publisher_ack(struct publisher *publisher, const struct weir_table_ack *ack);
