// SPDX-License-Identifier: BSD-3-Clause
//
// Answers from NATS. Refuses what is no JSON object of texts, an id that this gateway did not seal, an unknown
// status, and a text that the message's protocol cannot carry back. Members that are not known are passed over.
#include "controlplane/agents/nats_answer.h"

#include <string.h>

#include "controlplane/agents/reply.h"

// The text of a member, "" where it is absent, NULL where it is something else.
static const char *member(const json_t *root, const char *key, size_t *length)
{
	const json_t *value = json_object_get(root, key);

	*length = json_string_length(value);
	return value ? json_string_value(value) : "";
}

static const char *read_members(const struct answer_key *key, struct nats_answer *answer)
{
	size_t n_id, n_status, n_text;
	const char *id = member(answer->root, "id", &n_id), *text = member(answer->root, "text", &n_text);
	const char *status = member(answer->root, "status", &n_status);
	int number = status && status[0] ? weir_status_find(status) : WEIR_STATUS_ACCEPTED;

	if (!id || !text || !status)
		return "id, status and text are strings";
	if (number < 0)
		return "the status is none of accepted, refused, busy";
	if (answer_id_parse(key, id, &answer->origin))
		return "the id is none of this gateway";
	answer->answer = (struct spool_answer){ .build = reply_build, .status = (uint8_t)number, .payload = text,
						.length = (uint16_t)n_text };
	if (n_text <= reply_text_max(&answer->origin.message, (unsigned)number))
		return NULL;
	answer_origin_fini(&answer->origin);
	return "the message cannot be answered, or not with so long a text";
}

int nats_answer_parse(const struct answer_key *key, const char *data, size_t n, struct nats_answer *answer,
		      const char **why)
{
	*answer = (struct nats_answer){ 0 };
	*why = "longer than 65536 bytes";
	if (n > NATS_ANSWER_MAX)
		return -1;
	answer->root = json_loadb(data, n, JSON_REJECT_DUPLICATES, NULL);
	*why = json_is_object(answer->root) ? read_members(key, answer) : "not a JSON object";
	if (!*why)
		return 0;
	json_decref(answer->root);
	answer->root = NULL;
	return -1;
}

void nats_answer_fini(struct nats_answer *answer)
{
	answer_origin_fini(&answer->origin);
	json_decref(answer->root);
	answer->root = NULL;
}
