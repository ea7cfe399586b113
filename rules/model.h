// SPDX-License-Identifier: BSD-3-Clause
//
// A rule file as read and checked: names resolved to indices, every list expanded, nothing compiled.
// Made by rules_read (read.h); input of compile.h, residency.h, explain.h. Immutable once read; all
// memory belongs to the rule_set and goes with rules_destroy. Everything is in host byte order.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/abi/names.h"
#include "rules/table.h"

#define RULES_NO_INDEX 0xffffu // "none" in a 16-bit index below
enum { RULES_MAX_RULES = 65000, RULES_MAX_TARGETS = 1024, RULES_MAX_ZONES = 250, RULES_MAX_GROUPS = 4096,
       RULES_MAX_MEMBERS = 1024 };

struct where { // place in a source file
	uint16_t file; // index into rule_set.files
	uint32_t line;
};

// A set of tenant groups, sorted ascending, interned: equal sets are the same pointer.
struct group_set {
	uint32_t n;
	uint16_t group[]; // indices into rule_set.groups
};

struct tenant_def {
	const char *name;            // unique
	const char *const *domains;  // lower case
	const struct group_set *groups; // never NULL
	const uint8_t *key;          // 16 bytes, or NULL
	uint32_t id;                 // 1 to 2^32-1, unique
	uint32_t rate, burst;        // messages a second, messages; rate 0: no limit
	uint16_t n_domains;
	uint16_t home;               // country index or WEIR_COUNTRY_NONE
	struct where where;
};

struct country_set { // one bit a country index
	uint64_t word[(WEIR_N_COUNTRIES + 63) / 64];
};

struct zone_def {
	const char *name;
	struct country_set countries;
	struct where where;
};

struct member_def {
	const char *name;
	uint8_t address[16]; // network order; IPv4 in the first four bytes
	uint8_t family;      // 4 or 6
	uint8_t mac[6];      // zero: not given, the next hop is found at run time
	bool standby;
	uint16_t weight;     // 1 to 1000
	struct where where;
};

struct health_def {
	uint8_t probe;       // enum weir_probe
	uint8_t up, down;    // probes in a row
	uint8_t jitter;      // percent
	uint16_t port;       // 0: command
	uint32_t interval_ms, timeout_ms;
	const char *command; // file name in gateway.conf's health_commands, or NULL
};

struct pool_def {
	const char *name;
	const char *port_name; // or NULL: by index
	uint16_t port_index;   // where port_name is NULL
	uint16_t zone;         // or RULES_NO_INDEX
	struct member_def *members;
	uint16_t n_members;    // at least 1
	uint8_t mode;          // enum weir_forward_mode
	bool standby;          // active-standby
	uint16_t fail_back;    // seconds
	uint32_t slots;        // of its consistent hash: a prime, or 0 for the default
	uint8_t source[16];    // network order; see table_pool
	uint8_t source_family; // 4, 6 or 0
	const struct health_def *health; // or NULL
	uint8_t eject_errors;  // see table_pool
	uint16_t eject_base, eject_max; // seconds
	uint32_t eject_interval_ms;
	struct where where;
};

enum queue_routing { ROUTING_BALANCED, ROUTING_SERIAL, ROUTING_SIMULTANEOUS };

struct queue_def {
	const char *name;
	enum queue_routing routing;
	uint16_t zone; // or RULES_NO_INDEX
	struct where where;
};

struct reply_def {
	const char *name;
	const char *text;     // "" where absent; at most 512 bytes
	uint32_t retry_after; // seconds; REPLY_RETRY_DEFAULT where absent and status is busy, else 0
	enum weir_status status;
	struct where where;
};
enum { REPLY_TEXT_MAX = 512, REPLY_RETRY_DEFAULT = 1 };

struct blocked_def { // one prefix
	uint8_t address[16]; // network order, host bits zero; IPv4 in the first four bytes
	uint8_t family;      // 4 or 6
	uint8_t length;      // prefix bits
	struct where where;
};

// Addresses of one country. Sorted, disjoint, as rule_set has them; a gap between them is of no country.
struct geo_range {
	unsigned __int128 first, last; // inclusive, host order; IPv4 in the low 32 bits
	uint32_t row;                  // TABLE_GEO_ROW
	uint16_t country;              // index
};

struct geo_file {
	const char *path;
	enum geo_kind kind;
};

struct residency_exception {
	uint16_t country, zone;
	struct where where;
};

// What a rule asks of a message. An absent key is `any` (or all bits, or the full range).
struct match_def {
	uint32_t *tenants; // indices into rule_set.tenants, sorted ascending, no repeats
	uint16_t *groups;  // indices into rule_set.groups, sorted ascending
	uint32_t n_tenants;
	uint16_t n_groups;
	bool any_tenant, unknown_tenant;
	bool any_country;
	struct country_set countries; // all bits where any_country
	uint8_t priorities;           // bit p: priority p
	uint8_t protocols;            // bit p: protocol p
	uint16_t channels;            // bit c: channel c
	uint16_t size_min, size_max;  // inclusive, clamped to 65535
};

struct action_def {
	enum weir_action kind;
	uint16_t target;       // pool, queue, reply or drop-reason index, by kind
	uint8_t set_priority;  // or 0xff
	uint8_t exceed;        // WEIR_ACT_DROP, _REPLY or _AGENTS; _DROP where absent
	bool exceed_named;     // the rule says it itself
	uint16_t exceed_target;
	uint16_t copy;         // queue index or RULES_NO_INDEX
	uint32_t rate, burst;  // rate 0: no limit
};

struct rule_def {
	const char *name; // "default" for the default
	struct match_def match;
	struct action_def action;
	struct where where;
};

struct rule_set {
	char **files; // [0] is the rule file; then included and tenant files
	struct tenant_def *tenants;
	struct rule_def *rules; // rules[n_rules] is the default, matching all
	struct zone_def *zones;
	struct pool_def *pools;
	struct queue_def *queues;
	struct reply_def *replies;
	const char **reasons; // drop reasons, in order of first use
	const char **groups;
	struct blocked_def *blocked;
	struct residency_exception *exceptions;
	struct geo_range *geo4, *geo6; // country_by_address
	struct geo_file *geo_files;
	uint32_t n_geo4, n_geo6, n_geo_files;
	uint32_t n_files, n_tenants, n_rules, n_blocked, n_exceptions;
	uint16_t n_zones, n_pools, n_queues, n_replies, n_reasons, n_groups;
	bool enforce_residency;
	void *arena; // owns every string and array above but `tenants`, `geo4`, `geo6`
};

static inline bool country_set_has(const struct country_set *set, unsigned country)
{
	return set->word[country / 64] >> (country % 64) & 1;
}

static inline void country_set_put(struct country_set *set, unsigned country)
{
	set->word[country / 64] |= UINT64_C(1) << (country % 64);
}
