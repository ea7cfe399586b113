// SPDX-License-Identifier: BSD-3-Clause
//
// The client side of control.sock: one request line, one answer line of bounded size.
#include "controlplane/weirctl/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "controlplane/weirctl/weirctl.h"
#include "rules/gateway.h"

enum { PATIENCE_S = 20, LOAD_PATIENCE_S = 300 };
#define ANSWER_MAX ((size_t)256 << 20)

struct gateway *gateway_of(const struct options *options)
{
	const char *path = options->config ? options->config : getenv("WEIR_CONFIG");
	struct gateway *gateway;
	struct diags diags;

	diags_init(&diags);
	gateway = gateway_read(path && *path ? path : "/etc/weir/gateway.conf", false, &diags);
	if (!gateway) // warnings are the daemons' to give
		diags_print(&diags, stderr);
	diags_fini(&diags);
	return gateway;
}

// A connected socket, or -1 after saying why.
static int connect_to(const struct gateway *gateway)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (gateway_run_path(gateway, "control.sock", address.sun_path, sizeof(address.sun_path)) < 0) {
		failure(STATUS_ENVIRONMENT, "%s: run_dir is too long for a socket", gateway->file);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED)
		failure(STATUS_ENVIRONMENT, "%s: weir-controlplane of gateway \"%s\" is not running: start it",
			address.sun_path, gateway->name);
	else
		failure(STATUS_ENVIRONMENT, "%s: %s: ask as root, or join the group of the socket", address.sun_path,
			strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int send_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return -errno;
		data += sent;
		n -= (size_t)sent;
	}
	return 0;
}

// Reads up to the first newline. A buffer of `*n` bytes for the caller, or NULL with errno.
static char *receive_line(int fd, size_t *n)
{
	size_t room = 0, used = 0;
	char *buffer = NULL;

	for (;;) {
		ssize_t got;

		if (used == room) {
			char *larger = room < ANSWER_MAX ? realloc(buffer, room = room ? 2 * room : 65536) : NULL;

			if (!larger) {
				free(buffer);
				errno = ENOMEM;
				return NULL;
			}
			buffer = larger;
		}
		got = read(fd, buffer + used, room - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int err = errno;

			free(buffer);
			errno = err;
			return NULL;
		}
		if (got == 0)
			break;
		used += (size_t)got;
		if (memchr(buffer + used - got, '\n', (size_t)got)) {
			*n = used;
			return buffer;
		}
	}
	free(buffer);
	errno = ECONNRESET;
	return NULL;
}

// A control plane that is stopped or stuck must not hang whoever asks; a load may take its time.
static int set_patience(int fd, const json_t *request)
{
	static const char *const long_ones[] = { "load", "rollback", "switch", "purge" };
	const char *name = json_string_value(json_object_get(request, "command"));
	struct timeval patience = { PATIENCE_S, 0 };

	for (unsigned i = 0; i < sizeof(long_ones) / sizeof(long_ones[0]); i++)
		if (strcmp(name, long_ones[i]) == 0)
			patience.tv_sec = LOAD_PATIENCE_S;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	return 0;
}

// One exchange. NULL after saying what failed.
static json_t *exchange(int fd, const json_t *request)
{
	char *out = json_dumps(request, JSON_COMPACT), *in = NULL;
	json_t *answer = NULL;
	int err = out ? set_patience(fd, request) : -ENOMEM;
	size_t n = 0;

	if (!err)
		err = send_all(fd, out, strlen(out));
	if (!err)
		err = send_all(fd, "\n", 1);
	if (!err)
		in = receive_line(fd, &n);
	if (!err && !in)
		err = -errno;
	if (err) {
		failure(STATUS_ENVIRONMENT, err == -EAGAIN ? "the control plane does not answer: is it stopped?" :
			"the control plane went away before it answered");
	} else {
		answer = json_loadb(in, n, 0, NULL);
		if (!json_is_object(answer)) {
			failure(STATUS_ENVIRONMENT, "the control plane's answer is no JSON object");
			json_decref(answer);
			answer = NULL;
		}
	}
	free(in);
	free(out);
	return answer;
}

static void print_diagnostics(const json_t *answer)
{
	json_t *list = json_object_get(answer, "diagnostics"), *d;
	size_t i;

	json_array_foreach(list, i, d) {
		const char *file = json_string_value(json_object_get(d, "file"));
		const char *kind = json_string_value(json_object_get(d, "kind"));
		const char *what = json_string_value(json_object_get(d, "text"));
		const char *hint = json_string_value(json_object_get(d, "hint"));
		json_int_t line = json_integer_value(json_object_get(d, "line"));

		if (!what)
			continue;
		fprintf(stderr, "%s:", file ? file : "?");
		if (line > 0)
			fprintf(stderr, "%lld:", (long long)line);
		fprintf(stderr, " %s: %s", kind ? kind : "error", what);
		if (hint)
			fprintf(stderr, " (%s)", hint);
		fputc('\n', stderr);
	}
}

// The exit status of an answer that is not ok, said on stderr.
static int refused(const json_t *answer)
{
	const char *kind = json_string_value(json_object_get(answer, "kind"));
	const char *error = json_string_value(json_object_get(answer, "error"));
	int status = STATUS_ENVIRONMENT;

	if (kind && (strcmp(kind, "refused") == 0 || strcmp(kind, "busy") == 0))
		status = STATUS_REFUSED;
	else if (kind && strcmp(kind, "usage") == 0)
		status = STATUS_USAGE;
	return failure(status, "%s", error ? error : "the control plane gave no reason");
}

static int ask_gateway(const struct gateway *gateway, const json_t *request, json_t **answer)
{
	int fd = connect_to(gateway), status;

	if (fd < 0)
		return STATUS_ENVIRONMENT;
	*answer = exchange(fd, request);
	close(fd);
	if (!*answer)
		return STATUS_ENVIRONMENT;
	print_diagnostics(*answer);
	if (json_is_true(json_object_get(*answer, "ok")))
		print_diagnostics(json_object_get(*answer, "result"));
	if (json_is_true(json_object_get(*answer, "ok")))
		return STATUS_DONE;
	status = refused(*answer);
	json_decref(*answer);
	*answer = NULL;
	return status;
}

int ask(const struct options *options, json_t *request, char **rules, json_t **answer)
{
	struct gateway *gateway = gateway_of(options);
	int status = gateway ? STATUS_DONE : STATUS_REFUSED;

	*answer = NULL;
	if (!status && !request)
		status = failure(STATUS_ENVIRONMENT, "out of memory");
	if (!status && rules) {
		*rules = strdup(gateway->rules);
		if (!*rules)
			status = failure(STATUS_ENVIRONMENT, "out of memory");
	}
	if (!status)
		status = ask_gateway(gateway, request, answer);
	json_decref(request);
	gateway_destroy(gateway);
	return status;
}
