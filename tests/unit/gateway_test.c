// SPDX-License-Identifier: BSD-3-Clause
#include "rules/gateway.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/gateway_reader.h"
#include "tests/kit/gateways.h"

static void check_defaults(const struct gateway *gateway)
{
	assert_string_equal(gateway->name, "gw1");
	assert_string_equal(gateway->run_dir, "/run/weir");
	assert_string_equal(gateway->state_dir, "/var/lib/weir");
	assert_null(gateway->user);
	assert_int_equal(gateway->memory_mb, 512);
	assert_int_equal(gateway->hugepages, HUGEPAGES_AUTO);
	assert_int_equal(gateway->main_cpu, 0);
	assert_int_equal(gateway->n_workers, 1);
	assert_int_equal(gateway->worker_cpus[0], 1);
	assert_int_equal(gateway->agent_slots, 16384);
	assert_int_equal(gateway->spool_mb, 4096);
	assert_int_equal(gateway->answer_rate, 10000);
	assert_int_equal(gateway->n_queues, 0);
	assert_int_equal(gateway->backend, GATEWAY_BACKEND_LOCAL);
	assert_null(gateway->nats.url);
	assert_int_equal(gateway->nats.replicas, 1);
	assert_int_equal(gateway->nats.duplicates_s, 600);
	assert_int_equal(gateway->nats.timeout_ms, 5000);
	assert_int_equal(gateway->retention_h, 168);
	assert_int_equal(gateway->dead_h, 720);
	assert_int_equal(gateway->done_h, 24);
	assert_int_equal(gateway->tx_staging, 512);
	assert_int_equal(gateway->fragments.timeout_ms, 1000);
	assert_int_equal(gateway->dispatch_cpu, -1);
	assert_int_equal(gateway->n_siblings, 0);
	assert_int_equal(gateway->n_listeners, 3);
	assert_int_equal(gateway->listeners[0].port, 5700);
	assert_int_equal(gateway->listeners[0].protocol, WEIR_NATIVE);
	assert_int_equal(gateway->listeners[1].port, 5060);
	assert_int_equal(gateway->listeners[1].protocol, WEIR_SIP);
	assert_int_equal(gateway->listeners[2].port, 5683);
	assert_int_equal(gateway->listeners[2].protocol, WEIR_COAP);
	assert_int_equal(gateway->listeners[2].family, 0);
}

static void what_is_left_out_has_its_default(void **state)
{
	struct gateway *gateway = gateways_read("", false);

	(void)state;
	check_defaults(gateway);
	assert_int_equal(gateway->n_ports, 0);
	assert_string_equal(gateway->rules, "etc/rules.conf");
	assert_string_equal(gateway->health_commands, "etc/health.d");
	assert_string_equal(gateway->file, "etc/gateway.conf");
	gateway_destroy(gateway);
	gateway = gateway_default();
	check_defaults(gateway);
	gateway_destroy(gateway);
}

static void check_ports(const struct gateway *gateway)
{
	assert_int_equal(gateway->n_ports, 2);
	assert_int_equal(gateway->ports[0].queues, 2);
	assert_true(gateway->ports[0].trust_udp_checksum);
	assert_true(gateway->ports[0].promiscuous);
	assert_false(gateway->ports[1].promiscuous);
	assert_int_equal(gateway->ports[1].queues, 1);
	assert_false(gateway->ports[1].trust_udp_checksum);
	assert_string_equal(gateway->ports[0].kernel, "weir0.1");
	assert_null(gateway->ports[1].kernel);
	assert_int_equal(gateway->ports[1].line, 6);
	assert_int_equal(gateway->dispatch_cpu, 6);
	assert_int_equal(gateway->n_siblings, 1);
	assert_string_equal(gateway->siblings[0].name, "gw2");
	assert_int_equal(gateway->siblings[0].port, 1);
	assert_int_equal(gateway->siblings[0].mac[5], 2);
	assert_false(gateway_dispatches(gateway, 0)); // a queue for each worker
	assert_true(gateway_dispatches(gateway, 1));
	assert_true(gateway_has_dispatcher(gateway));
}

static void check_agents(const struct gateway *gateway)
{
	assert_int_equal(gateway->agent_slots, 1024);
	assert_int_equal(gateway->spool_mb, 1);
	assert_int_equal(gateway->answer_rate, 7);
	assert_int_equal(gateway->n_queues, 2);
	assert_int_equal(gateway_queue_find(gateway, "desk one")->depth, INT32_MAX);
	assert_int_equal(gateway_queue_find(gateway, "front")->depth, 0);
	assert_int_equal(gateway_queue_find(gateway, "front")->line, 13);
	assert_int_equal(gateway->queues[0].lease_s, 60);
	assert_int_equal(gateway->queues[0].ring_s, 30);
	assert_int_equal(gateway->queues[0].retries, 0);
	assert_int_equal(gateway->queues[0].alarm_s, 9);
	assert_int_equal(gateway->queues[0].n_order, 2);
	assert_string_equal(gateway->queues[0].order[0], "b.1");
	assert_int_equal(gateway->queues[1].lease_s, 300);
	assert_int_equal(gateway->queues[1].ring_s, 20);
	assert_int_equal(gateway->queues[1].retries, 5);
	assert_int_equal(gateway->agents_listen.family, 6);
	assert_int_equal(gateway->agents_listen.address[15], 2);
	assert_int_equal(gateway->agents_listen.port, 8480);
	assert_string_equal(gateway->tls_cert, "etc/a.pem");
	assert_string_equal(gateway->tls_key, "/b.pem");
	assert_null(gateway_queue_find(gateway, "back"));
	assert_int_equal(gateway->retention_h, 2);
	assert_int_equal(gateway->dead_h, 3);
	assert_int_equal(gateway->done_h, 87600);
}

