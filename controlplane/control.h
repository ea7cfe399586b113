// SPDX-License-Identifier: BSD-3-Clause
//
// run_dir/NAME/control.sock, where weirctl asks: a stream of JSON objects, one a line, each answered by
// one line. Clients, lines and waiting answers are bounded; a slow client costs nobody but itself.
// Loop's thread only.
#pragma once

#include <event2/event.h>
#include <jansson.h>
#include <stddef.h>

enum { CONTROL_CLIENTS = 64, CONTROL_LINE = 64 << 10, CONTROL_IDLE_S = 30 };

struct control;
struct client;

struct control_events {
	// A request came; it must be answered by client_reply once, now or later. `request` is borrowed.
	void (*request)(void *argument, struct client *client, const json_t *request);
	// A client is gone; a request of it that is not answered yet must not be answered any more.
	void (*gone)(void *argument, struct client *client);
	void *argument;
};

// Listens at `path` (mode 0660); a socket that nobody listens on is removed before. NULL with one line in `why`.
struct control *control_create(struct event_base *base, const char *path, const struct control_events *events,
			       char *why, size_t why_size);

// Disconnects all clients and removes the socket.
void control_destroy(struct control *control);

// Takes over a connected socket as a client, for tests. NULL: refused and closed.
struct client *control_adopt(struct control *control, int fd);

// Answers; takes over the object.
void client_reply(struct client *client, json_t *answer);

// "name (uid N)" of the peer.
const char *client_who(const struct client *client);
