// SPDX-License-Identifier: BSD-3-Clause
//
// Connecting to NATS. Credentials are read at each try, so a file that was mended is used without a restart. Refuses a
// server that cannot take the largest message: it would stop a queue for ever.
#include "controlplane/agents/nats_link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { SECRET_MAX = 4096, URLS = 16, PING_MS = 5000, MIN_PAYLOAD = 128 << 10, PENDING = 4096 };

// Reads a secret: the file without the white space at its end.
static int read_secret(const char *path, const char *key, char out[SECRET_MAX], char why[NATS_WHY])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, SECRET_MAX - 1);
	int err = errno;

	if (fd >= 0)
		close(fd);
	if (n < 0) {
		snprintf(why, NATS_WHY, "agents.nats.%s %s: %s", key, path, strerror(err));
		return -1;
	}
	while (n > 0 && strchr(" \t\r\n", out[n - 1]))
		n--;
	out[n] = '\0';
	if (n == 0)
		snprintf(why, NATS_WHY, "agents.nats.%s %s: is empty", key, path);
	return n == 0 ? -1 : 0;
}

// What the library says of its last error, without the place in its source.
static const char *describe(natsStatus status)
{
	const char *text = nats_GetLastError(NULL), *end;

	if (!text || !text[0])
		return natsStatus_GetText(status);
	end = text[0] == '(' ? strstr(text, "): ") : NULL;
	return end ? end + 3 : text;
}

static int give_up(natsStatus status, const char *what, char why[NATS_WHY])
{
	snprintf(why, NATS_WHY, "%s: %s", what, describe(status));
	return -1;
}

static bool uses_tls(const struct gateway_nats *nats)
{
	return nats->ca || nats->cert || strstr(nats->url, "tls://");
}

// What to mend when there is no connection, where the library's words leave that open; "" where they do not.
static const char *hint(natsStatus status, const struct gateway_nats *nats)
{
	switch (status) {
	case NATS_SSL_ERROR:
		return ": mend agents.nats.ca, or the server's certificate";
	case NATS_SECURE_CONNECTION_WANTED:
		return ": the server has no TLS: nats:// in agents.url, or tls { } in nats-server.conf";
	case NATS_PROTOCOL_ERROR: // with TLS 1.3 a client hears only afterwards what the server thinks of it
		return !uses_tls(nats) ? ""
		       : nats->cert    ? ": the server went away: it may not trust agents.nats.cert"
				       : ": the server went away: it may want agents.nats.cert and key";
	default:
		return "";
	}
}

// A file that the library reads: it would not say why it cannot.
static int check_file(const char *key, const char *path, char why[NATS_WHY])
{
	if (!path || access(path, R_OK) == 0)
		return 0;
	snprintf(why, NATS_WHY, "agents.nats.%s %s: %s", key, path, strerror(errno));
	return -1;
}

static int set_credentials(natsOptions *options, const struct gateway_nats *nats, char why[NATS_WHY])
{
	char secret[SECRET_MAX];
	natsStatus status = NATS_OK;
	int err = 0;

	if (check_file("credentials", nats->credentials, why))
		return -1;
	if (nats->credentials)
		status = natsOptions_SetUserCredentialsFromFiles(options, nats->credentials, NULL);
	else if (nats->token_file)
		err = read_secret(nats->token_file, "token_file", secret, why);
	else if (nats->password_file)
		err = read_secret(nats->password_file, "password_file", secret, why);
	if (!err && nats->token_file)
		status = natsOptions_SetToken(options, secret);
	else if (!err && nats->password_file)
		status = natsOptions_SetUserInfo(options, nats->user, secret);
	explicit_bzero(secret, sizeof(secret));
	return err || status == NATS_OK ? err : give_up(status, "agents.nats: credentials", why);
}

static int set_tls(natsOptions *options, const struct gateway_nats *nats, char why[NATS_WHY])
{
	natsStatus status;

	if (!uses_tls(nats))
		return 0;
	if (check_file("ca", nats->ca, why) || check_file("cert", nats->cert, why) || check_file("key", nats->key, why))
		return -1;
	status = natsOptions_SetSecure(options, true);
	if (status == NATS_OK && nats->ca)
		status = natsOptions_LoadCATrustedCertificates(options, nats->ca);
	if (status != NATS_OK)
		return give_up(status, "agents.nats.ca", why);
	if (nats->cert)
		status = natsOptions_LoadCertificatesChain(options, nats->cert, nats->key);
	return status == NATS_OK ? 0 : give_up(status, "agents.nats.cert", why);
}

