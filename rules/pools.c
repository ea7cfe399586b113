// SPDX-License-Identifier: BSD-3-Clause
//
// Pools: where they stand, how their members are reached and chosen. members.c reads the members,
// health.c how they are watched.
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "rules/address.h"
#include "rules/gateway.h"
#include "rules/maglev.h"
#include "rules/names.h"
#include "rules/reader.h"

enum { FAIL_BACK_DEFAULT = 30, FAIL_BACK_MAX = 3600 }; // seconds

static const char *const pool_keys[] = { "name",      "zone",   "port",  "members",
					 "mode",      "source", "slots", "redundancy",
					 "fail_back", "health", "eject", NULL };
#define X(name, text) text,
static const char *const modes[] = { WEIR_FORWARD_MODES(X) NULL };
#undef X
static const char *const redundancies[] = { "active-active", "active-standby", NULL };

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

static bool is_source(const uint8_t address[16], int family)
{
	static const uint8_t zero[16];

	if (family == 0 || memcmp(address, zero, sizeof(zero)) == 0)
		return false;
	return family == 4 ? address[0] < 224 : address[0] != 0xff;
}

static void read_mode(struct reader *reader, config_setting_t *group, struct pool_def *pool)
{
	config_setting_t *at = config_setting_get_member(group, "source");
	const char *text = NULL;
	int mode = WEIR_MODE_L2, got;

	conf_word(&reader->conf, group, "mode", modes, &mode);
	pool->mode = (uint8_t)mode;
	got = conf_string(&reader->conf, group, "source", &text);
	if (got == 0 && mode != WEIR_MODE_L2)
		conf_error(&reader->conf, group, "source = \"10.0.0.1\"",
			   "mode \"%s\" needs a source", modes[mode]);
	if (got <= 0)
		return;
	if (mode == WEIR_MODE_L2)
		conf_error(&reader->conf, at,
			   "leave it out, or set mode to \"ipip\", \"gue\" or \"nat\"",
			   "source has no meaning in mode \"l2\", which changes no address");
	pool->source_family = (uint8_t)address_parse(text, pool->source);
	if (!is_source(pool->source, pool->source_family)) {
		conf_error(&reader->conf, at, "as in 10.0.0.1 or 2001:db8::1",
			   "\"%.80s\" is no address of one host", text);
		pool->source_family = 0;
	}
}

// What goes round a datagram, or into it, is of one family: the member's.
static void check_families(struct reader *reader, config_setting_t *group,
			   const struct pool_def *pool)
{
	for (unsigned i = 0; i < pool->n_members; i++) {
		const struct member_def *member = &pool->members[i];

		if (pool->source_family == 0 || member->family == 0 || member->name == NULL ||
		    member->family == pool->source_family)
			continue;
		conf_error(&reader->conf, config_setting_get_member(group, "source"),
			   "give it the members' family, or the member a pool of its own",
			   "source is IPv%u, the address of member \"%s\" is IPv%u",
			   pool->source_family, member->name, member->family);
		return;
	}
}

static void read_slots(struct reader *reader, config_setting_t *group, struct pool_def *pool)
{
	int64_t slots = 0;

	if (conf_int(&reader->conf, group, "slots", (struct conf_range){ 1, MAGLEV_SLOTS_MAX },
		     &slots) <= 0)
		return;
	if (!maglev_slots_good((uint32_t)slots))
		conf_error(&reader->conf, config_setting_get_member(group, "slots"),
			   "65537 is, and so are 1021, 8191 and 262139", "slots %lld is no prime",
			   (long long)slots);
	else if (slots < pool->n_members)
		conf_error(&reader->conf, config_setting_get_member(group, "slots"),
			   "a hundred for each member spread well",
			   "%lld slots are fewer than its %u members", (long long)slots,
			   pool->n_members);
	pool->slots = (uint32_t)slots;
}

static void read_redundancy(struct reader *reader, config_setting_t *group, struct pool_def *pool)
{
	int64_t fail_back = FAIL_BACK_DEFAULT;
	int redundancy = 0;

	conf_word(&reader->conf, group, "redundancy", redundancies, &redundancy);
	pool->standby = redundancy == 1;
	if (conf_int(&reader->conf, group, "fail_back", (struct conf_range){ 0, FAIL_BACK_MAX },
		     &fail_back) != 0 &&
	    !pool->standby)
		conf_error(&reader->conf, config_setting_get_member(group, "fail_back"),
			   "add redundancy = \"active-standby\", or leave fail_back out",
			   "fail_back in a pool where all members are active");
	pool->fail_back = pool->standby ? (uint16_t)fail_back : 0;
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
	read_mode(reader, group, pool);
	read_redundancy(reader, group, pool);
	read_members(reader, group, pool);
	read_slots(reader, group, pool);
	read_health(reader, group, pool);
	read_eject(reader, group, pool);
	check_families(reader, group, pool);
}

// The member of an earlier nat pool with this address and another service address, or NULL.
static const struct pool_def *find_other_source(const struct rule_set *rules,
						const struct pool_def *pool,
						const struct member_def *member)
{
	for (const struct pool_def *other = rules->pools; other < pool; other++)
		for (unsigned i = 0; other->mode == WEIR_MODE_NAT && i < other->n_members; i++)
			if (other->members[i].family == member->family &&
			    memcmp(other->members[i].address, member->address,
				   sizeof(member->address)) == 0 &&
			    memcmp(other->source, pool->source, sizeof(pool->source)) != 0)
				return other;
	return NULL;
}

// The answers of a member of nat pools get its service address as their source, so it has one alone.
static void check_nat(struct reader *reader, const struct rule_set *rules,
		      const struct pool_def *pool)
{
	for (unsigned i = 0; pool->mode == WEIR_MODE_NAT && i < pool->n_members; i++) {
		const struct member_def *member = &pool->members[i];
		const struct pool_def *other = find_other_source(rules, pool, member);

		if (other != NULL && member->family != 0 && member->name != NULL)
			diags_push(
				reader->diags, DIAG_ERROR, reader->source.files[member->where.file],
				member->where.line,
				"give both pools one source, or the member a second address",
				"pool \"%s\": member \"%s\": its address is in nat pool \"%s\" with another source",
				pool->name, member->name, other->name);
	}
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
	for (unsigned i = 0; i < list.n; i++)
		check_nat(reader, reader->rules, &reader->rules->pools[i]);
}
