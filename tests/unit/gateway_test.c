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
#include "tests/kit/faults.h"

#define PORT "ports = ( { name = \"in0\"; device = \"net_null0\"; } );\n"

static struct gateway *read_good(const char *text, bool need_ports)
{
	struct diags diags;
	struct gateway *gateway;

	diags_init(&diags);
	gateway = gateway_read_text("etc/gateway.conf", text, strlen(text), need_ports, &diags);
	diags_print(&diags, stderr);
	assert_int_equal(diags.n, 0);
	assert_non_null(gateway);
	diags_fini(&diags);
	return gateway;
}

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
	struct gateway *gateway = read_good("", false);

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

static void all_that_is_given_is_read(void **state)
{
	struct gateway *gateway = read_good(
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
	assert_int_equal(gateway->n_listeners, 3);
	assert_int_equal(gateway->listeners[0].family, 4);
	assert_int_equal(gateway->listeners[1].family, 6);
	assert_int_equal(gateway->listeners[2].family, 0);
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
	gateway_destroy(gateway);
}

static void a_queue_has_webhooks_with_their_defaults(void **state)
{
	struct gateway *gateway = read_good(
		"agents = { queues = ( { name = \"q\"; webhooks = (\n"
		"{ url = \"https://Bots.example:8443/in?k=v\"; secret_file = \"q.secret\"; },\n"
		"{ url = \"http://127.1.2.3:80\"; secret_file = \"/etc/s\"; timeout_s = 120; max = 64; retry_s = 60;\n"
		"break_after = 1000; break_s = 3600; },\n"
		"{ url = \"HTTPS://[2001:db8::1]\"; secret_file = \"s\"; ca_file = \"ca.pem\"; } ); }, { name = \"r\"; } ); };",
		false);
	const struct gateway_queue *queue = gateway_queue_find(gateway, "q");

	(void)state;
	assert_int_equal(queue->n_webhooks, 3);
	assert_string_equal(queue->webhooks[0].url, "https://Bots.example:8443/in?k=v");
	assert_string_equal(queue->webhooks[0].host, "Bots.example:8443");
	assert_string_equal(queue->webhooks[0].secret_file, "etc/q.secret");
	assert_null(queue->webhooks[0].ca_file);
	assert_int_equal(queue->webhooks[0].timeout_s, 10);
	assert_int_equal(queue->webhooks[0].max, 4);
	assert_int_equal(queue->webhooks[0].retry_s, 1);
	assert_int_equal(queue->webhooks[0].break_after, 5);
	assert_int_equal(queue->webhooks[0].break_s, 30);
	assert_int_equal(queue->webhooks[0].line, 2);
	assert_string_equal(queue->webhooks[1].host, "127.1.2.3:80");
	assert_string_equal(queue->webhooks[1].secret_file, "/etc/s");
	assert_int_equal(queue->webhooks[1].timeout_s, 120);
	assert_int_equal(queue->webhooks[1].max, 64);
	assert_int_equal(queue->webhooks[1].retry_s, 60);
	assert_int_equal(queue->webhooks[1].break_after, 1000);
	assert_int_equal(queue->webhooks[1].break_s, 3600);
	assert_string_equal(queue->webhooks[2].host, "[2001:db8::1]");
	assert_string_equal(queue->webhooks[2].ca_file, "etc/ca.pem");
	assert_int_equal(gateway_queue_find(gateway, "r")->n_webhooks, 0);
	gateway_destroy(gateway);
}

static void a_url_is_plain_and_private(void **state)
{
	static const char *const good[] = {
		"https://a", "https://a/", "https://a.b-c_d:1/x?y=%20@z", "https://a?x", "https://10.0.0.1:65535/",
		"http://localhost",
		"http://LOCALHOST:8080/x", "http://127.0.0.1/", "http://127.255.255.255:5/", "http://[::1]:80/", "https://[fe80::1]/",
	};
	static const struct {
		const char *url, *fault;
	} bad[] = {
		{ "", "neither" }, { "ftp://a/", "neither" }, { "a.example/in", "neither" }, { "https:/a", "neither" },
		{ "https://", "no host" }, { "https:///in", "no host" }, { "https://?x", "no host" }, { "https://:80/", "no host" },
		{ "https://[::1/", "no host" }, { "https://[/", "no host" }, { "https://a:/", "host and port" },
		{ "https://a:0/", "host and port" },
		{ "https://a:65536/", "host and port" }, { "https://a:123456/", "host and port" }, { "https://a:8x/", "host and port" },
		{ "https://a%2e/", "host and port" }, { "https://a,b/", "host and port" }, { "https://user:word@a/", "user" },
		{ "http://localhost@evil.example/", "user" }, { "https://a b/", "character" }, { "https://a/\n", "character" },
		{ "https://a/#x", "character" }, { "https://a\\b/", "character" }, { "https://\xc3\xa4/", "character" },
		{ "http://a.example/", "another machine" }, { "http://127.0.0.1.evil.example/", "another machine" },
		{ "http://127.0.0.256/", "another machine" }, { "http://127.1/", "another machine" },
		{ "http://128.0.0.1/", "another machine" },
		{ "http://0.0.0.0/", "another machine" }, { "http://[::2]/", "another machine" },
		{ "http://localhost.evil.example/", "another machine" },
	};
	size_t at, size;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_null(gateway_url_fault(good[i], &at, &size));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *fault = gateway_url_fault(bad[i].url, &at, &size);

		assert_non_null(fault);
		assert_non_null(strstr(fault, bad[i].fault));
	}
}

