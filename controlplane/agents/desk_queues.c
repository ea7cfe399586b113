// SPDX-License-Identifier: BSD-3-Clause
//
// What the desk knows of queues: the settings of gateway.conf, the routing of the table in use, and whether the oldest
// message has waited for too long. Desk's thread.
#include <errno.h>
#include <stdlib.h>

#include "controlplane/agents/desk_inside.h"
#include "controlplane/log.h"
#include "rules/model.h"

void desk_queue_route(struct desk *desk, uint32_t index, enum core_routing routing)
{
	const struct gateway_queue *set = gateway_queue_find(desk->gateway, core_queue_name(desk->core, index));
	struct core_queue_rule rule = *core_queue_rule_get(desk->core, index);

	rule.routing = routing;
	if (set) {
		rule.ring_ms = (uint64_t)set->ring_s * 1000;
		rule.order = (const char *const *)set->order;
		rule.n_order = set->n_order;
	}
	core_queue_rule_put(desk->core, index, &rule);
}

int desk_queue_get(struct desk *desk, const char *name)
{
	const struct gateway_queue *set = gateway_queue_find(desk->gateway, name);
	struct desk_queue *queues;
	int index = core_queue(desk->core, name);

	if (index < 0 || (uint32_t)index < desk->n_queues)
		return index;
	queues = reallocarray(desk->queues, (size_t)index + 1, sizeof(*queues));
	if (!queues)
		return -ENOMEM;
	desk->queues = queues;
	while (desk->n_queues <= (uint32_t)index)
		queues[desk->n_queues++] = (struct desk_queue){ .dirty = true, .lease_ms = GATEWAY_LEASE_S * 1000,
								.retries = GATEWAY_RETRIES };
	if (set) {
		queues[index].lease_ms = (uint64_t)set->lease_s * 1000;
		queues[index].retries = set->retries;
		queues[index].alarm_s = set->alarm_s;
	}
	desk_queue_route(desk, (uint32_t)index, CORE_BALANCED);
	return index;
}

void desk_queue_watch(struct desk *desk, uint32_t index)
{
	struct desk_queue *queue = &desk->queues[index];
	const char *name = core_queue_name(desk->core, index);
	uint64_t stored_ns, age_s = 0, now_ms = desk_real_now();
	bool late;

	if (!queue->alarm_s || spool_oldest(desk->spool, name, &stored_ns))
		return;
	if (stored_ns && stored_ns / 1000000 < now_ms)
		age_s = (now_ms - stored_ns / 1000000) / 1000;
	late = age_s >= queue->alarm_s;
	if (late && !queue->alarmed)
		log_warning("queue %s: its oldest message waits for %llu s (alarm_s = %u)", name,
			    (unsigned long long)age_s, queue->alarm_s);
	else if (!late && queue->alarmed)
		log_info("queue %s: no message waits for %u s any more", name, queue->alarm_s);
	queue->alarmed = late;
}
