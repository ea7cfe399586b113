// SPDX-License-Identifier: BSD-3-Clause
//
// gateway.conf: its life cycle and look-ups. It is read by the same readers as rule files; every fault
// is reported, and what is left out has its default.
#include "rules/gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/file.h"
#include "rules/gateway_reader.h"

static const char *const top_keys[] = { "name",	     "run_dir", "state_dir", "rules",  "user",
					"dataplane", "ports",	"listeners", "agents",
					"siblings", "fragments", "health_commands", NULL };

static void set_numbers(struct gateway *gateway)
{
	static const struct gateway_listener listeners[] = {
		{ .protocol = WEIR_NATIVE, .port = 5700 },
		{ .protocol = WEIR_SIP, .port = 5060 },
		{ .protocol = WEIR_COAP, .port = 5683 }
	};

	gateway->memory_mb = 512;
	gateway->hugepages = HUGEPAGES_AUTO;
	gateway->worker_cpus[0] = 1;
	gateway->n_workers = 1;
	gateway->dispatch_cpu = -1;
	memcpy(gateway->listeners, listeners, sizeof(listeners));
	gateway->n_listeners = sizeof(listeners) / sizeof(listeners[0]);
	gateway->agent_slots = 16384;
	gateway->spool_mb = 4096;
	gateway->answer_rate = 10000;
	gateway->retention_h = 168;
	gateway->dead_h = 720;
	gateway->done_h = 24;
	gateway->tx_staging = 512;
	gateway->fragments = (struct gateway_fragments){ 1024, 4096, 64, 1000 };
	gateway->retransmissions = 262144;
	gateway_nats_init(&gateway->nats);
}

static struct gateway *create(const char *file)
{
	struct gateway *gateway = calloc(1, sizeof(*gateway));

	if (gateway == NULL)
		return NULL;
	set_numbers(gateway);
	gateway->file = strdup(file);
	gateway->name = strdup("gw1");
	gateway->run_dir = strdup("/run/weir");
	gateway->state_dir = strdup("/var/lib/weir");
	gateway->rules = file_join(file, "rules.conf");
	gateway->health_commands = file_join(file, "health.d");
	if (gateway->file != NULL && gateway->name != NULL && gateway->run_dir != NULL &&
	    gateway->state_dir != NULL && gateway->rules != NULL &&
	    gateway->health_commands != NULL)
		return gateway;
	gateway_destroy(gateway);
	return NULL;
}

struct gateway *gateway_default(void)
{
	return create("gateway.conf");
}

static void free_queue(struct gateway_queue *queue)
{
	for (unsigned i = 0; i < queue->n_order; i++)
		free(queue->order[i]);
	free(queue->order);
	gateway_webhooks_free(queue);
	free(queue->name);
}

void gateway_destroy(struct gateway *gateway)
{
	if (gateway == NULL)
		return;
	for (unsigned i = 0; i < GATEWAY_MAX_PORTS; i++) {
		free(gateway->ports[i].name);
		free(gateway->ports[i].device);
		free(gateway->ports[i].kernel);
	}
	for (unsigned i = 0; i < GATEWAY_MAX_SIBLINGS; i++)
		free(gateway->siblings[i].name);
	for (unsigned i = 0; i < gateway->n_queues; i++)
		free_queue(&gateway->queues[i]);
	free(gateway->queues);
	free(gateway->file);
	free(gateway->name);
	free(gateway->run_dir);
	free(gateway->state_dir);
	free(gateway->rules);
	free(gateway->health_commands);
	free(gateway->user);
	gateway_nats_fini(&gateway->nats);
	free(gateway->tls_cert);
	free(gateway->tls_key);
	free(gateway);
}

static void read_root(struct gateway_reader *reader, config_setting_t *root, bool need_ports)
{
	conf_group(&reader->conf, root, top_keys);
	gateway_read_settings(reader, root);
	gateway_read_agents(reader, root);
	gateway_read_ports(reader, root, need_ports);
	gateway_read_listeners(reader, root);
	gateway_read_siblings(reader, root);
}

static void read_parsed(struct gateway_reader *reader, bool need_ports)
{
	config_t config;

	config_init(&config);
	if (config_read_string(&config, reader->source.text) == CONFIG_TRUE) {
		read_root(reader, config_root_setting(&config), need_ports);
	} else {
		uint32_t file, line;

		source_place(&reader->source, (uint32_t)config_error_line(&config), &file, &line);
		diags_push(reader->conf.diags, DIAG_ERROR, reader->source.files[file], line, NULL,
			   "%s", config_error_text(&config));
	}
	config_destroy(&config);
}

// `text` NULL: what is in the file.
static struct gateway *read_any(const char *path, const char *text, size_t length, bool need_ports,
				struct diags *diags)
{
	struct gateway_reader reader = { .gateway = create(path) };
	uint32_t errors = diags->n_errors;
	int err;

	if (reader.gateway == NULL) {
		diags_push(diags, DIAG_ERROR, path, 0, NULL, "out of memory");
		return NULL;
	}
	reader.conf.source = &reader.source;
	reader.conf.diags = diags;
	err = text != NULL ? source_read_text(&reader.source, path, text, length, diags)
			   : source_read(&reader.source, path, diags);
	if (err == 0)
		read_parsed(&reader, need_ports);
	source_fini(&reader.source);
	if (diags->n_errors == errors)
		return reader.gateway;
	gateway_destroy(reader.gateway);
	return NULL;
}

struct gateway *gateway_read(const char *path, bool need_ports, struct diags *diags)
{
	return read_any(path, NULL, 0, need_ports, diags);
}

struct gateway *gateway_read_text(const char *path, const char *text, size_t length,
				  bool need_ports, struct diags *diags)
{
	return read_any(path, text, length, need_ports, diags);
}

int gateway_port_find(const struct gateway *gateway, const char *name, unsigned index)
{
	if (name == NULL)
		return index < gateway->n_ports ? (int)index : -1;
	for (int i = 0; i < gateway->n_ports; i++)
		if (strcmp(gateway->ports[i].name, name) == 0)
			return i;
	return -1;
}

static int join(const char *folder, const char *name, const char *leaf, char *out, size_t size)
{
	int n = snprintf(out, size, "%s/%s/%s", folder, name, leaf);

	return n >= 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

int gateway_run_path(const struct gateway *gateway, const char *leaf, char *out, size_t size)
{
	return join(gateway->run_dir, gateway->name, leaf, out, size);
}

int gateway_state_path(const struct gateway *gateway, const char *leaf, char *out, size_t size)
{
	return join(gateway->state_dir, gateway->name, leaf, out, size);
}
