// SPDX-License-Identifier: BSD-3-Clause
//
// The group `agents` of gateway.conf: how messages for agents, and the answers to them, are delivered. A queue
// itself, with its routing, is in the rule file; what is set for it here is found by its name.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/address.h"
#include "rules/gateway_reader.h"
#include "rules/names.h"

static const char *const agents_keys[] = { "slots", "spool_mb", "retention_h", "dead_h", "done_h", "answer_rate",
					  "queues", "backend", "url", "nats", "listen", "tls_cert", "tls_key", NULL };
static const char *const queue_keys[] = { "name", "depth", "lease_s", "ring_s", "retries", "alarm_s", "order",
					"webhooks", NULL };

enum { MAX_LEASE_S = 7 * 86400, MAX_RING_S = 3600, MAX_RETRIES = 1000, MAX_ALARM_S = 30 * 86400, MAX_PATH = 1024 };

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

// One name of `order`; what is no name of an agent is reported.
static char *read_agent(struct gateway_reader *reader, config_setting_t *element)
{
	const char *name = conf_element(&reader->conf, element, "order");
	char *copy;

	if (name == NULL)
		return NULL;
	if (!gateway_is_agent(name)) {
		conf_error(&reader->conf, element, "1 to 32 letters, digits, '_', '-' and '.'",
			   "order: \"%.80s\" cannot be the name of an agent", name);
		return NULL;
	}
	copy = strdup(name);
	if (copy == NULL)
		conf_error(&reader->conf, NULL, NULL, "out of memory");
	return copy;
}

static bool has_agent(const struct gateway_queue *queue, const char *name)
{
	for (unsigned i = 0; i < queue->n_order; i++)
		if (strcmp(queue->order[i], name) == 0)
			return true;
	return false;
}

static void read_order(struct gateway_reader *reader, config_setting_t *group,
		       struct gateway_queue *queue)
{
	struct conf_list list;

	if (conf_list(&reader->conf, group, "order", &list) <= 0 || list.n == 0)
		return;
	if (list.n > GATEWAY_MAX_ORDER) {
		conf_error(&reader->conf, list.setting, "the others come behind, by name",
			   "order holds %u agents, at most %d can be", list.n, GATEWAY_MAX_ORDER);
		return;
	}
	queue->order = calloc(list.n, sizeof(char *));
	for (unsigned i = 0; queue->order != NULL && i < list.n; i++) {
		config_setting_t *element = conf_list_get(&list, i);
		char *name = read_agent(reader, element);

		if (name != NULL && has_agent(queue, name)) {
			conf_error(&reader->conf, element, "leave one out", "order holds \"%s\" twice", name);
			free(name);
		} else if (name != NULL) {
			queue->order[queue->n_order++] = name;
		}
	}
}

