// SPDX-License-Identifier: BSD-3-Clause
//
// Client side of dp.sock on the event loop. Never blocks: what the socket does not take waits for EV_WRITE, and
// acknowledgements that wait are merged. Refuses a hello that does not fit its segment, and ends the connection on any
// message that cannot be.
#include "controlplane/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "controlplane/events.h"
#include "controlplane/log.h"

enum { BACKOFF_MIN_MS = 20, BACKOFF_MAX_MS = 1000, HELLO_S = 10 };

struct link {
	struct event_base *base;
	struct sockaddr_un address;
	struct consumer *consumer;
	struct link_events events;
	struct event *timer, *readable, *writable; // the latter two only while `fd` is open
	int fd;                 // -1: not connected
	struct mapping *map;    // NULL: no hello yet
	uint64_t generation;
	uint64_t offered;       // generation on offer, 0: none
	uint64_t routes;        // sequence of the last routes
	bool routes_offered;    // and no answer yet
	uint64_t acknowledged[WEIR_MAX_WORKERS];
	unsigned backoff_ms;
	int said;               // the error of connecting that was logged
};

static void try_later(struct link *link)
{
	struct timeval after = { link->backoff_ms / 1000, link->backoff_ms % 1000 * 1000 };

	event_add(link->timer, &after);
	link->backoff_ms = link->backoff_ms * 2 < BACKOFF_MAX_MS ? link->backoff_ms * 2 : BACKOFF_MAX_MS;
}

static void hang_up(struct link *link)
{
	bool was_up = link->map != NULL;

	if (link->fd < 0)
		return;
	event_free(link->readable);
	event_free(link->writable);
	close(link->fd);
	link->fd = -1;
	link->generation = 0;
	link->offered = 0;
	link->routes_offered = false;
	if (was_up) {
		consumer_detach(link->consumer);
		mapping_put(link->map);
		link->map = NULL;
		link->backoff_ms = BACKOFF_MIN_MS;
		link->events.down(link->events.argument);
	}
}

void link_break(struct link *link, const char *why)
{
	if (link->fd < 0)
		return;
	if (link->said != EPROTO)
		log_warning("dataplane: %s; connecting again", why);
	if (!link->map) // do not repeat what a peer that never says hello does each time
		link->said = EPROTO;
	hang_up(link);
	try_later(link);
}

// The hello and the segment must tell the same.
static bool hello_fits(const struct weir_hello *hello, const struct mapping *map, char *why, size_t size)
{
	const struct weir_segment *segment = map->segment;

	if (hello->abi != WEIR_SOCKET_ABI)
		snprintf(why, size, "it speaks socket ABI %u, this program %u: install both from one version",
			 hello->abi, WEIR_SOCKET_ABI);
	else if (hello->n_workers != segment->n_workers || hello->segment_size != map->size ||
		 memcmp(hello->boot_id, segment->boot_id, sizeof(hello->boot_id)) != 0)
		snprintf(why, size, "its hello does not fit its segment");
	else
		return true;
	return false;
}

static void on_hello(struct link *link, const struct weir_hello *hello, const int *fds)
{
	struct mapping *map;
	char why[240], line[300], boot[BOOT_NAME_SIZE];
	int err = mapping_open(fds[0], &map, why, sizeof(why));

	if (!err && !hello_fits(hello, map, why, sizeof(why))) {
		mapping_put(map);
		err = -EINVAL;
	}
	if (err) {
		snprintf(line, sizeof(line), "refused: %s", why);
		link_break(link, line);
		return;
	}
	log_info("dataplane is up: boot %s, %u workers, generation %llu", boot_format(hello->boot_id, boot),
		 hello->n_workers, (unsigned long long)hello->generation);
	link->map = map;
	link->generation = hello->generation;
	link->said = 0;
	link->backoff_ms = BACKOFF_MIN_MS;
	memset(link->acknowledged, 0, sizeof(link->acknowledged));
	event_remove_timer(link->readable); // from here on silence is fine
	consumer_attach(link->consumer, map);
	link->events.up(link->events.argument, hello, hello->generation ? fds[1] : -1);
}

