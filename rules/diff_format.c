// SPDX-License-Identifier: BSD-3-Clause
//
// The things of a table in words, for people and for comparing: a name, and a text that says all else.
#include "rules/diff_parts.h"

#include <arpa/inet.h>
#include <endian.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static const char *pool_name(const struct table *table, uint32_t pool)
{
	return table_string(table, table->pools[pool].name);
}

static const char *target_name(const struct table *table, unsigned action, uint32_t target)
{
	switch (action) {
	case WEIR_ACT_FORWARD:
		return pool_name(table, target);
	case WEIR_ACT_AGENTS:
		return table_string(table, table->queues[target].name);
	case WEIR_ACT_REPLY:
		return table_string(table, table->replies[target].name);
	default:
		return table_string(table, table->reasons[target]);
	}
}

static size_t add(char *out, size_t size, size_t at, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static size_t add(char *out, size_t size, size_t at, const char *format, ...)
{
	va_list args;
	int n = 0;

	va_start(args, format);
	if (at < size)
		n = vsnprintf(out + at, size - at, format, args);
	va_end(args);
	return at + (n > 0 ? (size_t)n : 0);
}

// What becomes of messages over the rate, and where the rule says so itself, of those for a pool without a live member.
static size_t add_exceed(const struct table *table, const struct verdict *verdict, char *out, size_t size, size_t at)
{
	bool dead_too = verdict->action == WEIR_ACT_FORWARD && verdict->exceed_named;

	if (verdict->meter == TABLE_NONE && !dead_too)
		return at;
	if (verdict->meter != TABLE_NONE)
		at = add(out, size, at, ", at most %" PRIu32 " a second (burst %" PRIu32 "), beyond",
			 table->meters[verdict->meter].rate, table->meters[verdict->meter].burst);
	if (dead_too)
		at = add(out, size, at, "%swithout a live member", verdict->meter != TABLE_NONE ? " and " : ", ");
	at = add(out, size, at, ": %s", weir_action_name(verdict->exceed));
	if (verdict->exceed != WEIR_ACT_DROP)
		at = add(out, size, at, " \"%s\"", target_name(table, verdict->exceed, verdict->exceed_target));
	return at;
}

void table_verdict_format(const struct table *table, uint32_t i, char *out, size_t size)
{
	const struct verdict *verdict = &table->verdicts[i];
	size_t at = add(out, size, 0, "%s \"%s\"", weir_action_name(verdict->action),
			target_name(table, verdict->action, verdict->target));

	if (verdict->set_priority != 0xff)
		at = add(out, size, at, ", set_priority %s",
			 weir_priority_name(verdict->set_priority));
	at = add_exceed(table, verdict, out, size, at);
	if (verdict->copy != TABLE_NONE16)
		add(out, size, at, ", copy to \"%s\"",
		    table_string(table, table->queues[verdict->copy].name));
}

static void rule_format(const struct table *table, uint32_t i, char name[DIFF_TEXT],
			char text[DIFF_TEXT])
{
	snprintf(name, DIFF_TEXT, "%s", table_string(table, table->rule_names[i]));
	table_verdict_format(table, i, text, DIFF_TEXT);
}

static const char *mode_name(unsigned mode)
{
	static const char *const names[] = {
#define X(name, text) text,
		WEIR_FORWARD_MODES(X)
#undef X
	};

	return mode < WEIR_N_FORWARD_MODES ? names[mode] : "?";
}

static const char *probe_name(unsigned probe)
{
	static const char *const names[] = {
#define X(name, text) text,
		WEIR_PROBES(X)
#undef X
	};

	return probe < WEIR_N_PROBES ? names[probe] : "?";
}

static void address_format(const uint8_t address[16], unsigned family, char out[INET6_ADDRSTRLEN])
{
	if (family == 0 ||
	    inet_ntop(family == 4 ? AF_INET : AF_INET6, address, out, INET6_ADDRSTRLEN) == NULL)
		snprintf(out, INET6_ADDRSTRLEN, "none");
}

static size_t health_add(const struct table *table, const struct table_pool *pool, char *text,
			 size_t at)
{
	const struct table_health *health = &table->health[pool->health];

	return add(text, DIFF_TEXT, at,
		   ", health %s port %u every %" PRIu32 " ms (timeout %" PRIu32
		   ", up %u, down %u, jitter %u %%)%s%s",
		   probe_name(health->probe), health->port, health->interval_ms, health->timeout_ms,
		   health->up, health->down, health->jitter, health->command ? " " : "",
		   table_string(table, health->command));
}

static void pool_format(const struct table *table, uint32_t i, char name[DIFF_TEXT],
			char text[DIFF_TEXT])
{
	const struct table_pool *pool = &table->pools[i];
	char source[INET6_ADDRSTRLEN];
	size_t at;

	snprintf(name, DIFF_TEXT, "%s", pool_name(table, i));
	address_format(pool->source, pool->source_family, source);
	if (pool->port_name)
		at = add(text, DIFF_TEXT, 0, "port \"%s\"", table_string(table, pool->port_name));
	else
		at = add(text, DIFF_TEXT, 0, "port %u", pool->port_index);
	at = add(text, DIFF_TEXT, at, ", zone %s, %s, source %s, %u slots, %s, fail_back %u s",
		 pool->zone == TABLE_NONE16 ? "none"
					    : table_string(table, table->zones[pool->zone].name),
		 mode_name(pool->mode), source, pool->n_slots,
		 pool->standby ? "active-standby" : "active-active", pool->fail_back);
	if (pool->health != TABLE_NONE)
		at = health_add(table, pool, text, at);
	if (pool->eject_errors)
		add(text, DIFF_TEXT, at, ", eject at %u errors in %" PRIu32 " ms for %u to %u s",
		    pool->eject_errors, pool->eject_interval_ms, pool->eject_base, pool->eject_max);
}

static void member_format(const struct table *table, uint32_t i, char name[DIFF_TEXT],
			  char text[DIFF_TEXT])
{
	const struct table_member *member = &table->members[i];
	char address[INET6_ADDRSTRLEN];
	uint32_t pool = 0;

	while (i - table->pools[pool].member >= table->pools[pool].n_members)
		pool++;
	snprintf(name, DIFF_TEXT, "%s/%s", pool_name(table, pool),
		 table_string(table, member->name));
	address_format(member->address, member->family, address);
	snprintf(text, DIFF_TEXT, "%s, mac %02x:%02x:%02x:%02x:%02x:%02x, weight %u%s", address,
		 member->mac[0], member->mac[1], member->mac[2], member->mac[3], member->mac[4],
		 member->mac[5], member->weight, member->standby ? ", standby" : "");
}

static void queue_format(const struct table *table, uint32_t i, char name[DIFF_TEXT],
			 char text[DIFF_TEXT])
{
	static const char *const routing[] = { "balanced", "serial", "simultaneous" };
	const struct table_queue *queue = &table->queues[i];

	snprintf(name, DIFF_TEXT, "%s", table_string(table, queue->name));
	snprintf(text, DIFF_TEXT, "%s, zone %s", queue->routing < 3 ? routing[queue->routing] : "?",
		 queue->zone == TABLE_NONE16 ? "none"
					     : table_string(table, table->zones[queue->zone].name));
}

static void reply_format(const struct table *table, uint32_t i, char name[DIFF_TEXT],
			 char text[DIFF_TEXT])
{
	const struct table_reply *reply = &table->replies[i];

	snprintf(name, DIFF_TEXT, "%s", table_string(table, reply->name));
	snprintf(text, DIFF_TEXT, "%s, retry after %" PRIu32 " s, \"%.*s\"",
		 weir_status_name(reply->status), reply->retry_after, (int)reply->text_length,
		 table_string(table, reply->text));
}

static void blocked4_format(const struct table *table, uint32_t i, char name[DIFF_TEXT],
			    char text[DIFF_TEXT])
{
	uint32_t first = htobe32(table->blocked4[i].first), last = htobe32(table->blocked4[i].last);
	char from[INET_ADDRSTRLEN], to[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &first, from, sizeof(from));
	inet_ntop(AF_INET, &last, to, sizeof(to));
	snprintf(name, DIFF_TEXT, "%s - %s", from, to);
	text[0] = '\0';
}

static void blocked6_format(const struct table *table, uint32_t i, char name[DIFF_TEXT],
			    char text[DIFF_TEXT])
{
	const struct blocked6_range *range = &table->blocked6[i];
	uint64_t first[2] = { htobe64(range->first[0]), htobe64(range->first[1]) };
	uint64_t last[2] = { htobe64(range->last[0]), htobe64(range->last[1]) };
	char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, first, from, sizeof(from));
	inet_ntop(AF_INET6, last, to, sizeof(to));
	snprintf(name, DIFF_TEXT, "%s - %s", from, to);
	text[0] = '\0';
}

const struct diff_kind diff_kinds[DIFF_N_KINDS] = {
	{ "rule", TABLE_RULE_NAMES, rule_format },
	{ "pool", TABLE_POOLS, pool_format },
	{ "member", TABLE_MEMBERS, member_format },
	{ "queue", TABLE_QUEUES, queue_format },
	{ "reply", TABLE_REPLIES, reply_format },
	{ "blocked source", TABLE_BLOCKED4, blocked4_format },
	{ "blocked source", TABLE_BLOCKED6, blocked6_format },
};