static void a_port_of_type_xdp_has_its_limits(void **state)
{
	struct gateway *gateway = read_good(
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

static void a_backend_of_nats_has_its_servers_and_files(void **state)
{
	struct gateway *gateway = read_good(
		"agents = { backend = \"nats\"; url = \"nats://10.1.0.5:4222,tls://[2001:db8::5]:4222\";\n"
		" nats = { user = \"weir\"; password_file = \"nats.pw\"; ca = \"/etc/ca.pem\"; cert = \"c\"; key = \"k\";\n"
		" replicas = 3; duplicates_s = 3600; max_messages = 100; timeout_ms = 2000; exclusive = true; }; };\n",
		false);
	const struct gateway_nats *nats = &gateway->nats;

	(void)state;
	assert_int_equal(gateway->backend, GATEWAY_BACKEND_NATS);
	assert_string_equal(nats->url, "nats://10.1.0.5:4222,tls://[2001:db8::5]:4222");
	assert_string_equal(nats->user, "weir");
	assert_string_equal(nats->password_file, "etc/nats.pw");
	assert_string_equal(nats->ca, "/etc/ca.pem");
	assert_string_equal(nats->cert, "etc/c");
	assert_string_equal(nats->key, "etc/k");
	assert_null(nats->token_file);
	assert_null(nats->credentials);
	assert_int_equal(nats->replicas, 3);
	assert_int_equal(nats->duplicates_s, 3600);
	assert_int_equal(nats->max_messages, 100);
	assert_int_equal(nats->timeout_ms, 2000);
	assert_true(nats->exclusive);
	gateway_destroy(gateway);
}

static void a_port_is_found_by_name_or_index(void **state)
{
	struct gateway *gateway = read_good(
		"ports = ( { name = \"a\"; device = \"x\"; }, { name = \"b\"; device = \"y\"; } );",
		true);

	(void)state;
	assert_int_equal(gateway_port_find(gateway, "b", 0), 1);
	assert_int_equal(gateway_port_find(gateway, "c", 0), -1);
	assert_int_equal(gateway_port_find(gateway, NULL, 1), 1);
	assert_int_equal(gateway_port_find(gateway, NULL, 2), -1);
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

// Each text, after a port on line 1, gives one error, on its line.
static void check_faults(const struct fault *faults, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct diags diags;
		char text[1024];

		diags_init(&diags);
		snprintf(text, sizeof(text), "%s%s", PORT, faults[i].text);
		assert_null(gateway_read_text("g.conf", text, strlen(text), true, &diags));
		if (!rules_kit_has(&diags, DIAG_ERROR, faults[i].line,
				   faults[i].part ? faults[i].part : "misread") ||
		    (faults[i].part != NULL && diags.n_errors != 1)) {
			print_error("%s\nexpected on line %u: %s\n", faults[i].text, faults[i].line,
				    faults[i].part);
			diags_print(&diags, stderr);
			fail();
		}
		diags_fini(&diags);
	}
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
		{ "agents = { slots = 1000; };", 2,
		  "agents: slots 1000 is outside 1024 to 1048576" },
		{ "agents = { slots = 1025; };", 2, "agents: slots 1025 is no power of two" },
		{ "agents = { spool_mb = 0; };", 2, "spool_mb 0 is outside" },
		{ "agents = { retention_h = 0; };", 2, "retention_h 0 is outside" },
		{ "agents = { dead_h = 87601; };", 2, "dead_h 87601 is outside" },
		{ "agents = { done_h = \"1\"; };", 2, "done_h" },
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
		{ "name = 4294967297;", 2, NULL },
		{ "dataplane = { dispatch_cpu = -1; };", 2, "dispatch_cpu -1 is outside 0 to 1023" },
		{ "siblings = ( { name = \"gw2\"; port = \"in0\"; } );", 2, "sibling \"gw2\": it has no mac" },
		{ "siblings = ( { name = \"gw2\"; mac = \"02:00:00:00:00:02\"; } );", 2, "sibling \"gw2\": it has no port" },
		{ "siblings = ( { port = \"in0\"; mac = \"02:00:00:00:00:02\"; } );", 2, "sibling number 1: it has no name" },
		{ "siblings = ( { name = \"here\"; port = \"in0\"; mac = \"02:00:00:00:00:02\"; } );", 2, "\"here\" is this gateway's" },
		{ "siblings = ( { name = \"b\"; port = \"out\"; mac = \"02:00:00:00:00:02\"; } );", 2, "there is no port \"out\"" },
		{ "siblings = ( { name = \"b\"; port = \"in0\"; mac = \"03:00:00:00:00:02\"; } );", 2, "is not the MAC of a port" },
		{ "siblings = ( { name = \"b\"; port = \"in0\"; mac = \"02:00:00:00:00:02\"; },\n"
		  "{ name = \"b\"; port = \"in0\"; mac = \"02:00:00:00:00:03\"; } );", 3, "the name \"b\" is taken" },
		{ "a = (", 2, "this '(' is never closed" },
	};

	(void)state;
	check_faults(faults, sizeof(faults) / sizeof(faults[0]));
}

static void each_fault_of_agents_is_reported_with_its_line(void **state)
{
	static const struct fault faults[] = {
		{ "agents = { slots = 1000; };", 2,
		  "agents: slots 1000 is outside 1024 to 1048576" },
		{ "agents = { slots = 1025; };", 2, "agents: slots 1025 is no power of two" },
		{ "agents = { spool_mb = 0; };", 2, "spool_mb 0 is outside" },
		{ "agents = { answer_rate = 0; };", 2, "agents: answer_rate 0 is outside 1 to 1000000" },
		{ "agents = { queues = ( 5 ); };", 2, "agents: queue number 1: it must be a group" },
		{ "agents = { queues = (\n{ depth = 5; } ); };", 3, "agents: queue number 1: it has no name" },
		{ "agents = { queues = ( { name = \"\"; } ); };", 2, "agents: queue number 1: name is empty" },
		{ "agents = { queues = ( { name = \"a\"; },\n{ name = \"a\"; } ); };", 3,
		  "queue \"a\" stands on line 2 already (set all of a queue in one place)" },
		{ "agents = { queues = ( { name = \"a\"; depth = -1; } ); };", 2,
		  "agents: queue \"a\": depth -1 is outside 0 to 2147483647" },
		{ "agents = { queues = ( { name = \"a\"; dept = 1; } ); };", 2, "unknown setting \"dept\"" },
		{ "agents = { backend = \"redis\"; };", 2, "unknown backend \"redis\"" },
		{ "agents = {\nbackend = \"nats\"; };", 3, "backend \"nats\" needs a url (url = \"nats://" },
		{ "agents = { url = \"http://a\"; };", 2, "url: server number 1 does not begin with nats:// or tls://" },
		{ "agents = { url = \"nats://a:4222,\"; };", 2, "url: server number 2 does not begin" },
		{ "agents = { url = \"nats://\"; };", 2, "url: server number 1 names no host" },
		{ "agents = { url = \"nats://a b\"; };", 2, "url: server number 1 is not a host and a port" },
		{ "agents = { url = \"nats://me:secret@a\"; };", 2,
		  "holds a user, a password or a token (use agents.nats: token_file" },
		{ "agents = { nats = { user = \"a\"; }; };", 2, "agents.nats: user and password_file belong together" },
		{ "agents = { nats = { cert = \"a\"; }; };", 2, "agents.nats: cert and key belong together" },
		{ "agents = { nats = { token_file = \"a\"; credentials = \"b\"; }; };", 2,
		  "agents.nats: only one of credentials, token_file and user" },
		{ "agents = { nats = { replicas = 6; }; };", 2, "agents.nats: replicas 6 is outside 1 to 5" },
		{ "agents = { nats = { duplicates_s = 9; }; };", 2, "duplicates_s 9 is outside 10 to 86400" },
		{ "agents = { nats = { max_messages = -1; }; };", 2, "max_messages -1 is outside" },
		{ "agents = { nats = { timeout_ms = 99; }; };", 2, "timeout_ms 99 is outside 100 to 60000" },
		{ "agents = { nats = { token = \"a\"; }; };", 2, "agents.nats: unknown setting \"token\"" },
		{ "agents = { nats = 5; };", 2, "agents.nats: nats must be a group" },
		{ "agents = { queues = ( { name = \"a\"; lease_s = 0; } ); };", 2, "lease_s 0 is outside 1 to 604800" },
		{ "agents = { queues = ( { name = \"a\"; ring_s = 0; } ); };", 2, "ring_s 0 is outside 1 to 3600" },
		{ "agents = { queues = ( { name = \"a\"; order = [ \"x y\" ]; } ); };", 2, "cannot be the name of an agent" },
		{ "agents = { queues = ( { name = \"a\"; order = [ \"x\", \"x\" ]; } ); };", 2, "order holds \"x\" twice" },
		{ "agents = { listen = \"8480\"; };", 2, "listen \"8480\" is not an address and a port" },
		{ "agents = { listen = \"[::1]:0\"; };", 2, "is not an address and a port" },
		{ "agents = { listen = \"::1:80\"; };", 2, "is not an address and a port" },
		{ "agents = { listen = \"[]:80\"; };", 2, "is not an address and a port" },
		{ "agents = { listen = \":80\"; };", 2, "is not an address and a port" },
		{ "agents = {\n listen = \"192.0.2.1:80\"; };", 3, "is not a loopback address, and there is no certificate" },
		{ "agents = { listen = \"127.0.0.1:80\"; tls_cert = \"a\"; };", 2, "tls_cert without tls_key" },
		{ "agents = { tls_cert = \"a\"; tls_key = \"b\"; };", 2, "of no use without listen" },
		{ "agents = { queues = ( { name = \"a\"; webhooks = (\n{ secret_file = \"s\"; } ); } ); };", 3,
		  "agents: queue \"a\": webhook number 1: it has no url" },
		{ "agents = { queues = ( { name = \"a\"; webhooks = ( { url = \"https://a/\"; } ); } ); };", 2, "it has no secret_file" },
		{ "agents = { queues = ( { name = \"a\"; webhooks = ( { url = \"http://a/word\"; secret_file = \"s\"; } ); } ); };", 2,
		  "webhook number 1: url is http:// to another machine" },
		{ "agents = { queues = ( { name = \"a\"; webhooks = ( { url = \"https://a/\"; secret_file = \"\"; } ); } ); };", 2,
		  "secret_file is empty" },
		{ "agents = { queues = ( { name = \"a\"; webhooks = ( { "
		  "url = \"http://[::1]/\"; secret_file = \"s\"; ca_file = \"c\"; } ); } ); };", 2,
		  "ca_file is of no use" },
		{ "agents = { queues = ( { name = \"a\"; webhooks = ( { "
		  "url = \"https://a/\"; secret_file = \"s\"; max = 65; } ); } ); };", 2,
		  "max 65 is outside 1 to 64" },
		{ "agents = { queues = ( { name = \"a\"; webhooks = ( { "
		  "url = \"https://a/\"; secret_file = \"s\"; timeout_s = 0; } ); } ); };", 2,
		  "timeout_s 0 is outside 1 to 120" },
		{ "agents = { queues = ( { name = \"a\"; webhooks = ( { "
		  "url = \"https://a/\"; secret_file = \"s\"; retries = 3; } ); } ); };", 2,
		  "unknown setting \"retries\"" },
		{ "agents = { queues = ( { name = \"a\"; lease_s = 10; webhooks = ( {"
		  " url = \"https://a/\"; secret_file = \"s\"; } ); } ); };",
		  2, "timeout_s 10 is not below lease_s 10" },
		{ "agents = { url = \"nats://a\"; queues = ( { name = \"a\"; webhooks = ( {"
		  " url = \"https://a/\"; secret_file = \"s\"; } ); } );\nbackend = \"nats\"; };",
		  3, "queue \"a\" has webhooks, which do not see what goes to NATS" },
	};

	(void)state;
	check_faults(faults, sizeof(faults) / sizeof(faults[0]));
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
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct diags diags;

		diags_init(&diags);
		assert_null(gateway_read_text("g.conf", faults[i].text, strlen(faults[i].text),
					      true, &diags));
		if (diags.n_errors != 1 ||
		    !rules_kit_has(&diags, DIAG_ERROR, faults[i].line, faults[i].part)) {
			print_error("%s\nexpected on line %u: %s\n", faults[i].text, faults[i].line,
				    faults[i].part);
			diags_print(&diags, stderr);
			fail();
		}
		diags_fini(&diags);
	}
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
		snprintf(text, sizeof(text), "%s%s", PORT, shared[i].text);
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
		cmocka_unit_test(a_queue_has_webhooks_with_their_defaults),
		cmocka_unit_test(a_url_is_plain_and_private),
		cmocka_unit_test(a_port_of_type_xdp_has_its_limits),
		cmocka_unit_test(a_backend_of_nats_has_its_servers_and_files),
		cmocka_unit_test(a_port_is_found_by_name_or_index),
		cmocka_unit_test(run_and_state_files_stand_in_folders_by_the_name),
		cmocka_unit_test(each_fault_is_reported_with_its_line),
		cmocka_unit_test(each_fault_of_agents_is_reported_with_its_line),
		cmocka_unit_test(each_fault_of_a_port_is_reported_with_its_line),
		cmocka_unit_test(a_worker_on_the_main_cpu_is_taken_with_a_warning),
		cmocka_unit_test(a_file_that_is_missing_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
