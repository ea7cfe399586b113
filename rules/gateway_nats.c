// SPDX-License-Identifier: BSD-3-Clause
//
// `backend`, `url` and `nats` of the group `agents`: messages for agents kept here, or handed to NATS. Refuses
// secrets in the URL, which is shown to whoever asks for the status.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/gateway_reader.h"

static const char *const backends[] = { "local", "nats", NULL };
static const char *const nats_keys[] = { "credentials", "token_file", "user", "password_file",
					 "ca", "cert", "key", "replicas", "duplicates_s", "max_messages",
					 "timeout_ms", "exclusive", NULL };

enum { MAX_URL = 1024, MAX_SERVERS = 16, MAX_USER = 64 };

void gateway_nats_init(struct gateway_nats *nats)
{
	*nats = (struct gateway_nats){ .replicas = 1, .duplicates_s = 600, .timeout_ms = 5000 };
}

void gateway_nats_fini(struct gateway_nats *nats)
{
	free(nats->url);
	free(nats->credentials);
	free(nats->token_file);
	free(nats->user);
	free(nats->password_file);
	free(nats->ca);
	free(nats->cert);
	free(nats->key);
}

// What is wrong with one server of the list, or NULL.
static const char *server_fault(const char *server, size_t length)
{
	size_t scheme = strncmp(server, "nats://", 7) == 0   ? 7
			: strncmp(server, "tls://", 6) == 0 ? 6
							    : 0;

	if (scheme == 0)
		return "does not begin with nats:// or tls://";
	if (length == scheme)
		return "names no host";
	if (memchr(server, '@', length) != NULL)
		return "holds a user, a password or a token";
	for (size_t i = scheme; i < length; i++)
		if (!isalnum((unsigned char)server[i]) && strchr(".-_:[]", server[i]) == NULL)
			return "is not a host and a port";
	return NULL;
}

static void check_url(struct gateway_reader *reader, config_setting_t *group, const char *url)
{
	config_setting_t *at = config_setting_get_member(group, "url");
	unsigned n = 0;

	for (const char *server = url; server != NULL; n++) {
		const char *comma = strchr(server, ',');
		size_t length = comma != NULL ? (size_t)(comma - server) : strlen(server);
		const char *fault = server_fault(server, length);

		if (fault != NULL) {
			conf_error(&reader->conf, at,
				   strstr(fault, "password") != NULL
					   ? "use agents.nats: token_file, user and password_file, credentials"
					   : "as \"nats://10.1.0.5:4222,nats://10.1.0.6:4222\"",
				   "url: server number %u %s", n + 1, fault);
			return;
		}
		server = comma != NULL ? comma + 1 : NULL;
	}
	if (n > MAX_SERVERS)
		conf_error(&reader->conf, at, "16 at most", "url names %u servers", n);
}

static void read_u32(struct gateway_reader *reader, config_setting_t *group, const char *key,
		     struct conf_range range, uint32_t *place)
{
	int64_t value = *place;

	conf_int(&reader->conf, group, key, range, &value);
	*place = (uint32_t)value;
}

static void read_access(struct gateway_reader *reader, config_setting_t *group)
{
	struct gateway_nats *nats = &reader->gateway->nats;
	const char *user = NULL;

	gateway_read_path(reader, group, "credentials", &nats->credentials);
	gateway_read_path(reader, group, "token_file", &nats->token_file);
	gateway_read_path(reader, group, "password_file", &nats->password_file);
	if (conf_string(&reader->conf, group, "user", &user) > 0 &&
	    gateway_text_is_good(reader, group, "user", user, MAX_USER))
		gateway_replace(reader, &nats->user, user);
	if ((nats->user != NULL) != (nats->password_file != NULL))
		conf_error(&reader->conf, group, "give both, or neither",
			   "user and password_file belong together");
	if ((nats->credentials != NULL) + (nats->token_file != NULL) + (nats->user != NULL) > 1)
		conf_error(&reader->conf, group, "leave the others out",
			   "only one of credentials, token_file and user can be used");
}

static void read_tls(struct gateway_reader *reader, config_setting_t *group)
{
	struct gateway_nats *nats = &reader->gateway->nats;

	gateway_read_path(reader, group, "ca", &nats->ca);
	gateway_read_path(reader, group, "cert", &nats->cert);
	gateway_read_path(reader, group, "key", &nats->key);
	if ((nats->cert != NULL) != (nats->key != NULL))
		conf_error(&reader->conf, group, "give both, or neither",
			   "cert and key belong together");
}

static void read_nats_keys(struct gateway_reader *reader, config_setting_t *group)
{
	struct gateway_nats *nats = &reader->gateway->nats;

	read_access(reader, group);
	read_tls(reader, group);
	read_u32(reader, group, "replicas", (struct conf_range){ 1, 5 }, &nats->replicas);
	read_u32(reader, group, "duplicates_s", (struct conf_range){ 10, 86400 },
		 &nats->duplicates_s);
	read_u32(reader, group, "max_messages", (struct conf_range){ 0, 1 << 30 }, &nats->max_messages);
	conf_bool(&reader->conf, group, "exclusive", &nats->exclusive);
	read_u32(reader, group, "timeout_ms", (struct conf_range){ 100, 60000 },
		 &nats->timeout_ms);
}

void gateway_read_nats(struct gateway_reader *reader, config_setting_t *agents)
{
	struct gateway *gateway = reader->gateway;
	config_setting_t *group = config_setting_get_member(agents, "nats");
	const char *url = NULL;
	int backend = GATEWAY_BACKEND_LOCAL;

	conf_word(&reader->conf, agents, "backend", backends, &backend);
	gateway->backend = (enum gateway_backend)backend;
	if (conf_string(&reader->conf, agents, "url", &url) > 0 &&
	    gateway_text_is_good(reader, agents, "url", url, MAX_URL)) {
		check_url(reader, agents, url);
		gateway_replace(reader, &gateway->nats.url, url);
	}
	if (backend == GATEWAY_BACKEND_NATS && url == NULL)
		conf_error(&reader->conf, config_setting_get_member(agents, "backend"),
			   "url = \"nats://10.1.0.5:4222\"", "backend \"nats\" needs a url");
	if (group == NULL)
		return;
	snprintf(reader->conf.what, sizeof(reader->conf.what), "agents.nats");
	if (conf_group(&reader->conf, group, nats_keys))
		read_nats_keys(reader, group);
	snprintf(reader->conf.what, sizeof(reader->conf.what), "agents");
}
