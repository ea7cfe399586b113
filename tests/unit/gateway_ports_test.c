// SPDX-License-Identifier: BSD-3-Clause
//
// Ports and listeners of gateway.conf.
#include "rules/gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/gateways.h"

static void listeners_have_the_tunnels_that_they_ask_for(void **state)
{
	struct gateway *gateway = gateways_read(
		"listeners = ( { port = 1; protocol = \"sip\"; decap = [ \"gue\", \"ipip\" ]; },\n"
		" { port = 2; protocol = \"sip\"; }, { port = 3; protocol = \"sip\"; decap = \"ipip\"; },\n"
		" { port = 4; protocol = \"sip\"; decap = [ \"vxlan\", \"ipip\", \"gue\" ]; } );\n", false);

	(void)state;
	assert_int_equal(gateway->listeners[0].tunnels, WEIR_TUNNEL_IPIP | WEIR_TUNNEL_GUE);
	assert_int_equal(gateway->listeners[1].tunnels, 0);
	assert_int_equal(gateway->listeners[2].tunnels, WEIR_TUNNEL_IPIP);
	assert_int_equal(gateway->listeners[3].tunnels, WEIR_TUNNEL_IPIP | WEIR_TUNNEL_GUE | WEIR_TUNNEL_VXLAN);
	gateway_destroy(gateway);
}

static void a_port_has_the_mtu_that_is_given(void **state)
{
	struct gateway *gateway = gateways_read("ports = ( { name = \"a\"; device = \"net_null0\"; mtu = 9000; },\n"
				       " { name = \"b\"; device = \"net_null1\"; } );\n", false);

	(void)state;
	assert_int_equal(gateway->ports[0].mtu, 9000);
	assert_int_equal(gateway->ports[1].mtu, 0);
	gateway_destroy(gateway);
}

static void a_port_of_type_xdp_has_its_limits(void **state)
{
	struct gateway *gateway = gateways_read(
		"ports = ( { name = \"a\"; type = \"xdp\"; device = \"eth1.100\"; flood = { rate = 1000; burst = 50; }; "
		"blocked_max = 7; },\n{ name = \"b\"; type = \"xdp\"; device = \"eth2\"; flood = { rate = 9; }; },\n"
		"{ name = \"c\"; type = \"dpdk\"; device = \"net_null0\"; } );\n",
		true);

	(void)state;
	assert_int_equal(gateway->ports[0].type, GATEWAY_PORT_XDP);
	assert_int_equal(gateway->ports[0].flood_rate, 1000);
	assert_int_equal(gateway->ports[0].flood_burst, 50);
	assert_int_equal(gateway->ports[0].blocked_max, 7);
	assert_int_equal(gateway->ports[1].flood_burst, 9);
	assert_int_equal(gateway->ports[1].blocked_max, 262144);
	assert_int_equal(gateway->ports[2].type, GATEWAY_PORT_DPDK);
	assert_int_equal(gateway->ports[2].flood_rate, 0);
	gateway_destroy(gateway);
}

static void a_port_is_found_by_name_or_index(void **state)
{
	struct gateway *gateway = gateways_read(
		"ports = ( { name = \"a\"; device = \"x\"; }, { name = \"b\"; device = \"y\"; } );",
		true);

	(void)state;
	assert_int_equal(gateway_port_find(gateway, "b", 0), 1);
	assert_int_equal(gateway_port_find(gateway, "c", 0), -1);
	assert_int_equal(gateway_port_find(gateway, NULL, 1), 1);
	assert_int_equal(gateway_port_find(gateway, NULL, 2), -1);
	gateway_destroy(gateway);
}

static void each_fault_of_a_listener_is_reported_with_its_line(void **state)
{
	static const struct fault faults[] = {
		{ "listeners = ( );", 2, "there is no listener" },
		{ "listeners = ( 5 );", 2, "listener number 1: it must be a group" },
		{ "listeners = ( { port = 0; protocol = \"sip\"; } );", 2,
		  "listener number 1: port 0 is outside 1 to 65535" },
		{ "listeners = ( { protocol = \"sip\"; } );", 2,
		  "listener number 1: it has no port" },
		{ "listeners = ( { port = 5; } );", 2, "listener number 1: it has no protocol" },
		{ "listeners = ( { port = 5; protocol = \"xmpp\"; } );", 2,
		  "unknown protocol \"xmpp\"" },
		{ "listeners = ( { address = \"*\"; port = 5; protocol = \"sip\"; } );", 2,
		  "\"*\" is no address (an IPv4 or IPv6 address, or \"any\")" },
		{ "listeners = ( { port = 5; protocol = \"sip\"; },\n{ port = 5; protocol = \"coap\"; } );",
		  3, "listener number 2: the listener of line 2 has its address and port" },
		{ "listeners = ( { port = 5; protocol = \"sip\"; decap = [ ]; } );", 2, "decap is empty" },
		{ "listeners = ( { port = 5; protocol = \"sip\"; decap = \"gre\"; } );", 2, "there is no tunnel \"gre\"" },
		{ "listeners = ( { port = 5; protocol = \"sip\"; decap = 4; } );", 2, "decap" },
		{ "listeners = ( { port = 5; protocol = \"sip\"; decap = \"gue\"; },\n{ port = 6080; protocol = \"sip\"; } );", 3,
		  "listener number 2 has the port of gue, 6080" },
		{ "listeners = ( { port = 4789; protocol = \"sip\"; },\n"
		  "{ port = 5; protocol = \"sip\"; decap = [ \"ipip\", \"vxlan\" ]; } );", 2,
		  "listener number 1 has the port of vxlan, 4789" },
	};

	(void)state;
	gateways_refuse(GATEWAYS_PORT, faults, sizeof(faults) / sizeof(faults[0]));
}

