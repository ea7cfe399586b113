// SPDX-License-Identifier: BSD-3-Clause
//
// Readers of request bodies. Everything is checked as an enemy's: types, ranges, names that nobody knows.
#include "controlplane/agents/api_read.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/agents/api_json.h"
#include "controlplane/agents/desk_core.h"
#include "dataplane/abi/names.h"

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
			for (char *c = why; *c; c++)
				if ((unsigned char)*c < 0x20)
					*c = '?';
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

// body_base64 into the answer's room.
static bool read_base64(const char *text, size_t n, struct api_answer *answer)
{
	const gnutls_datum_t encoded = { (unsigned char *)(uintptr_t)text, (unsigned)n };
	gnutls_datum_t raw;

	if (n > 2 * API_ANSWER || gnutls_base64_decode2(&encoded, &raw) < 0)
		return false;
	answer->length = raw.size;
	if (raw.size <= API_ANSWER)
		memcpy(answer->room, raw.data, raw.size);
	gnutls_free(raw.data);
	answer->payload = answer->room;
	return answer->length <= API_ANSWER;
}

bool api_read_answer(const json_t *body, struct api_answer *answer, char why[API_WHY])
{
	static const char *const names[] = { "lease", "status", "body", "body_base64", NULL };
	const json_t *text = json_object_get(body, "body"), *base64 = json_object_get(body, "body_base64");
	const json_t *status = json_object_get(body, "status");
	int number = status ? weir_status_find(json_is_string(status) ? json_string_value(status) : "") :
			      WEIR_STATUS_ACCEPTED;

	answer->lease = (struct api_lease){ .extend_s = 0 };
	answer->payload = json_is_string(text) ? json_string_value(text) : "";
	answer->length = json_is_string(text) ? json_string_length(text) : 0;
	answer->status = (uint8_t)number;
	if (!knows(body, names, why) || !read_token(body, answer->lease.token, why))
		return false;
	snprintf(why, API_WHY, "status is accepted, refused or busy");
	if (number < 0)
		return false;
	snprintf(why, API_WHY, "an answer has a body, which is text, or a body_base64, not both, of at most %d bytes",
		 (int)API_ANSWER);
	if ((text && !json_is_string(text)) || (base64 && (text || !json_is_string(base64))))
		return false;
	if (base64)
		return read_base64(json_string_value(base64), json_string_length(base64), answer);
	return answer->length <= API_ANSWER;
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
