// SPDX-License-Identifier: BSD-3-Clause
//
// Steering in gateway.conf: the dispatching lcore, which ports it serves, and the sibling gateways.
#include <stdio.h>
#include <string.h>

#include "rules/address.h"
#include "rules/gateway_reader.h"

static const char *const dispatches[] = { "auto", "on", "off", NULL };
static const char *const sibling_keys[] = { "name", "port", "mac", NULL };

enum { MAX_CPU = 1023 };

void gateway_read_dispatch_cpu(struct gateway_reader *reader, config_setting_t *group)
{
	struct gateway *gateway = reader->gateway;
	config_setting_t *at = config_setting_get_member(group, "dispatch_cpu");
	bool shared;
	int64_t cpu;

	if (conf_int(&reader->conf, group, "dispatch_cpu", (struct conf_range){ 0, MAX_CPU },
		     &cpu) <= 0)
		return;
	gateway->dispatch_cpu = (int16_t)cpu;
	shared = cpu == gateway->main_cpu;
	for (unsigned i = 0; i < gateway->n_workers; i++)
		shared |= cpu == gateway->worker_cpus[i];
	if (shared)
		conf_warn(&reader->conf, at, "fine for trying things, not for speed",
			  "the dispatcher shares cpu %d", (int)cpu);
}

void gateway_read_dispatch(struct gateway_reader *reader, config_setting_t *group,
			   struct gateway_port *port)
{
	int word = GATEWAY_DISPATCH_AUTO;

	if (conf_word(&reader->conf, group, "dispatch", dispatches, &word) <= 0)
		return;
	port->dispatch = (enum gateway_dispatch)word;
	if (word == GATEWAY_DISPATCH_ON && reader->gateway->dispatch_cpu < 0)
		conf_error(&reader->conf, config_setting_get_member(group, "dispatch"),
			   "dataplane = { dispatch_cpu = 2; ... };",
			   "dispatch is \"on\", but there is no dispatching cpu");
}

static void read_sibling_name(struct gateway_reader *reader, config_setting_t *group, unsigned i)
{
	struct gateway_sibling *siblings = reader->gateway->siblings;
	config_setting_t *at = config_setting_get_member(group, "name");
	int got = gateway_read_name(reader, group, "name", &siblings[i].name);

	if (got == 0)
		conf_error(&reader->conf, group, NULL, "it has no name");
	if (got <= 0 || siblings[i].name == NULL)
		return;
	if (strcmp(siblings[i].name, "here") == 0)
		conf_error(&reader->conf, at, "another name",
			   "\"here\" is this gateway's in weirctl steer move --to");
	for (unsigned other = 0; other < i; other++)
		if (siblings[other].name != NULL &&
		    strcmp(siblings[other].name, siblings[i].name) == 0)
			conf_error(&reader->conf, at, "give each its own",
				   "the name \"%s\" is taken by another sibling", siblings[i].name);
	snprintf(reader->conf.what, sizeof(reader->conf.what), "sibling \"%s\"", siblings[i].name);
}

static void read_sibling_mac(struct gateway_reader *reader, config_setting_t *group,
			     struct gateway_sibling *sibling)
{
	static const uint8_t none[6];
	const char *text = NULL;
	int got = conf_string(&reader->conf, group, "mac", &text);

	if (got == 0)
		conf_error(&reader->conf, group, "mac = \"02:00:00:00:00:02\", of its port",
			   "it has no mac");
	if (got > 0 && (!mac_parse(text, sibling->mac) || (sibling->mac[0] & 1) ||
			memcmp(sibling->mac, none, sizeof(none)) == 0))
		conf_error(&reader->conf, config_setting_get_member(group, "mac"),
			   "as \"02:00:00:00:00:02\"", "\"%.80s\" is not the MAC of a port", text);
}

static void read_sibling_port(struct gateway_reader *reader, config_setting_t *group,
			      struct gateway_sibling *sibling)
{
	const char *name = NULL;
	int got = conf_string(&reader->conf, group, "port", &name), port = -1;

	if (got == 0)
		conf_error(&reader->conf, group, "port = \"in0\", the port that leads to it",
			   "it has no port");
	if (got <= 0)
		return;
	for (int i = 0; i < reader->gateway->n_ports; i++)
		if (reader->gateway->ports[i].name != NULL &&
		    strcmp(reader->gateway->ports[i].name, name) == 0)
			port = i;
	if (port < 0)
		conf_error(&reader->conf, config_setting_get_member(group, "port"), NULL,
			   "there is no port \"%.80s\"", name);
	else
		sibling->port = (uint16_t)port;
}

void gateway_read_siblings(struct gateway_reader *reader, config_setting_t *root)
{
	struct gateway *gateway = reader->gateway;
	struct conf_list list;

	conf_groups(&reader->conf, root, "siblings", GATEWAY_MAX_SIBLINGS, &list);
	for (unsigned i = 0; i < list.n; i++) {
		config_setting_t *group = conf_list_get(&list, i);

		snprintf(reader->conf.what, sizeof(reader->conf.what), "sibling number %u", i + 1);
		if (conf_group(&reader->conf, group, sibling_keys)) {
			read_sibling_name(reader, group, i);
			read_sibling_port(reader, group, &gateway->siblings[i]);
			read_sibling_mac(reader, group, &gateway->siblings[i]);
		}
		gateway->n_siblings++;
	}
	reader->conf.what[0] = '\0';
}

bool gateway_dispatches(const struct gateway *gateway, unsigned port)
{
	const struct gateway_port *config = &gateway->ports[port];

	if (gateway->dispatch_cpu < 0 || config->dispatch == GATEWAY_DISPATCH_OFF)
		return false;
	return config->dispatch == GATEWAY_DISPATCH_ON || config->queues < gateway->n_workers;
}

bool gateway_has_dispatcher(const struct gateway *gateway)
{
	for (unsigned i = 0; i < gateway->n_ports; i++)
		if (gateway_dispatches(gateway, i))
			return true;
	return false;
}
