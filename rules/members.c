// SPDX-License-Identifier: BSD-3-Clause
//
// Members of a pool.
#include <stdio.h>
#include <string.h>

#include "rules/address.h"
#include "rules/names.h"
#include "rules/reader.h"

static const char *const member_keys[] = { "name", "address", "mac", "weight", "standby", NULL };

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
	config_setting_t *at = config_setting_get_member(group, "mac");

	if (conf_string(&reader->conf, group, "mac", &text) <= 0)
		return;
	if (!mac_parse(text, member->mac))
		conf_error(&reader->conf, at, "six bytes as in 02:00:00:00:01:11",
			   "\"%.80s\" is no MAC address", text);
	else if (member->mac[0] & 1 || memcmp(member->mac, zero, 6) == 0)
		conf_error(&reader->conf, at,
			   "give the member's own, or leave it out to have it found",
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
	conf_bool(&reader->conf, group, "standby", &member->standby);
	if (member->standby && !pool->standby)
		conf_error(&reader->conf, config_setting_get_member(group, "standby"),
			   "give the pool redundancy = \"active-standby\"",
			   "a standby in a pool where all members are active");
}

// Standbys without anyone to stand by for, or none at all.
static void check_standby(struct reader *reader, config_setting_t *list,
			  const struct pool_def *pool)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pool->n_members; i++)
		n += pool->members[i].standby;
	if (n == 0)
		conf_error(&reader->conf, list, "give one standby = true, or leave redundancy out",
			   "active-standby, but no member is a standby");
	else if (n == pool->n_members)
		conf_error(&reader->conf, list, "leave standby out where a member is active",
			   "active-standby, but all members are standbys");
}

void read_members(struct reader *reader, config_setting_t *group, struct pool_def *pool)
{
	struct name_index names = { 0 };
	struct conf_list list;
	int got = conf_groups(&reader->conf, group, "members", RULES_MAX_MEMBERS, &list);

	if (got == 0 || (got > 0 && list.n == 0))
		conf_error(&reader->conf, got > 0 ? list.setting : group,
			   "members = ( { name, address } )", "it has no members");
	pool->members = arena_get(reader->arena, list.n * sizeof(*pool->members));
	if (pool->members == NULL) {
		reader_out_of_memory(reader);
		return;
	}
	for (unsigned i = 0; i < list.n; i++, pool->n_members++)
		read_member(reader, conf_list_get(&list, i), pool, &names);
	name_index_fini(&names);
	snprintf(reader->conf.what, sizeof(reader->conf.what), "pool \"%s\"", pool->name);
	if (pool->standby && list.n > 0)
		check_standby(reader, list.setting, pool);
}
