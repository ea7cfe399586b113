// SPDX-License-Identifier: BSD-3-Clause
//
// The group `agents` of gateway.conf: how messages for agents, and the answers to them, are delivered. A queue
// itself, with its routing, is in the rule file; what is set for it here is found by its name.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/gateway_reader.h"
#include "rules/names.h"

static const char *const agents_keys[] = { "slots", "spool_mb", "answer_rate", "queues",
					  "backend", "url", "nats", NULL };
static const char *const queue_keys[] = { "name", "depth", NULL };

static void read_u32(struct gateway_reader *reader, config_setting_t *group, const char *key,
		     struct conf_range range, uint32_t *place)
{
	int64_t value = *place;

	conf_int(&reader->conf, group, key, range, &value);
	*place = (uint32_t)value;
}

static void read_queue_name(struct gateway_reader *reader, config_setting_t *group, unsigned i)
{
	struct gateway_queue *queues = reader->gateway->queues;
	config_setting_t *at = config_setting_get_member(group, "name");
	const char *name = NULL, *fault;
	int got = conf_string(&reader->conf, group, "name", &name);

	if (got == 0)
		conf_error(&reader->conf, group, "name = \"fraud-desk\", as in the rule file",
			   "it has no name");
	if (got <= 0)
		return;
	fault = name_fault(name, strlen(name));
	if (fault != NULL) {
		conf_error(&reader->conf, at, NULL, "name %s", fault);
		return;
	}
	for (unsigned other = 0; other < i; other++)
		if (queues[other].name != NULL && strcmp(queues[other].name, name) == 0)
			conf_error(&reader->conf, at, "set all of a queue in one place",
				   "queue \"%s\" stands on line %u already", name,
				   queues[other].line);
	gateway_replace(reader, &queues[i].name, name);
	snprintf(reader->conf.what, sizeof(reader->conf.what), "agents: queue \"%s\"", name);
}

static void read_queue(struct gateway_reader *reader, config_setting_t *group, unsigned i)
{
	struct gateway_queue *queue = &reader->gateway->queues[i];
	uint32_t file;

	snprintf(reader->conf.what, sizeof(reader->conf.what), "agents: queue number %u", i + 1);
	conf_place(&reader->conf, group, &file, &queue->line);
	if (!conf_group(&reader->conf, group, queue_keys))
		return;
	read_queue_name(reader, group, i);
	read_u32(reader, group, "depth", (struct conf_range){ 0, INT32_MAX }, &queue->depth);
}

static void read_queues(struct gateway_reader *reader, config_setting_t *group)
{
	struct gateway *gateway = reader->gateway;
	struct conf_list list;

	if (conf_groups(&reader->conf, group, "queues", GATEWAY_MAX_QUEUES, &list) <= 0 ||
	    list.n == 0)
		return;
	gateway->queues = calloc(list.n, sizeof(*gateway->queues));
	if (gateway->queues == NULL) {
		conf_error(&reader->conf, NULL, NULL, "out of memory");
		return;
	}
	for (unsigned i = 0; i < list.n; i++) {
		gateway->n_queues++;
		read_queue(reader, conf_list_get(&list, i), i);
	}
}

static void read_agents_keys(struct gateway_reader *reader, config_setting_t *group)
{
	struct gateway *gateway = reader->gateway;
	uint32_t slots = gateway->agent_slots;

	read_u32(reader, group, "slots", (struct conf_range){ 1024, 1 << 20 }, &slots);
	if ((slots & (slots - 1)) != 0)
		conf_error(&reader->conf, config_setting_get_member(group, "slots"), "as 16384 is",
			   "slots %u is no power of two", slots);
	gateway->agent_slots = slots;
	read_u32(reader, group, "spool_mb", (struct conf_range){ 1, 16 << 20 }, &gateway->spool_mb);
	read_u32(reader, group, "answer_rate", (struct conf_range){ 1, 1000000 },
		 &gateway->answer_rate);
	read_queues(reader, group);
	gateway_read_nats(reader, group);
}

void gateway_read_agents(struct gateway_reader *reader, config_setting_t *root)
{
	config_setting_t *group = config_setting_get_member(root, "agents");

	if (group == NULL)
		return;
	snprintf(reader->conf.what, sizeof(reader->conf.what), "agents");
	if (conf_group(&reader->conf, group, agents_keys))
		read_agents_keys(reader, group);
	reader->conf.what[0] = '\0';
}

const struct gateway_queue *gateway_queue_find(const struct gateway *gateway, const char *name)
{
	for (unsigned i = 0; i < gateway->n_queues; i++)
		if (strcmp(gateway->queues[i].name, name) == 0)
			return &gateway->queues[i];
	return NULL;
}
