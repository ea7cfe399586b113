// SPDX-License-Identifier: BSD-3-Clause
//
// The desk's thread: what others order (desk_orders.c), what the writer is through with, the clock. Others only put
// something into a list and write an eventfd. Refuses to start without its sockets, or with a certificate that is not
// right.
#include "controlplane/agents/desk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "controlplane/agents/desk_inside.h"
#include "controlplane/agents/guard.h"
#include "controlplane/agents/hooks.h"
#include "controlplane/agents/picture.h"
#include "controlplane/agents/registry.h"
#include "controlplane/clock.h"
#include "controlplane/consumer.h"
#include "controlplane/events.h"
#include "controlplane/mapping.h"
#include "controlplane/table_map.h"
#include "controlplane/thread.h"

enum { TICK_MS = 100, NEWS_MS = 5 };

uint64_t desk_now(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

uint64_t desk_real_now(void)
{
	return clock_ms(CLOCK_REALTIME);
}

uint64_t desk_core_time(uint64_t real_ms)
{
	uint64_t now = desk_now(), real = desk_real_now();

	if (real_ms < real)
		return real - real_ms < now ? now - (real - real_ms) : 0;
	return now + (real_ms - real);
}

static void on_wake(evutil_socket_t fd, short what, void *argument)
{
	struct desk *desk = argument;
	struct desk_order *orders;
	struct desk_op *done;
	eventfd_t n;
	bool stop;

	(void)what;
	(void)!eventfd_read(fd, &n);
	pthread_mutex_lock(&desk->mutex);
	done = desk->done;
	desk->done = NULL;
	desk->done_end = &desk->done;
	orders = desk->orders;
	desk->orders = NULL;
	desk->orders_end = &desk->orders;
	stop = desk->stop;
	pthread_mutex_unlock(&desk->mutex);
	desk_settle(desk, done);
	desk_obey(desk, orders);
	if (stop)
		event_base_loopbreak(desk->base);
	else
		desk_pump(desk);
}

static void note_queue(const struct spool_queue *queue, void *argument)
{
	desk_queue_get(argument, queue->name);
}

static void mark_dirty(struct desk *desk)
{
	for (uint32_t i = 0; i < desk->n_queues; i++)
		desk->queues[i].dirty = true;
}

// New messages: at most every 5 ms somebody looks.
static void on_news(evutil_socket_t fd, short what, void *argument)
{
	static const struct timeval soon = { 0, NEWS_MS * 1000 };
	struct desk *desk = argument;
	eventfd_t n;

	(void)what;
	if (fd >= 0)
		(void)!eventfd_read(fd, &n);
	mark_dirty(desk);
	if (fd >= 0 && desk_now() - desk->pumped_ms < NEWS_MS) {
		event_add(desk->later, &soon);
		return;
	}
	desk->pumped_ms = desk_now();
	desk_pump(desk);
}

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
	struct desk *desk = argument;
	uint64_t now = desk_now();

	(void)fd;
	(void)what;
	if (now - desk->second_ms >= 1000) {
		desk->second_ms = now;
		spool_queues(desk->spool, note_queue, desk);
		for (uint32_t i = 0; i < desk->n_queues; i++)
			desk_queue_watch(desk, i);
		streams_tick(desk, now);
		picture_take(desk->picture, desk->map ? desk->map->segment : NULL, desk_real_now());
	}
	hooks_tick(desk->hooks);
	core_tick(desk->core, now);
	desk_pump(desk);
}

static void *desk_run(void *argument)
{
	struct desk *desk = argument;

	event_base_dispatch(desk->base);
	return NULL;
}

static int open_loop(struct desk *desk)
{
	const struct core_acts acts = { desk_take, desk_waited, stream_offer, stream_withdraw, desk_expire, desk };
	static const struct timeval tick = { 0, TICK_MS * 1000 };

	desk->base = event_base_new();
	desk->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	desk->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	desk->core = core_create(&acts);
	desk->guard = guard_create();
	desk->picture = picture_create();
	if (!desk->base || desk->wake < 0 || desk->news < 0 || !desk->core || !desk->guard || !desk->picture)
		return -ENOMEM;
	desk->on_wake = event_new(desk->base, desk->wake, EV_READ | EV_PERSIST, on_wake, desk);
	desk->on_news = event_new(desk->base, desk->news, EV_READ | EV_PERSIST, on_news, desk);
	desk->tick = event_new(desk->base, -1, EV_PERSIST, on_tick, desk);
	desk->later = event_new(desk->base, -1, 0, on_news, desk);
	if (!desk->on_wake || !desk->on_news || !desk->tick || !desk->later || event_add(desk->on_wake, NULL) < 0 ||
	    event_add(desk->on_news, NULL) < 0 || event_add(desk->tick, &tick) < 0)
		return -ENOMEM;
	return 0;
}

