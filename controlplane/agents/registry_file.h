// SPDX-License-Identifier: BSD-3-Clause
//
// agents.json, and agents as the registry keeps them. registry*.c only.
#pragma once

#include "controlplane/agents/registry.h"

struct registry_list {
	struct registry_agent *agent[REGISTRY_AGENTS];
	unsigned n;
};

// 1 to REGISTRY_NAME letters, digits, '_', '-' and '.'.
bool registry_name_is_good(const char *name);

// One with copies of the queues' names and one use. NULL when memory is out.
struct registry_agent *registry_agent_create(const char *name, const char *const *queues, unsigned n);

// Its entry in the file. NULL when memory is out.
json_t *registry_agent_json(const struct registry_agent *agent);

// Reads a file; one that is not there is an empty list. -EINVAL and one line in `why`: what is wrong; nothing is read
// then.
int registry_list_read(struct registry_list *list, const char *path, char *why, size_t why_size);
// 0, -ENOMEM, or of writing.
int registry_list_write(const struct registry_list *list, const char *path);
void registry_list_fini(struct registry_list *list);
