// SPDX-License-Identifier: BSD-3-Clause
//
// A load is idle, compiling (its thread runs) or on offer (the dataplane has been asked). At most one
// runs; an operator's waits where one of our own does. Loop's thread. The image of a load that was
// offered and not answered becomes the wanted one: it was good, and the next dataplane gets it.
#include "controlplane/publisher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "controlplane/events.h"
#include "controlplane/link.h"
#include "controlplane/log.h"
#include "controlplane/router.h"
#include "controlplane/switches.h"

enum { ANSWER_S = 60, PATIENCE_S = 10 };

struct publisher {
	const struct gateway *gateway;
	const char *history;
	struct switches *switches;
	struct link *link;
	struct router *router;
	int wake;                  // written by the load's thread
	struct event *compiled, *late;
	struct load *running;      // NULL: idle
	bool offered;              // the running load is with the dataplane
	uint64_t generation;       // offered
	char *next_path, *next_who; // an operator's load that waits for one of our own; NULL: none
	enum load_kind next_kind;
	load_done done;            // of the operator's load, running or waiting
	void *argument;
	struct load *wanted;       // the last good one, with its image
	uint32_t live_crc;         // of the table that the dataplane uses; 0 and no generation: none
};

// Whether somebody may wait for how it ends, and the table is to be in use then.
static bool by_operator(enum load_kind kind)
{
	return kind == LOAD_BY_OPERATOR || kind == LOAD_BACK || kind == LOAD_BY_SWITCH;
}

static void go_on(struct publisher *p);

// Tells whoever began the operator's load how it ended.
static void tell(struct publisher *p, const struct load_outcome *outcome)
{
	load_done done = p->done;

	p->done = NULL;
	if (done)
		done(p->argument, outcome);
}

// Ends the running load: history, log, whoever waits. Frees it, unless it became the wanted one.
static void finish(struct publisher *p, enum load_result result, const char *why)
{
	struct load *load = p->running;
	struct load_outcome outcome = { result, load, result == LOAD_PUBLISHED ? p->generation : 0, why };

	p->running = NULL;
	p->offered = false;
	event_del(p->late);
	load_outcome_note(&outcome, p->history);
	if (by_operator(load->kind))
		tell(p, &outcome);
	if (load != p->wanted)
		load_destroy(load);
	go_on(p);
}

// The running load's image is what dataplanes shall use from now on.
static void keep_image(struct publisher *p)
{
	if (p->wanted != p->running)
		load_destroy(p->wanted);
	p->wanted = p->running;
	switches_adopt(p->switches, p->wanted->switches);
}

static void offer(struct publisher *p)
{
	static const struct timeval answer = { ANSWER_S, 0 };
	struct sealed table = { p->running->fd, p->running->size };
	struct sealed routes = router_make(p->router, p->running->map);
	int err = link_offer(p->link, table, routes, &p->generation);

	if (routes.size)
		close(routes.fd);
	p->offered = true;
	if (err) // ends the load by publisher_down
		link_break(p->link, strerror(-err));
	else
		event_add(p->late, &answer);
}

// Gives the wanted image to a dataplane that has another, when nothing else runs.
static void catch_up(struct publisher *p)
{
	if (p->running || !p->wanted || !link_is_up(p->link) ||
	    (link_generation(p->link) && p->live_crc == p->wanted->crc))
		return;
	p->running = p->wanted;
	if (p->running->published || by_operator(p->running->kind))
		p->running->kind = LOAD_AT_RECONNECT;
	offer(p);
}

static int start(struct publisher *p, const struct load_order *order)
{
	p->running = load_start(order, p->gateway, p->wake);
	if (!p->running)
		return -errno;
	atomic_store(&p->running->huge, link_is_up(p->link));
	return 0;
}

