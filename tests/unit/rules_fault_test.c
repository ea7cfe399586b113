// SPDX-License-Identifier: BSD-3-Clause
#include "rules/read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/reader.h"
#include "tests/kit/faults.h"

#define TENANT(text)  "tenants = ( { id = 1; name = \"a\";\n" text " } );"
#define MATCH(text)                                                                                \
	"tenants = ( { id = 1; name = \"a\"; groups = \"gold\"; } );"                              \
	"rules = ( { name = \"r\"; match = {\n" text " }; action = { drop = \"x\"; }; } );"
#define ACTION(text)                                                                                         \
	"replies = ( { name = \"busy\"; status = \"busy\"; } ); rules = ( { name = \"r\"; action = {\n" text \
	" }; } );"
#define RULE "{ name = \"r\"; action = { drop = \"x\"; }; }"

static void a_key_that_is_not_known_is_an_error(void **state)
{
	(void)state;
	REFUSE({ "tenant = ( );", 2, "unknown setting \"tenant\" (did you mean \"tenants\"?)" },
	       { "zonks = ( );", 2, "unknown setting \"zonks\" (did you mean \"zones\"?)" },
	       { "\n\nsomething = 1;", 4,
		 "unknown setting \"something\" (known here: version, tenants" },
	       { TENANT("rat = 5;"), 3,
		 "tenant \"a\": unknown setting \"rat\" (did you mean \"rate\"?)" },
	       { "zones = ( { name = \"z\"; countries = \"DE\"; x = 1; } );", 2,
		 "zone \"z\": unknown setting \"x\"" },
	       { POOL("member = 1;"), 3,
		 "pool \"p\": unknown setting \"member\" (did you mean \"members\"?)" },
	       { MEMBERS("{ name = \"m\"; address = \"10.0.0.1\"; mac = \"02:00:00:00:00:01\"; wait = 1; }"),
		 3, "pool \"p\": member \"m\": unknown setting \"wait\"" },
	       { "replies = ( { name = \"x\"; status = \"busy\"; txt = \"\"; } );", 2,
		 "did you mean \"text\"?" },
	       { "residency = { enforced = true; };", 2,
		 "residency: unknown setting \"enforced\" (did you mean \"enforce\"?)" },
	       { MATCH("contry = \"DE\";"), 3,
		 "rule \"r\": unknown setting \"contry\" (did you mean \"country\"?)" },
	       { MATCH("size = { mim = 1; max = 2; };"), 3,
		 "unknown setting \"mim\" (did you mean \"min\"?)" },
	       { ACTION("drop = \"x\"; reason = \"y\";"), 3,
		 "rule \"r\": unknown setting \"reason\"" });
}

static void a_wrong_type_is_an_error(void **state)
{
	(void)state;
	REFUSE({ "tenants = 5;", 2, "tenants must be a list of groups, not a whole number" },
	       { "tenants = ( 5 );", 2,
		 "tenant number 1: it must be a group { }, not a whole number" },
	       { "tenants = ( { id = \"1\"; name = \"a\"; } );", 2,
		 "id must be a whole number, not a text" },
	       { "tenants = ( { id = 1; name = 5; } );", 2,
		 "name must be a text in double quotes, not a whole number" },
	       { TENANT("rate = 5.0;"), 3,
		 "rate must be a whole number, not a number with a point" },
	       { TENANT("rate = true;"), 3, "rate must be a whole number, not true or false" },
	       { TENANT("domains = { };"), 3, "domains must be a list, not a group { }" },
	       { TENANT("groups = ( 5 );"), 3,
		 "groups holds a whole number where a text in double quotes belongs" },
	       { "tenant_files = { };", 2, "tenant_files must be a list" },
	       { "zones = { };", 2, "zones must be a list of groups, not a group { }" },
	       { POOL("port = 1.5;"), 3, "port must be a whole number" },
	       { "residency = { enforce = 1; };", 2,
		 "residency: enforce must be true or false, not a whole number" },
	       { "residency = true;", 2, "residency must be a group { }, not true or false" },
	       { "blocked_sources = ( 5 );", 2, "blocked_sources holds a whole number" },
	       { "rules = ( \"r\" );", 2, "rule number 1: it must be a group { }, not a text" },
	       { "rules = ( { name = \"r\"; match = 1; action = { drop = \"x\"; }; } );", 2,
		 "match must be a group { }" },
	       { "rules = ( { name = \"r\"; action = \"drop\"; } );", 2,
		 "action must be a group { }, not a text" },
	       { MATCH("country = 49;"), 3, "match.country holds a whole number" },
	       { MATCH("tenant = 1.0;"), 3, "match.tenant holds a number with a point" },
	       { MATCH("tenant = ( ( \"a\" ) );"), 3, "match.tenant holds a list" },
	       { MATCH("size = 5;"), 3, "size must be a group { }" },
	       { MATCH("size = { min = \"5\"; };"), 3, "min must be a whole number, not a text" },
	       { ACTION("drop = 5;"), 3, "drop must be a text" },
	       { ACTION("agents = ( \"desk\" );"), 3, "agents must be a text" });
}

