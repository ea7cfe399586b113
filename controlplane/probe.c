// SPDX-License-Identifier: BSD-3-Clause
//
// Health probes on the loop. A probe is a descriptor that becomes readable or writable, and a time
// limit. UDP sockets are connected, so that only the member's datagrams arrive and the errors that ICMP
// brings are the probe's own. Loop's thread.
#include "controlplane/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/events.h"
#include "controlplane/ping.h"
#include "controlplane/program.h"

struct probe {
	struct probe_target target;
	struct event_base *base;
	struct event *ready, *limit;
	int fd;
	pid_t pid; // of a command, 0: none
	struct ping ping;
	probe_done done;
	void *argument;
};

union endpoint {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t endpoint_make(const struct probe_target *target, union endpoint *to)
{
	memset(to, 0, sizeof(*to));
	if (target->family == 4) {
		to->v4.sin_family = AF_INET;
		to->v4.sin_port = htons(target->port);
		memcpy(&to->v4.sin_addr, target->address, 4);
		return sizeof(to->v4);
	}
	to->v6.sin6_family = AF_INET6;
	to->v6.sin6_port = htons(target->port);
	memcpy(&to->v6.sin6_addr, target->address, 16);
	return sizeof(to->v6);
}

static void endpoint_format(const union endpoint *from, char out[PING_ENDPOINT])
{
	char text[INET6_ADDRSTRLEN] = "";

	if (from->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &from->v4.sin_addr, text, sizeof(text));
		snprintf(out, PING_ENDPOINT, "%s:%u", text, ntohs(from->v4.sin_port));
	} else {
		inet_ntop(AF_INET6, &from->v6.sin6_addr, text, sizeof(text));
		snprintf(out, PING_ENDPOINT, "[%s]:%u", text, ntohs(from->v6.sin6_port));
	}
}

static void probe_destroy(struct probe *probe)
{
	event_destroy(probe->ready);
	event_destroy(probe->limit);
	if (probe->pid > 0)
		program_kill(probe->pid);
	if (probe->fd >= 0)
		close(probe->fd);
	free(probe);
}

void probe_cancel(struct probe *probe)
{
	if (probe)
		probe_destroy(probe);
}

static void finish(struct probe *probe, enum probe_result result, const char *why)
{
	probe_done done = probe->done;
	void *argument = probe->argument;
	char line[PROBE_WHY];

	snprintf(line, sizeof(line), "%s", why);
	probe_destroy(probe);
	done(argument, result, line);
}

// What an error of a connected socket says of the member.
static void finish_error(struct probe *probe, int err)
{
	bool nobody = err == ECONNREFUSED || err == EHOSTUNREACH || err == ENETUNREACH ||
		      err == EHOSTDOWN;

	finish(probe, nobody ? PROBE_UNREACHABLE : PROBE_FAILED, strerror(err));
}

// The time limit is a timer of its own: what does not end the wait must not make it longer either.
static void on_limit(evutil_socket_t fd, short what, void *argument)
{
	struct probe *probe = argument;
	char why[PROBE_WHY];

	(void)fd;
	(void)what;
	snprintf(why, sizeof(why), "no answer within %u ms", probe->target.timeout_ms);
	finish(probe, PROBE_FAILED, why);
}

static void on_datagram(evutil_socket_t fd, short what, void *argument)
{
	struct probe *probe = argument;
	uint8_t data[2048];
	ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);
	enum ping_answer answer;
	char why[PROBE_WHY];
	unsigned status = 0;

	(void)what;
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			finish_error(probe, errno);
		return;
	}
	answer = ping_answers(&probe->ping, data, (size_t)n, &status);
	snprintf(why, sizeof(why), "answered %u", status);
	if (answer != PING_NONE)
		finish(probe, answer == PING_ALIVE ? PROBE_ALIVE : PROBE_FAILED, answer == PING_ALIVE ? "" : why);
}

