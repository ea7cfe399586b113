// SPDX-License-Identifier: BSD-3-Clause
//
// Who may work on messages: agents with the queues that they may see, and operators. Kept in state_dir/NAME/agents.json
// with the SHA-256 of each token, never a token. The loop's thread changes it, any thread asks it.
#pragma once

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	REGISTRY_AGENTS = 4096, // revoked ones included
	REGISTRY_QUEUES = 64,   // that one agent may see
	REGISTRY_NAME = 32,
	REGISTRY_HASH = 32,
	REGISTRY_TOKEN = 69     // "weir-", 64 hexadecimal digits
};

struct registry;

// One agent; never changes. Counted: whoever finds one gives it back.
struct registry_agent {
	_Atomic unsigned uses;
	char name[REGISTRY_NAME + 1]; // letters, digits, '_', '-' and '.'
	bool is_operator;             // sees all queues, statistics, and may take what is offered to others
	uint8_t hash[REGISTRY_HASH];  // of the token
	uint64_t created_s, revoked_s; // CLOCK_REALTIME; revoked_s 0: is not
	unsigned n_queues;
	char *queues[REGISTRY_QUEUES]; // names; "*" is all
};

// Reads `path` where it is there. A file that is wrong is said: nobody is let in then, and nothing may be
// changed, until it is mended. NULL when memory is out.
struct registry *registry_open(const char *path);
void registry_close(struct registry *registry);

// Adds an agent and writes its token, which is kept nowhere, at `token`. `queues`: `n` names, 1 to REGISTRY_QUEUES
// (none for an operator). A revoked agent's name may be given again. 0, or a negative errno: -EEXIST, -EINVAL (a name
// that is none), -EMFILE (too many), -EBADF (the file is wrong), -ENOMEM, what writing the file came to.
// Durable when it returns 0.
int registry_add(struct registry *registry, const char *name, const char *const *queues, unsigned n, bool is_operator,
		 char token[REGISTRY_TOKEN + 1]);

// Its token is good for nothing from now on. 0, -ENOENT, -EALREADY, -EBADF, -ENOMEM, or of writing the file.
int registry_revoke(struct registry *registry, const char *name);

// The agent of a token (`length` bytes, anything): 0 and a counted agent; -ENOKEY: nobody's; -EKEYREVOKED.
int registry_find(struct registry *registry, const char *token, size_t length, const struct registry_agent **agent);
void registry_put(const struct registry_agent *agent);

// Whether this agent was revoked, or is another one by now.
bool registry_is_over(struct registry *registry, const struct registry_agent *agent);

// Rises with each change.
uint64_t registry_changes(const struct registry *registry);

// Whether the agent may see a queue.
bool registry_sees(const struct registry_agent *agent, const char *queue);

// For people: array of name, role, queues, created, revoked (seconds of 1970, null). A new reference.
json_t *registry_json(struct registry *registry);