static void a_name_or_an_id_given_twice_is_an_error(void **state)
{
	(void)state;
	REFUSE({ "tenants = ( { id = 1; name = \"a\"; },\n{ id = 1; name = \"b\"; } );", 3,
		 "tenant \"b\": the id 1 is taken by tenant \"a\" at t.conf:2" },
	       { "tenants = ( { id = 1; name = \"a\"; },\n{ id = 2; name = \"a\"; } );", 3,
		 "the name is taken by tenant \"a\" at t.conf:2" },
	       { "tenants = ( { id = 1; name = \"a\"; domains = \"x.example\"; },\n{ id = 2; name = \"b\"; domains = \"X.EXAMPLE\"; } );",
		 3, "tenant \"b\": the domain \"x.example\" is taken by tenant \"a\" at t.conf:2" },
	       { TENANT("domains = ( \"x.example\", \"x.Example\" );"), 3,
		 "the domain \"x.example\" is listed twice" },
	       { "zones = ( { name = \"z\"; countries = \"DE\"; },\n{ name = \"z\"; countries = \"FR\"; } );",
		 3, "zone \"z\": this name is taken, first at t.conf:2" },
	       { "queues_ = 1;", 2, "unknown setting" },
	       { "pools = ( { name = \"p\"; members = ( " MEMBER
		 " ); },\n{ name = \"p\"; members = ( " MEMBER " ); } );",
		 3, "pool \"p\": this name is taken, first at t.conf:2" },
	       { MEMBERS(MEMBER ",\n" MEMBER), 4,
		 "pool \"p\": member \"m\": this name is taken, first at t.conf:3" },
	       { "replies = ( { name = \"x\"; status = \"busy\"; },\n{ name = \"x\"; status = \"busy\"; } );",
		 3, "reply \"x\": this name is taken" },
	       { "rules = ( " RULE ",\n" RULE " );", 3,
		 "rule \"r\": this name is taken, first at t.conf:2" },
	       { "rules = ( { name =\n\"default\"; action = { drop = \"x\"; }; } );", 2,
		 "\"default\" is the name of the default" },
	       { TENANT("rate = 5;\nrate = 6;"), 4,
		 "rate is given twice in one group, first at t.conf:3" },
	       { "version = 1;", 2, "version is given twice in one group, first at t.conf:1" },
	       { "queues = ( );", 2, "queues is given twice" });
}

static void a_reference_to_nothing_is_an_error_with_the_nearest_name(void **state)
{
	(void)state;
	REFUSE({ MATCH("tenant = \"b\";"), 3, "rule \"r\": there is no tenant \"b\"" },
	       { MATCH("tenant = \"gold\";"), 3,
		 "there is no tenant \"gold\" (a group is written with @ before it)" },
	       { MATCH("tenant = \"1\";"), 3, "there is no tenant \"1\"" },
	       { MATCH("tenant = \"1001\";"), 3,
		 "there is no tenant \"1001\" (an id is written without quotes)" },
	       { MATCH("tenant = 2;"), 3, "there is no tenant with the id 2" },
	       { MATCH("tenant = \"@gild\";"), 3,
		 "no tenant is in a group \"gild\" (did you mean \"gold\"?)" },
	       { MATCH("tenant = \"@\";"), 3, "no tenant is in a group \"\"" },
	       { MATCH("country = ( \"DE\",\n\"@eu\" );"), 4, "there is no zone \"eu\"" },
	       { "zones = ( { name = \"europe\"; countries = \"DE\"; } );\n" POOL(
			 "zone = \"eurpoe\";"),
		 4, "pool \"p\": there is no zone \"eurpoe\" (did you mean \"europe\"?)" },
	       { "residency = { exceptions = ( { country = \"LI\"; zone = \"ch\"; reason = \"x\"; } ); };",
		 2, "there is no zone \"ch\"" },
	       { ACTION("forward = \"p\";"), 3, "there is no pool \"p\"" },
	       { ACTION("agents = \"dsek\";"), 3,
		 "there is no queue \"dsek\" (did you mean \"desk\"?)" },
	       { ACTION("reply = \"bus\";"), 3,
		 "there is no reply \"bus\" (did you mean \"busy\"?)" },
	       { ACTION("drop = \"x\"; copy = \"esk\";"), 3,
		 "there is no queue \"esk\" (did you mean \"desk\"?)" },
	       { ACTION("drop = \"x\"; rate = 5; exceed = \"reply:x\";"), 3,
		 "there is no reply \"x\"" },
	       { ACTION("drop = \"x\"; rate = 5; exceed = \"agents:\";"), 3,
		 "there is no queue \"\"" });
}