static int open_doors(struct desk *desk, const struct desk_setup *setup, char *why, size_t why_size)
{
	struct http_setup http = { .base = desk->base, .registry = desk->registry, .guard = desk->guard,
				   .routes = api_routes, .argument = desk, .unix_fd = -1, .tcp_fd = -1 };
	char *certificate = NULL, *key = NULL;
	int err = tls_read(setup->gateway, &certificate, &key, why, why_size);

	if (!err && (http.unix_fd = listen_unix(setup->socket, why, why_size)) < 0)
		err = -errno;
	if (!err) {
		desk->socket = strdup(setup->socket);
		if (setup->gateway->agents_listen.family)
			http.tcp_fd = listen_tcp(setup->gateway, why, why_size);
		if (setup->gateway->agents_listen.family && http.tcp_fd < 0)
			err = -errno;
	}
	if (err && http.unix_fd >= 0)
		close(http.unix_fd);
	http.certificate = certificate;
	http.key = key;
	if (!err) {
		desk->http = http_create(&http, why, why_size);
		err = desk->http ? 0 : -EIO;
	}
	free(certificate);
	if (key)
		explicit_bzero(key, strlen(key));
	free(key);
	return err;
}

// What is known at the start: queues of gateway.conf and of the spool, leases.
static int load(struct desk *desk)
{
	int err = spool_queues(desk->spool, note_queue, desk);

	for (unsigned i = 0; i < desk->gateway->n_queues && !err; i++)
		err = desk_queue_get(desk, desk->gateway->queues[i].name) < 0 ? -ENOMEM : 0;
	if (!err)
		err = desk_leases_load(desk);
	if (!err)
		err = consumer_watch(desk->consumer, desk->news, CONSUMER_MESSAGES);
	return err;
}

struct desk *desk_create(const struct desk_setup *setup, char *why, size_t why_size)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	int err = -ENOMEM;

	snprintf(why, why_size, "out of memory or descriptors");
	if (!desk)
		return NULL;
	*desk = (struct desk){ .gateway = setup->gateway, .spool = setup->spool, .consumer = setup->consumer,
			       .registry = setup->registry, .wake = -1, .news = -1 };
	desk->done_end = &desk->done;
	desk->orders_end = &desk->orders;
	desk->ops_end = &desk->ops;
	pthread_mutex_init(&desk->mutex, NULL);
	err = open_loop(desk);
	if (!err)
		err = open_doors(desk, setup, why, why_size);
	if (!err) {
		snprintf(why, why_size, "the leases of the spool cannot be read");
		err = load(desk);
	}
	if (!err) {
		desk->hooks = hooks_create(desk, why, why_size);
		err = desk->hooks ? 0 : -errno;
	}
	if (!err)
		err = -thread_start(&desk->thread, desk_run, desk);
	desk->started = !err;
	if (!err)
		return desk;
	desk_stop(desk);
	desk_destroy(desk);
	errno = -err;
	return NULL;
}

void desk_stop(struct desk *desk)
{
	if (!desk)
		return;
	pthread_mutex_lock(&desk->mutex);
	desk->stop = true;
	pthread_mutex_unlock(&desk->mutex);
	if (desk->started) {
		eventfd_write(desk->wake, 1);
		pthread_join(desk->thread, NULL);
	}
	if (desk->news >= 0)
		consumer_watch(desk->consumer, desk->news, 0);
	streams_end(desk);
	http_destroy(desk->http);
	desk->http = NULL;
	if (desk->started)
		desk_hand_over(desk);
	if (desk->socket)
		unlink(desk->socket);
}

void desk_destroy(struct desk *desk)
{
	if (!desk)
		return;
	desk_settle(desk, desk->done); // of what the writer did last
	hooks_destroy(desk->hooks);
	while (desk->ops) {
		struct desk_op *op = (struct desk_op *)desk->ops;

		desk->ops = desk->ops->next;
		free(op->payload);
		free(op);
	}
	desk_orders_free(desk->orders);
	core_destroy(desk->core);
	guard_destroy(desk->guard);
	mapping_put(desk->map);
	table_map_put(desk->table);
	picture_destroy(desk->picture);
	event_destroy(desk->on_wake);
	event_destroy(desk->on_news);
	event_destroy(desk->tick);
	event_destroy(desk->later);
	if (desk->base)
		event_base_free(desk->base);
	if (desk->wake >= 0)
		close(desk->wake);
	if (desk->news >= 0)
		close(desk->news);
	pthread_mutex_destroy(&desk->mutex);
	free(desk->queues);
	free(desk->socket);
	free(desk);
}

json_t *desk_webhooks(struct desk *desk, const char *queue)
{
	return desk ? hooks_json(desk->hooks, queue) : json_array();
}
