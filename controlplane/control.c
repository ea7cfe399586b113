// SPDX-License-Identifier: BSD-3-Clause
//
// Server of control.sock. A client is reading (a line of at most CONTROL_LINE bytes), waiting for its
// answer, or being written to; it is read again when its answer has left. Refuses what is no JSON
// object, lines that are too long, and clients past CONTROL_CLIENTS.
#include "controlplane/control.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "controlplane/log.h"

struct control {
	struct event_base *base;
	struct evconnlistener *listener;
	struct control_events events;
	char *path;
	struct client *clients;
	unsigned n_clients;
};

struct client {
	struct control *control;
	struct client *next, **before;
	struct bufferevent *stream;
	bool waiting; // for its answer
	char who[96];
};

static void client_close(struct client *client)
{
	struct control *control = client->control;

	if (client->waiting)
		control->events.gone(control->events.argument, client);
	*client->before = client->next;
	if (client->next)
		client->next->before = client->before;
	control->n_clients--;
	bufferevent_free(client->stream);
	free(client);
}

static void identify(struct client *client, int fd)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(peer);
	struct passwd entry, *user = NULL;
	char room[1024];

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		getpwuid_r(peer.uid, &entry, room, sizeof(room), &user);
	snprintf(client->who, sizeof(client->who), "%.60s (uid %d)", user ? user->pw_name : "?", (int)peer.uid);
}

const char *client_who(const struct client *client)
{
	return client->who;
}

void client_reply(struct client *client, json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);
	struct evbuffer *out = bufferevent_get_output(client->stream);

	client->waiting = false;
	if (!text || evbuffer_add_printf(out, "%s\n", text) < 0)
		log_error("out of memory for an answer to %s", client->who);
	free(text);
	json_decref(answer);
}

static void refuse(struct client *client, const char *why)
{
	client_reply(client, json_pack("{s:b, s:s, s:s}", "ok", 0, "kind", "usage", "error", why));
}

// Handles the next line, if a whole one is there and no answer is outstanding. Whether the client lives.
static bool next_line(struct client *client)
{
	struct evbuffer *in = bufferevent_get_input(client->stream);
	json_t *request;
	size_t length;
	char *line;

	if (client->waiting || evbuffer_get_length(bufferevent_get_output(client->stream)) > 0)
		return true;
	line = evbuffer_readln(in, &length, EVBUFFER_EOL_LF);
	if (!line && evbuffer_get_length(in) >= CONTROL_LINE) {
		client_close(client);
		return false;
	}
	if (!line) {
		bufferevent_enable(client->stream, EV_READ);
		return true;
	}
	bufferevent_disable(client->stream, EV_READ);
	client->waiting = true;
	request = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
	free(line);
	if (json_is_object(request))
		client->control->events.request(client->control->events.argument, client, request);
	else
		refuse(client, "a request is one JSON object on one line");
	json_decref(request);
	return true;
}

static void on_read(struct bufferevent *stream, void *argument)
{
	(void)stream;
	next_line(argument);
}

static void on_written(struct bufferevent *stream, void *argument)
{
	(void)stream;
	next_line(argument);
}

static void on_event(struct bufferevent *stream, short what, void *argument)
{
	(void)stream;
	(void)what; // end of file, error or idle for too long
	client_close(argument);
}

struct client *control_adopt(struct control *control, int fd)
{
	static const struct timeval idle = { CONTROL_IDLE_S, 0 };
	struct client *client = control->n_clients < CONTROL_CLIENTS ? calloc(1, sizeof(*client)) : NULL;

	evutil_make_socket_nonblocking(fd);
	if (client)
		client->stream = bufferevent_socket_new(control->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!client || !client->stream) {
		static const char busy[] = "{\"ok\":false,\"kind\":\"busy\",\"error\":\"too many clients\"}\n";

		send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		free(client);
		return NULL;
	}
	client->control = control;
	client->next = control->clients;
	client->before = &control->clients;
	if (client->next)
		client->next->before = &client->next;
	control->clients = client;
	control->n_clients++;
	identify(client, fd);
	bufferevent_setcb(client->stream, on_read, on_written, on_event, client);
	bufferevent_setwatermark(client->stream, EV_READ, 0, CONTROL_LINE);
	bufferevent_set_timeouts(client->stream, &idle, &idle);
	bufferevent_enable(client->stream, EV_READ | EV_WRITE);
	return client;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int size,
		      void *argument)
{
	(void)listener;
	(void)address;
	(void)size;
	control_adopt(argument, fd);
}

// Removes a socket that a killed predecessor left; one that somebody listens on stays.
static int clear(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), result = -errno;

	if (fd < 0)
		return result;
	result = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? -EADDRINUSE : -errno;
	close(fd);
	if (result == -ECONNREFUSED)
		result = unlink(address->sun_path) < 0 ? -errno : 0;
	return result == -ENOENT ? 0 : result;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	err = clear(&address);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && chmod(path, 0660) == 0 &&
	    listen(fd, 16) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

struct control *control_create(struct event_base *base, const char *path, const struct control_events *events,
			       char *why, size_t why_size)
{
	struct control *control = calloc(1, sizeof(*control));
	int fd = control ? listen_at(path) : -ENOMEM;

	if (fd >= 0) {
		control->base = base;
		control->events = *events;
		control->path = strdup(path);
		control->listener = evconnlistener_new(base, on_accept, control,
						       LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
		if (control->path && control->listener)
			return control;
		close(fd);
		fd = -ENOMEM;
	}
	snprintf(why, why_size, "%s: %s", path,
		 fd == -EADDRINUSE ? "another program listens there: end it, or give this gateway another name" :
				     strerror(-fd));
	if (control)
		free(control->path);
	free(control);
	return NULL;
}

void control_destroy(struct control *control)
{
	if (!control)
		return;
	while (control->clients)
		client_close(control->clients);
	evconnlistener_free(control->listener);
	unlink(control->path);
	free(control->path);
	free(control);
}