static void a_range_is_kept_and_the_right_way_round(void **state)
{
	(void)state;
	REFUSE({ MATCH("size = { min = 700; max = 512; };"), 3,
		 "rule \"r\": size.min 700 above size.max 512 (swap them?)" },
	       { MATCH("size = { min = 65536; };"), 3, "min 65536 is outside 0 to 65535" },
	       { MATCH("size = { max = -1; };"), 3, "max -1 is outside 0" },
	       { MATCH("channel = 7;"), 3, "match.channel 7 is outside 8 to 15" },
	       { MATCH("tenant = 0;"), 3, "match.tenant 0 is outside 1 to 4294967295" },
	       { MATCH("tenant = -1;"), 3, "match.tenant -1 is outside" },
	       { "tenants = ( { id = 0; name = \"a\"; } );", 2, "id 0 is outside 1 to 4294967295" },
	       { "tenants = ( { id = -1; name = \"a\"; } );", 2, "id -1 is outside" },
	       { "tenants = ( { id = 4294967296L; name = \"a\"; } );", 2,
		 "id 4294967296 is outside" },
	       { TENANT("rate = 0;"), 3,
		 "rate 0 is outside 1 to 4294967295 (leave it out for no limit)" },
	       { TENANT("rate = 5; burst = 0;"), 3, "burst 0 is outside" },
	       { POOL("port = 16;"), 3, "port 16 is outside 0 to 15" },
	       { MEMBERS("{ name = \"m\"; address = \"::1\"; mac = \"02:00:00:00:00:01\"; weight = 1001; }"),
		 3, "weight 1001 is outside 1 to 1000" },
	       { "replies = ( { name = \"x\"; status = \"busy\"; retry_after = -1; } );", 2,
		 "retry_after -1 is outside 0 to 2147483648" },
	       { "replies = ( { name = \"x\"; status = \"busy\"; retry_after = 2147483649L; } );",
		 2, "retry_after 2147483649 is outside" },
	       { ACTION("drop = \"x\"; rate = 0;"), 3,
		 "rate 0 is outside 1 to 4294967295 (leave it out for no limit)" });
}

static void a_list_that_must_hold_something_may_not_be_empty(void **state)
{
	(void)state;
	REFUSE({ MATCH("tenant = ( );"), 3,
		 "rule \"r\": the list of match.tenant is empty (leave the key out to match all)" },
	       { MATCH("country = [ ];"), 3, "the list of match.country is empty" },
	       { MATCH("priority = ( );"), 3, "match.priority is empty" },
	       { MATCH("channel = ( );"), 3, "match.channel is empty" },
	       { MATCH("protocol = [ ];"), 3, "match.protocol is empty" },
	       { "zones = ( { name = \"z\"; countries = ( ); } );", 2,
		 "zone \"z\": it holds no country" },
	       { "zones = ( { name = \"z\"; } );", 2, "zone \"z\": it holds no country" },
	       { MEMBERS(""), 2, "pool \"p\": it has no members" },
	       { "pools = ( { name = \"p\"; } );", 2, "pool \"p\": it has no members" });
}

