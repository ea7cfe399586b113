// SPDX-License-Identifier: BSD-3-Clause
//
// The peers of the classifier's benchmark. librte_acl has no sets in a field, so each rule goes in as one
// of its rules: the first of its tenants (a rule by groups: the first tenant in one of them; a rule
// for all: any), the span from the first to the last of its first run of countries, of its first run of
// channels, of priorities and of protocols, and its sizes. That is less than the rule says, never more.

#include "bench/micro/classify.h"

#include <rte_acl.h>
#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_PROTOCOL, FIELD_TENANT, FIELD_COUNTRY, FIELD_SIZE, FIELD_PRIORITY, FIELD_CHANNEL, N_FIELDS };

struct acl_key { // network byte order
	uint8_t protocol;
	uint8_t reserved[3];
	rte_be32_t tenant;
	rte_be16_t country, size;
	uint8_t priority, channel;
	uint8_t reserved2[2];
};

RTE_ACL_RULE_DEF(acl_rule, N_FIELDS);

static const struct rte_acl_field_def fields[N_FIELDS] = {
	{RTE_ACL_FIELD_TYPE_RANGE, 1, FIELD_PROTOCOL, 0, offsetof(struct acl_key, protocol)},
	{RTE_ACL_FIELD_TYPE_MASK, 4, FIELD_TENANT, 1, offsetof(struct acl_key, tenant)},
	{RTE_ACL_FIELD_TYPE_RANGE, 2, FIELD_COUNTRY, 2, offsetof(struct acl_key, country)},
	{RTE_ACL_FIELD_TYPE_RANGE, 2, FIELD_SIZE, 2, offsetof(struct acl_key, size)},
	{RTE_ACL_FIELD_TYPE_RANGE, 1, FIELD_PRIORITY, 3, offsetof(struct acl_key, priority)},
	{RTE_ACL_FIELD_TYPE_RANGE, 1, FIELD_CHANNEL, 3, offsetof(struct acl_key, channel)},
};

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "classify: %s: %s\n", what, rte_strerror(rte_errno));
	exit(3);
}

static void open_hash(struct peers *peers, const struct rule_set *rules)
{
	struct rte_hash_parameters parameters = { .name = "tenants",
						  .entries = rules->n_tenants < 8 ? 8 : rules->n_tenants,
						  .key_len = sizeof(uint32_t),
						  .hash_func = rte_hash_crc };

	peers->hash = rte_hash_create(&parameters);
	need(peers->hash != NULL, "rte_hash_create");
	for (uint32_t i = 0; i < rules->n_tenants; i++)
		if (rte_hash_add_key(peers->hash, &rules->tenants[i].id) < 0 &&
		    i < rules->n_tenants - rules->n_tenants / 20)
			need(false, "rte_hash_add_key");
}

// First run of set bits among the low `n`; sets first and last.
static void first_run(uint32_t bits, unsigned n, uint8_t *first, uint8_t *last)
{
	*first = (uint8_t)__builtin_ctz(bits);
	for (*last = *first; *last + 1u < n && (bits >> (*last + 1) & 1);)
		++*last;
}

static void first_countries(const struct country_set *set, uint16_t *first, uint16_t *last)
{
	*first = 0;
	while (*first < WEIR_N_COUNTRIES - 1 && !country_set_has(set, *first))
		++*first;
	for (*last = *first; *last + 1 < WEIR_N_COUNTRIES && country_set_has(set, *last + 1u);)
		++*last;
}

static uint32_t first_tenant(const struct rule_set *rules, const struct match_def *match)
{
	if (match->n_tenants > 0)
		return rules->tenants[match->tenants[0]].id;
	for (uint32_t t = 0; match->n_groups > 0 && t < rules->n_tenants; t++)
		for (uint32_t i = 0; i < rules->tenants[t].groups->n; i++)
			if (rules->tenants[t].groups->group[i] == match->groups[0])
				return rules->tenants[t].id;
	return 0;
}

static struct acl_rule make_rule(const struct rule_set *rules, uint32_t at)
{
	const struct match_def *match = &rules->rules[at].match;
	struct acl_rule rule = {.data = {.category_mask = 1, .priority = (int32_t)(RTE_ACL_MAX_PRIORITY - at - 1),
					 .userdata = at + 1}};
	uint32_t tenant = match->any_tenant ? 0 : first_tenant(rules, match);

