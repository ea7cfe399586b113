// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/agents/hook_send.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { REQUEST = 4096, PEERS = 16 };

// A server in the same loop: it reads a request to its end, keeps it, and writes what it was told to.
struct server {
	struct event_base *base;
	struct hook_sender *sender;
	struct event *accepting, *reading[PEERS];
	int fd, peer[PEERS];
	unsigned n_peers, n_requests;
	char url[64];
	char request[REQUEST];
	size_t length;
	const char *response; // NULL: says nothing
	size_t response_length;
	unsigned done, wanted;
	struct hook_result result;
	char body[HOOK_RESPONSE + 1];
};

static struct hook_secrets secrets;

static bool request_is_whole(const struct server *server)
{
	const char *end = strstr(server->request, "\r\n\r\n"), *length = strcasestr(server->request, "\r\ncontent-length:");

	return end && length && strlen(end + 4) >= strtoul(length + 17, NULL, 10);
}

static void on_request(evutil_socket_t fd, short what, void *argument)
{
	struct server *server = argument;
	ssize_t n = read(fd, server->request + server->length, REQUEST - 1 - server->length);

	(void)what;
	if (n <= 0) {
		for (unsigned i = 0; i < server->n_peers; i++)
			if (server->peer[i] == fd)
				event_del(server->reading[i]);
		return;
	}
	server->length += (size_t)n;
	server->request[server->length] = '\0';
	if (!request_is_whole(server))
		return;
	server->n_requests++;
	server->length = 0;
	if (server->response)
		assert_int_equal(write(fd, server->response, server->response_length), server->response_length);
}

static void on_peer(evutil_socket_t fd, short what, void *argument)
{
	struct server *server = argument;
	unsigned i = server->n_peers++;

	(void)what;
	assert_in_range(i, 0, PEERS - 1);
	server->peer[i] = accept(fd, NULL, NULL);
	assert_true(server->peer[i] >= 0);
	server->reading[i] = event_new(server->base, server->peer[i], EV_READ | EV_PERSIST, on_request, server);
	event_add(server->reading[i], NULL);
}

static void say(struct server *server, const char *response)
{
	server->response = response;
	server->response_length = response ? strlen(response) : 0;
}

static void begin(struct server *server, const char *response)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	char why[100];

	memset(server, 0, sizeof(*server));
	assert_int_equal(hook_secrets_parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 38, &secrets, why, 100), 0);
	server->base = event_base_new();
	server->sender = hook_sender_create(server->base);
	assert_non_null(server->sender);
	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server->fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(server->fd, PEERS), 0);
	assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &length), 0);
	snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u/in?a=b", ntohs(address.sin_port));
	server->accepting = event_new(server->base, server->fd, EV_READ | EV_PERSIST, on_peer, server);
	event_add(server->accepting, NULL);
	say(server, response);
}

static void end(struct server *server)
{
	hook_sender_destroy(server->sender);
	for (unsigned i = 0; i < server->n_peers; i++) {
		event_free(server->reading[i]);
		close(server->peer[i]);
	}
	event_free(server->accepting);
	if (server->fd >= 0)
		close(server->fd);
	event_base_free(server->base);
}

static void on_done(void *cookie, const struct hook_result *result)
{
	struct server *server = cookie;

	server->result = *result;
	memcpy(server->body, result->body, result->length);
	server->body[result->length] = '\0';
	if (++server->done == server->wanted)
		event_base_loopbreak(server->base);
}

static void post(struct server *server, uint32_t timeout_ms)
{
	struct hook_post one = { .url = server->url, .secrets = &secrets, .id = "id-7", .body = strdup("{\"a\":1}"),
				 .timeout_ms = timeout_ms, .done = on_done, .cookie = server };

	assert_int_equal(hook_send(server->sender, &one), 0);
}

static void finish(struct server *server, unsigned n)
{
	server->wanted = n;
	if (server->done < n)
		event_base_dispatch(server->base);
	assert_int_equal(server->done, n);
}