static void addresses_prefixes_macs_keys_and_domains_are_checked(void **state)
{
	(void)state;
	REFUSE({ "blocked_sources = \"192.0.2.1/24\";", 2,
		 "has bits set behind its length (write \"192.0.2.0/24\")" },
	       { "blocked_sources = ( \"10.0.0.0/8\",\n\"2001:db8::1/48\" );", 3,
		 "(write \"2001:db8::/48\")" },
	       { "blocked_sources = \"192.0.2.0/33\";", 2,
		 "\"192.0.2.0/33\" is no address or prefix" },
	       { "blocked_sources = \"192.0.2/24\";", 2, "is no address or prefix" },
	       { "blocked_sources = \"10.0.0.0/08\";", 2, "is no address" },
	       { "blocked_sources = \"\";", 2, "is no address" },
	       { "blocked_sources = \"fe80::1%eth0\";", 2, "is no address" },
	       { MEMBERS("{ name = \"m\"; address = \"10.0.0.256\"; mac = \"02:00:00:00:00:01\"; }"),
		 3, "is no IPv4 or IPv6 address" },
	       { MEMBERS("{ name = \"m\"; address = \"10.0.0.1/32\"; mac = \"02:00:00:00:00:01\"; }"),
		 3, "is no IPv4 or IPv6 address" },
	       { MEMBERS("{ name = \"m\"; mac = \"02:00:00:00:00:01\"; }"), 3,
		 "it has no address" },
	       { MEMBERS("{ name = \"m\"; address = \"::1\"; mac = \"02:00:00:00:00\"; }"), 3,
		 "is no MAC address" },
	       { MEMBERS("{ name = \"m\"; address = \"::1\"; mac = \"02:00:00:00:00:0g\"; }"), 3,
		 "is no MAC address" },
	       { MEMBERS("{ name = \"m\"; address = \"::1\"; mac = \"02:00-00:00:00:01\"; }"), 3,
		 "is no MAC address" },
	       { MEMBERS("{ name = \"m\"; address = \"::1\"; mac = \"ff:ff:ff:ff:ff:ff\"; }"), 3,
		 "is not that of one interface" },
	       { MEMBERS("{ name = \"m\"; address = \"::1\"; mac = \"00:00:00:00:00:00\"; }"), 3,
		 "is not that of one interface" },
	       { TENANT("key = \"00112233\";"), 3,
		 "key is not 32 hexadecimal digits (it has 8 characters)" },
	       { TENANT("key = \"0011223344556677889900112233445g\";"), 3,
		 "key is not 32 hexadecimal digits" },
	       { TENANT("domains = \"a_b.example\";"), 3, "\"a_b.example\" is not a domain name" },
	       { TENANT("domains = \"-a.example\";"), 3, "is not a domain name" },
	       { TENANT("domains = \"a..example\";"), 3, "is not a domain name" },
	       { TENANT("domains = \"a.example.\";"), 3, "is not a domain name" },
	       { TENANT("domains = \"\";"), 3, "the domain \"\" is empty" });
}

static void names_are_text_of_1_to_63_bytes(void **state)
{
	(void)state;
	REFUSE({ "tenants = ( { id = 1; name = \"\"; } );", 2, "the name is empty" },
	       { "tenants = ( { id = 1; } );", 2, "tenant 1: it has no name" },
	       { "tenants = ( { name = \"a\"; } );", 2, "tenant \"a\": it has no id" },
	       { "tenants = ( { id = 1; name = \"@a\"; } );", 2,
		 "the name begins with '@', which marks a reference" },
	       { "tenants = ( { id = 1; name = \"unknown\"; } );", 2,
		 "which stands for ids that are not in the table" },
	       { "tenants = ( { id = 1; name = \"a\\x07\"; } );", 2,
		 "the name has a control character" },
	       { "tenants = ( { id = 1; name = \"a\xc2\x85\"; } );", 2,
		 "the name has a control character" },
	       { "tenants = ( { id = 1; name = \"\xc3(\"; } );", 2, "the name is not valid UTF-8" },
	       { TENANT("groups = \"@g\";"), 3, "the group \"@g\" begins with '@'" },
	       { "zones = ( { name = \"unknown\"; countries = \"DE\"; } );", 2,
		 "the name \"unknown\" is \"unknown\"" },
	       { "zones = ( { name = \"0123456789012345678901234567890123456789012345678901234567890123\"; countries = \"DE\"; } );",
		 2, "is longer than 63 bytes" },
	       { "rules = ( { name = \"\"; action = { drop = \"x\"; }; } );", 2,
		 "rule number 1: the name \"\" is empty" },
	       { "rules = ( { action = { drop = \"x\"; }; } );", 2,
		 "rule number 1: it has no name" },
	       { ACTION("drop = \"\";"), 3, "the reason of drop is empty" },
	       { POOL("port = \"\";"), 3, "the port name is empty" });
}

