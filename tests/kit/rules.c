// SPDX-License-Identifier: BSD-3-Clause
//
// Random rule sets for tests and benchmarks. Memory is one chain of blocks that goes with the set.

#include "tests/kit/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/country.h"

struct chunk {
	struct chunk *next;
	max_align_t data[];
};

struct maker {
	struct rule_set *rules;
	const struct kit_rules_shape *shape;
	uint64_t random;
	struct group_set **sets; // distinct group sets
	uint32_t n_sets;
	uint16_t bound[64];
};

uint64_t kit_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint32_t below(struct maker *make, uint32_t n)
{
	return kit_random_below(&make->random, n);
}

static bool percent(struct maker *make, unsigned share)
{
	return below(make, 100) < share;
}

static void *take(struct maker *make, size_t n)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk) + n + 1);

	if (chunk == NULL)
		abort();
	chunk->next = make->rules->arena;
	make->rules->arena = chunk;
	return chunk->data;
}

static const char *name(struct maker *make, const char *prefix, uint32_t i)
{
	char *out = take(make, 24);

	snprintf(out, 24, "%s%u", prefix, i);
	return out;
}

uint16_t kit_rules_country(uint64_t *state, bool assigned)
{
	uint16_t country;

	do
		country = (uint16_t)kit_random_below(state, WEIR_N_COUNTRIES);
	while (assigned && !country_is_assigned(country) && country != WEIR_COUNTRY_ZZ);
	return country;
}

// A few countries that rules like to speak of, or any.
static unsigned country(struct maker *make)
{
	static const char often[][3] = {"DE", "FR", "AT", "CH", "LI", "IN", "US", "GB", "ZZ", "AE"};

	if (!percent(make, make->shape->rare_percent))
		return (unsigned)weir_country_find(often[below(make, sizeof(often) / sizeof(*often))]);
	return kit_rules_country(&make->random, make->shape->assigned);
}

static void make_zones(struct maker *make)
{
	struct rule_set *rules = make->rules;

	rules->n_zones = make->shape->n_zones;
	rules->zones = take(make, rules->n_zones * sizeof(*rules->zones));
	for (unsigned i = 0; i < rules->n_zones; i++) {
		rules->zones[i].name = name(make, "zone", i);
		for (unsigned n = below(make, 30); n > 0; n--)
			country_set_put(&rules->zones[i].countries, country(make));
	}
}

static void make_pools(struct maker *make)
{
	struct rule_set *rules = make->rules;

	rules->n_pools = make->shape->n_pools;
	rules->pools = take(make, rules->n_pools * sizeof(*rules->pools));
	for (unsigned i = 0; i < rules->n_pools; i++) {
		struct pool_def *pool = &rules->pools[i];

		pool->name = name(make, "pool", i);
		pool->slots = 251;
		pool->zone = rules->n_zones > 0 && percent(make, 70) ? (uint16_t)below(make, rules->n_zones) :
								       RULES_NO_INDEX;
		pool->n_members = (uint16_t)(1 + below(make, 4));
		pool->members = take(make, pool->n_members * sizeof(*pool->members));
		for (unsigned m = 0; m < pool->n_members; m++)
			pool->members[m] = (struct member_def){
				.name = name(make, "member", m),
				.address = {10, 0, (uint8_t)i, (uint8_t)m},
				.family = 4,
				.mac = {2, 0, 0, 0, (uint8_t)i, (uint8_t)m},
				.weight = (uint16_t)(1 + below(make, 3)),
			};
	}
}

static void make_queues(struct maker *make)
{
	struct rule_set *rules = make->rules;

	rules->n_queues = make->shape->n_queues;
	rules->queues = take(make, rules->n_queues * sizeof(*rules->queues));
	for (unsigned i = 0; i < rules->n_queues; i++) {
		rules->queues[i].name = name(make, "queue", i);
		rules->queues[i].zone = rules->n_zones > 0 && percent(make, 30) ?
						(uint16_t)below(make, rules->n_zones) : RULES_NO_INDEX;
	}
	rules->n_replies = 1;
	rules->replies = take(make, sizeof(*rules->replies));
	rules->replies[0] = (struct reply_def){.name = "busy", .text = "later", .retry_after = 30,
					       .status = WEIR_STATUS_BUSY};
	rules->n_reasons = 2;
	rules->reasons = take(make, 2 * sizeof(*rules->reasons));
	rules->reasons[0] = "spam";
	rules->reasons[1] = "closed";
}

