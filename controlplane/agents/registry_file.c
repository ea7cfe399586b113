// SPDX-License-Identifier: BSD-3-Clause
//
// The file of the registry: { "agents": [ { "name", "role", "queues", "sha256", "created", "revoked" } ] }. Refuses
// it as a whole where an entry is not what we write, or says more: an agent that is let in by mistake costs more
// than one that waits.
#include "controlplane/agents/registry_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/file_put.h"

enum { QUEUE_NAME = 256 };

bool registry_name_is_good(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

	return n > 0 && n <= REGISTRY_NAME && name[n] == '\0';
}

struct registry_agent *registry_agent_create(const char *name, const char *const *queues, unsigned n)
{
	struct registry_agent *agent = calloc(1, sizeof(*agent));

	if (!agent)
		return NULL;
	atomic_init(&agent->uses, 1);
	snprintf(agent->name, sizeof(agent->name), "%s", name);
	for (unsigned i = 0; i < n; i++) {
		agent->queues[i] = strdup(queues[i]);
		if (!agent->queues[i]) {
			registry_put(agent);
			return NULL;
		}
		agent->n_queues++;
	}
	return agent;
}

void registry_put(const struct registry_agent *constant)
{
	struct registry_agent *agent = (struct registry_agent *)(uintptr_t)constant;

	if (!agent || atomic_fetch_sub(&agent->uses, 1) != 1)
		return;
	for (unsigned i = 0; i < agent->n_queues; i++)
		free(agent->queues[i]);
	free(agent);
}

json_t *registry_agent_json(const struct registry_agent *agent)
{
	json_t *queues = json_array();
	char hash[2 * REGISTRY_HASH + 1];

	for (unsigned i = 0; i < agent->n_queues; i++)
		json_array_append_new(queues, json_string(agent->queues[i]));
	for (unsigned i = 0; i < REGISTRY_HASH; i++)
		snprintf(&hash[2 * i], 3, "%02x", agent->hash[i]);
	return json_pack("{s:s, s:s, s:o, s:s, s:I, s:o}", "name", agent->name, "role",
			 agent->is_operator ? "operator" : "agent", "queues", queues, "sha256", hash, "created",
			 (json_int_t)agent->created_s, "revoked",
			 agent->revoked_s ? json_integer((json_int_t)agent->revoked_s) : json_null());
}

