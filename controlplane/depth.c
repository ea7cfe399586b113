// SPDX-License-Identifier: BSD-3-Clause
//
// Depth limits, see depth.h. Queues are looked at after commits that brought messages, but not more often than every
// 10 ms, and every 100 ms while one is closed, since agents' doings open it. What is closed is known by name; what the
// dataplane is told is by index in the table that it uses, so it is told again after each change of that.
#include "controlplane/depth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/clock.h"
#include "controlplane/consumer.h"
#include "controlplane/events.h"
#include "controlplane/link.h"
#include "controlplane/log.h"
#include "controlplane/pools.h"
#include "controlplane/spool_look.h"
#include "rules/model.h"

enum { PAUSE_MS = 10, CLOSED_MS = 100, LOG_S = 60, WORDS = WEIR_QUEUES_MAX / 64 };
static_assert((int)WEIR_QUEUES_MAX >= (int)RULES_MAX_TARGETS, "a bit for each queue that a rule file may have");

struct limit {
	const char *queue;
	uint64_t depth;
	bool closed;
	uint64_t said_ms; // when its closing was last logged
};

struct depth {
	struct depth_parts parts;
	struct limit *limits;
	unsigned n_limits;
	struct event *on_news, *on_timer;
	int news; // eventfd of the consumer
	uint64_t looked_ms;
	bool failed;         // the spool could not be read, which was said
	uint64_t told;       // generation that the dataplane was told for, 0: none
	uint64_t bits[WORDS]; // that it was told
};

static void look_at(struct limit *limit, uint64_t waiting, uint64_t now)
{
	uint64_t step = limit->depth / 8 ? limit->depth / 8 : 1;

	if (!limit->closed && waiting >= limit->depth) {
		limit->closed = true;
		if (limit->said_ms == 0 || now - limit->said_ms >= LOG_S * 1000) {
			log_warning("queue \"%s\" has reached its depth of %llu messages: closed until some are gone",
				    limit->queue, (unsigned long long)limit->depth);
			limit->said_ms = now;
		}
	} else if (limit->closed && waiting <= limit->depth - step) {
		limit->closed = false;
	}
}

static void look(struct depth *depth)
{
	uint64_t now = clock_ms(CLOCK_MONOTONIC);
	int err = 0;

	depth->looked_ms = now;
	for (unsigned i = 0; i < depth->n_limits; i++) {
		struct spool_queue queue;
		int got = spool_queue_get(depth->parts.spool, depth->limits[i].queue, &queue);

		if (got == 0 || got == -ENOENT) // no message ever came to it
			look_at(&depth->limits[i], got ? 0 : queue.waiting, now);
		else
			err = got; // as it was
	}
	if (err && !depth->failed)
		log_error("the depth of queues cannot be read from the spool: %s", strerror(-err));
	depth->failed = err != 0;
}

static void gather(const struct depth *depth, const struct table *table, uint64_t bits[WORDS])
{
	uint32_t n = (uint32_t)table_count(table, TABLE_QUEUES);

	memset(bits, 0, WORDS * sizeof(bits[0]));
	for (unsigned i = 0; i < n && i < WEIR_QUEUES_MAX; i++)
		if (depth_is_closed(depth, table_string(table, table->queues[i].name)))
			bits[i / 64] |= UINT64_C(1) << (i % 64);
}

// Tells the dataplane what it does not know yet. False: it takes nothing at present.
static bool tell(struct depth *depth)
{
	const struct table_map *map = pools_table(depth->parts.pools);
	uint64_t generation = link_generation(depth->parts.link), bits[WORDS];

	if (!link_is_up(depth->parts.link) || !map || generation == 0) {
		depth->told = 0;
		return true;
	}
	gather(depth, &map->table, bits);
	if (depth->told == generation && memcmp(bits, depth->bits, sizeof(bits)) == 0)
		return true;
	if (link_queues(depth->parts.link, generation, bits) != 0)
		return false;
	depth->told = generation;
	memcpy(depth->bits, bits, sizeof(bits));
	return true;
}

static bool any_closed(const struct depth *depth)
{
	for (unsigned i = 0; i < depth->n_limits; i++)
		if (depth->limits[i].closed)
			return true;
	return false;
}

static void set_timer(struct depth *depth, uint64_t ms)
{
	struct timeval in = { (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };

	event_add(depth->on_timer, &in);
}

static void run(struct depth *depth)
{
	look(depth);
	if (!tell(depth))
		set_timer(depth, PAUSE_MS);
	else if (any_closed(depth) || depth->failed)
		set_timer(depth, CLOSED_MS);
}

static void on_news(evutil_socket_t fd, short what, void *argument)
{
	struct depth *depth = argument;
	uint64_t since;
	eventfd_t n;

	(void)what;
	if (eventfd_read(fd, &n) < 0)
		return;
	since = clock_ms(CLOCK_MONOTONIC) - depth->looked_ms;
	if (since >= PAUSE_MS)
		run(depth);
	else
		set_timer(depth, PAUSE_MS - since);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	run(argument);
}

void depth_changed(struct depth *depth)
{
	depth->told = 0; // and who has no limits tells it too: another control plane may have had some
	run(depth);
}

bool depth_is_closed(const struct depth *depth, const char *queue)
{
	for (unsigned i = 0; i < depth->n_limits; i++)
		if (strcmp(depth->limits[i].queue, queue) == 0)
			return depth->limits[i].closed;
	return false;
}

static int read_limits(struct depth *depth)
{
	const struct gateway *gateway = depth->parts.gateway;

	depth->limits = calloc(gateway->n_queues + 1, sizeof(*depth->limits));
	if (!depth->limits)
		return -ENOMEM;
	for (unsigned i = 0; i < gateway->n_queues; i++)
		if (gateway->queues[i].depth > 0)
			depth->limits[depth->n_limits++] =
				(struct limit){ .queue = gateway->queues[i].name, .depth = gateway->queues[i].depth };
	return 0;
}

static int open_events(struct depth *depth)
{
	depth->on_timer = event_new(depth->parts.base, -1, 0, on_timer, depth);
	if (!depth->on_timer)
		return -ENOMEM;
	if (depth->n_limits == 0) // nothing to look at, ever
		return 0;
	depth->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (depth->news < 0)
		return -EMFILE;
	depth->on_news = event_new(depth->parts.base, depth->news, EV_READ | EV_PERSIST, on_news, depth);
	if (!depth->on_news || event_add(depth->on_news, NULL) < 0)
		return -ENOMEM;
	return consumer_watch(depth->parts.consumer, depth->news, CONSUMER_MESSAGES);
}

struct depth *depth_create(const struct depth_parts *parts)
{
	struct depth *depth = calloc(1, sizeof(*depth));

	if (!depth)
		return NULL;
	depth->parts = *parts;
	depth->news = -1;
	if (read_limits(depth) == 0 && open_events(depth) == 0)
		return depth;
	depth_stop(depth);
	depth_destroy(depth);
	return NULL;
}

void depth_stop(struct depth *depth)
{
	if (depth && depth->news >= 0)
		consumer_watch(depth->parts.consumer, depth->news, 0);
}

void depth_destroy(struct depth *depth)
{
	if (!depth)
		return;
	event_destroy(depth->on_news);
	event_destroy(depth->on_timer);
	if (depth->news >= 0)
		close(depth->news);
	free(depth->limits);
	free(depth);
}
