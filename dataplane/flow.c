// SPDX-License-Identifier: BSD-3-Clause
//
// What a NIC is told of our frames, see flow.h. Main thread. All or nothing: where it refuses one rule, or
// cannot keep other frames off the queue, none stays.
#include "dataplane/flow.h"

#include <rte_ethdev.h>
#include <rte_flow.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/log.h"

enum { NATIVE_PRIORITY_AT = 2, UDP_PROTOCOL = 17 }; // docs/wire-format.md

uint64_t flow_hash(const struct gateway_port *config, const struct rte_eth_dev_info *info)
{
	uint64_t can = info->flow_type_rss_offloads;

	if (config->queues < 2)
		return 0;
	if (!(can & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP)))
		log_line(
			"port \"%s\": %s has no RSS: which of its %u queues a frame comes in by is its own matter",
			config->name, config->device, config->queues);
	else if (!(can & RTE_ETH_RSS_UDP))
		log_line(
			"port \"%s\": the RSS of %s knows no UDP ports: messages between two addresses all "
			"come in by one queue (dataplane.dispatch_cpu spreads them)",
			config->name, config->device);
	return can & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP);
}

// A rule: UDP to the listener's port over IPv4 or IPv6, whose third byte of payload is 0. Lives through
// rule_put alone, which fills the pointers.
struct rule {
	struct rte_flow_item_ipv4 ip4;
	struct rte_flow_item_udp udp;
	struct rte_flow_item_raw raw, raw_mask;
	struct rte_flow_action_queue queue;
};

static const uint8_t emergency[1] = { WEIR_EMERGENCY }, every_bit[1] = { 0xff };

static void rule_fill(struct rule *rule, const struct gateway_listener *listener, uint16_t queue)
{
	memset(rule, 0, sizeof(*rule));
	if (listener->family == 4)
		memcpy(&rule->ip4.hdr.dst_addr, listener->address, 4);
	rule->udp.hdr.dst_port = rte_cpu_to_be_16(listener->port);
	rule->raw = (struct rte_flow_item_raw){
		.relative = 1, .offset = NATIVE_PRIORITY_AT, .length = 1, .pattern = emergency
	};
	rule->raw_mask = (struct rte_flow_item_raw){ .relative = 1,
						     .search = 1,
						     .offset = -1,
						     .limit = 0xffff,
						     .length = 0xffff,
						     .pattern = every_bit };
	rule->queue.index = queue;
}

// Asks for the rule, or gives it when `create`. 0 or -errno.
static int rule_put(uint16_t id, const struct gateway_listener *listener, unsigned family,
		    uint16_t queue, bool create, struct rte_flow_error *error)
{
	const struct rte_flow_attr attributes = { .ingress = 1 };
	const struct rte_flow_item_ipv4 ip4_mask = { .hdr.dst_addr = listener->family == 4
									     ? RTE_BE32(0xffffffff)
									     : 0 };
	const struct rte_flow_item_ipv6 ip6_mask = { 0 };
	const struct rte_flow_item_udp udp_mask = { .hdr.dst_port = RTE_BE16(0xffff) };
	struct rte_flow_item_ipv6 ip6 = { 0 };
	struct rule rule;

	rule_fill(&rule, listener, queue);
	const struct rte_flow_item items[] = {
		{ .type = RTE_FLOW_ITEM_TYPE_ETH },
		family == 4
			? (struct rte_flow_item){ RTE_FLOW_ITEM_TYPE_IPV4, &rule.ip4, NULL,
						  &ip4_mask }
			: (struct rte_flow_item){ RTE_FLOW_ITEM_TYPE_IPV6, &ip6, NULL, &ip6_mask },
		{ RTE_FLOW_ITEM_TYPE_UDP, &rule.udp, NULL, &udp_mask },
		{ RTE_FLOW_ITEM_TYPE_RAW, &rule.raw, NULL, &rule.raw_mask },
		{ .type = RTE_FLOW_ITEM_TYPE_END },
	};
	const struct rte_flow_action actions[] = {
		{ RTE_FLOW_ACTION_TYPE_QUEUE, &rule.queue },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};

	memset(error, 0, sizeof(*error));
	if (!create)
		return rte_flow_validate(id, &attributes, items, actions, error);
	return rte_flow_create(id, &attributes, items, actions, error) ? 0 : -rte_errno;
}

static int rules_put(const struct port *port, const struct gateway *gateway, bool create,
		     struct rte_flow_error *error)
{
	uint16_t queue = port->n_queues - 1;
	int err = 0;

	for (unsigned i = 0; err == 0 && i < gateway->n_listeners; i++) {
		const struct gateway_listener *listener = &gateway->listeners[i];

		if (listener->protocol != WEIR_NATIVE)
			continue;
		if (listener->family != 6)
			err = rule_put(port->id, listener, 4, queue, create, error);
		if (err == 0 && listener->family != 4)
			err = rule_put(port->id, listener, 6, queue, create, error);
	}
	return err;
}

// RSS spreads over all queues but the last. 0 or -errno.
static int last_queue_free(const struct port *port)
{
	struct rte_eth_rss_reta_entry64 table[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE];
	struct rte_eth_dev_info info;
	int err = rte_eth_dev_info_get(port->id, &info);

	if (err || info.reta_size == 0 || info.reta_size > RTE_ETH_RSS_RETA_SIZE_512)
		return err ? err : -ENOTSUP;
	memset(table, 0, sizeof(table));
	for (uint16_t i = 0; i < info.reta_size; i++) {
		table[i / RTE_ETH_RETA_GROUP_SIZE].mask |= UINT64_C(1)
							   << (i % RTE_ETH_RETA_GROUP_SIZE);
		table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
			i % (port->n_queues - 1);
	}
	return rte_eth_dev_rss_reta_update(port->id, table, info.reta_size);
}

void flow_emergencies(const struct port *port, const struct gateway *gateway,
		      const struct gateway_port *config)
{
	struct rte_flow_error error = { 0 };
	const char *what = "tell them by the priority byte";
	int err;

	if (!config->emergency_queue)
		return;
	err = rules_put(port, gateway, false, &error);
	if (err == 0)
		err = rules_put(port, gateway, true, &error);
	if (err == 0) {
		what = "keep other frames off that queue";
		err = last_queue_free(port);
	}
	if (err == 0) {
		log_line("port \"%s\": emergencies come in by queue %u alone", port->name,
			 port->n_queues - 1);
		return;
	}
	rte_flow_flush(port->id, &error);
	log_line("port \"%s\": no queue of their own for emergencies, %s cannot %s (%s): "
		 "they share the queues of all messages",
		 port->name, config->device, what, rte_strerror(-err));
}