static bool parse_hash(const char *text, uint8_t hash[REGISTRY_HASH])
{
	if (!text || strlen(text) != 2 * REGISTRY_HASH || strspn(text, "0123456789abcdef") != 2 * REGISTRY_HASH)
		return false;
	for (unsigned i = 0; i < REGISTRY_HASH; i++) {
		const char digits[3] = { text[2 * i], text[2 * i + 1], '\0' };

		hash[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return true;
}

// The queues of an entry; false for what cannot be.
static bool parse_queues(const json_t *entry, const char *queues[REGISTRY_QUEUES], unsigned *n)
{
	json_t *list = json_object_get(entry, "queues"), *queue;
	size_t i;

	*n = (unsigned)json_array_size(list);
	if (!json_is_array(list) || json_array_size(list) > REGISTRY_QUEUES)
		return false;
	json_array_foreach(list, i, queue) {
		queues[i] = json_string_value(queue);
		if (!queues[i] || !*queues[i] || strlen(queues[i]) > QUEUE_NAME)
			return false;
	}
	return true;
}

// A time of the entry; null is 0. False for what is none.
static bool parse_time(const json_t *entry, const char *key, uint64_t *seconds)
{
	const json_t *value = json_object_get(entry, key);

	*seconds = (uint64_t)json_integer_value(value);
	return json_is_null(value) || (json_is_integer(value) && json_integer_value(value) >= 0);
}

// NULL: the entry is wrong, or memory is out.
static struct registry_agent *parse_agent(const json_t *entry)
{
	const char *name = json_string_value(json_object_get(entry, "name")), *queues[REGISTRY_QUEUES];
	const char *role = json_string_value(json_object_get(entry, "role"));
	struct registry_agent *agent;
	unsigned n;

	if (!name || !registry_name_is_good(name) || !role || !parse_queues(entry, queues, &n) ||
	    (strcmp(role, "agent") != 0 && strcmp(role, "operator") != 0))
		return NULL;
	agent = registry_agent_create(name, queues, n);
	if (!agent)
		return NULL;
	agent->is_operator = strcmp(role, "operator") == 0;
	if (parse_hash(json_string_value(json_object_get(entry, "sha256")), agent->hash) &&
	    parse_time(entry, "created", &agent->created_s) && parse_time(entry, "revoked", &agent->revoked_s))
		return agent;
	registry_put(agent);
	return NULL;
}

static bool has_name(const struct registry_list *list, const char *name)
{
	for (unsigned i = 0; i < list->n; i++)
		if (strcmp(list->agent[i]->name, name) == 0)
			return true;
	return false;
}

// A key of `object` that is none of `known`: what it means might be a restriction. NULL: there is none.
static const char *foreign_key(json_t *object, const char *const *known)
{
	for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
		unsigned i = 0;

		while (known[i] && strcmp(known[i], json_object_iter_key(at)) != 0)
			i++;
		if (!known[i])
			return json_object_iter_key(at);
	}
	return NULL;
}

static int refuse_foreign(json_t *object, const char *const *known, char *why, size_t why_size)
{
	const char *key = foreign_key(object, known);

	if (!key)
		return 0;
	snprintf(why, why_size, "it has a \"%.40s\", which this weir does not know: a newer one made it; use that one",
		 key);
	return -EINVAL;
}

static int parse_list(struct registry_list *list, json_t *file, char *why, size_t why_size)
{
	static const char *const file_keys[] = { "agents", NULL };
	static const char *const keys[] = { "name", "role", "queues", "sha256", "created", "revoked", NULL };
	json_t *agents = json_object_get(file, "agents"), *entry;
	size_t i;

	if (refuse_foreign(file, file_keys, why, why_size))
		return -EINVAL;
	if (!json_is_array(agents) || json_array_size(agents) > REGISTRY_AGENTS) {
		snprintf(why, why_size, "it holds no list of agents");
		return -EINVAL;
	}
	json_array_foreach(agents, i, entry) {
		struct registry_agent *agent;

		if (refuse_foreign(entry, keys, why, why_size))
			return -EINVAL;
		agent = parse_agent(entry);
		if (!agent || has_name(list, agent->name)) {
			registry_put(agent);
			snprintf(why, why_size, "agent number %zu is none, or is there twice", i + 1);
			return -EINVAL;
		}
		list->agent[list->n++] = agent;
	}
	return 0;
}

int registry_list_read(struct registry_list *list, const char *path, char *why, size_t why_size)
{
	json_error_t error;
	FILE *in = fopen(path, "re");
	json_t *file;
	int err;

	*list = (struct registry_list){ 0 };
	if (!in && errno == ENOENT)
		return 0;
	if (!in) {
		snprintf(why, why_size, "%s", strerror(errno));
		return -EINVAL;
	}
	file = json_loadf(in, JSON_REJECT_DUPLICATES, &error);
	fclose(in);
	if (!file) {
		snprintf(why, why_size, "line %d: %.120s", error.line, error.text);
		return -EINVAL;
	}
	err = parse_list(list, file, why, why_size);
	json_decref(file);
	if (err)
		registry_list_fini(list);
	return err;
}

int registry_list_write(const struct registry_list *list, const char *path)
{
	json_t *agents = json_array(), *file;
	char *text;
	int err;

	for (unsigned i = 0; i < list->n; i++)
		if (json_array_append_new(agents, registry_agent_json(list->agent[i])) < 0) {
			json_decref(agents);
			return -ENOMEM;
		}
	file = json_pack("{s:o}", "agents", agents);
	text = file ? json_dumps(file, JSON_INDENT(1)) : NULL;
	err = text ? file_put(path, text, strlen(text)) : -ENOMEM;
	free(text);
	json_decref(file);
	return err;
}

void registry_list_fini(struct registry_list *list)
{
	for (unsigned i = 0; i < list->n; i++)
		registry_put(list->agent[i]);
	list->n = 0;
}