static void posts_the_event_with_its_signature(void **state)
{
	char signatures[HOOK_SIGNATURES + 1], line[300];
	struct server server;
	const char *timestamp;

	(void)state;
	begin(&server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	post(&server, 60000);
	finish(&server, 1);
	assert_int_equal(server.result.status, 200);
	assert_null(server.result.error);
	assert_string_equal(server.body, "hello");
	assert_memory_equal(server.request, "POST /in?a=b HTTP/1.1\r\n", 23);
	assert_non_null(strstr(server.request, "\r\nContent-Type: application/cloudevents+json; charset=utf-8\r\n"));
	assert_non_null(strstr(server.request, "\r\nwebhook-id: id-7\r\n"));
	assert_null(strcasestr(server.request, "\r\nexpect:"));
	assert_non_null(strstr(server.request, "\r\n\r\n{\"a\":1}"));
	timestamp = strstr(server.request, "\r\nwebhook-timestamp: ");
	assert_non_null(timestamp);
	assert_in_range(strtoull(timestamp + 21, NULL, 10), time(NULL) - 60, time(NULL));
	assert_int_equal(hook_sign(&secrets, "id-7", strtoull(timestamp + 21, NULL, 10), "{\"a\":1}", 7, signatures), 0);
	snprintf(line, sizeof(line), "\r\nwebhook-signature: %s\r\n", signatures);
	assert_non_null(strstr(server.request, line));
	end(&server);
}

static void many_posts_use_connections_again(void **state)
{
	struct server server;

	(void)state;
	begin(&server, "HTTP/1.1 204 No Content\r\n\r\n");
	for (unsigned n = 1; n <= 20; n++) {
		post(&server, 60000);
		finish(&server, n);
		assert_int_equal(server.result.status, 204);
	}
	assert_int_equal(server.n_requests, 20);
	assert_int_equal(server.n_peers, 1);
	end(&server);
}

static void a_redirect_is_told_and_not_followed(void **state)
{
	struct server server;

	(void)state;
	begin(&server, "HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
	post(&server, 60000);
	finish(&server, 1);
	assert_int_equal(server.result.status, 307);
	assert_int_equal(server.n_requests, 1);
	end(&server);
}

static void what_the_server_asks_to_wait_is_told(void **state)
{
	struct server server;
	char response[200], when[64];
	time_t in = time(NULL) + 3000;
	struct tm tm;

	(void)state;
	begin(&server, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n");
	post(&server, 60000);
	finish(&server, 1);
	assert_int_equal(server.result.status, 429);
	assert_int_equal(server.result.retry_after_ms, 17000);
	strftime(when, sizeof(when), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&in, &tm));
	snprintf(response, sizeof(response), "HTTP/1.1 503 No\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", when);
	say(&server, response);
	post(&server, 60000);
	finish(&server, 2);
	assert_int_equal(server.result.status, 503);
	assert_in_range(server.result.retry_after_ms, 2000000, 3000000);
	end(&server);
}

static void a_response_is_read_up_to_its_limit(void **state)
{
	static char response[100 + 2 * HOOK_RESPONSE];
	struct server server;
	size_t head;

	(void)state;
	for (size_t length = HOOK_RESPONSE - 1; length <= HOOK_RESPONSE + 1; length++) {
		head = (size_t)sprintf(response, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", length);
		memset(response + head, 'x', length);
		response[head + length] = '\0';
		begin(&server, response);
		post(&server, 60000);
		finish(&server, 1);
		assert_int_equal(server.result.status, 200);
		assert_null(server.result.error);
		assert_int_equal(server.result.length, length <= HOOK_RESPONSE ? length : HOOK_RESPONSE);
		assert_int_equal(server.result.too_long, length > HOOK_RESPONSE);
		end(&server);
	}
}

static void a_server_that_says_nothing_is_given_up_while_others_are_served(void **state)
{
	struct server silent, quick;

	(void)state;
	begin(&silent, NULL);
	begin(&quick, "HTTP/1.1 204 No Content\r\n\r\n");
	post(&silent, 300);
	finish(&silent, 1);
	assert_int_equal(silent.result.status, 0);
	assert_non_null(strstr(silent.result.error, "imeout"));
	post(&quick, 60000);
	finish(&quick, 1);
	end(&silent);
	end(&quick);
}

static void a_port_that_nobody_listens_on_and_words_that_are_no_http_are_errors(void **state)
{
	struct server server;

	(void)state;
	begin(&server, "220 mail.example ESMTP\r\n\r\n");
	post(&server, 60000);
	finish(&server, 1);
	assert_non_null(server.result.error);
	assert_int_equal(server.result.status, 0);
	event_del(server.accepting);
	close(server.fd);
	server.fd = -1;
	post(&server, 60000);
	finish(&server, 2);
	assert_non_null(strstr(server.result.error, "connect"));
	end(&server);
}

static void transfers_under_way_end_with_the_sender(void **state)
{
	struct server server;

	(void)state;
	begin(&server, NULL);
	for (unsigned i = 0; i < 5; i++)
		post(&server, 60000);
	event_base_loop(server.base, EVLOOP_ONCE);
	end(&server);
	assert_int_equal(server.done, 0);
}

static void a_file_of_certificates_must_have_one(void **state)
{
	char why[200];

	(void)state;
	assert_int_equal(hook_ca_check("/nowhere/ca.pem", why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "file"));
	assert_int_equal(hook_ca_check("/dev/null", why, sizeof(why)), -EINVAL);
	assert_true(strlen(why) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(posts_the_event_with_its_signature),
		cmocka_unit_test(many_posts_use_connections_again),
		cmocka_unit_test(a_redirect_is_told_and_not_followed),
		cmocka_unit_test(what_the_server_asks_to_wait_is_told),
		cmocka_unit_test(a_response_is_read_up_to_its_limit),
		cmocka_unit_test(a_server_that_says_nothing_is_given_up_while_others_are_served),
		cmocka_unit_test(a_port_that_nobody_listens_on_and_words_that_are_no_http_are_errors),
		cmocka_unit_test(transfers_under_way_end_with_the_sender),
		cmocka_unit_test(a_file_of_certificates_must_have_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