static void make_groups(struct maker *make)
{
	struct rule_set *rules = make->rules;

	rules->n_groups = make->shape->n_groups;
	rules->groups = take(make, rules->n_groups * sizeof(*rules->groups));
	for (unsigned i = 0; i < rules->n_groups; i++)
		rules->groups[i] = name(make, "group", i);
	make->n_sets = 1 + 3u * rules->n_groups;
	make->sets = take(make, make->n_sets * sizeof(*make->sets));
	for (unsigned i = 0; i < make->n_sets; i++) {
		unsigned at = rules->n_groups == 0 ? 0 : below(make, rules->n_groups);
		unsigned n = i == 0 ? 0 : 1 + below(make, 3);

		make->sets[i] = take(make, sizeof(struct group_set) + n * sizeof(uint16_t));
		for (; make->sets[i]->n < n && at < rules->n_groups; at += 1 + below(make, 3))
			make->sets[i]->group[make->sets[i]->n++] = (uint16_t)at;
	}
}

// Ids are distinct: some small and close together, some far apart.
static void make_tenants(struct maker *make)
{
	struct rule_set *rules = make->rules;
	uint32_t far = 0x9e3779b1u;

	rules->n_tenants = make->shape->n_tenants;
	rules->tenants = take(make, (size_t)rules->n_tenants * sizeof(*rules->tenants));
	for (uint32_t i = 0; i < rules->n_tenants; i++) {
		struct tenant_def *tenant = &rules->tenants[i];

		tenant->id = i % 2 == 0 ? 1001 + i / 2 : (far += 0x9e3779b1u) | 0x80000000u;
		tenant->groups = make->sets[percent(make, 30) ? 0 : below(make, make->n_sets)];
		tenant->home = percent(make, 50) ? WEIR_COUNTRY_NONE : (uint16_t)country(make);
		if (percent(make, 20)) {
			tenant->rate = 1000 * (1 + below(make, 5));
			tenant->burst = tenant->rate / 10;
		}
		if (rules->n_tenants < 1000 || i % 1000 == 0)
			tenant->key = percent(make, 10) ? take(make, 16) : NULL;
		tenant->where.line = 2 + i;
	}
	for (char *names = take(make, (size_t)rules->n_tenants * 16), *at = names; at < names + rules->n_tenants * 16ul;
	     at += 16) {
		snprintf(at, 16, "t%u", (unsigned)((at - names) / 16));
		rules->tenants[(at - names) / 16].name = at;
	}
}

// Up to three domains each, of different lengths.
static void make_domains(struct maker *make)
{
	struct rule_set *rules = make->rules;

	for (uint32_t i = 0; i < rules->n_tenants; i++) {
		unsigned n = i % 4;
		const char **list = take(make, (n + 1) * sizeof(*list));

		for (unsigned k = 0; k < n; k++) {
			char *text = take(make, 48);

			snprintf(text, 48, "%.*st%u.example", (int)(i % 20 + k), "m-n-o-p-q-r-s-t-u-v-w-x", i * 3 + k);
			list[k] = text;
		}
		rules->tenants[i].domains = list;
		rules->tenants[i].n_domains = (uint16_t)n;
	}
}

// Ranges in order, with gaps and without; of IPv6 some share a /64.
static struct geo_range *make_ranges(struct maker *make, bool six, uint32_t *n)
{
	unsigned __int128 at = 0;
	struct geo_range *range;

	*n = 20 + below(make, 100);
	range = take(make, *n * sizeof(*range));
	for (uint32_t i = 0; i < *n; i++) {
		unsigned shift = six ? (percent(make, 30) ? below(make, 60) : 64 + below(make, 50)) : below(make, 25);

		at += percent(make, 50) ? 0 : ((unsigned __int128)1 + below(make, 9)) << shift;
		range[i] = (struct geo_range){.first = at, .row = TABLE_GEO_ROW(0, i + 1), .country = (uint16_t)country(make)};
		at += ((unsigned __int128)1 + below(make, 9)) << shift;
		range[i].last = at - 1;
	}
	return range;
}

