// SPDX-License-Identifier: BSD-3-Clause
//
// The webhooks of a queue of agents in gateway.conf: where its messages are delivered, and how patiently. A URL is read
// strictly: what it names must be plain from reading it, so no user, no fragment, nothing that a client might read in
// another way.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules/file.h"
#include "rules/gateway_reader.h"

enum { URL_MAX = 2048, HOST_MAX = 253 };

static const char *const hook_keys[] = { "url",		"secret_file", "ca_file",     "timeout_s", "max",
					 "retry_s", "break_after", "break_s", NULL };

// The number behind the colon, 1 to 65,535; `at` ends at it.
static bool port_is_good(const char *at, size_t length)
{
	unsigned port = 0;

	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)at[i]) || i >= 5)
			return false;
		port = 10 * port + (unsigned)(at[i] - '0');
	}
	return port >= 1 && port <= 65535;
}

static size_t host_length(const char *host)
{
	if (*host == '[')
		return strspn(host + 1, "0123456789abcdefABCDEF:.") + 1 +
		       (host[1 + strspn(host + 1, "0123456789abcdefABCDEF:.")] == ']');
	return strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
}

// Whether the host can only be this machine: spelled in full, so that no resolver has a word in it.
static bool host_is_loopback(const char *host, size_t length)
{
	unsigned a, b, c, d;
	int end = 0;

	if (length == 9 && strncasecmp(host, "localhost", 9) == 0)
		return true;
	if (length == 5 && strncmp(host, "[::1]", 5) == 0)
		return true;
	return strspn(host, "0123456789.") == length &&
	       sscanf(host, "%3u.%3u.%3u.%3u%n", &a, &b, &c, &d, &end) == 4 && (size_t)end == length &&
	       a == 127 && b < 256 && c < 256 && d < 256;
}

