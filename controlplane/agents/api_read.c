// SPDX-License-Identifier: BSD-3-Clause
//
// Readers of request bodies. Everything is checked as an enemy's: types, ranges, names that nobody knows.
#include "controlplane/agents/api_read.h"

#include <stdio.h>
#include <string.h>

#include "controlplane/agents/api_json.h"
#include "controlplane/agents/desk_core.h"

// Whether `object` has members of `names` (ends in NULL) only.
static bool knows(const json_t *object, const char *const *names, char why[API_WHY])
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		unsigned i = 0;

		while (names[i] && strcmp(names[i], key) != 0)
			i++;
		if (!names[i]) {
			snprintf(why, API_WHY, "there is no member \"%.40s\" here", key);
			return false;
		}
	}
	return true;
}

static bool read_number(const json_t *object, const char *key, json_int_t min, json_int_t max, unsigned *value,
			char why[API_WHY])
{
	const json_t *member = json_object_get(object, key);
	json_int_t number = json_integer_value(member);

	if (!member)
		return true;
	if (json_is_integer(member) && number >= min && number <= max) {
		*value = (unsigned)number;
		return true;
	}
	snprintf(why, API_WHY, "%s is a whole number from %lld to %lld", key, (long long)min, (long long)max);
	return false;
}

bool api_read_claim(const json_t *body, struct api_claim *claim, char why[API_WHY])
{
	static const char *const names[] = { "queues", "max", "wait_s", NULL };

	*claim = (struct api_claim){ .queues = json_object_get(body, "queues"), .max = 1 };
	if (!knows(body, names, why) || !read_number(body, "max", 1, CORE_CLAIM_MAX, &claim->max, why) ||
	    !read_number(body, "wait_s", 0, API_WAIT_S, &claim->wait_s, why))
		return false;
	if (!claim->queues)
		return true;
	snprintf(why, API_WHY, "queues is a list of 1 to %d names", (int)CORE_SCOPE);
	if (!json_is_array(claim->queues) || json_array_size(claim->queues) < 1 ||
	    json_array_size(claim->queues) > CORE_SCOPE)
		return false;
	for (size_t i = 0; i < json_array_size(claim->queues); i++)
		if (!json_is_string(json_array_get(claim->queues, i)))
			return false;
	return true;
}

static bool read_token(const json_t *object, uint8_t token[SPOOL_TOKEN_SIZE], char why[API_WHY])
{
	if (api_token_parse(json_string_value(json_object_get(object, "lease")), token))
		return true;
	snprintf(why, API_WHY, "lease is the 32 hexadecimal digits that came with the message");
	return false;
}

bool api_read_lease(const json_t *body, bool may_extend, struct api_lease *lease, char why[API_WHY])
{
	static const char *const both[] = { "lease", "extend_s", NULL }, *const one[] = { "lease", NULL };

	*lease = (struct api_lease){ .extend_s = 0 };
	return knows(body, may_extend ? both : one, why) && read_token(body, lease->token, why) &&
	       read_number(body, "extend_s", 1, API_EXTEND_S, &lease->extend_s, why);
}

static bool read_entry(const json_t *entry, struct api_batch *batch, char why[API_WHY])
{
	static const char *const names[] = { "id", "lease", NULL };
	const json_t *id = json_object_get(entry, "id");

	if (!json_is_object(entry) || !json_is_integer(id) || json_integer_value(id) < 0) {
		snprintf(why, API_WHY, "a message has an id, which is a number, and a lease");
		return false;
	}
	batch->message[batch->n].id = (uint64_t)json_integer_value(id);
	return knows(entry, names, why) && read_token(entry, batch->message[batch->n++].token, why);
}

bool api_read_batch(const json_t *body, struct api_batch *batch, char why[API_WHY])
{
	static const char *const names[] = { "messages", NULL };
	json_t *list = json_object_get(body, "messages"), *entry;
	size_t i;

	batch->n = 0;
	if (!knows(body, names, why))
		return false;
	if (!json_is_array(list) || json_array_size(list) < 1 || json_array_size(list) > API_BATCH) {
		snprintf(why, API_WHY, "messages is a list of 1 to %d", (int)API_BATCH);
		return false;
	}
	json_array_foreach(list, i, entry)
		if (!read_entry(entry, batch, why))
			return false;
	return true;
}

bool api_read_queue(const json_t *body, const char **queue, char why[API_WHY])
{
	static const char *const names[] = { "queue", NULL };
	const json_t *member = json_object_get(body, "queue");

	*queue = json_string_value(member);
	if (member && !*queue)
		snprintf(why, API_WHY, "queue is a name");
	return knows(body, names, why) && (!member || *queue);
}