	first_run(match->protocols, WEIR_N_PROTOCOLS, &rule.field[FIELD_PROTOCOL].value.u8,
		  &rule.field[FIELD_PROTOCOL].mask_range.u8);
	first_run(match->priorities, WEIR_N_PRIORITIES, &rule.field[FIELD_PRIORITY].value.u8,
		  &rule.field[FIELD_PRIORITY].mask_range.u8);
	first_run(match->channels, WEIR_N_CHANNELS, &rule.field[FIELD_CHANNEL].value.u8,
		  &rule.field[FIELD_CHANNEL].mask_range.u8);
	first_countries(&match->countries, &rule.field[FIELD_COUNTRY].value.u16,
			&rule.field[FIELD_COUNTRY].mask_range.u16);
	rule.field[FIELD_TENANT].value.u32 = tenant;
	rule.field[FIELD_TENANT].mask_range.u32 = tenant == 0 ? 0 : 32;
	rule.field[FIELD_SIZE].value.u16 = match->size_min;
	rule.field[FIELD_SIZE].mask_range.u16 = match->size_max;
	return rule;
}

static void open_acl(struct peers *peers, const struct rule_set *rules)
{
	struct rte_acl_param parameters = {.name = "rules", .socket_id = SOCKET_ID_ANY,
					   .rule_size = RTE_ACL_RULE_SZ(N_FIELDS), .max_rule_num = rules->n_rules};
	struct rte_acl_config config = {.num_categories = 1, .num_fields = N_FIELDS};
	uint64_t start = rte_get_timer_cycles();

	peers->acl = rte_acl_create(&parameters);
	need(peers->acl != NULL, "rte_acl_create");
	for (uint32_t i = 0; i < rules->n_rules; i++) {
		struct acl_rule rule = make_rule(rules, i);

		rte_errno = -rte_acl_add_rules(peers->acl, (struct rte_acl_rule *)&rule, 1);
		need(rte_errno == 0, "rte_acl_add_rules");
	}
	memcpy(config.defs, fields, sizeof(fields));
	rte_errno = -rte_acl_build(peers->acl, &config);
	need(rte_errno == 0, "rte_acl_build");
	peers->acl_seconds = (double)(rte_get_timer_cycles() - start) / (double)rte_get_timer_hz();
}

void peers_open(struct peers *peers, const struct rule_set *rules, const struct kit_key *key, uint32_t n_keys)
{
	struct acl_key *acl_key = calloc(n_keys, sizeof(*acl_key));

	*peers = (struct peers){.n_keys = n_keys, .acl_key = (uint8_t *)acl_key};
	peers->id = calloc(n_keys, sizeof(*peers->id));
	need(acl_key != NULL && peers->id != NULL, "memory for keys");
	for (uint32_t i = 0; i < n_keys; i++) {
		peers->id[i] = key[i].tenant;
		acl_key[i] = (struct acl_key){.protocol = key[i].protocol, .tenant = rte_cpu_to_be_32(key[i].tenant),
					      .country = rte_cpu_to_be_16(key[i].country),
					      .size = rte_cpu_to_be_16(key[i].size), .priority = key[i].priority,
					      .channel = key[i].channel};
	}
	open_hash(peers, rules);
	open_acl(peers, rules);
}

void peers_close(struct peers *peers)
{
	rte_hash_free(peers->hash);
	rte_acl_free(peers->acl);
	free(peers->acl_key);
	free(peers->id);
}

uint32_t peers_hash(const struct peers *peers, uint32_t at)
{
	const void *key[HASH_BURST];
	int32_t position[HASH_BURST];
	uint32_t sum = 0;

	for (unsigned part = 0; part < PEER_BURST; part += HASH_BURST) {
		for (unsigned i = 0; i < HASH_BURST; i++)
			key[i] = &peers->id[at + part + i];
		rte_hash_lookup_bulk(peers->hash, key, HASH_BURST, position);
		for (unsigned i = 0; i < HASH_BURST; i++)
			sum += (uint32_t)position[i];
	}
	return sum;
}

uint32_t peers_acl(const struct peers *peers, uint32_t at)
{
	const uint8_t *key[PEER_BURST];
	uint32_t result[PEER_BURST], sum = 0;

	for (unsigned i = 0; i < PEER_BURST; i++)
		key[i] = peers->acl_key + (size_t)(at + i) * sizeof(struct acl_key);
	rte_acl_classify(peers->acl, key, result, PEER_BURST, 1);
	for (unsigned i = 0; i < PEER_BURST; i++)
		sum += result[i];
	return sum;
}
