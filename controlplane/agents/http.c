// SPDX-License-Identifier: BSD-3-Clause
//
// libmicrohttpd in the desk's loop: one daemon for the Unix socket, one for TCP. Its epoll descriptor is an event of
// ours, and its time-out a timer. A request that waits for us is suspended, which libmicrohttpd does not watch, so a
// client that leaves meanwhile is noticed by an event of our own on its socket. Desk's thread only.
#include "controlplane/agents/http.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/agents/http_parts.h"
#include "controlplane/events.h"
#include "controlplane/log.h"

static void set_timer(struct http_door *door)
{
	MHD_UNSIGNED_LONG_LONG ms;
	struct timeval in;

	if (MHD_get_timeout(door->daemon, &ms) != MHD_YES) {
		event_del(door->timer);
		return;
	}
	in = (struct timeval){ (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };
	event_add(door->timer, &in);
}

static void run_door(evutil_socket_t fd, short what, void *argument)
{
	struct http_door *door = argument;

	(void)fd;
	(void)what;
	MHD_run(door->daemon);
	set_timer(door);
}

// libmicrohttpd's own words: of no use to an operator but where something cannot be.
static void on_log(void *argument, const char *format, va_list list) __attribute__((format(printf, 2, 0)));
static void on_log(void *argument, const char *format, va_list list)
{
	struct http *http = argument;
	size_t n;

	vsnprintf(http->words, sizeof(http->words), format, list);
	n = strlen(http->words);
	if (n > 0 && http->words[n - 1] == '\n')
		http->words[n - 1] = '\0';
}

static bool open_events(struct http_door *door)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(door->daemon, MHD_DAEMON_INFO_EPOLL_FD);

	if (!info)
		return false;
	door->ready = event_new(door->http->base, info->epoll_fd, EV_READ | EV_PERSIST, run_door, door);
	door->timer = event_new(door->http->base, -1, 0, run_door, door);
	return door->ready && door->timer && event_add(door->ready, NULL) == 0;
}

// Opens one daemon on a listening socket.
static bool open_door(struct http *http, struct http_door *door, int fd, const struct http_setup *setup)
{
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)setup->key },
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)setup->certificate },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" },
		{ MHD_OPTION_END, 0, NULL }
	};

	door->http = http;
	door->is_unix = fd == setup->unix_fd;
	if (door->is_unix || !setup->certificate)
		tls[0] = tls[3];
	else
		flags |= MHD_USE_TLS;
	door->daemon = MHD_start_daemon(flags, 0, NULL, NULL, http_access, door, MHD_OPTION_EXTERNAL_LOGGER, on_log,
		http, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, http_completed, door,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		door->is_unix ? 0U : (unsigned)HTTP_PER_PEER, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_HEADERS + (8 << 10), MHD_OPTION_SIGPIPE_HANDLED_BY_APP,
		1, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	if (door->daemon)
		return open_events(door);
	close(fd);
	return false;
}

struct http *http_create(const struct http_setup *setup, char *why, size_t why_size)
{
	struct http *http = calloc(1, sizeof(*http));
	bool good;

	snprintf(why, why_size, "out of memory or descriptors");
	if (!http)
		return NULL;
	http->base = setup->base;
	http->registry = setup->registry;
	http->guard = setup->guard;
	http->routes = setup->routes;
	http->argument = setup->argument;
	good = setup->unix_fd < 0 || open_door(http, &http->door[http->n_doors++], setup->unix_fd, setup);
	if (good && setup->tcp_fd >= 0)
		good = open_door(http, &http->door[http->n_doors++], setup->tcp_fd, setup);
	if (good)
		return http;
	if (http->words[0])
		snprintf(why, why_size, "%s", http->words);
	http_destroy(http);
	return NULL;
}

static void close_door(struct http_door *door)
{
	event_destroy(door->ready);
	event_destroy(door->timer);
	if (door->daemon)
		MHD_stop_daemon(door->daemon);
}

void http_destroy(struct http *http)
{
	if (!http)
		return;
	http->ending = true;
	http_end_requests(http);
	for (unsigned i = 0; i < http->n_doors; i++)
		if (http->door[i].daemon) // lets what was suspended go on to its end
			MHD_run(http->door[i].daemon);
	for (unsigned i = 0; i < http->n_doors; i++)
		close_door(&http->door[i]);
	free(http);
}

static void run_soon(struct http *http)
{
	static const struct timeval now = { 0, 0 };

	for (unsigned i = 0; i < http->n_doors; i++)
		if (http->door[i].timer)
			event_add(http->door[i].timer, &now);
}

void http_resume(struct http *http, struct MHD_Connection *connection)
{
	MHD_resume_connection(connection);
	run_soon(http);
}

struct event *http_watch(struct http *http, struct MHD_Connection *connection, event_callback_fn left, void *argument)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct event *event = info ? event_new(http->base, info->connect_fd, EV_CLOSED | EV_PERSIST, left, argument)
				   : NULL;

	if (event && event_add(event, NULL) < 0) {
		event_free(event);
		return NULL;
	}
	return event;
}