static void make_geo(struct maker *make)
{
	struct rule_set *rules = make->rules;

	rules->geo_files = take(make, sizeof(*rules->geo_files));
	rules->geo_files[0].path = "geo.csv";
	rules->n_geo_files = 1;
	rules->geo4 = make_ranges(make, false, &rules->n_geo4);
	rules->geo6 = make_ranges(make, true, &rules->n_geo6);
}

static int compare32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void name_tenants(struct maker *make, struct match_def *match)
{
	uint32_t n = 1 + below(make, make->shape->names_a_rule), kept = 0;

	if (make->rules->n_tenants == 0)
		return;
	match->tenants = take(make, n * sizeof(*match->tenants));
	for (uint32_t i = 0; i < n; i++)
		match->tenants[i] = below(make, make->rules->n_tenants);
	qsort(match->tenants, n, sizeof(*match->tenants), compare32);
	for (uint32_t i = 1; i < n; i++)
		if (match->tenants[i] != match->tenants[kept])
			match->tenants[++kept] = match->tenants[i];
	match->n_tenants = kept + 1;
}

static void name_groups(struct maker *make, struct match_def *match)
{
	unsigned at = make->rules->n_groups == 0 ? 0 : below(make, make->rules->n_groups);
	unsigned n = 1 + below(make, 3);

	match->groups = take(make, n * sizeof(*match->groups));
	for (; match->n_groups < n && at < make->rules->n_groups; at += 1 + below(make, 3))
		match->groups[match->n_groups++] = (uint16_t)at;
}

static void make_tenant_key(struct maker *make, struct match_def *match)
{
	bool named = percent(make, make->shape->named_percent), grouped = percent(make, make->shape->grouped_percent);

	match->unknown_tenant = percent(make, 5);
	if (named)
		name_tenants(make, match);
	if (grouped)
		name_groups(make, match);
	match->any_tenant = !match->unknown_tenant && match->n_tenants == 0 && match->n_groups == 0;
}

static void make_country_key(struct maker *make, struct match_def *match)
{
	match->any_country = percent(make, make->shape->any_country_percent);
	if (match->any_country) {
		for (unsigned c = 0; c < WEIR_N_COUNTRIES; c++)
			country_set_put(&match->countries, c);
		return;
	}
	if (make->rules->n_zones > 0 && percent(make, make->shape->zone_percent))
		match->countries = make->rules->zones[below(make, make->rules->n_zones)].countries;
	for (unsigned n = 1 + below(make, 4); n > 0; n--)
		country_set_put(&match->countries, country(make));
}

static unsigned some_bits(struct maker *make, unsigned n)
{
	unsigned all = (1u << n) - 1, bits = 0;

	if (percent(make, make->shape->wide_percent))
		return all;
	for (unsigned i = 1 + below(make, n / 2 + 1); i > 0; i--)
		bits |= 1u << below(make, n);
	return bits;
}

static uint16_t size_bound(struct maker *make)
{
	if (make->shape->n_bounds == 0)
		return (uint16_t)below(make, 1500);
	return make->bound[below(make, make->shape->n_bounds)];
}

static void make_size_key(struct maker *make, struct match_def *match)
{
	uint16_t a = size_bound(make), b = size_bound(make);

	match->size_max = 0xffff;
	if (!percent(make, make->shape->sized_percent))
		return;
	if (!percent(make, 25))
		match->size_min = a < b ? a : b;
	if (!percent(make, 25))
		match->size_max = a < b ? b : a;
}

static void make_action(struct maker *make, struct action_def *action)
{
	const struct rule_set *rules = make->rules;
	const uint16_t n[] = {rules->n_pools, rules->n_queues, rules->n_replies, rules->n_reasons};
	unsigned kind = below(make, WEIR_N_ACTIONS);

	if (n[kind] == 0)
		kind = WEIR_ACT_DROP;
	*action = (struct action_def){.kind = (enum weir_action)kind, .target = (uint16_t)below(make, n[kind]),
				      .set_priority = 0xff, .exceed = WEIR_ACT_DROP, .copy = RULES_NO_INDEX};
	if (percent(make, 10))
		action->set_priority = (uint8_t)below(make, WEIR_N_PRIORITIES);
	if (percent(make, 10) && rules->n_queues > 0)
		action->copy = (uint16_t)below(make, rules->n_queues);
	if (percent(make, 20)) {
		action->rate = 100 * (1 + below(make, 3));
		action->burst = 10;
		action->exceed = percent(make, 30) && rules->n_queues > 0 ? WEIR_ACT_AGENTS : WEIR_ACT_REPLY;
		action->exceed_target = (uint16_t)below(make, action->exceed == WEIR_ACT_AGENTS ? rules->n_queues : 1);
		action->exceed_named = true;
	}
	if (kind == WEIR_ACT_FORWARD && action->rate == 0 && rules->n_queues > 0 && percent(make, 10)) {
		action->exceed = WEIR_ACT_AGENTS; // where no member lives
		action->exceed_target = (uint16_t)below(make, rules->n_queues);
		action->exceed_named = true;
	}
}