static int begin(struct publisher *p, enum load_kind kind, const char *path, const char *who)
{
	struct switch_set *set = kind == LOAD_BACK ? switch_set_none() : switches_get(p->switches);
	const struct load_order order = { .kind = kind, .path = path, .who = who, .switches = set };
	int err = set ? start(p, &order) : -ENOMEM;

	switch_set_put(set);
	return err;
}

// Begins the operator's load that waits, if one does.
static void begin_next(struct publisher *p)
{
	struct load failed = { .path = p->next_path, .who = p->next_who };
	struct load_outcome outcome = { LOAD_FAILED, &failed, 0, "out of memory or threads" };

	if (begin(p, p->next_kind, p->next_path, p->next_who) < 0)
		tell(p, &outcome);
	p->next_path = p->next_who = NULL;
	free(failed.path);
	free(failed.who);
}

// What comes after a load.
static void go_on(struct publisher *p)
{
	if (!p->running && p->next_path)
		begin_next(p);
	else
		catch_up(p);
}

static void log_already(const struct publisher *p)
{
	log_info("the dataplane uses %s already, as generation %llu", p->wanted->path,
		 (unsigned long long)link_generation(p->link));
}

// A good image at the start, or again: is there somebody to give it to, and does it have it already?
static void settle_good(struct publisher *p)
{
	struct load *load = p->running;

	if (by_operator(load->kind) && !link_is_up(p->link)) {
		keep_image(p);
		finish(p, LOAD_FAILED, "the dataplane is gone; it gets the table when it is back");
		return;
	}
	if (link_is_up(p->link) && (by_operator(load->kind) || link_generation(p->link) == 0 ||
				    p->live_crc != load->crc)) {
		offer(p);
		return;
	}
	keep_image(p);
	p->running = NULL;
	router_adopt(p->router, load->map);
	if (link_is_up(p->link))
		log_already(p);
	else
		log_info("%s is good: %u rules, %u tenants; it waits for a dataplane", load->path, load->n_rules,
			 load->n_tenants);
	go_on(p);
}

static void on_compiled(evutil_socket_t fd, short what, void *argument)
{
	struct publisher *p = argument;
	char why[200];
	eventfd_t n;

	(void)what;
	if (eventfd_read(fd, &n) < 0 || !p->running)
		return;
	load_wait(p->running);
	load_diagnostics_log(p->running);
	if (!p->running->err) {
		settle_good(p);
	} else if (p->running->diags.n_errors > 0) {
		snprintf(why, sizeof(why), "%u error%s in the file", p->running->diags.n_errors,
			 p->running->diags.n_errors == 1 ? "" : "s");
		finish(p, LOAD_REFUSED, why);
	} else {
		snprintf(why, sizeof(why), "it cannot be compiled: %s", strerror(-p->running->err));
		finish(p, LOAD_FAILED, why);
	}
}

static void on_late(evutil_socket_t fd, short what, void *argument)
{
	struct publisher *p = argument;

	(void)fd;
	(void)what;
	link_break(p->link, "no answer to a table for a minute"); // ends the load by publisher_down
}

struct publisher *publisher_create(struct event_base *base, const struct gateway *gateway, const char *history,
				   struct switches *switches)
{
	struct publisher *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->gateway = gateway;
	p->history = history;
	p->switches = switches;
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wake >= 0) {
		p->compiled = event_new(base, p->wake, EV_READ | EV_PERSIST, on_compiled, p);
		p->late = event_new(base, -1, 0, on_late, p);
		if (p->compiled && p->late && event_add(p->compiled, NULL) == 0)
			return p;
	}
	publisher_destroy(p);
	return NULL;
}

// Whether a load goes on compiling although it was waited for.
static bool still_compiling(struct publisher *p)
{
	if (!p->running || p->offered)
		return false;
	if (load_wait_for(p->running, PATIENCE_S))
		return false;
	log_warning("%s: still compiling: given up", p->running->path);
	return true;
}

