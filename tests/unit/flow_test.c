// SPDX-License-Identifier: BSD-3-Clause
//
// flow.c against a NIC of ours: the functions of ethdev that it calls are defined here, in place of DPDK's.
#include "dataplane/flow.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_flow.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct nic {
	unsigned validated, created, flushed, retas;
	int refuses, reta_refuses;
	uint16_t udp_port[8], queue[8], reta[128];
	enum rte_flow_item_type family[8];
	int32_t offset[8];
	uint8_t byte[8];
} nic;

int rte_flow_validate(uint16_t id, const struct rte_flow_attr *attributes, const struct rte_flow_item *items,
		      const struct rte_flow_action *actions, struct rte_flow_error *error)
{
	const struct rte_flow_item_udp *udp = items[2].spec;
	const struct rte_flow_item_raw *raw = items[3].spec;
	const struct rte_flow_action_queue *queue = actions[0].conf;
	unsigned i = nic.validated++;

	assert_true(attributes->ingress && raw->relative && raw->length == 1);
	nic.family[i] = items[1].type;
	nic.udp_port[i] = rte_be_to_cpu_16(udp->hdr.dst_port);
	nic.offset[i] = raw->offset;
	nic.byte[i] = raw->pattern[0];
	nic.queue[i] = queue->index;
	return nic.refuses;
}

struct rte_flow *rte_flow_create(uint16_t id, const struct rte_flow_attr *attributes, const struct rte_flow_item *items,
				 const struct rte_flow_action *actions, struct rte_flow_error *error)
{
	nic.created++;
	return (struct rte_flow *)&nic;
}

int rte_flow_flush(uint16_t id, struct rte_flow_error *error)
{
	nic.flushed++;
	return 0;
}

int rte_eth_dev_info_get(uint16_t id, struct rte_eth_dev_info *info)
{
	memset(info, 0, sizeof(*info));
	info->reta_size = 128;
	return 0;
}

int rte_eth_dev_rss_reta_update(uint16_t id, struct rte_eth_rss_reta_entry64 *table, uint16_t size)
{
	nic.retas++;
	assert_int_equal(size, 128);
	for (unsigned i = 0; i < size; i++) {
		assert_true(table[i / 64].mask >> (i % 64) & 1);
		nic.reta[i] = table[i / 64].reta[i % 64];
	}
	return nic.reta_refuses;
}

static const struct port port = { .name = "in0", .n_queues = 4 };
static const struct gateway_port config = { .name = (char[]){ "in0" },
					    .device = (char[]){ "0000:01:00.0" },
					    .queues = 4,
					    .emergency_queue = true };

static struct gateway *two_listeners(void)
{
	static struct gateway gateway;

	gateway.n_listeners = 3;
	gateway.listeners[0] = (struct gateway_listener){ .protocol = WEIR_NATIVE, .port = 5700 };
	gateway.listeners[1] = (struct gateway_listener){ .protocol = WEIR_SIP, .port = 5060 };
	gateway.listeners[2] = (struct gateway_listener){ .protocol = WEIR_NATIVE, .port = 5701, .family = 4 };
	return &gateway;
}

static int setup(void **state)
{
	memset(&nic, 0, sizeof(nic));
	return 0;
}

static void emergencies_of_native_listeners_get_the_last_queue_for_themselves(void **state)
{
	flow_emergencies(&port, two_listeners(), &config);
	assert_int_equal(nic.validated, 3);
	assert_int_equal(nic.created, 3);
	assert_int_equal(nic.flushed, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(nic.udp_port[i], i < 2 ? 5700 : 5701);
		assert_int_equal(nic.family[i], i == 1 ? RTE_FLOW_ITEM_TYPE_IPV6 : RTE_FLOW_ITEM_TYPE_IPV4);
		assert_int_equal(nic.offset[i], 2); // the priority byte of the native header
		assert_int_equal(nic.byte[i], 0);
		assert_int_equal(nic.queue[i], 3);
	}
	for (unsigned i = 0; i < 128; i++)
		assert_int_equal(nic.reta[i], i % 3);
}

static void a_nic_that_cannot_match_bytes_keeps_its_queues_as_they_are(void **state)
{
	nic.refuses = -ENOTSUP;
	flow_emergencies(&port, two_listeners(), &config);
	assert_int_equal(nic.created, 0);
	assert_int_equal(nic.retas, 0);
}

static void a_nic_that_cannot_free_the_queue_gets_no_rules(void **state)
{
	nic.reta_refuses = -ENOTSUP;
	flow_emergencies(&port, two_listeners(), &config);
	assert_int_equal(nic.created, 3);
	assert_int_equal(nic.flushed, 1);
}

static void nothing_is_asked_of_a_port_without_the_key(void **state)
{
	struct gateway_port plain = config;

	plain.emergency_queue = false;
	flow_emergencies(&port, two_listeners(), &plain);
	assert_int_equal(nic.validated + nic.created + nic.retas + nic.flushed, 0);
}

static void rss_hashes_what_the_device_can_of_addresses_and_udp_ports(void **state)
{
	struct rte_eth_dev_info info = { .flow_type_rss_offloads = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
								   RTE_ETH_RSS_NONFRAG_IPV4_TCP };
	struct gateway_port one = config;

	assert_int_equal(flow_hash(&config, &info), RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_UDP);
	info.flow_type_rss_offloads = RTE_ETH_RSS_IPV4;
	assert_int_equal(flow_hash(&config, &info), RTE_ETH_RSS_IPV4);
	one.queues = 1;
	assert_int_equal(flow_hash(&one, &info), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(emergencies_of_native_listeners_get_the_last_queue_for_themselves, setup),
		cmocka_unit_test_setup(a_nic_that_cannot_match_bytes_keeps_its_queues_as_they_are, setup),
		cmocka_unit_test_setup(a_nic_that_cannot_free_the_queue_gets_no_rules, setup),
		cmocka_unit_test_setup(nothing_is_asked_of_a_port_without_the_key, setup),
		cmocka_unit_test_setup(rss_hashes_what_the_device_can_of_addresses_and_udp_ports, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