static void all_that_is_given_is_read(void **state)
{
	struct gateway *gateway = gateways_read(
		"name = \"edge-7\"; run_dir = \"/tmp/r\"; state_dir = \"/tmp/s\"; rules = \"/etc/r.conf\"; user = \"weir\";\n"
		"dataplane = { main_cpu = 3; worker_cpus = ( 4, 5 ); memory_mb = 1024; hugepages = \"never\";\n"
		" tx_staging = 128; dispatch_cpu = 6; }; fragments = { datagrams = 1; frames = 2; per_datagram = 3; timeout_ms = 4; };\n"
		"ports = ( { name = \"in0\"; device = \"0000:03:00.0\"; queues = 2; udp_checksum = \"trust\"; kernel = \"weir0.1\";\n"
		" promiscuous = true; },\n"
		"          { name = \"out0\"; device = \"net_null0\"; } );\n"
		"siblings = ( { name = \"gw2\"; port = \"out0\"; mac = \"02:00:00:00:00:02\"; } );\n"
		"listeners = ( { address = \"192.0.2.1\"; port = 5700; protocol = \"native\"; },\n"
		"              { address = \"2001:db8::1\"; port = 5700; protocol = \"coap\"; }, { port = 1; protocol = \"sip\"; } );\n"
		"agents = { slots = 1024; spool_mb = 1; answer_rate = 7; retention_h = 2; dead_h = 3; done_h = 87600;\n"
		" queues = ( { name = \"desk one\"; depth = 2147483647; lease_s = 60; ring_s = 30; retries = 0; alarm_s = 9;\n"
		"  order = [ \"b.1\", \"a\" ]; },\n"
		" { name = \"front\"; } ); listen = \"[2001:db8::2]:8480\"; tls_cert = \"a.pem\"; tls_key = \"/b.pem\"; };\n",
		true);

	(void)state;
	assert_string_equal(gateway->name, "edge-7");
	assert_string_equal(gateway->rules, "/etc/r.conf");
	assert_string_equal(gateway->user, "weir");
	assert_int_equal(gateway->main_cpu, 3);
	assert_int_equal(gateway->n_workers, 2);
	assert_int_equal(gateway->worker_cpus[1], 5);
	assert_int_equal(gateway->memory_mb, 1024);
	assert_int_equal(gateway->hugepages, HUGEPAGES_NEVER);
	assert_int_equal(gateway->tx_staging, 128);
	assert_memory_equal(&gateway->fragments, (&(struct gateway_fragments){ 1, 2, 3, 4 }), sizeof(gateway->fragments));
	check_ports(gateway);
	assert_int_equal(gateway->n_listeners, 3);
	assert_int_equal(gateway->listeners[0].family, 4);
	assert_int_equal(gateway->listeners[1].family, 6);
	assert_int_equal(gateway->listeners[2].family, 0);
	check_agents(gateway);
	gateway_destroy(gateway);
}

static void run_and_state_files_stand_in_folders_by_the_name(void **state)
{
	struct gateway *gateway = gateway_default();
	char path[64], small[8];

	(void)state;
	assert_int_equal(gateway_run_path(gateway, "dp.sock", path, sizeof(path)), 0);
	assert_string_equal(path, "/run/weir/gw1/dp.sock");
	assert_int_equal(gateway_state_path(gateway, "spool", path, sizeof(path)), 0);
	assert_string_equal(path, "/var/lib/weir/gw1/spool");
	assert_int_equal(gateway_run_path(gateway, "dp.sock", small, sizeof(small)), -ENAMETOOLONG);
	gateway_destroy(gateway);
}

