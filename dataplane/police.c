// SPDX-License-Identifier: BSD-3-Clause
//
// Stage police: counts the rule, then looks at the tenant's own rate and the rule's (DESIGN 1.4). Runs on the worker.
// A message over its tenant's rate ends here; one over its rule's is marked, and act does what the rule says for
// that.
#include "dataplane/act.h"
#include "dataplane/worker.h"

// The worker's credits with one kind of limiter, loaded once a burst.
struct purse {
	struct meters *meters;
	uint32_t *credit;
};

static inline struct purse purse_of(struct meters *meters, unsigned worker)
{
	return (struct purse){ meters, meters_credit(meters, worker) };
}

static inline bool conforms(const struct purse *purse, uint32_t limiter, uint32_t meter, uint64_t now)
{
	return meter == TABLE_NONE || meter_take(purse->meters, purse->credit, limiter, meter, now);
}

// A tenant's credit is spent without a look at its rate: without a rate, or unknown, it never has any.
static inline bool tenant_conforms(const struct purse *purse, const struct tenant_class *classes,
				   const struct burst *burst, unsigned at, uint64_t now)
{
	uint32_t slot = burst->slot[at];

	if (likely(slot < purse->meters->n && purse->credit[slot] > 0)) {
		purse->credit[slot]--;
		return true;
	}
	return conforms(purse, slot, classes[burst->class[at]].meter, now);
}

// In a pass of its own: a counter's address must not wait for what the frames before it are found to be worth.
static inline void count_rules(uint64_t *named, const struct live_verdict *verdicts, const struct burst *burst)
{
	for (unsigned at = 0; at < burst->n_live; at++)
		named[verdicts[burst->verdict[at]].name]++;
}

void police(struct worker *worker, struct burst *burst)
{
	struct live *live = worker->live;
	const struct purse tenants = purse_of(&live->tenant_meters, worker->index);
	const struct purse rules = purse_of(&live->rule_meters, worker->index);
	const struct tenant_class *classes = live->table.tenant_classes;
	const struct live_verdict *verdicts = worker->paths->verdicts;
	uint64_t now = burst->now << METER_TICK_SHIFT, exceeds = 0;
	unsigned n = 0, n_live = burst->n_live;

	count_rules(worker->named, verdicts, burst);
	for (unsigned at = 0; at < n_live; at++) {
		const struct live_verdict *verdict = &verdicts[burst->verdict[at]];

		if (unlikely(!tenant_conforms(&tenants, classes, burst, at, now))) {
			act_refuse(worker, burst, at, WEIR_POLICE, WEIR_STATUS_BUSY);
			continue;
		}
		if (unlikely(n != at))
			burst_move(burst, n, at);
		exceeds |= (uint64_t)!conforms(&rules, burst->verdict[n], verdict->meter, now) << n;
		n++;
	}
	burst->n_live = n;
	burst->exceeds = exceeds;
}
