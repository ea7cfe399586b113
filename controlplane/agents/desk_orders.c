// SPDX-License-Identifier: BSD-3-Clause
//
// What other threads order of the desk: another table, another segment, an agent that is revoked. Whoever orders
// allocates, puts the order into the desk's list and wakes it; its uses of tables and segments are the order's until it
// is obeyed, and the desk's then.
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "controlplane/agents/desk_inside.h"
#include "controlplane/log.h"
#include "controlplane/mapping.h"
#include "controlplane/table_map.h"
#include "rules/model.h"

static void take_rules(struct desk *desk, const struct desk_order *order)
{
	for (unsigned i = 0; i < order->n; i++) {
		int index = desk_queue_get(desk, order->queue[i].name);

		if (index >= 0)
			desk_queue_route(desk, (uint32_t)index, order->queue[i].routing);
	}
}

static void obey(struct desk *desk, const struct desk_order *order)
{
	switch (order->kind) {
	case DESK_RULES:
		take_rules(desk, order);
		table_map_put(desk->table);
		desk->table = order->table;
		break;
	case DESK_MAP:
		mapping_put(desk->map);
		desk->map = order->map;
		break;
	case DESK_REVOKED:
		claims_revoke(desk, order->agent);
		streams_revoke(desk, order->agent);
		core_agent_end(desk->core, order->agent);
		core_tick(desk->core, desk_now());
		break;
	}
}

void desk_obey(struct desk *desk, struct desk_order *orders)
{
	while (orders) {
		struct desk_order *order = orders;

		orders = order->next;
		obey(desk, order);
		free(order);
	}
}

void desk_orders_free(struct desk_order *orders)
{
	while (orders) {
		struct desk_order *order = orders;

		orders = order->next;
		mapping_put(order->map);
		table_map_put(order->table);
		free(order);
	}
}

static void give_order(struct desk *desk, struct desk_order *order)
{
	if (!order) {
		log_error("out of memory: agents' delivery goes on with what it knew");
		return;
	}
	pthread_mutex_lock(&desk->mutex);
	*desk->orders_end = order;
	desk->orders_end = &order->next;
	pthread_mutex_unlock(&desk->mutex);
	eventfd_write(desk->wake, 1);
}

static enum core_routing core_routing_of(unsigned routing)
{
	return routing == ROUTING_SERIAL ? CORE_SERIAL : routing == ROUTING_SIMULTANEOUS ? CORE_SIMULTANEOUS
											 : CORE_BALANCED;
}

void desk_rules(struct desk *desk, struct table_map *map)
{
	uint64_t n = table_count(&map->table, TABLE_QUEUES);
	struct desk_order *order = calloc(1, sizeof(*order) + n * sizeof(order->queue[0]));

	if (order) {
		order->kind = DESK_RULES;
		order->table = table_map_get(map);
		order->n = (unsigned)n;
		for (unsigned i = 0; i < order->n; i++) {
			const struct table_queue *queue = &map->table.queues[i];

			snprintf(order->queue[i].name, sizeof(order->queue[i].name), "%s",
				 table_string(&map->table, queue->name));
			order->queue[i].routing = core_routing_of(queue->routing);
		}
	}
	give_order(desk, order);
}

void desk_attach(struct desk *desk, struct mapping *map)
{
	struct desk_order *order = calloc(1, sizeof(*order));

	if (order) {
		order->kind = DESK_MAP;
		order->map = map ? mapping_get(map) : NULL;
	}
	give_order(desk, order);
}

void desk_revoked(struct desk *desk, const char *agent)
{
	struct desk_order *order = calloc(1, sizeof(*order));

	if (order) {
		order->kind = DESK_REVOKED;
		snprintf(order->agent, sizeof(order->agent), "%s", agent);
	}
	give_order(desk, order);
}
