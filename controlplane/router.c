// SPDX-License-Identifier: BSD-3-Clause
//
// Routes for the dataplane. A change starts a timer; when it runs out, an image is made of everything and
// compared with the one that was given last. While an answer is awaited nothing is sent; what changed meanwhile
// goes after it. Loop's thread.
#include "controlplane/router.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/clock.h"
#include "controlplane/events.h"
#include "controlplane/link.h"
#include "controlplane/log.h"
#include "controlplane/neighbours.h"
#include "controlplane/pools.h"

enum { PACE_MS = 50, PACE_FACTOR = 4, RETRY_MS = 200, ANSWER_S = 60 };

struct router {
	struct pools *pools;
	struct link *link;
	struct neighbours *neighbours;
	struct event *timer, *late;
	struct routes_image given; // that the dataplane has or is asked to take; data NULL: none
	bool awaiting;             // its answer
	bool changed;              // since the last image was made
	uint64_t due_ms, made_ms, pace_ms;
	void (*settled)(void *argument);
	void *argument;
	int said; // the error that was logged
};

// Has an image made at that time, or before where that was said already.
static void run_at(struct router *router, uint64_t at_ms)
{
	uint64_t now = clock_ms(CLOCK_MONOTONIC), ms = at_ms > now ? at_ms - now : 0;
	const struct timeval after = { (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };

	if (event_pending(router->timer, EV_TIMEOUT, NULL) && router->due_ms <= at_ms)
		return;
	router->due_ms = at_ms;
	event_add(router->timer, &after);
}

static void forget_given(struct router *router)
{
	free(router->given.data);
	router->given = (struct routes_image){ 0 };
}

static void keep_given(struct router *router, struct routes_image image)
{
	forget_given(router);
	router->given = image;
}

// The image of what the pools say of a table. 0 or -errno; `again_ms` as in pools_evaluate.
static int make(struct router *router, const struct table *table, struct routes_image *image,
		uint64_t *again_ms)
{
	struct route_neighbour *neighbours = calloc(ROUTES_MAX_NEIGHBOURS, sizeof(*neighbours));
	struct routes_input *members =
		calloc(table_count(table, TABLE_MEMBERS) + 1, sizeof(*members));
	uint32_t n = 0;
	int err = -ENOMEM;

	if (neighbours && members)
		err = pools_evaluate(router->pools, table, members, again_ms);
	if (!err && router->neighbours)
		n = neighbours_list(router->neighbours, neighbours, ROUTES_MAX_NEIGHBOURS);
	if (!err)
		err = routes_make(table, members, neighbours, n, image);
	free(members);
	free(neighbours);
	return err;
}

static void say(struct router *router, int err, const char *why)
{
	if (err && err != router->said)
		log_error("the routes are not given to the dataplane: %s", why);
	router->said = err;
}

static int send_image(struct router *router, struct routes_image image)
{
	static const struct timeval answer = { ANSWER_S, 0 };
	struct sealed sealed = { image_seal(image.data, image.size, false), image.size };
	int err;

	if (sealed.fd < 0)
		return sealed.fd;
	err = link_routes(router->link, sealed);
	close(sealed.fd);
	if (!err)
		event_add(router->late, &answer);
	return err;
}

static void tell_settled(struct router *router)
{
	if (router->settled && !router->awaiting && !router->changed)
		router->settled(router->argument);
}

static void show_shares(struct router *router, const struct table *table, struct routes_image image)
{
	struct routes routes;
	char why[160];

	if (routes_open(&routes, table, image.data, image.size, why, sizeof(why)) == 0)
		pools_set_shares(router->pools, &routes);
	else
		log_error("the routes are wrong: %s: this is a fault of weir, please report it",
			  why);
}

// Gives the dataplane the image where it is another one. Takes the image over.
static int give(struct router *router, struct routes_image image)
{
	int err;

	if (image.size == router->given.size &&
	    memcmp(image.data, router->given.data, image.size) == 0) {
		free(image.data);
		return 0;
	}
	err = link_is_up(router->link) ? send_image(router, image) : -ENOTCONN;
	if (err) {
		free(image.data);
		router->changed = err == -EBUSY; // a table is on offer: after its answer
		return err == -ENOTCONN || err == -EBUSY ? 0 : err;
	}
	router->awaiting = true;
	keep_given(router, image);
	return 0;
}

// At most a fifth of the loop's time goes to images, however large they are and often things change.
static void set_pace(struct router *router)
{
	uint64_t took = clock_ms(CLOCK_MONOTONIC) - router->made_ms;

	router->pace_ms = took * PACE_FACTOR > PACE_MS ? took * PACE_FACTOR : PACE_MS;
	router->made_ms += took;
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct router *router = argument;
	struct table_map *map = pools_table(router->pools);
	struct routes_image image;
	uint64_t again = 0;
	int err;

	(void)fd;
	(void)what;
	if (router->awaiting) {
		router->changed = true; // it may be time that brings us here: after the answer
		return;
	}
	if (!map) {
		router->changed = false;
		tell_settled(router);
		return;
	}
	router->changed = false;
	router->made_ms = clock_ms(CLOCK_MONOTONIC);
	err = make(router, &map->table, &image, &again);
	if (!err) {
		show_shares(router, &map->table, image);
		err = give(router, image);
	}
	set_pace(router);
	say(router, err, strerror(-err));
	if (err)
		again = RETRY_MS;
	if (again)
		run_at(router, clock_ms(CLOCK_MONOTONIC) + again);
	tell_settled(router);
}

static void on_late(evutil_socket_t fd, short what, void *argument)
{
	struct router *router = argument;

	(void)fd;
	(void)what;
	link_break(router->link, "no answer to routes for a minute");
}

struct router *router_create(struct event_base *base, struct pools *pools)
{
	struct router *router = calloc(1, sizeof(*router));

	if (!router)
		return NULL;
	router->pools = pools;
	router->pace_ms = PACE_MS;
	router->timer = event_new(base, -1, 0, on_timer, router);
	router->late = event_new(base, -1, 0, on_late, router);
	if (router->timer && router->late)
		return router;
	router_destroy(router);
	return NULL;
}

void router_serve(struct router *router, struct link *link, struct neighbours *neighbours)
{
	router->link = link;
	router->neighbours = neighbours;
}

void router_destroy(struct router *router)
{
	if (!router)
		return;
	event_destroy(router->timer);
	event_destroy(router->late);
	forget_given(router);
	free(router);
}

// Adds the members of a table whose next hop nobody gave; how many there are then.
static uint32_t add_wants(const struct router *router, const struct table *table,
			  struct next_hop_want *want, uint32_t n)
{
	static const uint8_t none[6];

	for (uint64_t p = 0; p < table_count(table, TABLE_POOLS); p++) {
		const struct table_pool *pool = &table->pools[p];
		int port = pools_port(router->pools, table, pool);

		for (uint32_t i = 0; i < pool->n_members && port >= 0; i++) {
			const struct table_member *member = &table->members[pool->member + i];

			if (memcmp(member->mac, none, sizeof(none)) != 0)
				continue;
			want[n] = (struct next_hop_want){ .port = (uint16_t)port,
							  .family = member->family };
			memcpy(want[n++].address, member->address, sizeof(member->address));
		}
	}
	return n;
}

// Asks for the next hops of the table in use and of one that is to be (or NULL).
static void want_next_hops(struct router *router, const struct table *next)
{
	const struct table_map *map = pools_table(router->pools);
	uint64_t most = (map ? table_count(&map->table, TABLE_MEMBERS) : 0) +
			(next ? table_count(next, TABLE_MEMBERS) : 0);
	struct next_hop_want *want = router->neighbours ? calloc(most + 1, sizeof(*want)) : NULL;
	uint32_t n = 0;

	if (!want)
		return;
	if (map)
		n = add_wants(router, &map->table, want, n);
	if (next)
		n = add_wants(router, next, want, n);
	neighbours_want(router->neighbours, want, n);
	free(want);
}

struct sealed router_make(struct router *router, const struct table_map *map)
{
	struct sealed sealed = { -1, 0 };
	struct routes_image image;
	uint64_t again;
	int err;

	want_next_hops(router, &map->table);
	err = make(router, &map->table, &image, &again);
	if (!err) {
		sealed.fd = image_seal(image.data, image.size, false);
		err = sealed.fd < 0 ? sealed.fd : 0;
	}
	if (err) {
		say(router, err, strerror(-err));
		return sealed;
	}
	sealed.size = image.size;
	keep_given(router, image);
	return sealed;
}

void router_adopt(struct router *router, struct table_map *map)
{
	int err = pools_adopt(router->pools, map);

	if (err)
		log_error("members are not watched: %s", strerror(-err));
	want_next_hops(router, NULL);
	router_changed(router);
}

void router_changed(void *argument)
{
	struct router *router = argument;

	router->changed = true;
	if (!router->awaiting)
		run_at(router, router->made_ms + router->pace_ms);
}

void router_up(struct router *router)
{
	forget_given(router);
	router_changed(router);
}

void router_down(struct router *router)
{
	event_del(router->late);
	router->awaiting = false;
	forget_given(router);
	if (router->changed)
		router_changed(router);
}

void router_ack(struct router *router, const struct weir_routes_ack *ack)
{
	bool again = ack->status == EBUSY || ack->status == ESTALE; // a table is on its way

	event_del(router->late);
	router->awaiting = false;
	if (again)
		forget_given(router);
	else
		say(router, -ack->status, ack->why);
	if (again || router->changed)
		run_at(router, router->made_ms + (again ? RETRY_MS : router->pace_ms));
	else
		tell_settled(router);
}

void router_tell(struct router *router, void (*settled)(void *argument), void *argument)
{
	router->settled = settled;
	router->argument = argument;
}