static void words_outside_their_few_are_errors(void **state)
{
	(void)state;
	REFUSE({ MATCH("priority = \"emergancy\";"), 3,
		 "unknown priority \"emergancy\" (did you mean \"emergency\"?)" },
	       { MATCH("priority = ( \"urgent\",\n\"high\" );"), 4,
		 "unknown priority \"high\" (it is emergency, urgent, normal, non-urgent)" },
	       { MATCH("channel = \"text\";"), 3,
		 "unknown channel \"text\" (it is unspecified, sms" },
	       { MATCH("channel = \"16\";"), 3, "8 to 15)" },
	       { MATCH("protocol = \"http\";"), 3,
		 "unknown protocol \"http\" (it is native, sip, coap)" },
	       { MATCH("country = \"de\";"), 3, "\"de\" is no country code (write \"DE\")" },
	       { MATCH("country = \"Germany\";"), 3,
		 "\"Germany\" is no country code (two capital letters" },
	       { TENANT("home = \"\";"), 3, "\"\" is no country code" },
	       { ACTION("drop = \"x\"; set_priority = \"high\";"), 3,
		 "unknown set_priority \"high\"" },
	       { ACTION("drop = \"x\"; rate = 5; exceed = \"shed\";"), 3,
		 "unknown exceed \"shed\" (it is \"drop\", \"reply:NAME\" or \"agents:NAME\")" },
	       { "replies = ( { name = \"x\"; status = \"ok\"; } );", 2,
		 "unknown status \"ok\" (it is accepted, refused or busy)" },
	       { "replies = ( { name = \"x\"; } );", 2, "reply \"x\": it has no status" });
}

static void an_action_names_exactly_one_target_and_its_limits_belong_together(void **state)
{
	(void)state;
	REFUSE({ ACTION("rate = 5;"), 2, "the action names no target" },
	       { ACTION("drop = \"x\"; agents = \"desk\";"), 3,
		 "the action has both agents and drop (leave one out)" },
	       { ACTION("drop = \"x\"; burst = 5;"), 3,
		 "burst without rate (add rate, or leave burst out)" },
	       { ACTION("reply = \"busy\"; exceed = \"drop\";"), 3, "exceed without rate" },
	       { ACTION("drop = \"x\"; exceed = \"drop\";"), 3,
		 "exceed without rate (add rate, or leave exceed out)" },
	       { TENANT("burst = 5;"), 3, "tenant \"a\": burst without rate" },
	       { "rules = ( { name = \"r\"; } );", 2, "rule \"r\": it has no action" });
}

static void residency_exceptions_name_country_zone_and_who_approved(void **state)
{
#define EXCEPTION(text)                                                                            \
	"zones = ( { name = \"z\"; countries = \"DE\"; } ); residency = { exceptions = (\n{ " text \
	" } ); };"
	(void)state;
	REFUSE({ EXCEPTION("country = \"LI\"; zone = \"z\";"), 3,
		 "residency exception number 1: it has no reason" },
	       { EXCEPTION("country = \"LI\"; zone = \"z\"; reason = \"\";"), 3,
		 "it has no reason" },
	       { EXCEPTION("country = \"LI\"; reason = \"x\";"), 3, "it has no zone" },
	       { EXCEPTION("zone = \"z\"; reason = \"x\";"), 3, "it has no country" });
}

static void a_reply_text_over_512_bytes_is_an_error(void **state)
{
	char text[800];
	struct fault fault = { text, 2, "text has 513 bytes, more than 512" };

	(void)state;
	snprintf(text, sizeof(text),
		 "replies = ( { name = \"x\"; status = \"busy\"; text = \"%513s\"; } );", "");
	rules_kit_refuse(&fault, 1);
}

