// SPDX-License-Identifier: BSD-3-Clause
//
// Streams of offers: server-sent events. A stream is suspended while there is nothing to say; a comment each 15 seconds
// finds out whether the client is still there. One that reads more slowly than offers come is ended: it connects again
// and hears what is offered then. Desk's thread.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/agents/desk_inside.h"
#include "controlplane/agents/registry.h"
#include "controlplane/events.h"
#include "dataplane/abi/names.h"

enum { ROOM = 256 << 10, BLOCK = 4096, BEAT_MS = 15000 };

struct stream {
	struct stream *next, **before;
	struct desk *desk;
	struct MHD_Connection *connection;
	struct core_stream *core; // NULL: it is over
	struct event *left;
	char agent[CORE_NAME + 1];
	char *text; // to be sent, from `at` on
	size_t at, n, room;
	uint64_t beat_ms;
	bool suspended, slow; // slow: it is ended
};

static void resume(struct stream *stream)
{
	if (!stream->suspended)
		return;
	stream->suspended = false;
	http_resume(stream->desk->http, stream->connection);
}

static void end(struct stream *stream)
{
	if (stream->core)
		core_stream_drop(stream->desk->core, stream->core);
	stream->core = NULL;
	resume(stream);
}

// Appends to what is to be sent. False: the client is too slow, or memory is out.
static bool put(struct stream *stream, const char *text, size_t n)
{
	if (stream->at == stream->n)
		stream->at = stream->n = 0;
	if (stream->n + n > stream->room) {
		size_t room = 2 * (stream->n + n);
		char *larger = room <= ROOM ? realloc(stream->text, room) : NULL;

		if (!larger)
			return false;
		stream->text = larger;
		stream->room = room;
	}
	memcpy(stream->text + stream->n, text, n);
	stream->n += n;
	return true;
}

// libmicrohttpd asks for more.
static ssize_t read_more(void *argument, uint64_t position, char *to, size_t max)
{
	struct stream *stream = argument;
	size_t n = stream->n - stream->at < max ? stream->n - stream->at : max;

	(void)position;
	if (stream->slow)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n > 0) {
		memcpy(to, stream->text + stream->at, n);
		stream->at += n;
		return (ssize_t)n;
	}
	if (!stream->core)
		return MHD_CONTENT_READER_END_OF_STREAM;
	stream->suspended = true;
	MHD_suspend_connection(stream->connection);
	return 0;
}

// The connection is gone.
static void on_end(void *argument)
{
	struct stream *stream = argument;

	stream->suspended = false;
	end(stream);
	event_destroy(stream->left);
	*stream->before = stream->next;
	if (stream->next)
		stream->next->before = stream->before;
	event_active(stream->desk->later, 0, 0); // what was offered to it goes on
	free(stream->text);
	free(stream);
}

static void on_left(evutil_socket_t fd, short what, void *argument)
{
	struct stream *stream = argument;

	(void)fd;
	(void)what;
	event_free(stream->left);
	stream->left = NULL;
	end(stream);
}

static void say(struct stream *stream, const char *text, size_t n)
{
	if (!stream->core && n > 0)
		return;
	stream->slow |= !put(stream, text, n); // read_more ends it
	resume(stream);
}

static void say_event(struct stream *stream, const char *event, json_t *data)
{
	char *json = data ? json_dumps(data, JSON_COMPACT) : NULL, *text = NULL;
	int n = json ? asprintf(&text, "event: %s\ndata: %s\n\n", event, json) : -1;

	json_decref(data);
	free(json);
	if (n < 0)
		return;
	say(stream, text, (size_t)n);
	free(text);
}

void stream_offer(void *argument, void *cookie, const struct core_offer *offer)
{
	struct desk *desk = argument;

	say_event(cookie, "offer", json_pack("{s:I, s:s, s:s, s:o}", "id", (json_int_t)offer->id, "queue",
					     core_queue_name(desk->core, offer->queue), "priority",
					     weir_priority_name(offer->priority), "ring_ms",
					     offer->ring_ms ? json_integer((json_int_t)offer->ring_ms) : json_null()));
}

void stream_withdraw(void *argument, void *cookie, uint64_t id)
{
	(void)argument;
	say_event(cookie, "withdraw", json_pack("{s:I}", "id", (json_int_t)id));
}

static struct stream *stream_create(struct desk *desk, struct http_request *request)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->desk = desk;
	stream->connection = request->connection;
	stream->beat_ms = desk_now();
	snprintf(stream->agent, sizeof(stream->agent), "%s", request->agent->name);
	stream->next = desk->streams;
	stream->before = &desk->streams;
	if (stream->next)
		stream->next->before = &stream->next;
	desk->streams = stream;
	return stream;
}

void stream_begin(struct desk *desk, struct http_request *request, const struct core_scope *scope, unsigned capacity)
{
	static const char hello[] = "retry: 2000\n\n";
	struct stream *stream = stream_create(desk, request);
	struct MHD_Response *response =
		stream ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_more, stream, on_end) : NULL;

	if (!response) {
		if (stream) {
			desk->streams = stream->next;
			free(stream);
		}
		http_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "unavailable", "out of memory", 2);
		return;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	put(stream, hello, sizeof(hello) - 1);
	stream->core = core_stream_add(desk->core, stream->agent, scope, capacity, stream);
	stream->left = http_watch(desk->http, request->connection, on_left, stream);
	http_answer_response(request, MHD_HTTP_OK, response);
	desk_pump(desk);
}

void streams_revoke(struct desk *desk, const char *agent)
{
	for (struct stream *stream = desk->streams; stream; stream = stream->next)
		if (strcmp(stream->agent, agent) == 0) {
			say_event(stream, "end", json_pack("{s:s}", "reason", "revoked"));
			end(stream);
		}
}

void streams_tick(struct desk *desk, uint64_t now)
{
	static const char beat[] = ": beat\n\n";

	for (struct stream *stream = desk->streams; stream; stream = stream->next)
		if (now - stream->beat_ms >= BEAT_MS) {
			stream->beat_ms = now;
			say(stream, beat, sizeof(beat) - 1);
		}
}

void streams_end(struct desk *desk)
{
	for (struct stream *stream = desk->streams; stream; stream = stream->next)
		end(stream);
}