static void each_fault_of_a_port_is_reported_with_its_line(void **state)
{
	static const struct fault faults[] = {
		{ "", 1, "there is no port (ports = (" },
		{ "ports = ( { name = \"a\"; device = \"x\"; dispatch = \"on\"; } );", 1, "there is no dispatching cpu" },
		{ "ports = ( { name = \"a\"; device = \"x\"; dispatch = \"yes\"; } );", 1, "unknown dispatch \"yes\"" },
		{ "ports = ( );", 1, "there is no port" },
		{ "ports = ( { device = \"x\"; } );", 1, "port number 1: it has no name" },
		{ "ports = ( { name = \"a b\"; device = \"x\"; } );", 1,
		  "name \"a b\" is not a plain name" },
		{ "ports = ( { name = \"a\";\n} );", 1, "port \"a\": it has no device" },
		{ "ports = ( { name = \"a\"; device =\n\"\"; } );", 1,
		  "port \"a\": device is empty" },
		{ "ports = ( { name = \"a\"; device = \"x\ny\"; } );", 1,
		  "device has a control character" },
		{ "ports = ( { name = \"a\"; device = \"x\"; queues = 2; } );", 1,
		  "queues 2 is more than the workers, which are 1" },
		{ "ports = ( { name = \"a\"; device = \"x\"; kernel = 1; } );", 1, "kernel" },
		{ "ports = ( { name = \"a\"; device = \"x\"; emergency_queue = true; } );", 1, "needs a DPDK port of several queues" },
		{ "ports = ( { name = \"a\"; device = \"x\"; type = \"xdp\"; promiscuous = true; } );", 1,
		  "promiscuous needs a DPDK port" },
		{ "ports = ( { name = \"a\"; device = \"x\"; kernel = \"\"; } );", 1, "kernel \"\" cannot be the name" },
		{ "ports = ( { name = \"a\"; device = \"x\"; kernel = \"weir%d\"; } );", 1, "cannot be the name" },
		{ "ports = ( { name = \"a\"; device = \"x\"; kernel = \"sixteen-letters0\"; } );", 1, "cannot be the name" },
		{ "ports = ( { name = \"a\"; device = \"x\"; kernel = \"w\"; },\n{ name = \"b\"; device = \"y\"; kernel = \"w\"; } );", 2,
		  "port \"b\": the kernel interface \"w\" is taken by the port of line 1" },
		{ "ports = ( { name = \"a\"; device = \"x\"; type = \"tap\"; } );", 1, "unknown type \"tap\" (it is dpdk or xdp)" },
		{ "ports = ( { name = \"a\"; device = \"net_null0,x=1\";\ntype = \"xdp\"; } );", 1,
		  "device \"net_null0,x=1\" cannot be the name of an interface" },
		{ "ports = ( { name = \"a\"; device = \"x\"; type = \"xdp\"; kernel = \"w\"; } );", 1,
		  "a port of type xdp has its own interface beside it" },
		{ "ports = ( { name = \"a\"; device = \"x\";\nflood = { rate = 1; }; } );", 2, "only a port of type xdp has flood" },
		{ "ports = ( { name = \"a\"; device = \"x\"; blocked_max = 1; } );", 1, "only a port of type xdp has blocked_max" },
		{ "ports = ( { name = \"a\"; device = \"x\"; type = \"xdp\"; flood = { burst = 1; }; } );", 1, "flood has no rate" },
		{ "ports = ( { name = \"a\"; device = \"x\"; type = \"xdp\"; flood = { rate = 0; }; } );", 1, "rate 0 is outside 1 to" },
		{ "ports = ( { name = \"a\"; device = \"x\"; queues = 0; } );", 1,
		  "queues 0 is outside 1 to 32" },
		{ "ports = ( { name = \"a\"; device = \"x\"; udp_checksum = \"off\"; } );", 1,
		  "unknown udp_checksum \"off\" (it is verify or trust)" },
		{ "ports = ( { name = \"a\"; device = \"x\"; },\n{ name = \"a\"; device = \"y\"; } );",
		  2, "the name \"a\" is taken, first on line 1" },
		{ "ports = ( { name = \"a\"; device = \"net_null0\"; mtu = 1279; } );", 1, "mtu 1279 is outside 1280 to 16384" },
		{ "ports = ( { name = \"a\"; device = \"net_null0\"; mtu = 16385; } );", 1, "mtu 16385 is outside" },
		{ "ports = ( { name = \"a\"; device = \"eth0\"; type = \"xdp\"; mtu = 9000; } );", 1, "mtu needs a DPDK port" },
	};

	(void)state;
	gateways_refuse("", faults, sizeof(faults) / sizeof(faults[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listeners_have_the_tunnels_that_they_ask_for),
		cmocka_unit_test(a_port_has_the_mtu_that_is_given),
		cmocka_unit_test(a_port_of_type_xdp_has_its_limits),
		cmocka_unit_test(a_port_is_found_by_name_or_index),
		cmocka_unit_test(each_fault_of_a_listener_is_reported_with_its_line),
		cmocka_unit_test(each_fault_of_a_port_is_reported_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
