// SPDX-License-Identifier: BSD-3-Clause
//
// Stage police: counts the rule, then looks at the tenant's own rate and the rule's (DESIGN 1.4). Runs on the worker. A message
// over its tenant's rate ends here; one over its rule's is marked, and act does what the rule says
// for that.
#include "dataplane/act.h"
#include "dataplane/worker.h"

static inline bool tenant_conforms(struct live *live, unsigned worker, const struct burst *burst,
				   unsigned at, uint64_t now)
{
	uint32_t meter = live->table.tenant_classes[burst->class[at]].meter;

	return meter == TABLE_NONE ||
	       meter_take(&live->tenant_meters, worker, burst->slot[at], meter, now);
}

static inline bool rule_exceeds(struct live *live, unsigned worker, uint32_t verdict,
				uint32_t meter, uint64_t now)
{
	return meter != TABLE_NONE && !meter_take(&live->rule_meters, worker, verdict, meter, now);
}

void police(struct worker *worker, struct burst *burst)
{
	struct live *live = worker->live;
	const struct live_verdict *verdicts = live->verdicts;
	uint64_t *named = worker->named, now = burst->now << METER_TICK_SHIFT;
	unsigned n = 0, n_live = burst->n_live, index = worker->index;

	for (unsigned at = 0; at < n_live; at++) {
		const struct live_verdict *verdict = &verdicts[burst->verdict[at]];

		named[verdict->name]++;
		if (unlikely(!tenant_conforms(live, index, burst, at, now))) {
			act_refuse(worker, burst, at, WEIR_POLICE, WEIR_STATUS_BUSY);
			continue;
		}
		if (unlikely(n != at))
			burst_move(burst, n, at);
		burst->exceeds[n] =
			rule_exceeds(live, index, burst->verdict[n], verdict->meter, now);
		n++;
	}
	burst->n_live = n;
}