static void on_connected(evutil_socket_t fd, short what, void *argument)
{
	struct probe *probe = argument;
	socklen_t size = sizeof(int);
	int err = 0;

	(void)what;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
		err = errno;
	if (err)
		finish_error(probe, err);
	else
		finish(probe, PROBE_ALIVE, "");
}

static void on_ended(evutil_socket_t fd, short what, void *argument)
{
	struct probe *probe = argument;
	char why[PROBE_WHY];
	bool good = program_wait(probe->pid, why, sizeof(why));

	(void)fd;
	(void)what;
	probe->pid = 0;
	finish(probe, good ? PROBE_ALIVE : PROBE_FAILED, good ? "" : why);
}

// The errors that ICMP brings, those that may pass included (RFC 1122, 4.1.3.3), are to be told.
static void ask_for_errors(int fd, int family)
{
	const int on = 1;

	if (family == 4)
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
}

static int open_socket(struct probe *probe, int type)
{
	union endpoint to;
	socklen_t size = endpoint_make(&probe->target, &to);

	probe->fd = socket(to.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe->fd < 0)
		return -errno;
	ask_for_errors(probe->fd, probe->target.family);
	if (connect(probe->fd, &to.any, size) < 0 && errno != EINPROGRESS)
		return -errno;
	endpoint_format(&to, probe->ping.there);
	return 0;
}

static int start_datagram(struct probe *probe)
{
	union endpoint here;
	socklen_t size = sizeof(here);
	uint8_t request[PING_MAX];
	size_t n;
	int err = open_socket(probe, SOCK_DGRAM);

	if (err)
		return err;
	if (getsockname(probe->fd, &here.any, &size) < 0)
		return -errno;
	endpoint_format(&here, probe->ping.here);
	probe->ping.probe = probe->target.probe;
	arc4random_buf(&probe->ping.token, sizeof(probe->ping.token));
	n = ping_format(&probe->ping, request, sizeof(request));
	if (n == 0)
		return -EINVAL;
	return send(probe->fd, request, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int start_command(struct probe *probe)
{
	char address[INET6_ADDRSTRLEN] = "";
	const char *const words[] = { probe->target.command, address, NULL };

	inet_ntop(probe->target.family == 4 ? AF_INET : AF_INET6, probe->target.address, address,
		  sizeof(address));
	probe->fd = program_start(words, &probe->pid);
	return probe->fd < 0 ? probe->fd : 0;
}

static int start(struct probe *probe)
{
	switch (probe->target.probe) {
	case WEIR_PROBE_TCP:
		return open_socket(probe, SOCK_STREAM);
	case WEIR_PROBE_COMMAND:
		return start_command(probe);
	default:
		return start_datagram(probe);
	}
}

static int wait_for_end(struct probe *probe)
{
	const struct timeval limit = { probe->target.timeout_ms / 1000,
				       probe->target.timeout_ms % 1000 * 1000 };
	event_callback_fn then = probe->target.probe == WEIR_PROBE_TCP       ? on_connected
				 : probe->target.probe == WEIR_PROBE_COMMAND ? on_ended
									     : on_datagram;
	short what = probe->target.probe == WEIR_PROBE_TCP ? EV_WRITE : EV_READ | EV_PERSIST;

	probe->ready = event_new(probe->base, probe->fd, what, then, probe);
	probe->limit = event_new(probe->base, -1, 0, on_limit, probe);
	if (!probe->ready || !probe->limit || event_add(probe->ready, NULL) < 0 ||
	    event_add(probe->limit, &limit) < 0)
		return -ENOMEM;
	return 0;
}

struct probe *probe_start(struct event_base *base, const struct probe_target *target,
			  probe_done done, void *argument)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	int err;

	if (!probe)
		return NULL;
	probe->target = *target;
	probe->base = base;
	probe->fd = -1;
	probe->done = done;
	probe->argument = argument;
	err = start(probe);
	if (!err)
		err = wait_for_end(probe);
	if (!err)
		return probe;
	probe_destroy(probe);
	errno = -err;
	return NULL;
}
