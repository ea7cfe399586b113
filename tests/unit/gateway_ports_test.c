// SPDX-License-Identifier: BSD-3-Clause
//
// Listeners with tunnels and the MTU of ports in gateway.conf.
#include "rules/gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/gateway_reader.h"

static struct gateway *read(const char *text, struct diags *diags)
{
	diags_init(diags);
	return gateway_read_text("etc/gateway.conf", text, strlen(text), false, diags);
}

static void listeners_have_the_tunnels_that_they_ask_for(void **state)
{
	struct diags diags;
	struct gateway *gateway = read(
		"listeners = ( { port = 1; protocol = \"sip\"; decap = [ \"gue\", \"ipip\" ]; },\n"
		" { port = 2; protocol = \"sip\"; }, { port = 3; protocol = \"sip\"; decap = \"ipip\"; },\n"
		" { port = 4; protocol = \"sip\"; decap = [ \"vxlan\", \"ipip\", \"gue\" ]; } );\n", &diags);

	assert_non_null(gateway);
	assert_int_equal(diags.n, 0);
	assert_int_equal(gateway->listeners[0].tunnels, WEIR_TUNNEL_IPIP | WEIR_TUNNEL_GUE);
	assert_int_equal(gateway->listeners[1].tunnels, 0);
	assert_int_equal(gateway->listeners[2].tunnels, WEIR_TUNNEL_IPIP);
	assert_int_equal(gateway->listeners[3].tunnels, WEIR_TUNNEL_IPIP | WEIR_TUNNEL_GUE | WEIR_TUNNEL_VXLAN);
	diags_fini(&diags);
	gateway_destroy(gateway);
}

static void a_port_has_the_mtu_that_is_given(void **state)
{
	struct diags diags;
	struct gateway *gateway = read("ports = ( { name = \"a\"; device = \"net_null0\"; mtu = 9000; },\n"
				       " { name = \"b\"; device = \"net_null1\"; } );\n", &diags);

	assert_non_null(gateway);
	assert_int_equal(gateway->ports[0].mtu, 9000);
	assert_int_equal(gateway->ports[1].mtu, 0);
	diags_fini(&diags);
	gateway_destroy(gateway);
}

static void what_cannot_be_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *says;
	} wrong[] = {
		{ "listeners = ( { port = 5; protocol = \"sip\"; decap = [ ]; } );", 1, "decap is empty" },
		{ "listeners = ( { port = 5; protocol = \"sip\"; decap = \"gre\"; } );", 1, "there is no tunnel \"gre\"" },
		{ "listeners = ( { port = 5; protocol = \"sip\"; decap = 4; } );", 1, "decap" },
		{ "listeners = ( { port = 5; protocol = \"sip\"; decap = \"gue\"; },\n{ port = 6080; protocol = \"sip\"; } );", 2,
		  "listener number 2 has the port of gue, 6080" },
		{ "listeners = ( { port = 4789; protocol = \"sip\"; },\n"
		  "{ port = 5; protocol = \"sip\"; decap = [ \"ipip\", \"vxlan\" ]; } );", 1,
		  "listener number 1 has the port of vxlan, 4789" },
		{ "ports = ( { name = \"a\"; device = \"net_null0\"; mtu = 1279; } );", 1, "mtu 1279 is outside 1280 to 16384" },
		{ "ports = ( { name = \"a\"; device = \"net_null0\"; mtu = 16385; } );", 1, "mtu 16385 is outside" },
		{ "ports = ( { name = \"a\"; device = \"eth0\"; type = \"xdp\"; mtu = 9000; } );", 1, "mtu needs a DPDK port" },
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct diags diags;

		assert_null(read(wrong[i].text, &diags));
		assert_int_equal(diags.n, 1);
		assert_int_equal(diags.list[0].line, wrong[i].line);
		assert_non_null(strstr(diags.list[0].text, wrong[i].says));
		diags_fini(&diags);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listeners_have_the_tunnels_that_they_ask_for),
		cmocka_unit_test(a_port_has_the_mtu_that_is_given),
		cmocka_unit_test(what_cannot_be_is_refused_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
