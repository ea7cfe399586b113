// SPDX-License-Identifier: BSD-3-Clause
//
// agents of gateway.conf: limits, queues, their webhooks, NATS, the listening socket.
#include "rules/gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/gateways.h"

static void a_queue_has_webhooks_with_their_defaults(void **state)
{
	struct gateway *gateway = gateways_read(
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

static void a_backend_of_nats_has_its_servers_and_files(void **state)
{
	struct gateway *gateway = gateways_read(
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

static void each_limit_of_agents_is_held(void **state)
{
	static const struct fault faults[] = {
		{ "agents = { slots = 1000; };", 2,
		  "agents: slots 1000 is outside 1024 to 1048576" },
		{ "agents = { slots = 1025; };", 2, "agents: slots 1025 is no power of two" },
		{ "agents = { spool_mb = 0; };", 2, "spool_mb 0 is outside" },
		{ "agents = { retention_h = 0; };", 2, "retention_h 0 is outside" },
		{ "agents = { dead_h = 87601; };", 2, "dead_h 87601 is outside" },
		{ "agents = { done_h = \"1\"; };", 2, "done_h" },
		{ "agents = { answer_rate = 0; };", 2, "agents: answer_rate 0 is outside 1 to 1000000" },
	};

	(void)state;
	gateways_refuse(GATEWAYS_PORT, faults, sizeof(faults) / sizeof(faults[0]));
}

static void each_fault_of_a_queue_is_reported_with_its_line(void **state)
{
	static const struct fault faults[] = {
		{ "agents = { queues = ( 5 ); };", 2, "agents: queue number 1: it must be a group" },
		{ "agents = { queues = (\n{ depth = 5; } ); };", 3, "agents: queue number 1: it has no name" },
		{ "agents = { queues = ( { name = \"\"; } ); };", 2, "agents: queue number 1: name is empty" },
		{ "agents = { queues = ( { name = \"a\"; },\n{ name = \"a\"; } ); };", 3,
		  "queue \"a\" stands on line 2 already (set all of a queue in one place)" },
		{ "agents = { queues = ( { name = \"a\"; depth = -1; } ); };", 2,
		  "agents: queue \"a\": depth -1 is outside 0 to 2147483647" },
		{ "agents = { queues = ( { name = \"a\"; dept = 1; } ); };", 2, "unknown setting \"dept\"" },
		{ "agents = { queues = ( { name = \"a\"; lease_s = 0; } ); };", 2, "lease_s 0 is outside 1 to 604800" },
		{ "agents = { queues = ( { name = \"a\"; ring_s = 0; } ); };", 2, "ring_s 0 is outside 1 to 3600" },
		{ "agents = { queues = ( { name = \"a\"; order = [ \"x y\" ]; } ); };", 2, "cannot be the name of an agent" },
		{ "agents = { queues = ( { name = \"a\"; order = [ \"x\", \"x\" ]; } ); };", 2, "order holds \"x\" twice" },
	};

	(void)state;
	gateways_refuse(GATEWAYS_PORT, faults, sizeof(faults) / sizeof(faults[0]));
}

static void each_fault_of_nats_is_reported_with_its_line(void **state)
{
	static const struct fault faults[] = {
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
	};

	(void)state;
	gateways_refuse(GATEWAYS_PORT, faults, sizeof(faults) / sizeof(faults[0]));
}

static void each_fault_of_the_listening_socket_is_reported_with_its_line(void **state)
{
	static const struct fault faults[] = {
		{ "agents = { listen = \"8480\"; };", 2, "listen \"8480\" is not an address and a port" },
		{ "agents = { listen = \"[::1]:0\"; };", 2, "is not an address and a port" },
		{ "agents = { listen = \"::1:80\"; };", 2, "is not an address and a port" },
		{ "agents = { listen = \"[]:80\"; };", 2, "is not an address and a port" },
		{ "agents = { listen = \":80\"; };", 2, "is not an address and a port" },
		{ "agents = {\n listen = \"192.0.2.1:80\"; };", 3, "is not a loopback address, and there is no certificate" },
		{ "agents = { listen = \"127.0.0.1:80\"; tls_cert = \"a\"; };", 2, "tls_cert without tls_key" },
		{ "agents = { tls_cert = \"a\"; tls_key = \"b\"; };", 2, "of no use without listen" },
	};

	(void)state;
	gateways_refuse(GATEWAYS_PORT, faults, sizeof(faults) / sizeof(faults[0]));
}

static void each_fault_of_a_webhook_is_reported_with_its_line(void **state)
{
	static const struct fault faults[] = {
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
	gateways_refuse(GATEWAYS_PORT, faults, sizeof(faults) / sizeof(faults[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_has_webhooks_with_their_defaults),
		cmocka_unit_test(a_url_is_plain_and_private),
		cmocka_unit_test(a_backend_of_nats_has_its_servers_and_files),
		cmocka_unit_test(each_limit_of_agents_is_held),
		cmocka_unit_test(each_fault_of_a_queue_is_reported_with_its_line),
		cmocka_unit_test(each_fault_of_nats_is_reported_with_its_line),
		cmocka_unit_test(each_fault_of_the_listening_socket_is_reported_with_its_line),
		cmocka_unit_test(each_fault_of_a_webhook_is_reported_with_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
