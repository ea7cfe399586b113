// SPDX-License-Identifier: BSD-3-Clause
//
// Checks of a table image: what verdicts lead to (table_pools.c for pools), who the tenants are, which
// sources are blocked.
// Every index and string offset that a reader of the table follows is found to be in range.

#include "rules/table_check.h"

#include <string.h>

#include "rules/lookup.h"

// The section begins with the empty string and ends in NUL, so that each offset is a string.
static int check_strings(struct table_check *check)
{
	const struct table *t = check->table;
	uint64_t n = table_count(t, TABLE_STRINGS);

	if (n == 0 || n > UINT32_MAX || t->strings[0] != '\0' || t->strings[n - 1] != '\0')
		return table_refuse(check, "the strings do not start and end with NUL");
	for (uint32_t i = 0; i <= t->header->n_rules; i++)
		if (!table_string_good(t, t->rule_names[i]))
			return table_refuse(check, "rule %u: name out of range", i);
	for (uint64_t i = 0; i < table_count(t, TABLE_REASONS); i++)
		if (!table_string_good(t, t->reasons[i]))
			return table_refuse(check, "reason %u: name out of range", (unsigned)i);
	for (uint64_t i = 0; i < table_count(t, TABLE_ZONES); i++)
		if (!table_string_good(t, t->zones[i].name))
			return table_refuse(check, "zone %u: name out of range", (unsigned)i);
	return 0;
}

static bool target_good(const struct table *t, unsigned action, uint16_t target)
{
	switch (action) {
	case WEIR_ACT_FORWARD:
		return target < table_count(t, TABLE_POOLS);
	case WEIR_ACT_AGENTS:
		return target < table_count(t, TABLE_QUEUES);
	case WEIR_ACT_REPLY:
		return target < table_count(t, TABLE_REPLIES);
	case WEIR_ACT_DROP:
		return target < table_count(t, TABLE_REASONS);
	}
	return false;
}

static bool exceed_good(const struct table *t, const struct verdict *v)
{
	if (v->exceed == WEIR_ACT_DROP)
		return v->exceed_named <= 1 && v->exceed_target == TABLE_NONE16;
	return v->exceed_named == 1 && v->exceed != WEIR_ACT_FORWARD && target_good(t, v->exceed, v->exceed_target);
}

static bool verdict_good(const struct table *t, const struct verdict *v)
{
	if (!target_good(t, v->action, v->target) || !exceed_good(t, v) || !table_zone_good(t, v->zone))
		return false;
	if (v->zone != (v->action == WEIR_ACT_FORWARD ? t->pools[v->target].zone : TABLE_NONE16))
		return false;
	if (v->set_priority > WEIR_NON_URGENT && v->set_priority != 0xff)
		return false;
	return (v->copy == TABLE_NONE16 || v->copy < table_count(t, TABLE_QUEUES)) &&
	       (v->meter == TABLE_NONE || v->meter < table_count(t, TABLE_METERS));
}

static int check_verdicts(struct table_check *check)
{
	const struct table *t = check->table;

	for (uint32_t i = 0; i <= t->header->n_rules; i++)
		if (!verdict_good(t, &t->verdicts[i]))
			return table_refuse(check, "rule %u: its verdict leads nowhere", i);
	for (uint64_t i = 0; i < table_count(t, TABLE_METERS); i++)
		if (t->meters[i].rate == 0 || t->meters[i].burst == 0)
			return table_refuse(check, "meter %u: no rate or no burst", (unsigned)i);
	return 0;
}

static int check_queues_and_replies(struct table_check *check)
{
	const struct table *t = check->table;

	for (uint64_t i = 0; i < table_count(t, TABLE_QUEUES); i++)
		if (!table_string_good(t, t->queues[i].name) || !table_zone_good(t, t->queues[i].zone))
			return table_refuse(check, "queue %u: name or zone out of range", (unsigned)i);
	for (uint64_t i = 0; i < table_count(t, TABLE_REPLIES); i++) {
		const struct table_reply *reply = &t->replies[i];

		if (!table_string_good(t, reply->name) || !table_string_good(t, reply->text) ||
		    reply->text_length > 512 || !table_string_good(t, (uint64_t)reply->text + reply->text_length))
			return table_refuse(check, "reply %u: name or text out of range", (unsigned)i);
		if (reply->status >= WEIR_N_STATUSES)
			return table_refuse(check, "reply %u: no such status", (unsigned)i);
	}
	return 0;
}

static void set_bits(uint64_t bitmap[1024], uint64_t first, uint64_t last)
{
	for (uint64_t i = first; i <= last; i++)
		bitmap[i / 64] |= UINT64_C(1) << (i % 64);
}

static int compare6(const uint64_t a[2], const uint64_t b[2])
{
	if (a[0] != b[0])
		return a[0] < b[0] ? -1 : 1;
	return a[1] < b[1] ? -1 : a[1] > b[1];
}