static void each_fault_is_reported_with_its_line(void **state)
{
	static const struct fault faults[] = {
		{ "nam = \"x\";", 2, "unknown setting \"nam\" (did you mean \"name\"?)" },
		{ "name = \"\";", 2, "name \"\" is not a plain name" },
		{ "name = \"a/b\";", 2,
		  "name \"a/b\" is not a plain name (1 to 32 letters, digits, '_' and '-')" },
		{ "name = 5;", 2, "name must be a text" },
		{ "run_dir = \"\";", 2, "run_dir is empty" },
		{ "rules = \"a\\x01\";", 2, "rules has a control character" },
		{ "user = ( );", 2, "user must be a text" },
		{ "dataplane = 5;", 2, "dataplane must be a group" },
		{ "dataplane = {\nmain_cpus = 1; };", 3,
		  "dataplane: unknown setting \"main_cpus\" (did you mean \"main_cpu\"?)" },
		{ "dataplane = { main_cpu = -1; };", 2,
		  "dataplane: main_cpu -1 is outside 0 to 1023" },
		{ "dataplane = { worker_cpus = ( 4, 5,\n4 ); };", 3, "worker_cpus holds 4 twice" },
		{ "dataplane = { worker_cpus = ( ); };", 2, "worker_cpus holds 0 cpus" },
		{ "dataplane = { worker_cpus = \"1\"; };", 2,
		  "worker_cpus must be a whole number, not a text" },
		{ "dataplane = { memory_mb = 0; };", 2, "memory_mb 0 is outside 64 to" },
		{ "dataplane = { hugepages = \"yes\"; };", 2,
		  "unknown hugepages \"yes\" (it is auto, required or never)" },
		{ "dataplane = { tx_staging = 1; };", 2, "tx_staging 1 is outside" },
		{ "fragments = { per_datagram = 1; };", 2, "per_datagram 1 is outside" },
		{ "dataplane = { dispatch_cpu = -1; };", 2, "dispatch_cpu -1 is outside 0 to 1023" },
		{ "a = (", 2, "this '(' is never closed" },
	};

	(void)state;
	gateways_refuse(GATEWAYS_PORT, faults, sizeof(faults) / sizeof(faults[0]));
}

static void each_fault_of_a_sibling_is_reported_with_its_line(void **state)
{
	static const struct fault faults[] = {
		{ "siblings = ( { name = \"gw2\"; port = \"in0\"; } );", 2, "sibling \"gw2\": it has no mac" },
		{ "siblings = ( { name = \"gw2\"; mac = \"02:00:00:00:00:02\"; } );", 2, "sibling \"gw2\": it has no port" },
		{ "siblings = ( { port = \"in0\"; mac = \"02:00:00:00:00:02\"; } );", 2, "sibling number 1: it has no name" },
		{ "siblings = ( { name = \"here\"; port = \"in0\"; mac = \"02:00:00:00:00:02\"; } );", 2, "\"here\" is this gateway's" },
		{ "siblings = ( { name = \"b\"; port = \"out\"; mac = \"02:00:00:00:00:02\"; } );", 2, "there is no port \"out\"" },
		{ "siblings = ( { name = \"b\"; port = \"in0\"; mac = \"03:00:00:00:00:02\"; } );", 2, "is not the MAC of a port" },
		{ "siblings = ( { name = \"b\"; port = \"in0\"; mac = \"02:00:00:00:00:02\"; },\n"
		  "{ name = \"b\"; port = \"in0\"; mac = \"02:00:00:00:00:03\"; } );", 3, "the name \"b\" is taken" },
	};

	(void)state;
	gateways_refuse(GATEWAYS_PORT, faults, sizeof(faults) / sizeof(faults[0]));
}

static void a_number_that_libconfig_misreads_is_refused(void **state)
{
	static const char text[] = GATEWAYS_PORT "name = 4294967297;";
	struct diags diags;

	(void)state;
	diags_init(&diags);
	assert_null(gateway_read_text("g.conf", text, strlen(text), true, &diags));
	assert_true(rules_kit_has(&diags, DIAG_ERROR, 2, "misread"));
	diags_fini(&diags);
}

static void a_worker_on_the_main_cpu_is_taken_with_a_warning(void **state)
{
	static const struct fault shared[] = {
		{ "dataplane = { main_cpu = 1; };", 2, "main thread and worker share cpu 1" },
		{ "dataplane = { main_cpu = 4;\nworker_cpus = ( 5,\n4 ); };", 4,
		  "main thread and worker share cpu 4 (fine for trying things, not for speed)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
		struct gateway *gateway;
		struct diags diags;
		char text[1024];

		diags_init(&diags);
		snprintf(text, sizeof(text), "%s%s", GATEWAYS_PORT, shared[i].text);
		gateway = gateway_read_text("g.conf", text, strlen(text), true, &diags);
		assert_non_null(gateway);
		assert_int_equal(diags.n, 1);
		assert_true(
			rules_kit_has(&diags, DIAG_WARNING, shared[i].line, shared[i].part));
		gateway_destroy(gateway);
		diags_fini(&diags);
	}
}

static void a_file_that_is_missing_is_refused(void **state)
{
	struct diags diags;

	(void)state;
	diags_init(&diags);
	assert_null(gateway_read("/nonexistent/gateway.conf", true, &diags));
	assert_true(
		rules_kit_has(&diags, DIAG_ERROR, 0, "cannot be read: No such file or directory"));
	diags_fini(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(all_that_is_given_is_read),
		cmocka_unit_test(run_and_state_files_stand_in_folders_by_the_name),
		cmocka_unit_test(each_fault_is_reported_with_its_line),
		cmocka_unit_test(each_fault_of_a_sibling_is_reported_with_its_line),
		cmocka_unit_test(a_number_that_libconfig_misreads_is_refused),
		cmocka_unit_test(a_worker_on_the_main_cpu_is_taken_with_a_warning),
		cmocka_unit_test(a_file_that_is_missing_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