static natsStatus set_servers(natsOptions *options, const char *urls)
{
	const char *list[URLS];
	char *copy = strdup(urls), *rest = copy, *url;
	natsStatus status;
	int n = 0;

	while (copy && n < URLS && (url = strsep(&rest, ", ")))
		if (url[0])
			list[n++] = url;
	status = copy ? natsOptions_SetServers(options, list, n) : NATS_NO_MEMORY;
	free(copy);
	return status;
}

static int make_options(natsOptions *options, const struct gateway *gateway, char why[NATS_WHY])
{
	const struct gateway_nats *nats = &gateway->nats;
	natsStatus status = set_servers(options, nats->url);

	if (status == NATS_OK)
		status = natsOptions_SetName(options, gateway->name);
	if (status == NATS_OK)
		status = natsOptions_SetAllowReconnect(options, false);
	if (status == NATS_OK)
		status = natsOptions_SetTimeout(options, nats->timeout_ms);
	if (status == NATS_OK)
		status = natsOptions_SetWriteDeadline(options, nats->timeout_ms);
	if (status == NATS_OK)
		status = natsOptions_SetPingInterval(options, PING_MS);
	if (status != NATS_OK)
		return give_up(status, "agents.url", why);
	if (set_credentials(options, nats, why))
		return -1;
	return set_tls(options, nats, why);
}

static int open_stream_context(struct nats_link *link, const struct gateway *gateway, jsPubAckHandler acked,
			       void *closure, char why[NATS_WHY])
{
	int64_t largest = natsConnection_GetMaxPayload(link->connection);
	jsOptions options;
	natsStatus status;

	natsConnection_GetConnectedUrl(link->connection, link->server, sizeof(link->server));
	if (largest < MIN_PAYLOAD) {
		snprintf(why, NATS_WHY, "%s: its max_payload is %lld: raise it to %d or more", link->server,
			 (long long)largest, (int)MIN_PAYLOAD);
		return -1;
	}
	jsOptions_Init(&options);
	options.Wait = gateway->nats.timeout_ms;
	options.PublishAsync.MaxPending = PENDING;
	options.PublishAsync.AckHandler = acked;
	options.PublishAsync.AckHandlerClosure = closure;
	status = natsConnection_JetStream(&link->js, link->connection, &options);
	return status == NATS_OK ? 0 : give_up(status, link->server, why);
}

int nats_link_open(struct nats_link *link, const struct gateway *gateway, jsPubAckHandler acked, void *closure,
		   char why[NATS_WHY])
{
	natsOptions *options = NULL;
	natsStatus status = natsOptions_Create(&options);
	int err;

	*link = (struct nats_link){ 0 };
	err = status == NATS_OK ? make_options(options, gateway, why) : give_up(status, "NATS", why);
	if (!err) {
		status = natsConnection_Connect(&link->connection, options);
		if (status != NATS_OK)
			snprintf(why, NATS_WHY, "%s: %s%s", gateway->nats.url, describe(status),
				 hint(status, &gateway->nats));
		err = status == NATS_OK ? 0 : -1;
	}
	natsOptions_Destroy(options);
	if (!err)
		err = open_stream_context(link, gateway, acked, closure, why);
	if (err)
		nats_link_close(link);
	return err;
}

void nats_link_close(struct nats_link *link)
{
	if (link->js)
		jsCtx_Destroy(link->js);
	if (link->connection) {
		natsConnection_Close(link->connection);
		natsConnection_Destroy(link->connection);
	}
	link->js = NULL;
	link->connection = NULL;
}

bool nats_link_is_open(const struct nats_link *link)
{
	return link->connection && !natsConnection_IsClosed(link->connection);
}

void nats_link_explain(natsStatus status, jsErrCode code, const char *what, char why[NATS_WHY])
{
	if (status == NATS_NO_RESPONDERS || code == JSNotEnabledErr || code == JSNotEnabledForAccountErr)
		snprintf(why, NATS_WHY, "%s: no JetStream answers: enable it in nats-server and the account", what);
	else if (status == NATS_TIMEOUT)
		snprintf(why, NATS_WHY, "%s: no answer in time: a slow server, or a cluster without a leader", what);
	else
		snprintf(why, NATS_WHY, "%s: %s", what, describe(status));
}
