// SPDX-License-Identifier: BSD-3-Clause
//
// Pools of rule files: how members are reached, checked and ejected.
#include "rules/read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/kit/faults.h"

static void pools_are_read_with_mode_redundancy_and_health(void **state)
{
	struct rule_set *rules = rules_kit_read(
		RULES_HEAD
		"pools = ( { name = \"p\"; mode = \"nat\"; source = \"10.0.0.9\"; slots = 1021;\n"
		"  redundancy = \"active-standby\"; fail_back = 7; members = (\n"
		"    { name = \"m\"; address = \"10.0.0.1\"; }, { name = \"n\"; address = \"10.0.0.2\"; standby = true; } );\n"
		"  health = { probe = \"tcp\"; port = 99; interval_ms = 400; up = 1; down = 9; jitter = 0; }; },\n"
		"{ name = \"q\"; members = ( { name = \"m\"; address = \"10.0.0.1\"; } );\n"
		"  health = { probe = \"command\"; command = \"look.sh\"; }; },\n"
		"{ name = \"r\"; members = ( { name = \"m\"; address = \"10.0.0.1\"; } ); health = { probe = \"sip\"; }; } );\n"
		"rules = ( { name = \"x\"; action = { forward = \"q\"; exceed = \"drop\"; }; },\n"
		"  { name = \"y\"; action = { forward = \"q\"; rate = 5; }; } );");
	const struct pool_def *pool = rules->pools;

	(void)state;
	assert_int_equal(pool[0].mode, WEIR_MODE_NAT);
	assert_int_equal(pool[0].source_family, 4);
	assert_int_equal(pool[0].source[3], 9);
	assert_int_equal(pool[0].slots, 1021);
	assert_true(pool[0].standby);
	assert_int_equal(pool[0].fail_back, 7);
	assert_false(pool[0].members[0].standby);
	assert_true(pool[0].members[1].standby);
	assert_int_equal(pool[0].health->probe, WEIR_PROBE_TCP);
	assert_int_equal(pool[0].health->port, 99);
	assert_int_equal(pool[0].health->interval_ms, 400);
	assert_int_equal(pool[0].health->timeout_ms, 200);
	assert_int_equal(pool[0].health->up, 1);
	assert_int_equal(pool[0].health->down, 9);
	assert_int_equal(pool[0].health->jitter, 0);
	assert_int_equal(pool[1].mode, WEIR_MODE_L2);
	assert_int_equal(pool[1].fail_back, 0);
	assert_int_equal(pool[1].slots, 0);
	assert_int_equal(pool[1].health->port, 0);
	assert_string_equal(pool[1].health->command, "look.sh");
	assert_int_equal(pool[2].health->port, 5060);
	assert_int_equal(pool[2].health->interval_ms, 1000);
	assert_int_equal(pool[2].health->timeout_ms, 500);
	assert_int_equal(pool[2].health->up, 2);
	assert_int_equal(pool[2].health->down, 3);
	assert_int_equal(pool[2].health->jitter, 10);
	assert_true(rules->rules[0].action.exceed_named);
	assert_false(rules->rules[1].action.exceed_named);
	rules_destroy(rules);
}

static void ejection_is_on_where_errors_can_be_seen_and_has_settings(void **state)
{
	struct rule_set *rules = rules_kit_read(
		RULES_HEAD
		"pools = ( { name = \"a\"; mode = \"nat\"; source = \"10.0.0.9\";\n"
		"  members = ( { name = \"m\"; address = \"10.0.0.1\"; } ); },\n"
		"{ name = \"b\"; mode = \"gue\"; source = \"10.0.0.9\"; eject = { errors = 7; interval_ms = 500; base = 2; max = 9; };\n"
		"  members = ( { name = \"m\"; address = \"10.0.0.1\"; } ); },\n"
		"{ name = \"c\"; mode = \"ipip\"; source = \"10.0.0.9\"; eject = { errors = 0; };\n"
		"  members = ( { name = \"m\"; address = \"10.0.0.1\"; } ); },\n"
		"{ name = \"d\"; members = ( { name = \"m\"; address = \"10.0.0.1\"; } ); },\n"
		"{ name = \"e\"; mode = \"nat\"; source = \"10.0.0.9\"; eject = { base = 400; };\n"
		"  members = ( { name = \"m\"; address = \"10.0.0.1\"; } ); } );\n");
	static const unsigned expected[][4] = {
		{ 3, 10000, 30, 300 }, { 7, 500, 2, 9 }, { 0 }, { 0 }, { 3, 10000, 400, 400 }
	};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		const struct pool_def *pool = &rules->pools[i];

		assert_int_equal(pool->eject_errors, expected[i][0]);
		assert_int_equal(pool->eject_interval_ms, expected[i][1]);
		assert_int_equal(pool->eject_base, expected[i][2]);
		assert_int_equal(pool->eject_max, expected[i][3]);
	}
	rules_destroy(rules);
}

