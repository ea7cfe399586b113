// SPDX-License-Identifier: BSD-3-Clause
//
// gateway.conf from any bytes: a gateway or at least one error, and of a gateway what its header promises.
#include <stdlib.h>
#include <string.h>

#include "rules/gateway_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void check_webhooks(const struct gateway_queue *queue)
{
	size_t at, size;

	must(queue->n_webhooks <= GATEWAY_MAX_WEBHOOKS);
	for (unsigned i = 0; i < queue->n_webhooks; i++) {
		const struct gateway_webhook *hook = &queue->webhooks[i];

		must(hook->secret_file != NULL && gateway_url_fault(hook->url, &at, &size) == NULL);
		must(strlen(hook->host) == size && strncmp(hook->url + at, hook->host, size) == 0);
		must(hook->timeout_s < queue->lease_s && hook->max >= 1 && hook->break_after >= 1);
	}
}

static void check_gateway(const struct gateway *gateway)
{
	must(strlen(gateway->name) <= 32 && gateway->rules[0] != '\0');
	must(gateway->n_workers >= 1 && gateway->n_workers <= GATEWAY_MAX_WORKERS);
	for (unsigned i = 1; i < gateway->n_workers; i++)
		for (unsigned k = 0; k < i; k++)
			must(gateway->worker_cpus[i] != gateway->worker_cpus[k]);
	must(gateway->n_ports >= 1 && gateway->n_ports <= GATEWAY_MAX_PORTS);
	for (unsigned i = 0; i < gateway->n_ports; i++) {
		must(gateway->ports[i].device != NULL &&
		     gateway->ports[i].queues <= gateway->n_workers);
		must(gateway_port_find(gateway, gateway->ports[i].name, 0) == (int)i);
	}
	for (unsigned i = 0; i < gateway->n_queues; i++)
		check_webhooks(&gateway->queues[i]);
	must(gateway->n_listeners >= 1 && gateway->n_listeners <= GATEWAY_MAX_LISTENERS);
	for (unsigned i = 0; i < gateway->n_listeners; i++)
		must(gateway->listeners[i].port != 0 &&
		     gateway->listeners[i].protocol < WEIR_N_PROTOCOLS);
	must((gateway->agent_slots & (gateway->agent_slots - 1)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gateway *gateway;
	struct diags diags;

	diags_init(&diags);
	gateway = gateway_read_text("fuzz.conf", (const char *)data, size, true, &diags);
	must((gateway == NULL) == (diags.n_errors > 0));
	if (gateway != NULL)
		check_gateway(gateway);
	gateway_destroy(gateway);
	diags_fini(&diags);
	return 0;
}
