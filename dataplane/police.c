// SPDX-License-Identifier: BSD-3-Clause
//
// Stage police: counts the rule, then looks at the tenant's own rate and the rule's (DESIGN 1.4). Runs on the worker. A message
// over its tenant's rate ends here; one over its rule's is marked, and act does what the rule says
// for that.
#include "dataplane/act.h"
#include "dataplane/worker.h"

static bool tenant_conforms(struct worker *worker, const struct burst *burst, unsigned at,
			    uint64_t now)
{
	struct live *live = worker->live;
	uint32_t meter = live->table.tenant_classes[burst->key[at].class].meter;

	return likely(meter == TABLE_NONE) ||
	       meter_take(&live->tenant_meters, worker->index, burst->slot[at], meter, now);
}

static bool rule_conforms(struct worker *worker, const struct burst *burst, unsigned at,
			  uint64_t now)
{
	struct live *live = worker->live;
	uint32_t meter = live->verdicts[burst->verdict[at]].meter;

	return likely(meter == TABLE_NONE) ||
	       meter_take(&live->rule_meters, worker->index, burst->verdict[at], meter, now);
}

void police(struct worker *worker, struct burst *burst)
{
	uint64_t now = burst->now << METER_TICK_SHIFT;
	unsigned n = 0;

	for (unsigned at = 0; at < burst->n_live; at++) {
		worker->named[worker->live->verdicts[burst->verdict[at]].name]++;
		if (unlikely(!tenant_conforms(worker, burst, at, now))) {
			act_refuse(worker, burst, at, WEIR_POLICE, WEIR_STATUS_BUSY);
			continue;
		}
		burst->exceeds[n] = !rule_conforms(worker, burst, at, now);
		if (unlikely(n != at)) {
			burst->live[n] = burst->live[at];
			burst->verdict[n] = burst->verdict[at];
			burst->key[n] = burst->key[at];
			burst->message.tenant[n] = burst->message.tenant[at];
			burst->message.kind[n] = burst->message.kind[at];
		}
		n++;
	}
	burst->n_live = n;
}