static void version_and_default_are_required(void **state)
{
	static const char *const texts[][2] = {
		{ "default = { drop = \"x\"; };",
		  "t.conf:1: error: version is missing (write version = 1;)" },
		{ "version = 2; default = { drop = \"x\"; };",
		  "t.conf:1: error: version 2 is not one that this weir reads" },
		{ "version = \"1\"; default = { drop = \"x\"; };",
		  "t.conf:1: error: version must be a whole number" },
		{ "version = 1;", "t.conf:1: error: default is missing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct diags diags;

		diags_init(&diags);
		assert_null(rules_read_text("t.conf", texts[i][0], strlen(texts[i][0]), &diags));
		assert_int_equal(diags.n_errors, 1);
		assert_true(rules_kit_has(&diags, DIAG_ERROR, 1, texts[i][1]));
		diags_fini(&diags);
	}
}

static void all_errors_of_a_file_are_reported_in_one_run(void **state)
{
	static const char text[] =
		"version = 3;\n"
		"tenants = ( { id = 4294967301; name = \"a\"; },\n"
		"            { id = 5; name = \"b\"; rate = 0; rate = 7 } );\n"
		"zones = ( { name = \"z\"; countries = [ \"DE\", 5 ]; }, );\n"
		"pools = ( { name = \"p\"; zone = \"y\"; members = ( ); } );\n"
		"blocked_sources = [ \"1.2.3.4/8\" ];;\n"
		"default = { agents = desk; };\n"
		"rules = ( { name = \"r\"; match = { country = ( ); size = { min = 2; max = 1; }; };\n"
		"            action = { forward = \"q\"; burst = 1; }; }\n"
		"          { name = \"r\"; } );\n";
	static const uint32_t lines[] = { 1, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10 };
	struct diags diags;

	(void)state;
	diags_init(&diags);
	assert_null(rules_read_text("t.conf", text, strlen(text), &diags));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_true(rules_kit_has(&diags, DIAG_ERROR, lines[i], "t.conf:"));
	assert_in_range(diags.n_errors, sizeof(lines) / sizeof(lines[0]), 30);
	diags_fini(&diags);
}

static void codes_that_iso_does_not_assign_are_warnings(void **state)
{
	static const char text[] = RULES_HEAD
		"zones = ( { name = \"z\"; countries = [ \"UK\",\n\"ZZ\", \"DE\" ]; } );\n"
		"tenants = ( { id = 1; name = \"a\"; home = \"XX\"; },\n"
		"{ id = 2; name = \"b\"; home = \"ZZ\"; } );";
	struct diags diags;
	struct rule_set *rules;

	(void)state;
	diags_init(&diags);
	rules = rules_read_text("t.conf", text, strlen(text), &diags);
	assert_non_null(rules);
	assert_int_equal(diags.n_errors, 0);
	assert_int_equal(diags.n_warnings, 3);
	assert_int_equal(rules->tenants[1].home, WEIR_COUNTRY_NONE);
	assert_true(rules_kit_has(&diags, DIAG_WARNING, 5, "home \"ZZ\" says nothing"));
	assert_true(
		rules_kit_has(&diags, DIAG_WARNING, 2,
			      "does not assign the country code \"UK\" (did you mean \"GB\"?)"));
	assert_true(rules_kit_has(&diags, DIAG_WARNING, 4, "\"XX\""));
	rules_destroy(rules);
	diags_fini(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_that_is_not_known_is_an_error),
		cmocka_unit_test(a_wrong_type_is_an_error),
		cmocka_unit_test(a_name_or_an_id_given_twice_is_an_error),
		cmocka_unit_test(a_reference_to_nothing_is_an_error_with_the_nearest_name),
		cmocka_unit_test(a_range_is_kept_and_the_right_way_round),
		cmocka_unit_test(a_list_that_must_hold_something_may_not_be_empty),
		cmocka_unit_test(addresses_prefixes_macs_keys_and_domains_are_checked),
		cmocka_unit_test(names_are_text_of_1_to_63_bytes),
		cmocka_unit_test(words_outside_their_few_are_errors),
		cmocka_unit_test(an_action_names_exactly_one_target_and_its_limits_belong_together),
		cmocka_unit_test(residency_exceptions_name_country_zone_and_who_approved),
		cmocka_unit_test(a_reply_text_over_512_bytes_is_an_error),
		cmocka_unit_test(version_and_default_are_required),
		cmocka_unit_test(all_errors_of_a_file_are_reported_in_one_run),
		cmocka_unit_test(codes_that_iso_does_not_assign_are_warnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