bool publisher_destroy(struct publisher *p)
{
	bool compiling = p && still_compiling(p);

	if (!p)
		return true;
	event_destroy(p->compiled);
	event_destroy(p->late);
	if (!compiling) { // else its thread writes to both until the process ends
		if (p->wake >= 0)
			close(p->wake);
		if (p->running != p->wanted)
			load_destroy(p->running);
	}
	load_destroy(p->wanted);
	free(p->next_path);
	free(p->next_who);
	free(p);
	return !compiling;
}

void publisher_serve(struct publisher *publisher, struct link *link, struct router *router)
{
	publisher->link = link;
	publisher->router = router;
}

int publisher_load(struct publisher *p, enum load_kind kind, const char *path, const char *who)
{
	if (by_operator(kind) && !link_is_up(p->link))
		return -ENOTCONN;
	if (!p->running)
		return begin(p, kind, path, who);
	if (!by_operator(kind) || by_operator(p->running->kind) || p->next_path)
		return -EBUSY;
	p->next_kind = kind;
	p->next_path = strdup(path);
	p->next_who = strdup(who);
	if (p->next_path && p->next_who)
		return 0;
	free(p->next_path);
	free(p->next_who);
	p->next_path = p->next_who = NULL;
	return -ENOMEM;
}

int publisher_switch(struct publisher *p, struct switch_set *set, const char *change, const char *who)
{
	struct load_order order = { .kind = LOAD_BY_SWITCH, .who = who, .change = change, .switches = set };

	if (p->running)
		return -EBUSY;
	if (!p->wanted || !p->wanted->rules) // of a table that was rolled back to there are none
		return -ENOENT;
	order.path = p->wanted->path;
	order.rules = p->wanted->rules;
	return start(p, &order);
}

void publisher_tell(struct publisher *p, load_done done, void *argument)
{
	p->done = done;
	p->argument = argument;
}

void publisher_forget(struct publisher *p, const void *argument)
{
	if (p->argument == argument)
		p->done = NULL;
}

const struct load *publisher_running(const struct publisher *p)
{
	return p->running;
}

const char *publisher_file(const struct publisher *p)
{
	return p->wanted ? p->wanted->path : NULL;
}

// The table of a dataplane that is not ours: members are watched by what it says, until it has ours.
static void adopt_foreign(struct publisher *p, const struct weir_hello *hello, int fd)
{
	char why[160];
	struct table_map *map = table_map_open(fd, (size_t)hello->table_size, why, sizeof(why));

	if (map)
		router_adopt(p->router, map);
	else
		log_warning("the dataplane's table cannot be opened: %s: its members are not watched", why);
	table_map_put(map);
}

void publisher_up(struct publisher *p, const struct weir_hello *hello, int table_fd)
{
	p->live_crc = hello->table_crc;
	if (p->running)
		atomic_store(&p->running->huge, true);
	if (p->wanted && hello->generation && hello->table_crc == p->wanted->crc)
		router_adopt(p->router, p->wanted->map);
	else if (hello->generation)
		adopt_foreign(p, hello, table_fd);
	if (!p->running && p->wanted && hello->generation && hello->table_crc == p->wanted->crc)
		log_already(p);
	else
		catch_up(p);
}

void publisher_down(struct publisher *p)
{
	if (!p->running || !p->offered)
		return;
	keep_image(p);
	finish(p, LOAD_FAILED, "the dataplane went away before it answered; it gets the table when it is back");
}

void publisher_ack(struct publisher *p, const struct weir_table_ack *ack)
{
	char why[WEIR_WHY_MAX + 64];

	if (ack->status == 0) {
		p->live_crc = p->running->crc;
		p->running->published = true;
		router_adopt(p->router, p->running->map);
		keep_image(p);
		finish(p, LOAD_PUBLISHED, "");
		return;
	}
	snprintf(why, sizeof(why), "the dataplane refuses the table: %s (%s)", ack->why, strerror(ack->status));
	if (p->running == p->wanted)
		p->wanted = NULL; // offered again and refused: it is not good after all
	finish(p, LOAD_REFUSED, why);
}
