// SPDX-License-Identifier: BSD-3-Clause
//
// Events that webhooks get, and replies that they give. A reply is a stranger's: it is bounded before it comes here,
// parsed strictly, and no byte of it reaches a log. A reply that takes the message but has an answer that cannot be is
// a failure, so that somebody notices; the message is not lost by it.
#include "controlplane/agents/hook_event.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/abi/names.h"
#include "dataplane/abi/socket.h"

enum { STATUS_GONE = 410 };

void hook_id_format(const struct spool_message *message, char id[HOOK_ID + 1])
{
	size_t at = 0;

	for (unsigned i = 0; i < WEIR_BOOT_ID_SIZE; i++)
		at += (size_t)snprintf(id + at, HOOK_ID + 1 - at, "%02x", message->boot_id[i]);
	snprintf(id + at, HOOK_ID + 1 - at, "-%u-%llu", (unsigned)message->worker,
		 (unsigned long long)message->record.sequence);
}

// RFC 3339, in UTC, to the millisecond.
static void time_format(uint64_t ns, char text[40])
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(text, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, 40 - n, ".%03uZ", (unsigned)(ns / 1000000 % 1000));
}

// A queue's name as a segment of a path (RFC 3986).
static void segment_format(const char *name, char *to, size_t size)
{
	size_t at = 0;

	for (; *name && at + 4 <= size; name++) {
		unsigned char c = (unsigned char)*name;

		if (isascii(c) && (isalnum(c) || strchr("-._~", c)))
			to[at++] = (char)c;
		else
			at += (size_t)snprintf(to + at, size - at, "%%%02X", c);
	}
	to[at] = '\0';
}

char *hook_event_format(const char *gateway, const struct spool_message *message, json_t *data)
{
	char id[HOOK_ID + 1], source[3 * SPOOL_NAME_MAX + 80], queue[3 * SPOOL_NAME_MAX + 4], subject[24], when[40];
	json_t *event;
	char *text;

	if (!data)
		return NULL;
	hook_id_format(message, id);
	segment_format(message->queue, queue, sizeof(queue));
	snprintf(source, sizeof(source), "/weir/%s/queues/%s", gateway, queue);
	snprintf(subject, sizeof(subject), "%llu", (unsigned long long)message->arrival);
	time_format(message->record.received_ns, when);
	event = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "specversion", "1.0", "type", "weir.message",
			  "source", source, "id", id, "time", when, "subject", subject, "datacontenttype",
			  "application/json", "data", data);
	text = event ? json_dumps(event, JSON_COMPACT) : NULL;
	json_decref(event);
	return text;
}

static void fail(struct hook_reply *reply, const char *why)
{
	reply->verdict = HOOK_FAILED;
	snprintf(reply->why, sizeof(reply->why), "%s", why);
}

static void read_answer(const json_t *answer, struct hook_reply *reply)
{
	const char *word = json_string_value(json_object_get(answer, "status"));
	int status = word ? weir_status_find(word) : -1;
	const json_t *text = json_object_get(answer, "text");
	size_t length = json_string_length(text);

	if (status < 0) {
		fail(reply, "its answer has no status accepted, refused or busy");
	} else if (text && !json_is_string(text)) {
		fail(reply, "the text of its answer is none");
	} else if (length > WEIR_ANSWER_MAX) {
		fail(reply, "the text of its answer is longer than a datagram");
	} else {
		reply->text = malloc(length + 1);
		if (!reply->text) {
			fail(reply, "out of memory");
			return;
		}
		memcpy(reply->text, text ? json_string_value(text) : "", length + 1);
		reply->length = length;
		reply->status = (uint8_t)status;
		reply->verdict = HOOK_ANSWER;
	}
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// What does not begin as an object is a text for people.
static void read_body(const struct hook_result *result, struct hook_reply *reply)
{
	const json_t *answer;
	json_error_t error;
	json_t *body;
	size_t at = 0;

	while (at < result->length && is_space(result->body[at]))
		at++;
	if (at == result->length || result->body[at] != '{')
		return;
	if (result->too_long) {
		fail(reply, "its response is too long");
		return;
	}
	body = json_loadb(result->body + at, result->length - at, JSON_REJECT_DUPLICATES, &error);
	answer = json_object_get(body, "answer");
	if (!body)
		fail(reply, "its response is no JSON");
	else if (answer && !json_is_null(answer))
		read_answer(answer, reply);
	json_decref(body);
}

void hook_reply_read(const struct hook_result *result, struct hook_reply *reply)
{
	*reply = (struct hook_reply){ .verdict = HOOK_TAKEN };
	if (result->error) {
		fail(reply, result->error);
	} else if (result->status == STATUS_GONE) {
		reply->verdict = HOOK_GONE;
		snprintf(reply->why, sizeof(reply->why), "status 410");
	} else if (result->status < 200 || result->status > 299) {
		reply->verdict = HOOK_FAILED;
		snprintf(reply->why, sizeof(reply->why), "status %u%s", result->status,
			 result->status >= 300 && result->status < 400 ? "; redirects are not followed" : "");
	} else {
		read_body(result, reply);
	}
}
