// SPDX-License-Identifier: BSD-3-Clause
//
// What only a port of type "xdp" has in gateway.conf: limits that its XDP program applies.
#include <stdio.h>
#include <string.h>

#include "rules/gateway_reader.h"

static const char *const flood_keys[] = { "rate", "burst", NULL };

enum { BLOCKED_DEFAULT = 262144, BLOCKED_MOST = 1 << 24, RATE_MOST = 100000000 };

static void read_limit(struct gateway_reader *reader, config_setting_t *group, const char *key,
		       uint32_t *place)
{
	int64_t value = *place;

	conf_int(&reader->conf, group, key, (struct conf_range){ 1, RATE_MOST }, &value);
	*place = (uint32_t)value;
}

static void read_flood(struct gateway_reader *reader, config_setting_t *flood,
		       struct gateway_port *port)
{
	if (flood == NULL || !conf_group(&reader->conf, flood, flood_keys))
		return;
	read_limit(reader, flood, "rate", &port->flood_rate);
	if (config_setting_get_member(flood, "rate") == NULL)
		conf_error(&reader->conf, flood, "rate = 10000, messages a second of one source",
			   "flood has no rate");
	port->flood_burst = port->flood_rate;
	read_limit(reader, flood, "burst", &port->flood_burst);
}

static void refuse_elsewhere(struct gateway_reader *reader, config_setting_t *group,
			     const char *key)
{
	config_setting_t *setting = config_setting_get_member(group, key);

	if (setting != NULL)
		conf_error(&reader->conf, setting, "type = \"xdp\"",
			   "only a port of type xdp has %s", key);
}

void gateway_read_xdp(struct gateway_reader *reader, config_setting_t *group,
		      struct gateway_port *port)
{
	int64_t blocked_max = BLOCKED_DEFAULT;

	if (port->type != GATEWAY_PORT_XDP) {
		refuse_elsewhere(reader, group, "flood");
		refuse_elsewhere(reader, group, "blocked_max");
		return;
	}
	if (port->device != NULL && !gateway_is_interface(port->device))
		conf_error(&reader->conf, config_setting_get_member(group, "device"),
			   "the name of an interface, as \"eth1\"",
			   "device \"%.80s\" cannot be the name of an interface", port->device);
	if (port->kernel != NULL)
		conf_error(&reader->conf, config_setting_get_member(group, "kernel"),
			   "leave it out", "a port of type xdp has its own interface beside it");
	read_flood(reader, config_setting_get_member(group, "flood"), port);
	conf_int(&reader->conf, group, "blocked_max", (struct conf_range){ 1, BLOCKED_MOST },
		 &blocked_max);
	port->blocked_max = (uint32_t)blocked_max;
}
