// SPDX-License-Identifier: BSD-3-Clause
//
// Stage classify: tenant, authentication tag, verdict, and the counters by rule and country. Runs
// on the worker. The look-ups take the whole burst, so that their memory latencies overlap
// (rules/lookup.h).
#include "dataplane/decode/decode.h"
#include "dataplane/worker.h"

// DESIGN 1.2: a tenant with a key wants a right tag; a tag for anyone else is refused.
static bool authentic(const struct table *table, uint32_t class, const struct packet *packet)
{
	uint32_t key = table->tenant_classes[class].key;
	bool tagged = packet->flags & PACKET_TAGGED;

	if (likely(key == TABLE_NONE))
		return !tagged;
	return tagged && decode_verify(packet, table->keys[key].bytes);
}

// Looks up the tenants of the live frames and thins the list to those that are authentic.
static void find_tenants(struct worker *worker, struct burst *burst)
{
	const struct table *table = &worker->live->table;
	unsigned n = 0;

	for (unsigned at = 0; at < burst->n_live; at++)
		burst->tenant[at] = burst->packet[burst->live[at]].tenant;
	table_find_tenants(table, burst->tenant, burst->n_live, burst->slot, burst->class);
	for (unsigned at = 0; at < burst->n_live; at++) {
		unsigned i = burst->live[at];
		struct packet *packet = &burst->packet[i];
		bool good = authentic(table, burst->class[at], packet);

		burst->live[n] = (uint8_t)i;
		burst->slot[n] = burst->slot[at];
		burst->class[n] = burst->class[at];
		n += good;
		if (unlikely(!good)) {
			packet->reason = WEIR_REASON_NATIVE_AUTH;
			burst_end_reason(worker, burst, i);
		}
	}
	burst->n_live = n;
}

static void find_verdicts(struct worker *worker, struct burst *burst)
{
	for (unsigned at = 0; at < burst->n_live; at++) {
		const struct packet *packet = &burst->packet[burst->live[at]];

		burst->key[at] = (struct triage_key){
			.class = burst->class[at],
			.country = packet->country,
			.size = packet->size,
			.small = triage_small(packet->protocol, packet->priority, packet->channel),
		};
		worker->countries[packet->country]++;
	}
	table_find_verdicts(&worker->live->table, burst->key, burst->n_live, burst->verdict);
	for (unsigned at = 0; at < burst->n_live; at++)
		worker->named[worker->live->verdicts[burst->verdict[at]].name]++;
}

// One message of the burst, a different place in it each turn, goes into the list of busiest
// tenants: a bucket of 4, its least counted one replaced by a newcomer that inherits the count
// (Space-Saving, Metwally 2005).
static void sample(struct worker *worker, const struct burst *burst)
{
	uint32_t tenant = burst->packet[burst->live[worker->turns % burst->n_live]].tenant;
	struct weir_top *bucket =
		&worker->top[(tenant_hash1(tenant) & (WEIR_TOP_TENANTS / 4 - 1)) * 4];
	unsigned least = 0;

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
	find_verdicts(worker, burst);
	if (burst->n_live > 0)
		sample(worker, burst);
}