static void read_queue(struct gateway_reader *reader, config_setting_t *group, unsigned i)
{
	struct gateway_queue *queue = &reader->gateway->queues[i];
	uint32_t file;

	queue->lease_s = GATEWAY_LEASE_S;
	queue->ring_s = GATEWAY_RING_S;
	queue->retries = GATEWAY_RETRIES;
	snprintf(reader->conf.what, sizeof(reader->conf.what), "agents: queue number %u", i + 1);
	conf_place(&reader->conf, group, &file, &queue->line);
	if (!conf_group(&reader->conf, group, queue_keys))
		return;
	read_queue_name(reader, group, i);
	read_u32(reader, group, "depth", (struct conf_range){ 0, INT32_MAX }, &queue->depth);
	read_u32(reader, group, "lease_s", (struct conf_range){ 1, MAX_LEASE_S }, &queue->lease_s);
	read_u32(reader, group, "ring_s", (struct conf_range){ 1, MAX_RING_S }, &queue->ring_s);
	read_u32(reader, group, "retries", (struct conf_range){ 0, MAX_RETRIES }, &queue->retries);
	read_u32(reader, group, "alarm_s", (struct conf_range){ 0, MAX_ALARM_S }, &queue->alarm_s);
	read_order(reader, group, queue);
	gateway_read_webhooks(reader, group, queue);
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

// Splits "ADDRESS:PORT" or "[ADDRESS]:PORT" ("localhost:PORT" is 127.0.0.1). False for what is none.
static bool parse_listen(const char *text, struct gateway_listen *listen)
{
	const char *colon = strrchr(text, ':');
	char address[80], *end;
	unsigned long port;
	size_t n;

	if (colon == NULL || colon[1] < '0' || colon[1] > '9')
		return false;
	port = strtoul(colon + 1, &end, 10);
	n = (size_t)(colon - text);
	if (*end != '\0' || port < 1 || port > 65535 || n >= sizeof(address))
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	if (address[0] == '[' && address[n - 1] == ']') {
		address[n - 1] = '\0';
		memmove(address, address + 1, n - 1);
	} else if (strchr(address, ':') != NULL) {
		return false; // IPv6 without brackets: where would the port begin?
	}
	listen->family = (uint8_t)address_parse(strcmp(address, "localhost") == 0 ? "127.0.0.1" : address,
						listen->address);
	listen->port = (uint16_t)port;
	return listen->family != 0;
}

static bool is_loopback(const struct gateway_listen *listen)
{
	static const uint8_t one[16] = { [15] = 1 };

	return listen->family == 4 ? listen->address[0] == 127
				   : memcmp(listen->address, one, sizeof(one)) == 0;
}

static void read_listen(struct gateway_reader *reader, config_setting_t *group)
{
	config_setting_t *at = config_setting_get_member(group, "listen");
	struct gateway *gateway = reader->gateway;
	const char *text = NULL;

	if (conf_string(&reader->conf, group, "listen", &text) > 0 &&
	    !parse_listen(text, &gateway->agents_listen)) {
		conf_error(&reader->conf, at, "as \"127.0.0.1:8480\" or \"[::1]:8480\"",
			   "listen \"%.80s\" is not an address and a port", text);
		return;
	}
	gateway_read_path(reader, group, "tls_cert", &gateway->tls_cert);
	gateway_read_path(reader, group, "tls_key", &gateway->tls_key);
	if ((gateway->tls_cert == NULL) != (gateway->tls_key == NULL))
		conf_error(&reader->conf, group, "give both, or none of them",
			   "%s without %s", gateway->tls_cert ? "tls_cert" : "tls_key",
			   gateway->tls_cert ? "tls_key" : "tls_cert");
	else if (gateway->tls_cert != NULL && at == NULL)
		conf_error(&reader->conf, config_setting_get_member(group, "tls_cert"),
			   "listen = \"ADDRESS:PORT\"", "tls_cert is of no use without listen");
	else if (gateway->tls_cert == NULL && gateway->agents_listen.family != 0 &&
		 !is_loopback(&gateway->agents_listen))
		conf_error(&reader->conf, at, "tls_cert = \"…pem\"; tls_key = \"…pem\";, or listen on 127.0.0.1",
			   "listen \"%.80s\" is not a loopback address, and there is no certificate: agents' "
			   "tokens would cross the network in the clear", text);
}

static void read_agents_keys(struct gateway_reader *reader, config_setting_t *group)
{
	struct gateway *gateway = reader->gateway;
	const struct conf_range hours = { 1, 87600 };
	uint32_t slots = gateway->agent_slots;

	read_u32(reader, group, "slots", (struct conf_range){ 1024, 1 << 20 }, &slots);
	if ((slots & (slots - 1)) != 0)
		conf_error(&reader->conf, config_setting_get_member(group, "slots"), "as 16384 is",
			   "slots %u is no power of two", slots);
	gateway->agent_slots = slots;
	read_u32(reader, group, "spool_mb", (struct conf_range){ 1, 16 << 20 }, &gateway->spool_mb);
	read_u32(reader, group, "retention_h", hours, &gateway->retention_h);
	read_u32(reader, group, "dead_h", hours, &gateway->dead_h);
	read_u32(reader, group, "done_h", hours, &gateway->done_h);
	read_u32(reader, group, "answer_rate", (struct conf_range){ 1, 1000000 },
		 &gateway->answer_rate);
	read_queues(reader, group);
	gateway_read_nats(reader, group);
	gateway_check_webhooks(reader, group);
	read_listen(reader, group);
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

bool gateway_is_agent(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

	return n > 0 && n <= 32 && text[n] == '\0';
}