static void make_rules(struct maker *make)
{
	struct rule_set *rules = make->rules;

	rules->n_rules = make->shape->n_rules;
	rules->rules = take(make, ((size_t)rules->n_rules + 1) * sizeof(*rules->rules));
	for (uint32_t i = 0; i <= rules->n_rules; i++) {
		struct rule_def *rule = &rules->rules[i];

		rule->name = i == rules->n_rules ? "default" : name(make, "rule", i);
		rule->where.line = 100 + i;
		make_action(make, &rule->action);
		rule->match = (struct match_def){.any_tenant = true, .any_country = true, .priorities = 0xf,
						 .protocols = 0x7, .channels = 0xffff, .size_max = 0xffff};
		for (unsigned c = 0; i == rules->n_rules && c < WEIR_N_COUNTRIES; c++)
			country_set_put(&rule->match.countries, c);
		if (i == rules->n_rules)
			break;
		make_tenant_key(make, &rule->match);
		make_country_key(make, &rule->match);
		make_size_key(make, &rule->match);
		rule->match.priorities = (uint8_t)some_bits(make, WEIR_N_PRIORITIES);
		rule->match.channels = (uint16_t)some_bits(make, WEIR_N_CHANNELS);
		rule->match.protocols = (uint8_t)some_bits(make, WEIR_N_PROTOCOLS);
	}
}

struct kit_rules_shape kit_rules_shape_random(uint64_t seed)
{
	uint64_t state = ~seed;

	return (struct kit_rules_shape){
		.n_rules = kit_random_below(&state, 61),
		.n_tenants = kit_random_below(&state, 4) == 0 ? kit_random_below(&state, 300) :
								kit_random_below(&state, 20),
		.n_groups = (uint16_t)kit_random_below(&state, 6),
		.n_zones = (uint16_t)kit_random_below(&state, 5),
		.n_pools = (uint16_t)(1 + kit_random_below(&state, 4)),
		.n_queues = (uint16_t)kit_random_below(&state, 3),
		.named_percent = kit_random_below(&state, 80),
		.grouped_percent = kit_random_below(&state, 60),
		.any_country_percent = kit_random_below(&state, 100),
		.sized_percent = kit_random_below(&state, 100),
		.wide_percent = kit_random_below(&state, 100),
		.n_bounds = (uint16_t)(1 + kit_random_below(&state, 63)),
		.names_a_rule = 1 + kit_random_below(&state, 5),
		.rare_percent = 20,
		.zone_percent = 50,
	};
}

struct rule_set *kit_rules_random(const struct kit_rules_shape *shape, uint64_t seed)
{
	static char file_name[] = "rules.conf", *files[] = {file_name};
	struct rule_set *rules = calloc(1, sizeof(*rules));
	struct maker make = {.rules = rules, .shape = shape, .random = seed};

	if (rules == NULL)
		return NULL;
	rules->files = files;
	rules->n_files = 1;
	for (unsigned i = 0; i < 64; i++)
		make.bound[i] = (uint16_t)(i == 0 ? 0xffff : i == 1 ? 0 : below(&make, 1500));
	make_zones(&make);
	make_pools(&make);
	make_queues(&make);
	make_groups(&make);
	make_tenants(&make);
	make_rules(&make);
	if (shape->n_tenants > 0 && shape->n_tenants < 1000) {
		make_domains(&make);
		make_geo(&make);
	}
	return rules;
}

void kit_rules_destroy(struct rule_set *rules)
{
	struct chunk *chunk = rules->arena;

	while (chunk != NULL) {
		struct chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	free(rules);
}
