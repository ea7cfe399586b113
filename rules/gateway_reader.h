// SPDX-License-Identifier: BSD-3-Clause
//
// What the parts of gateway_read share, and gateway_read for text in memory (tests, fuzzers).
// Internal to gateway*.c and their tests.
#pragma once

#include <libconfig.h>
#include <stdbool.h>

#include "rules/conf.h"
#include "rules/gateway.h"
#include "rules/source.h"

struct gateway_reader {
	struct gateway *gateway;
	struct conf conf;
	struct source source;
};

// As gateway_read; `path` is what messages call the text and what `rules` is relative to. Includes
// are refused.
struct gateway *gateway_read_text(const char *path, const char *text, size_t length,
				  bool need_ports, struct diags *diags);

// Replaces a string of the gateway by a copy of `text`; reports when memory is out.
void gateway_replace(struct gateway_reader *reader, char **place, const char *text);

// A name of 1 to 32 letters, digits, '_' and '-'. 1, 0 absent, -1 wrong and reported.
int gateway_read_name(struct gateway_reader *reader, config_setting_t *group, const char *key,
		      char **place);

// Whether the text of `key` is one line of 1 to `max` bytes of UTF-8; reports what is wrong.
bool gateway_text_is_good(struct gateway_reader *reader, config_setting_t *group, const char *key,
			  const char *text, size_t max);

// A path, relative to the folder of gateway.conf.
void gateway_read_path(struct gateway_reader *reader, config_setting_t *group, const char *key,
		       char **place);

// Whether `text` can be the name of an agent.
bool gateway_is_agent(const char *text);

// Whether the kernel takes `text` as the name of an interface.
bool gateway_is_interface(const char *text);

// What only ports of type xdp have.
void gateway_read_xdp(struct gateway_reader *reader, config_setting_t *group,
		      struct gateway_port *port);

// The parts: `ports`, `listeners`, `siblings` and `agents`; everything else.
void gateway_read_ports(struct gateway_reader *reader, config_setting_t *root, bool need_ports);
void gateway_read_listeners(struct gateway_reader *reader, config_setting_t *root);
void gateway_read_siblings(struct gateway_reader *reader, config_setting_t *root);
void gateway_read_nats(struct gateway_reader *reader, config_setting_t *agents);
void gateway_read_settings(struct gateway_reader *reader, config_setting_t *root);
void gateway_read_agents(struct gateway_reader *reader, config_setting_t *root);

// The life of the settings for NATS.
void gateway_nats_init(struct gateway_nats *nats);
void gateway_nats_fini(struct gateway_nats *nats);

// `webhooks` of a queue. gateway_url_fault: NULL for a URL that one may have, and where its host (with port) stands in
// it; else what is wrong.
void gateway_read_webhooks(struct gateway_reader *reader, config_setting_t *group, struct gateway_queue *queue);
// What webhooks cannot be together with.
void gateway_check_webhooks(struct gateway_reader *reader, config_setting_t *agents);
void gateway_webhooks_free(struct gateway_queue *queue);
const char *gateway_url_fault(const char *url, size_t *host_at, size_t *host_size);

// Steering: `dispatch_cpu` of the group `dataplane`, behind the cpus of the workers; `dispatch` of a port.
void gateway_read_dispatch_cpu(struct gateway_reader *reader, config_setting_t *group);
void gateway_read_dispatch(struct gateway_reader *reader, config_setting_t *group,
			   struct gateway_port *port);