static int check_blocked(struct table_check *check)
{
	const struct table *t = check->table;
	uint64_t any[1024] = {0};

	for (uint64_t i = 0; i < table_count(t, TABLE_BLOCKED4); i++) {
		const struct blocked4_range *range = &t->blocked4[i];

		if (range->first > range->last || (i > 0 && range->first <= range[-1].last))
			return table_refuse(check, "blocked IPv4 range %u is out of order", (unsigned)i);
		set_bits(any, range->first >> 16, range->last >> 16);
	}
	if (memcmp(any, t->header->blocked4_any, sizeof(any)) != 0)
		return table_refuse(check, "the map of blocked IPv4 sources is wrong");
	memset(any, 0, sizeof(any));
	for (uint64_t i = 0; i < table_count(t, TABLE_BLOCKED6); i++) {
		const struct blocked6_range *range = &t->blocked6[i];

		if (compare6(range->first, range->last) > 0 || (i > 0 && compare6(range->first, range[-1].last) <= 0))
			return table_refuse(check, "blocked IPv6 range %u is out of order", (unsigned)i);
		set_bits(any, range->first[0] >> 48, range->last[0] >> 48);
	}
	if (memcmp(any, t->header->blocked6_any, sizeof(any)) != 0)
		return table_refuse(check, "the map of blocked IPv6 sources is wrong");
	return 0;
}

int table_check_targets(struct table_check *check)
{
	int err = check_strings(check);

	if (err == 0)
		err = table_check_pools(check);
	if (err == 0)
		err = check_queues_and_replies(check);
	if (err == 0)
		err = check_verdicts(check);
	return err != 0 ? err : check_blocked(check);
}

static int check_tenant_classes(struct table_check *check)
{
	const struct table *t = check->table;
	uint64_t n_blocks = table_count(t, TABLE_BLOCKS);

	if (t->tenant_classes[0].key != TABLE_NONE || t->tenant_classes[0].meter != TABLE_NONE)
		return table_refuse(check, "the unknown tenant has a key or a rate");
	for (uint64_t i = 0; i < table_count(t, TABLE_TENANT_CLASSES); i++) {
		const struct tenant_class *class = &t->tenant_classes[i];

		if (class->group_block >= n_blocks || class->named_block >= n_blocks)
			return table_refuse(check, "tenant class %u: no such block", (unsigned)i);
		if (class->key != TABLE_NONE && class->key >= table_count(t, TABLE_KEYS))
			return table_refuse(check, "tenant class %u: no such key", (unsigned)i);
		if (class->meter != TABLE_NONE && class->meter >= table_count(t, TABLE_METERS))
			return table_refuse(check, "tenant class %u: no such meter", (unsigned)i);
		if (class->home != WEIR_COUNTRY_NONE && class->home >= WEIR_N_COUNTRIES)
			return table_refuse(check, "tenant class %u: no such home", (unsigned)i);
	}
	return 0;
}

static unsigned count_id(const struct tenant_bucket *bucket, uint32_t id)
{
	unsigned n = 0;

	for (unsigned way = 0; way < TABLE_WAYS; way++)
		n += bucket->id[way] == id;
	return n;
}

// Whether `id`, found in bucket `at`, is where a look-up finds it, and there only. Full buckets are
// those whose last way is taken, since the ways fill from the first.
static bool tenant_good(const struct table *t, uint32_t id, uint32_t at)
{
	uint32_t b1 = tenant_hash1(id) & t->bucket_mask, b2 = tenant_hash2(id) & t->bucket_mask;
	bool first_full = t->buckets[b1].id[TABLE_WAYS - 1] != 0;
	unsigned found = count_id(&t->buckets[b1], id);

	if (at != b1 && !(at == b2 && first_full))
		return false;
	if (first_full && b1 != b2)
		found += count_id(&t->buckets[b2], id);
	return found == 1;
}

static int check_bucket(struct table_check *check, uint32_t at, uint32_t *n_tenants)
{
	const struct table *t = check->table;
	const struct tenant_bucket *bucket = &t->buckets[at];
	uint64_t n_classes = table_count(t, TABLE_TENANT_CLASSES);

	for (unsigned way = 0; way < TABLE_WAYS; way++) {
		uint32_t id = bucket->id[way], name = t->tenant_names[at * (uint64_t)TABLE_WAYS + way];

		if (id == 0) {
			if (bucket->class[way] != 0 || name != 0)
				return table_refuse(check, "tenant bucket %u: an empty way has a class", at);
			continue;
		}
		if (way > 0 && bucket->id[way - 1] == 0)
			return table_refuse(check, "tenant bucket %u: a gap before way %u", at, way);
		if (bucket->class[way] >= n_classes || !table_string_good(t, name))
			return table_refuse(check, "tenant %u: class or name out of range", id);
		if (!tenant_good(t, id, at))
			return table_refuse(check, "tenant %u is twice in the table or where none looks", id);
		++*n_tenants;
	}
	return 0;
}

int table_check_tenants(struct table_check *check)
{
	const struct table *t = check->table;
	uint32_t n_tenants = 0;
	int err = check_tenant_classes(check);

	for (uint64_t i = 0; err == 0 && i < table_count(t, TABLE_TENANT_BUCKETS); i++)
		err = check_bucket(check, (uint32_t)i, &n_tenants);
	if (err == 0 && n_tenants != t->header->n_tenants)
		err = table_refuse(check, "%u tenants, the header says %u", n_tenants, t->header->n_tenants);
	return err;
}
