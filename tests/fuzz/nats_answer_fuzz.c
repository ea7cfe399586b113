// SPDX-License-Identifier: BSD-3-Clause
//
// Answers that come by NATS, as whoever may publish there writes them. A first byte of 0 makes of the rest a message
// whose id is then answered: a message that the gateway sealed itself must come out as it went in.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/agents/nats_answer.h"
#include "controlplane/agents/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct answer_key key = { "a key of thirty-two bytes, here" };

static void parse(const char *data, size_t size)
{
	struct nats_answer answer;
	const char *why = NULL;
	char *copy = malloc(size ? size : 1); // exactly as long, so that a sanitizer sees each byte too many

	memcpy(copy, data, size);
	if (nats_answer_parse(&key, copy, size, &answer, &why) == 0) {
		uint8_t datagram[2048];
		uint16_t port = 0;
		int n = reply_build(&answer.origin.message, &answer.answer, datagram, sizeof(datagram), &port);

		assert(n <= (int)sizeof(datagram));
		nats_answer_fini(&answer);
	} else {
		assert(why && why[0]);
	}
	free(copy);
}

static void seal_and_parse(const uint8_t *data, size_t size)
{
	struct spool_message message = { .queue = "q", .rule = "r", .payload = data, .arrival = size };
	char id[ANSWER_ID_SIZE], *json;
	struct answer_origin origin;

	message.record.payload_length = (uint16_t)(size > 2000 ? 2000 : size);
	message.record.body_offset = message.record.payload_length;
	message.record.protocol = size ? data[0] : 0;
	if (answer_id_format(&key, &message, id))
		return;
	assert(answer_id_parse(&key, id, &origin) == 0);
	assert(origin.message.arrival == size && origin.message.record.payload_length == message.record.payload_length);
	assert(memcmp(origin.message.payload, data, message.record.payload_length) == 0);
	answer_origin_fini(&origin);
	if (asprintf(&json, "{\"id\": \"%s\", \"status\": \"busy\", \"text\": \"later\"}", id) > 0) {
		parse(json, strlen(json));
		free(json);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == 0)
		seal_and_parse(data + 1, size - 1);
	else
		parse((const char *)data, size);
	return 0;
}