static void on_busy(struct link *link, const struct weir_busy *busy)
{
	char line[100];

	snprintf(line, sizeof(line), "it serves another control plane (pid %u)", busy->pid);
	link_break(link, line);
}

static void on_ack(struct link *link, const struct weir_table_ack *ack)
{
	if (link->offered == 0 || ack->generation != link->offered || ack->status < 0) {
		link_break(link, "it acknowledged a table that was not on offer");
		return;
	}
	link->offered = 0;
	if (ack->status == 0)
		link->generation = ack->generation;
	link->events.ack(link->events.argument, ack);
}

static void on_routes_ack(struct link *link, const struct weir_routes_ack *ack)
{
	if (!link->routes_offered || ack->sequence != link->routes || ack->status < 0) {
		link_break(link, "it acknowledged routes that were not on offer");
		return;
	}
	link->routes_offered = false;
	link->events.routes_ack(link->events.argument, ack);
}

static void on_answered(struct link *link, const struct weir_answered *answered)
{
	if (link->events.answered(link->events.argument, answered) < 0)
		link_break(link, "it speaks of an answer that is not on its way");
}

static void on_unreachable(struct link *link, const struct weir_unreachable *error)
{
	if (!link->events.unreachable(link->events.argument, error))
		link_break(link, "an ICMP error about a member that its table does not have");
}

static void on_message(struct link *link, const union weir_message *message, const int *fds)
{
	if (message->kind == WEIR_HELLO && !link->map)
		on_hello(link, &message->hello, fds);
	else if (message->kind == WEIR_BUSY && !link->map)
		on_busy(link, &message->busy);
	else if (message->kind == WEIR_TABLE_ACK && link->map)
		on_ack(link, &message->table_ack);
	else if (message->kind == WEIR_ROUTES_ACK && link->map)
		on_routes_ack(link, &message->routes_ack);
	else if (message->kind == WEIR_STEER_ACK && link->map)
		link->events.steer_ack(link->events.argument, &message->steer_ack);
	else if (message->kind == WEIR_ANSWERED && link->map)
		on_answered(link, &message->answered);
	else if (message->kind == WEIR_UNREACHABLE && link->map)
		on_unreachable(link, &message->unreachable);
	else
		link_break(link, "a message that it must not send now");
}

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
	struct link *link = argument;
	union weir_message message;
	unsigned n_fds = 0;
	int fds[2], result;

	if (what & EV_TIMEOUT) {
		link_break(link, "no hello");
		return;
	}
	result = weir_message_receive(fd, &message, fds, &n_fds);
	if (result == 1)
		on_message(link, &message, fds);
	else if (result == 0)
		link_break(link, "is gone");
	else if (result == -EBADMSG)
		link_break(link, "a message that cannot be");
	else if (result != -EAGAIN)
		link_break(link, strerror(-result));
	while (n_fds > 0)
		close(fds[--n_fds]);
}

static void on_writable(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	link_acknowledge(argument);
}

void link_adopt(struct link *link, int fd)
{
	static const struct timeval hello = { HELLO_S, 0 };

	hang_up(link);
	event_del(link->timer);
	link->fd = fd;
	link->readable = event_new(link->base, fd, EV_READ | EV_PERSIST, on_readable, link);
	link->writable = event_new(link->base, fd, EV_WRITE, on_writable, link);
	event_add(link->readable, &hello);
}

