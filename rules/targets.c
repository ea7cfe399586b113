// SPDX-License-Identifier: BSD-3-Clause
//
// What actions name: queues of agents and reply templates. Pools are in pools.c.
#include <stdio.h>
#include <string.h>

#include "rules/names.h"
#include "rules/reader.h"

static const char *const queue_keys[] = { "name", "routing", "zone", NULL };
static const char *const routings[] = { "balanced", "serial", "simultaneous", NULL };
static const char *const reply_keys[] = { "name", "status", "retry_after", "text", NULL };
static const char *const statuses[] = { "accepted", "refused", "busy", NULL };

static void read_queue(struct reader *reader, config_setting_t *group, uint16_t i)
{
	struct queue_def *queues = reader->rules->queues, *queue = &queues[i];
	const struct reader_name name = { "queue",          &reader->queues,   name_fault,
					  &queues[0].where, sizeof(queues[0]), i };
	int routing = ROUTING_BALANCED;

	queue->where = reader_where(reader, group);
	queue->zone = RULES_NO_INDEX;
	queue->name = reader_open(reader, group, &name, queue_keys);
	if (queue->name == NULL)
		return;
	conf_word(&reader->conf, group, "routing", routings, &routing);
	queue->routing = (enum queue_routing)routing;
	reader_reference(reader, group, "zone", "zone", &reader->zones, &queue->zone);
}

void read_queues(struct reader *reader, config_setting_t *root)
{
	struct conf_list list;

	conf_groups(&reader->conf, root, "queues", RULES_MAX_TARGETS, &list);
	reader->rules->queues = arena_get(reader->arena, list.n * sizeof(struct queue_def));
	if (reader->rules->queues == NULL) {
		reader_out_of_memory(reader);
		return;
	}
	for (unsigned i = 0; i < list.n; i++) {
		reader->rules->n_queues++;
		read_queue(reader, conf_list_get(&list, i), (uint16_t)i);
	}
	reader->conf.what[0] = '\0';
}

static void read_text(struct reader *reader, config_setting_t *group, struct reply_def *reply)
{
	config_setting_t *setting = config_setting_get_member(group, "text");
	const char *text = "", *fault;
	size_t length;

	conf_string(&reader->conf, group, "text", &text);
	length = strlen(text);
	fault = text_fault(text, length);
	if (length > REPLY_TEXT_MAX)
		conf_error(&reader->conf, setting, NULL, "text has %zu bytes, more than %d", length,
			   REPLY_TEXT_MAX);
	if (fault != NULL)
		conf_error(&reader->conf, setting, NULL, "text %s", fault);
	reply->text = arena_string(reader->arena, text, length);
	if (reply->text == NULL)
		reader_out_of_memory(reader);
}

static void read_reply(struct reader *reader, config_setting_t *group, uint16_t i)
{
	struct reply_def *replies = reader->rules->replies, *reply = &replies[i];
	const struct reader_name name = { "reply",           &reader->replies,   name_fault,
					  &replies[0].where, sizeof(replies[0]), i };
	const struct conf_range seconds = { 0, INT64_C(1) << 31 };
	int64_t retry_after = 0;
	int status = WEIR_STATUS_ACCEPTED, got;

	reply->where = reader_where(reader, group);
	reply->name = reader_open(reader, group, &name, reply_keys);
	if (reply->name == NULL)
		return;
	got = conf_word(&reader->conf, group, "status", statuses, &status);
	if (got == 0)
		conf_error(&reader->conf, group, "status = \"accepted\", \"refused\" or \"busy\"",
			   "it has no status");
	reply->status = (enum weir_status)status;
	if (conf_int(&reader->conf, group, "retry_after", seconds, &retry_after) == 0)
		retry_after = status == WEIR_STATUS_BUSY ? REPLY_RETRY_DEFAULT : 0;
	else if (got > 0 && status != WEIR_STATUS_BUSY)
		conf_warn(&reader->conf, config_setting_get_member(group, "retry_after"),
			  "only \"busy\" carries it",
			  "retry_after is never sent with status \"%s\"", statuses[status]);
	reply->retry_after = (uint32_t)retry_after;
	read_text(reader, group, reply);
}

void read_replies(struct reader *reader, config_setting_t *root)
{
	struct conf_list list;

	conf_groups(&reader->conf, root, "replies", RULES_MAX_TARGETS, &list);
	reader->rules->replies = arena_get(reader->arena, list.n * sizeof(struct reply_def));
	if (reader->rules->replies == NULL) {
		reader_out_of_memory(reader);
		return;
	}
	for (unsigned i = 0; i < list.n; i++) {
		reader->rules->n_replies++;
		read_reply(reader, conf_list_get(&list, i), (uint16_t)i);
	}
	reader->conf.what[0] = '\0';
}
