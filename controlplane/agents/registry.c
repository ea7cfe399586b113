// SPDX-License-Identifier: BSD-3-Clause
//
// The register of agents. Its list is changed by the loop's thread alone, under a mutex that is held for moments: the
// file is written before, so that what is told is durable. Tokens are compared by their hashes, in constant time.
#include "controlplane/agents/registry.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controlplane/agents/registry_file.h"
#include "controlplane/file_put.h"
#include "controlplane/log.h"

struct registry {
	char *path;
	bool wrong; // the file cannot be read
	pthread_mutex_t mutex;
	struct registry_list list;
	_Atomic uint64_t changes;
};

struct registry *registry_open(const char *path)
{
	struct registry *registry = calloc(1, sizeof(*registry));
	char why[200];

	if (!registry)
		return NULL;
	registry->path = strdup(path);
	if (!registry->path) {
		free(registry);
		return NULL;
	}
	pthread_mutex_init(&registry->mutex, NULL);
	if (registry_list_read(&registry->list, path, why, sizeof(why))) {
		log_error("%s: %s: no agent is let in until it is mended, or moved away, and weir-controlplane started "
			  "again", path, why);
		registry->wrong = true;
	}
	return registry;
}

void registry_close(struct registry *registry)
{
	if (!registry)
		return;
	registry_list_fini(&registry->list);
	pthread_mutex_destroy(&registry->mutex);
	free(registry->path);
	free(registry);
}

static struct registry_agent **find_name(struct registry *registry, const char *name)
{
	for (unsigned i = 0; i < registry->list.n; i++)
		if (strcmp(registry->list.agent[i]->name, name) == 0)
			return &registry->list.agent[i];
	return NULL;
}

// Makes a token and its hash.
static int make_token(char token[REGISTRY_TOKEN + 1], uint8_t hash[REGISTRY_HASH])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t secret[32];

	if (gnutls_rnd(GNUTLS_RND_KEY, secret, sizeof(secret)) < 0)
		return -EIO;
	memcpy(token, "weir-", 5);
	for (unsigned i = 0; i < sizeof(secret); i++) {
		token[5 + 2 * i] = digits[secret[i] >> 4];
		token[6 + 2 * i] = digits[secret[i] & 15];
	}
	token[REGISTRY_TOKEN] = '\0';
	gnutls_memset(secret, 0, sizeof(secret));
	return gnutls_hash_fast(GNUTLS_DIG_SHA256, token, REGISTRY_TOKEN, hash) < 0 ? -EIO : 0;
}

// Writes the list with `agent` in the place of `at` (NULL: beside the others), then lets others see it.
// The agent is the registry's afterwards, or gone.
static int change(struct registry *registry, struct registry_agent **at, struct registry_agent *agent)
{
	struct registry_list next = { .n = registry->list.n };
	struct registry_agent *before = NULL;
	int err;

	memcpy(next.agent, registry->list.agent, next.n * sizeof(next.agent[0]));
	if (at)
		next.agent[at - registry->list.agent] = agent;
	else
		next.agent[next.n++] = agent;
	err = registry_list_write(&next, registry->path);
	if (err) {
		registry_put(agent);
		return err;
	}
	pthread_mutex_lock(&registry->mutex);
	if (at)
		before = *at;
	registry->list = next;
	pthread_mutex_unlock(&registry->mutex);
	registry_put(before);
	atomic_fetch_add(&registry->changes, 1);
	return 0;
}

int registry_add(struct registry *registry, const char *name, const char *const *queues, unsigned n, bool is_operator,
		 char token[REGISTRY_TOKEN + 1])
{
	struct registry_agent **at = find_name(registry, name);
	struct registry_agent *agent;
	int err = 0;

	if (registry->wrong)
		return -EBADF;
	if (!registry_name_is_good(name) || n > REGISTRY_QUEUES || (n == 0 && !is_operator))
		return -EINVAL;
	if (at && !(*at)->revoked_s)
		return -EEXIST;
	if (!at && registry->list.n == REGISTRY_AGENTS)
		return -EMFILE;
	agent = registry_agent_create(name, queues, n);
	if (!agent)
		return -ENOMEM;
	agent->is_operator = is_operator;
	agent->created_s = (uint64_t)time(NULL);
	err = make_token(token, agent->hash);
	if (!err)
		return change(registry, at, agent);
	registry_put(agent);
	return err;
}

int registry_revoke(struct registry *registry, const char *name)
{
	struct registry_agent **at = find_name(registry, name), *agent;

	if (registry->wrong)
		return -EBADF;
	if (!at)
		return -ENOENT;
	if ((*at)->revoked_s)
		return -EALREADY;
	agent = registry_agent_create(name, (const char *const *)(*at)->queues, (*at)->n_queues);
	if (!agent)
		return -ENOMEM;
	agent->is_operator = (*at)->is_operator;
	agent->created_s = (*at)->created_s;
	agent->revoked_s = (uint64_t)time(NULL);
	memcpy(agent->hash, (*at)->hash, sizeof(agent->hash));
	return change(registry, at, agent);
}

int registry_find(struct registry *registry, const char *token, size_t length, const struct registry_agent **agent)
{
	uint8_t hash[REGISTRY_HASH];
	struct registry_agent *found = NULL;

	if (length > 2 * REGISTRY_TOKEN || gnutls_hash_fast(GNUTLS_DIG_SHA256, token, length, hash) < 0)
		return -ENOKEY;
	pthread_mutex_lock(&registry->mutex);
	for (unsigned i = 0; i < registry->list.n; i++)
		if (gnutls_memcmp(registry->list.agent[i]->hash, hash, sizeof(hash)) == 0)
			found = registry->list.agent[i];
	if (found)
		atomic_fetch_add(&found->uses, 1);
	pthread_mutex_unlock(&registry->mutex);
	if (!found)
		return -ENOKEY;
	if (found->revoked_s) {
		registry_put(found);
		return -EKEYREVOKED;
	}
	*agent = found;
	return 0;
}

bool registry_is_over(struct registry *registry, const struct registry_agent *agent)
{
	struct registry_agent **at;
	bool over;

	pthread_mutex_lock(&registry->mutex);
	at = find_name(registry, agent->name);
	over = !at || *at != agent;
	pthread_mutex_unlock(&registry->mutex);
	return over;
}

uint64_t registry_changes(const struct registry *registry)
{
	return atomic_load(&registry->changes);
}

bool registry_sees(const struct registry_agent *agent, const char *queue)
{
	for (unsigned i = 0; i < agent->n_queues; i++)
		if (strcmp(agent->queues[i], "*") == 0 || strcmp(agent->queues[i], queue) == 0)
			return true;
	return agent->is_operator;
}

json_t *registry_json(struct registry *registry)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < registry->list.n; i++) {
		json_t *entry = registry_agent_json(registry->list.agent[i]);

		json_object_del(entry, "sha256");
		json_array_append_new(list, entry);
	}
	return list;
}