static int connect_to(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static void on_timer(evutil_socket_t unused, short what, void *argument)
{
	struct link *link = argument;
	int fd = connect_to(&link->address);

	(void)unused;
	(void)what;
	if (fd >= 0) {
		link_adopt(link, fd);
		return;
	}
	if (link->said == 0)
		log_info("no dataplane at %s (%s): waiting for it", link->address.sun_path, strerror(-fd));
	link->said = -fd;
	try_later(link);
}

struct link *link_create(struct event_base *base, const char *path, struct consumer *consumer,
			 const struct link_events *events)
{
	static const struct timeval at_once = { 0, 0 };
	struct link *link;

	if (strlen(path) >= sizeof(link->address.sun_path))
		return NULL;
	link = calloc(1, sizeof(*link));
	if (!link)
		return NULL;
	link->base = base;
	link->address.sun_family = AF_UNIX;
	memcpy(link->address.sun_path, path, strlen(path));
	link->consumer = consumer;
	link->events = *events;
	link->fd = -1;
	link->backoff_ms = BACKOFF_MIN_MS;
	link->timer = event_new(base, -1, 0, on_timer, link);
	if (!link->timer || event_add(link->timer, &at_once) < 0) {
		link_destroy(link);
		return NULL;
	}
	return link;
}

void link_destroy(struct link *link)
{
	if (!link)
		return;
	hang_up(link);
	event_destroy(link->timer);
	free(link);
}

bool link_is_up(const struct link *link)
{
	return link->map != NULL;
}

uint64_t link_generation(const struct link *link)
{
	return link->generation;
}

struct mapping *link_mapping(const struct link *link)
{
	return link->map;
}

int link_offer(struct link *link, struct sealed table, struct sealed routes, uint64_t *generation)
{
	union weir_message message = { .table = { .kind = WEIR_TABLE, .generation = link->generation + 1,
						  .size = table.size, .routes_size = routes.size } };
	const int fds[2] = { table.fd, routes.fd };
	int err;

	if (!link->map)
		return -ENOTCONN;
	if (link->offered)
		return -EBUSY;
	err = weir_message_send(link->fd, &message, fds, routes.size ? 2 : 1);
	if (err)
		return err;
	link->offered = message.table.generation;
	*generation = link->offered;
	return 0;
}

int link_routes(struct link *link, struct sealed routes)
{
	union weir_message message = { .routes = { .kind = WEIR_ROUTES, .sequence = link->routes + 1,
						   .size = routes.size } };
	int err;

	if (!link->map)
		return -ENOTCONN;
	if (link->offered || link->routes_offered)
		return -EBUSY;
	err = weir_message_send(link->fd, &message, &routes.fd, 1);
	if (err)
		return err;
	link->routes++;
	link->routes_offered = true;
	return 0;
}

int link_steer(struct link *link, uint64_t sequence, const uint8_t bucket[WEIR_STEER_BUCKETS])
{
	union weir_message message = { .steer = { .kind = WEIR_STEER, .sequence = sequence } };

	if (!link->map)
		return -ENOTCONN;
	memcpy(message.steer.bucket, bucket, sizeof(message.steer.bucket));
	return weir_message_send(link->fd, &message, NULL, 0);
}

// Sends what may wait for a while.
static int send_patiently(struct link *link, const union weir_message *message)
{
	int err = link->map ? weir_message_send(link->fd, message, NULL, 0) : -ENOTCONN;

	if (err && err != -EAGAIN && err != -ENOTCONN)
		link_break(link, strerror(-err));
	return err;
}

int link_answer(struct link *link, const struct weir_answer *answer)
{
	union weir_message message = { .answer = *answer };

	return send_patiently(link, &message);
}

int link_queues(struct link *link, uint64_t generation, const uint64_t closed[WEIR_QUEUES_MAX / 64])
{
	union weir_message message = { .queues = { .kind = WEIR_QUEUES, .generation = generation } };

	memcpy(message.queues.closed, closed, sizeof(message.queues.closed));
	return send_patiently(link, &message);
}

void link_acknowledge(struct link *link)
{
	uint64_t durable[WEIR_MAX_WORKERS];
	unsigned n = link->map ? consumer_consumed(link->consumer, durable) : 0;

	for (unsigned w = 0; w < n; w++) {
		union weir_message message = { .consumed = { .kind = WEIR_CONSUMED, .worker = w,
							     .sequence = durable[w] } };
		int err;

		if (durable[w] == link->acknowledged[w])
			continue;
		err = weir_message_send(link->fd, &message, NULL, 0);
		if (err == -EAGAIN)
			event_add(link->writable, NULL);
		else if (err)
			link_break(link, strerror(-err));
		if (err)
			return;
		link->acknowledged[w] = durable[w];
	}
}
