// SPDX-License-Identifier: BSD-3-Clause
//
// The answers that are known of, see answers_parts.h. Loop's thread. Each is in the hash once, and in its way's list
// exactly while it waits.
#include "controlplane/answers_parts.h"

#include <stdlib.h>
#include <string.h>

void answers_set_init(struct answers_set *set)
{
	memset(set, 0, sizeof(*set));
	for (unsigned i = 0; i < ANSWERS_WAYS; i++)
		set->way[i].end = &set->way[i].first;
}

static void outgoing_free(struct outgoing *outgoing)
{
	free(outgoing->payload);
	free(outgoing);
}

void answers_set_fini(struct answers_set *set)
{
	for (unsigned i = 0; i < ANSWERS_HASH; i++)
		for (struct outgoing *at = set->by_arrival[i], *next; at; at = next) {
			next = at->same;
			outgoing_free(at);
		}
	answers_set_init(set);
}

static struct outgoing **place_of(struct answers_set *set, uint64_t arrival)
{
	struct outgoing **at = &set->by_arrival[arrival % ANSWERS_HASH];

	while (*at && (*at)->arrival != arrival)
		at = &(*at)->same;
	return at;
}

struct outgoing *answers_set_find(const struct answers_set *set, uint64_t arrival)
{
	struct outgoing *at = set->by_arrival[arrival % ANSWERS_HASH];

	while (at && at->arrival != arrival)
		at = at->same;
	return at;
}

unsigned answers_way_of(const struct weir_record *record)
{
	return (record->port_tag ? record->port_tag : record->port) % ANSWERS_WAYS;
}

static void append(struct way *way, struct outgoing *outgoing)
{
	outgoing->next = NULL;
	*way->end = outgoing;
	way->end = &outgoing->next;
	way->n_waiting++;
}

struct outgoing *answers_set_add(struct answers_set *set, const struct spool_outgoing *from)
{
	struct outgoing *outgoing = calloc(1, sizeof(*outgoing));
	struct outgoing **bucket = &set->by_arrival[from->arrival % ANSWERS_HASH];

	if (outgoing)
		outgoing->payload = malloc(from->length + 1u);
	if (!outgoing || !outgoing->payload) {
		free(outgoing);
		return NULL;
	}
	outgoing->arrival = from->arrival;
	outgoing->since_ms = from->since_ms;
	outgoing->record = from->record;
	outgoing->way = answers_way_of(&from->record);
	outgoing->length = from->length;
	memcpy(outgoing->payload, from->payload, from->length);
	outgoing->same = *bucket;
	*bucket = outgoing;
	set->n++;
	append(&set->way[outgoing->way], outgoing);
	return outgoing;
}

// Takes one that waits out of its way's list, wherever it stands.
static void unlink_waiting(struct way *way, struct outgoing *outgoing)
{
	struct outgoing **at = &way->first;

	while (*at != outgoing)
		at = &(*at)->next;
	*at = outgoing->next;
	if (!*at)
		way->end = at;
	way->n_waiting--;
}

static void leave(struct answers_set *set, const struct outgoing *outgoing)
{
	if (outgoing->state == OUTGOING_ON_WAY) {
		set->n_on_way--;
		set->way[outgoing->way].n_on_way--;
	}
	set->n_aside -= outgoing->state == OUTGOING_ASIDE;
}

void answers_set_remove(struct answers_set *set, struct outgoing *outgoing)
{
	if (outgoing->state == OUTGOING_WAITS)
		unlink_waiting(&set->way[outgoing->way], outgoing);
	leave(set, outgoing);
	*place_of(set, outgoing->arrival) = outgoing->same;
	set->n--;
	outgoing_free(outgoing);
}

struct outgoing *answers_set_send(struct answers_set *set, unsigned number)
{
	struct way *way = &set->way[number];
	struct outgoing *outgoing = way->first;

	unlink_waiting(way, outgoing);
	outgoing->state = OUTGOING_ON_WAY;
	way->n_on_way++;
	set->n_on_way++;
	return outgoing;
}

void answers_set_return(struct answers_set *set, struct outgoing *outgoing)
{
	struct way *way = &set->way[outgoing->way];

	leave(set, outgoing);
	outgoing->state = OUTGOING_WAITS;
	outgoing->next = way->first;
	way->first = outgoing;
	if (!outgoing->next)
		way->end = &outgoing->next;
	way->n_waiting++;
}

void answers_set_settle(struct answers_set *set, struct outgoing *outgoing, enum outgoing_state state)
{
	leave(set, outgoing);
	outgoing->state = state;
	set->n_aside += state == OUTGOING_ASIDE;
	free(outgoing->payload);
	outgoing->payload = NULL;
}

void answers_set_each(struct answers_set *set, void (*each)(struct outgoing *outgoing, void *argument), void *argument)
{
	for (unsigned i = 0; i < ANSWERS_HASH; i++)
		for (struct outgoing *at = set->by_arrival[i], *next; at; at = next) {
			next = at->same;
			each(at, argument);
		}
}