static void pools_say_how_their_members_are_reached(void **state)
{
	(void)state;
	REFUSE({ POOL("mode = \"ipipe\";"), 3, "pool \"p\": unknown mode \"ipipe\" (did you mean \"ipip\"?)" },
	       { POOL("mode = \"gue\";"), 2, "pool \"p\": mode \"gue\" needs a source (source = " },
	       { POOL("source = \"10.0.0.9\";"), 3, "source has no meaning in mode \"l2\"" },
	       { POOL("mode = \"ipip\"; source = \"10.0.0\";"), 3, "\"10.0.0\" is no address of one host" },
	       { POOL("mode = \"ipip\"; source = \"224.0.0.1\";"), 3, "is no address of one host" },
	       { POOL("mode = \"ipip\"; source = \"::\";"), 3, "is no address of one host" },
	       { POOL("mode = \"nat\"; source = \"2001:db8::1\";"), 3,
		 "source is IPv6, the address of member \"m\" is IPv4 (give it the members' family" },
	       { "pools = ( { name = \"p\"; mode = \"nat\"; source = \"10.0.0.2\"; members = ( " MEMBER
		 " ); },\n{ name = \"q\"; mode = \"nat\"; source = \"10.0.0.3\"; members = (\n" MEMBER " ); } );",
		 4, "pool \"q\": member \"m\": its address is in nat pool \"p\" with another source" });
}

static void slots_and_redundancy_are_checked(void **state)
{
	(void)state;
	REFUSE({ POOL("slots = 65536;"), 3, "pool \"p\": slots 65536 is no prime (65537 is" },
	       { POOL("slots = 0;"), 3, "slots 0 is outside 1 to 262139" },
	       { "pools = ( { name = \"p\"; slots = 1; members = ( " MEMBER
		 ", { name = \"n\"; address = \"10.0.0.2\"; } ); } );",
		 2, "1 slots are fewer than its 2 members" },
	       { POOL("redundancy = \"standby\";"), 3, "unknown redundancy \"standby\"" },
	       { POOL("redundancy = \"active-standby\";"), 2,
		 "active-standby, but no member is a standby (give one standby = true" },
	       { MEMBERS("{ name = \"m\"; address = \"10.0.0.1\"; standby = true; }"), 3,
		 "pool \"p\": member \"m\": a standby in a pool where all members are active" },
	       { "pools = ( { name = \"p\"; redundancy = \"active-standby\"; members = (\n"
		 "{ name = \"m\"; address = \"10.0.0.1\"; standby = true; } ); } );",
		 2, "active-standby, but all members are standbys" },
	       { POOL("fail_back = 5;"), 3, "fail_back in a pool where all members are active" });
}

static void health_checks_are_checked(void **state)
{
	(void)state;
	REFUSE({ POOL("health = { };"), 3, "pool \"p\": its health has no probe (probe = \"native\")" },
	       { POOL("health = { probe = \"icmp\"; };"), 3, "unknown probe \"icmp\"" },
	       { POOL("health = { probe = \"sip\"; interval = 5; };"), 3, "unknown setting \"interval\" (known here: probe" },
	       { POOL("health = { probe = \"tcp\"; };"), 3, "a tcp probe needs a port" },
	       { POOL("health = { probe = \"sip\"; port = 65536; };"), 3, "port 65536 is outside 1 to 65535" },
	       { POOL("health = { probe = \"command\"; };"), 3, "it has no command" },
	       { POOL("health = { probe = \"command\"; command = \"../sh\"; };"), 3,
		 "the command \"../sh\" is no file name" },
	       { POOL("health = { probe = \"command\"; command = \"look\"; port = 1; };"), 3,
		 "a command has no port" },
	       { POOL("health = { probe = \"coap\"; command = \"look\"; };"), 3, "command with probe \"coap\"" },
	       { POOL("health = { probe = \"coap\"; timeout_ms = 1000; };"), 3,
		 "timeout_ms 1000 is not below interval_ms 1000" },
	       { POOL("health = { probe = \"coap\"; jitter = 51; };"), 3, "jitter 51 is outside 0 to 50" },
	       { POOL("health = { probe = \"coap\"; up = 0; };"), 3, "up 0 is outside 1 to 255" });
}

static void ejections_are_checked(void **state)
{
	(void)state;
	REFUSE({ POOL("eject = { errors = 5; };"), 3, "eject has no meaning in mode \"l2\"" },
	       { POOL("mode = \"nat\"; source = \"10.0.0.9\"; eject = { errors = 256; };"), 3,
		 "errors 256 is outside 0 to 255" },
	       { POOL("mode = \"nat\"; source = \"10.0.0.9\"; eject = { interval_ms = 99; };"), 3,
		 "interval_ms 99 is outside 100 to 3600000" },
	       { POOL("mode = \"nat\"; source = \"10.0.0.9\"; eject = { base = 60; max = 59; };"), 3,
		 "max 59 is below base 60" },
	       { POOL("mode = \"nat\"; source = \"10.0.0.9\"; eject = { time = 1; };"), 3,
		 "unknown setting \"time\" (known here: errors" });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pools_are_read_with_mode_redundancy_and_health),
		cmocka_unit_test(ejection_is_on_where_errors_can_be_seen_and_has_settings),
		cmocka_unit_test(pools_say_how_their_members_are_reached),
		cmocka_unit_test(slots_and_redundancy_are_checked),
		cmocka_unit_test(health_checks_are_checked),
		cmocka_unit_test(ejections_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
