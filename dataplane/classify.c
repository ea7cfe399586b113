// SPDX-License-Identifier: BSD-3-Clause
//
// Stage classify: tenant, authentication tag, country by address, verdict, and the counters by country and priority.
// Runs on the worker. The look-ups take the whole burst, so that their memory latencies overlap (rules/lookup.h).
#include <rte_prefetch.h>

#include "dataplane/decode/decode.h"
#include "dataplane/respond.h"
#include "dataplane/triage.h"
#include "dataplane/worker.h"
#include "rules/lookup_geo.h"

// DESIGN 1.2: a tenant with a key wants a right tag; a tag for anyone else is refused.
static bool authentic(const struct table *table, struct burst *burst, unsigned at)
{
	uint32_t key = table->tenant_classes[burst->class[at]].key;
	bool tagged = message_flags(burst->message.kind[at]) & PACKET_TAGGED;

	if (key == TABLE_NONE)
		return !tagged;
	return tagged && decode_verify(burst_packet(burst, at), table->keys[key].bytes);
}

// Who has no way to send a tag is told; who has one and did not gets no answer that could be forged for.
static void end_unauthentic(struct worker *worker, struct burst *burst, unsigned i)
{
	static const struct answer refused = { .status = WEIR_STATUS_REFUSED };
	struct packet *packet = &burst->packet[i];

	packet->reason = triage_auth_reason(packet->protocol);
	worker->counters[burst->port].country_number -= (packet->flags & PACKET_COUNTRY_BY_NUMBER) != 0;
	if (packet->protocol == WEIR_NATIVE)
		burst_end_reason(worker, burst, i);
	else
		respond_end(worker, burst, i, &refused);
}

// Ends the live frames that are not authentic.
static void keep_authentic(struct worker *worker, struct burst *burst)
{
	unsigned n = 0;

	for (unsigned at = 0; at < burst->n_live; at++) {
		if (!authentic(&worker->live->table, burst, at)) {
			end_unauthentic(worker, burst, burst->live[at]);
			continue;
		}
		if (n != at)
			burst_move(burst, n, at);
		n++;
	}
	burst->n_live = n;
}

// Looks up the tenants. Where no tenant at all has a key and no message of the burst a tag, all are authentic.
static void find_tenants(struct worker *worker, struct burst *burst)
{
	const struct live *live = worker->live;
	const uint32_t *credit = live->far ? meters_credit(&live->tenant_meters, worker->index) : NULL;
	bool tagged = message_flags(burst->message.any) & PACKET_TAGGED;

	table_find_tenants(&live->table, burst->message.tenant, burst->n_live, burst->slot,
			   burst->class);
	if (live->any_key || unlikely(tagged))
		keep_authentic(worker, burst);
	for (unsigned at = 0; credit && at < burst->n_live; at++)
		rte_prefetch0(&credit[burst->slot[at]]);
}

static struct geo_address sender_of(const struct packet *packet)
{
	const uint8_t *ip = packet->data + packet->l3;

	return geo_address_make(packet->ip_version, ip + (packet->ip_version == 4 ? 12 : 8));
}

// Messages that do not say their country, nor a telephone number that has one, have that of their sender's address.
static void find_countries(struct worker *worker, struct burst *burst)
{
	struct geo_address address[BURST_MAX];
	uint8_t place[BURST_MAX];
	uint16_t country[BURST_MAX];
	unsigned n = 0;

	for (unsigned at = 0; at < burst->n_live; at++) {
		if (burst->message.country[at] != WEIR_COUNTRY_ZZ)
			continue;
		address[n] = sender_of(&burst->packet[burst->live[at]]);
		place[n++] = (uint8_t)at;
	}
	if (n == 0)
		return;
	table_find_address_countries(&worker->live->table, address, n, country);
	for (unsigned i = 0; i < n; i++) {
		if (country[i] == WEIR_COUNTRY_NONE)
			continue;
		burst->message.country[place[i]] = country[i];
		burst->packet[burst->live[place[i]]].country = country[i];
		worker->counters[burst->port].country_address++;
	}
}

static void find_verdicts(struct worker *worker, struct burst *burst)
{
	const struct triage_keys keys = { burst->class, burst->message.country, burst->message.size,
					  burst->message.kind };
	const struct live *live = worker->live;
	uint64_t (*countries)[WEIR_N_PRIORITIES] = worker->countries;
	unsigned n = burst->n_live;

	table_find_verdicts(&live->table, &keys, burst->n_live, burst->verdict);
	for (unsigned at = 0; at < n; at++)
		countries[burst->message.country[at]][message_priority(burst->message.kind[at])]++;
	for (unsigned at = 0; live->far && at < n; at++)
		rte_prefetch0(&worker->paths->verdicts[burst->verdict[at]]);
}

// One message of the burst, a different place in it each turn, goes into the list of busiest
// tenants: a bucket of 4, its least counted one replaced by a newcomer that inherits the count
// (Space-Saving, Metwally 2005).
static void sample(struct worker *worker, const struct burst *burst)
{
	uint32_t tenant = burst->message.tenant[worker->turns % burst->n_live];
	struct weir_top *bucket =
		&worker->top[(tenant_hash1(tenant) & (WEIR_TOP_TENANTS / 4 - 1)) * 4];
	unsigned least = 0;

	if (unlikely(tenant == 0)) // it names none
		return;
	for (unsigned i = 0; i < 4; i++) {
		uint32_t samples = atomic_load_explicit(&bucket[i].samples, memory_order_relaxed);

		if (atomic_load_explicit(&bucket[i].tenant, memory_order_relaxed) == tenant) {
			atomic_store_explicit(&bucket[i].samples, samples + 1,
					      memory_order_relaxed);
			return;
		}
		if (samples < atomic_load_explicit(&bucket[least].samples, memory_order_relaxed))
			least = i;
	}
	atomic_store_explicit(&bucket[least].tenant, tenant, memory_order_relaxed);
	atomic_store_explicit(&bucket[least].samples,
			      atomic_load_explicit(&bucket[least].samples, memory_order_relaxed) +
				      1,
			      memory_order_relaxed);
}

void classify(struct worker *worker, struct burst *burst)
{
	find_tenants(worker, burst);
	if (worker->live->locates)
		find_countries(worker, burst);
	find_verdicts(worker, burst);
	if (burst->n_live > 0)
		sample(worker, burst);
}