const char *gateway_url_fault(const char *url, size_t *host_at, size_t *host_size)
{
	bool plain = strncasecmp(url, "http://", 7) == 0;
	const char *host = url + (plain ? 7 : 8), *end;
	size_t length;

	if (!plain && strncasecmp(url, "https://", 8) != 0)
		return "is neither https:// nor http://";
	if (strlen(url) > URL_MAX)
		return "is longer than 2048 bytes";
	for (const char *at = url; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~' || *at == '\\' || *at == '#')
			return "has a character that no such URL has (white space, '#', '\\', beyond ASCII)";
	end = host + strcspn(host, "/?");
	if (memchr(host, '@', (size_t)(end - host)) != NULL)
		return "has a user in it; who sends is known by the signature";
	length = host_length(host);
	if (length == 0 || length > HOST_MAX || (*host == '[' && host[length - 1] != ']'))
		return "has no host";
	if (host + length != end &&
	    (host[length] != ':' || !port_is_good(host + length + 1, (size_t)(end - host) - length - 1)))
		return "has no good host and port";
	if (plain && !host_is_loopback(host, length))
		return "is http:// to another machine, which anybody on the way can read";
	*host_at = (size_t)(host - url);
	*host_size = (size_t)(end - host);
	return NULL;
}

static void read_url(struct gateway_reader *reader, config_setting_t *group, struct gateway_webhook *hook)
{
	config_setting_t *at = config_setting_get_member(group, "url");
	const char *url = NULL, *fault;
	size_t host_at, host_size;
	int got = conf_string(&reader->conf, group, "url", &url);

	if (got == 0)
		conf_error(&reader->conf, group, "url = \"https://bots.example/weir\"", "it has no url");
	if (got <= 0)
		return;
	fault = gateway_url_fault(url, &host_at, &host_size);
	if (fault != NULL) { // without the URL itself, which may have a secret in its path
		conf_error(&reader->conf, at, "as \"https://bots.example/weir\"", "url %s", fault);
		return;
	}
	gateway_replace(reader, &hook->url, url);
	hook->host = strndup(url + host_at, host_size);
	if (hook->host == NULL)
		conf_error(&reader->conf, NULL, NULL, "out of memory");
}

static void read_path(struct gateway_reader *reader, config_setting_t *group, const char *key, char **place)
{
	const char *text = NULL;

	if (conf_string(&reader->conf, group, key, &text) <= 0)
		return;
	if (*text == '\0') {
		conf_error(&reader->conf, config_setting_get_member(group, key), NULL, "%s is empty", key);
		return;
	}
	*place = file_join(reader->gateway->file, text);
	if (*place == NULL)
		conf_error(&reader->conf, NULL, NULL, "out of memory");
}

static void read_number(struct gateway_reader *reader, config_setting_t *group, const char *key, int max,
			uint32_t *place)
{
	int64_t value = *place;

	conf_int(&reader->conf, group, key, (struct conf_range){ 1, max }, &value);
	*place = (uint32_t)value;
}

// A delivery must end before the message is given to somebody else.
static void check_timeout(struct gateway_reader *reader, config_setting_t *group, const struct gateway_webhook *hook,
			  uint32_t lease_s)
{
	config_setting_t *at = config_setting_get_member(group, "timeout_s");

	if (hook->timeout_s >= lease_s)
		conf_error(&reader->conf, at != NULL ? at : group, "a longer lease_s, or a shorter timeout_s",
			   "timeout_s %u is not below lease_s %u of its queue", hook->timeout_s, lease_s);
}

static void read_hook(struct gateway_reader *reader, config_setting_t *group, struct gateway_webhook *hook)
{
	uint32_t file;

	conf_place(&reader->conf, group, &file, &hook->line);
	if (!conf_group(&reader->conf, group, hook_keys))
		return;
	hook->timeout_s = 10;
	hook->max = 4;
	hook->retry_s = 1;
	hook->break_after = 5;
	hook->break_s = 30;
	read_url(reader, group, hook);
	read_path(reader, group, "secret_file", &hook->secret_file);
	read_path(reader, group, "ca_file", &hook->ca_file);
	if (config_setting_get_member(group, "secret_file") == NULL)
		conf_error(&reader->conf, group, "secret_file = \"fraud.secret\", with a line whsec_… in it",
			   "it has no secret_file");
	if (hook->ca_file != NULL && hook->url != NULL && strncasecmp(hook->url, "http:", 5) == 0)
		conf_error(&reader->conf, config_setting_get_member(group, "ca_file"), "leave it out",
			   "ca_file is of no use to an http:// URL");
	read_number(reader, group, "timeout_s", 120, &hook->timeout_s);
	read_number(reader, group, "max", 64, &hook->max);
	read_number(reader, group, "retry_s", 60, &hook->retry_s);
	read_number(reader, group, "break_after", 1000, &hook->break_after);
	read_number(reader, group, "break_s", 3600, &hook->break_s);
}

void gateway_read_webhooks(struct gateway_reader *reader, config_setting_t *group, struct gateway_queue *queue)
{
	char what[sizeof(reader->conf.what)];
	struct conf_list list;

	if (conf_groups(&reader->conf, group, "webhooks", GATEWAY_MAX_WEBHOOKS, &list) <= 0 || list.n == 0)
		return;
	queue->webhooks = calloc(list.n, sizeof(*queue->webhooks));
	if (queue->webhooks == NULL) {
		conf_error(&reader->conf, NULL, NULL, "out of memory");
		return;
	}
	memcpy(what, reader->conf.what, sizeof(what));
	for (unsigned i = 0; i < list.n; i++) {
		queue->n_webhooks++;
		snprintf(reader->conf.what, sizeof(reader->conf.what), "%.180s: webhook number %u", what, i + 1);
		read_hook(reader, conf_list_get(&list, i), &queue->webhooks[i]);
		check_timeout(reader, conf_list_get(&list, i), &queue->webhooks[i], queue->lease_s);
	}
	memcpy(reader->conf.what, what, sizeof(what));
}

void gateway_check_webhooks(struct gateway_reader *reader, config_setting_t *agents)
{
	const struct gateway *gateway = reader->gateway;

	for (unsigned i = 0; i < gateway->n_queues && gateway->backend == GATEWAY_BACKEND_NATS; i++)
		if (gateway->queues[i].n_webhooks > 0) {
			conf_error(&reader->conf, config_setting_get_member(agents, "backend"),
				   "leave out the webhooks, or the backend",
				   "queue \"%s\" has webhooks, which do not see what goes to NATS",
				   gateway->queues[i].name);
			return;
		}
}

void gateway_webhooks_free(struct gateway_queue *queue)
{
	for (unsigned i = 0; i < queue->n_webhooks; i++) {
		free(queue->webhooks[i].url);
		free(queue->webhooks[i].host);
		free(queue->webhooks[i].secret_file);
		free(queue->webhooks[i].ca_file);
	}
	free(queue->webhooks);
}
