// SPDX-License-Identifier: BSD-3-Clause
//
// Pools and their members.
#include <stdio.h>
#include <string.h>

#include "rules/address.h"
#include "rules/gateway.h"
#include "rules/names.h"
#include "rules/reader.h"

static const char *const pool_keys[] = { "name", "zone", "port", "members", NULL };
static const char *const member_keys[] = { "name", "address", "mac", "weight", NULL };

static void read_address(struct reader *reader, config_setting_t *group, struct member_def *member)
{
	const char *text = NULL;
	int got = conf_string(&reader->conf, group, "address", &text);

	if (got == 0)
		conf_error(&reader->conf, group, NULL, "it has no address");
	if (got <= 0)
		return;
	member->family = (uint8_t)address_parse(text, member->address);
	if (member->family == 0)
		conf_error(&reader->conf, config_setting_get_member(group, "address"),
			   "as in 10.1.0.11 or 2001:db8::11",
			   "\"%.80s\" is no IPv4 or IPv6 address", text);
}

static void read_mac(struct reader *reader, config_setting_t *group, struct member_def *member)
{
	static const uint8_t zero[6];
	const char *text = NULL;
	int got = conf_string(&reader->conf, group, "mac", &text);
	config_setting_t *at = config_setting_get_member(group, "mac");

	if (got == 0)
		conf_error(&reader->conf, group, "mac = \"02:00:00:00:01:11\"", "it has no mac");
	if (got <= 0)
		return;
	if (!mac_parse(text, member->mac))
		conf_error(&reader->conf, at, "six bytes as in 02:00:00:00:01:11",
			   "\"%.80s\" is no MAC address", text);
	else if (member->mac[0] & 1 || memcmp(member->mac, zero, 6) == 0)
		conf_error(&reader->conf, at, "give the member's own",
			   "the MAC address \"%s\" is not that of one interface", text);
}

static void read_member(struct reader *reader, config_setting_t *group, struct pool_def *pool,
			struct name_index *names)
{
	struct member_def *member = &pool->members[pool->n_members];
	char kind[WEIR_NAME_MAX + 32];
	const struct reader_name name = {
		kind, names, name_fault, &pool->members[0].where, sizeof(*member), pool->n_members
	};
	int64_t weight = 1;

	snprintf(kind, sizeof(kind), "pool \"%s\": member", pool->name);
	member->where = reader_where(reader, group);
	member->name = reader_open(reader, group, &name, member_keys);
	if (member->name == NULL)
		return;
	read_address(reader, group, member);
	read_mac(reader, group, member);
	conf_int(&reader->conf, group, "weight", (struct conf_range){ 1, 1000 }, &weight);
	member->weight = (uint16_t)weight;
}

static void read_members(struct reader *reader, config_setting_t *group, struct pool_def *pool)
{
	struct name_index names = { 0 };
	struct conf_list list;
	int got = conf_groups(&reader->conf, group, "members", RULES_MAX_MEMBERS, &list);

	if (got == 0 || (got > 0 && list.n == 0))
		conf_error(&reader->conf, got > 0 ? list.setting : group,
			   "members = ( { name, address, mac } )", "it has no members");
	pool->members = arena_get(reader->arena, list.n * sizeof(*pool->members));
	if (pool->members == NULL) {
		reader_out_of_memory(reader);
		return;
	}
	for (unsigned i = 0; i < list.n; i++, pool->n_members++)
		read_member(reader, conf_list_get(&list, i), pool, &names);
	name_index_fini(&names);
}

// The index of a port, or its name.
static void read_port(struct reader *reader, config_setting_t *group, struct pool_def *pool)
{
	config_setting_t *setting = config_setting_get_member(group, "port");
	const char *text = NULL, *fault;
	int64_t port = 0;

	if (setting == NULL)
		return;
	if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
		conf_int(&reader->conf, group, "port",
			 (struct conf_range){ 0, GATEWAY_MAX_PORTS - 1 }, &port);
		pool->port_index = (uint16_t)port;
		return;
	}
	text = config_setting_get_string(setting);
	fault = name_fault(text, strlen(text));
	if (fault != NULL)
		conf_error(&reader->conf, setting, NULL, "the port name %s", fault);
	pool->port_name = arena_string(reader->arena, text, strlen(text));
	if (pool->port_name == NULL)
		reader_out_of_memory(reader);
}

static void read_pool(struct reader *reader, config_setting_t *group, uint16_t i)
{
	struct pool_def *pools = reader->rules->pools, *pool = &pools[i];
	const struct reader_name name = { "pool",          &reader->pools,   name_fault,
					  &pools[0].where, sizeof(pools[0]), i };

	pool->where = reader_where(reader, group);
	pool->zone = RULES_NO_INDEX;
	pool->name = reader_open(reader, group, &name, pool_keys);
	if (pool->name == NULL)
		return;
	reader_reference(reader, group, "zone", "zone", &reader->zones, &pool->zone);
	read_port(reader, group, pool);
	read_members(reader, group, pool);
}

void read_pools(struct reader *reader, config_setting_t *root)
{
	struct conf_list list;

	conf_groups(&reader->conf, root, "pools", RULES_MAX_TARGETS, &list);
	reader->rules->pools = arena_get(reader->arena, list.n * sizeof(struct pool_def));
	if (reader->rules->pools == NULL) {
		reader_out_of_memory(reader);
		return;
	}
	for (unsigned i = 0; i < list.n; i++) {
		reader->rules->n_pools++;
		read_pool(reader, conf_list_get(&list, i), (uint16_t)i);
	}
	reader->conf.what[0] = '\0';
}
