// SPDX-License-Identifier: BSD-3-Clause
//
// weir-controlplane: compiles and publishes rule tables, moves messages for agents into the spool, and
// answers weirctl. One event loop; one thread for the spool; one for a load while it compiles. No EAL,
// no write access to any memory of the dataplane. docs/controlplane.md has the picture.
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "controlplane/agents/desk.h"
#include "controlplane/agents/nats.h"
#include "controlplane/agents/registry.h"
#include "controlplane/answers.h"
#include "controlplane/clock.h"
#include "controlplane/commands.h"
#include "controlplane/consumer.h"
#include "controlplane/control.h"
#include "controlplane/depth.h"
#include "controlplane/events.h"
#include "controlplane/link.h"
#include "controlplane/log.h"
#include "controlplane/neighbours.h"
#include "controlplane/place.h"
#include "controlplane/plane.h"
#include "controlplane/pools.h"
#include "controlplane/publisher.h"
#include "controlplane/route_commands.h"
#include "controlplane/router.h"
#include "controlplane/spool_commands.h"
#include "controlplane/spool_keep.h"
#include "controlplane/steer.h"
#include "controlplane/switches.h"

enum { DONE, REFUSED, USAGE, ENVIRONMENT };

static const char usage[] = "usage: weir-controlplane --config FILE\n";

// The configuration file, or NULL and the exit status.
static const char *read_arguments(int argc, char **argv, int *status)
{
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		*status = DONE;
		return NULL;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("weir-controlplane " WEIR_VERSION);
		*status = DONE;
		return NULL;
	}
	if (argc == 3 && strcmp(argv[1], "--config") == 0)
		return argv[2];
	if (argc == 2 && strncmp(argv[1], "--config=", 9) == 0)
		return argv[1] + 9;
	fputs(usage, stderr);
	*status = USAGE;
	return NULL;
}

static int read_gateway(struct plane *plane, const char *path)
{
	struct diags diags;

	diags_init(&diags);
	plane->gateway = gateway_read(path, true, &diags);
	diags_print(&diags, stderr);
	diags_fini(&diags);
	return plane->gateway ? DONE : REFUSED;
}

static void on_signal(evutil_socket_t number, short what, void *argument)
{
	struct plane *plane = argument;

	(void)what;
	log_info("%s: ending", number == SIGTERM ? "SIGTERM" : "SIGINT");
	event_base_loopbreak(plane->base);
}

static void load_own_rules(struct plane *plane, enum load_kind kind, const char *who)
{
	char *absolute = realpath(plane->gateway->rules, NULL); // for the log and the history
	int err = publisher_load(plane->publisher, kind, absolute ? absolute : plane->gateway->rules, who);

	free(absolute);

	if (err)
		log_error("%s is not loaded: %s", plane->gateway->rules,
			  err == -EBUSY ? "another load is running" : strerror(-err));
}

static void on_reload(evutil_socket_t number, short what, void *argument)
{
	struct plane *plane = argument;

	(void)number;
	(void)what; // without a dataplane the table waits for one, as at the start
	load_own_rules(plane, link_is_up(plane->link) ? LOAD_BY_OPERATOR : LOAD_AT_START, "SIGHUP");
}

static void on_news(evutil_socket_t fd, short what, void *argument)
{
	struct plane *plane = argument;
	eventfd_t n;

	(void)what;
	if (eventfd_read(fd, &n) == 0)
		link_acknowledge(plane->link);
}

static int open_loop(struct plane *plane)
{
	plane->base = event_base_new();
	plane->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!plane->base || plane->news < 0)
		return -ENOMEM;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); // a size limit is an error of a write like any other
	plane->on_term = evsignal_new(plane->base, SIGTERM, on_signal, plane);
	plane->on_int = evsignal_new(plane->base, SIGINT, on_signal, plane);
	plane->on_hup = evsignal_new(plane->base, SIGHUP, on_reload, plane);
	plane->on_news = event_new(plane->base, plane->news, EV_READ | EV_PERSIST, on_news, plane);
	if (!plane->on_term || !plane->on_int || !plane->on_hup || !plane->on_news ||
	    event_add(plane->on_term, NULL) < 0 || event_add(plane->on_int, NULL) < 0 ||
	    event_add(plane->on_hup, NULL) < 0 || event_add(plane->on_news, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static int open_spool(struct plane *plane)
{
	char why[PLACE_PATH + 200];

	plane->spool = spool_open(plane->place.spool, plane->gateway->spool_mb, false, why, sizeof(why));
	if (!plane->spool)
		log_error("%s", why);
	return plane->spool ? 0 : -EINVAL;
}

static int open_pools(struct plane *plane)
{
	plane->pools = pools_create(plane->base, plane->gateway, plane->place.pools, plane_changed, plane);
	plane->router = plane->pools ? router_create(plane->base, plane->pools) : NULL;
	plane->neighbours = plane->router ? neighbours_create(plane->base, plane->gateway, plane_changed, plane) : NULL;
	if (!plane->neighbours)
		return -ENOMEM;
	pools_serve(plane->pools, plane->neighbours);
	return 0;
}

// NATS, where it is the backend of agent queues.
static int open_backend(struct plane *plane)
{
	char why[PLACE_PATH + 200];

	if (plane->gateway->backend != GATEWAY_BACKEND_NATS)
		return 0;
	plane->nats = nats_create(plane->gateway, plane->spool, plane->consumer, plane->place.nats_key, why,
				  sizeof(why));
	if (!plane->nats)
		log_error("%s", why);
	return plane->nats ? 0 : -EINVAL;
}

// What goes from the spool to the dataplane.
static int open_outgoing(struct plane *plane)
{
	const struct answers_parts answers = { plane->base, plane->spool, plane->consumer, plane->link,
					       plane->gateway->dead_h * UINT64_C(3600000) };
	const struct depth_parts depth = { plane->base,     plane->gateway, plane->spool,
					   plane->consumer, plane->link,    plane->pools };

	plane->answers = answers_create(&answers);
	plane->depth = depth_create(&depth);
	return plane->answers && plane->depth ? 0 : -ENOMEM;
}

// The agents' API. What is to be mended in gateway.conf is told apart from what the machine lacks.
static int open_desk(struct plane *plane)
{
	const struct desk_setup setup = { .gateway = plane->gateway, .socket = plane->place.api, .spool = plane->spool,
					  .consumer = plane->consumer, .registry = plane->registry };
	char why[PLACE_PATH + 200];

	plane->desk = desk_create(&setup, why, sizeof(why));
	if (plane->desk)
		return 0;
	if (errno != EINVAL) {
		log_error("%s", why);
		return -EIO;
	}
	log_error("%s: %s", plane->gateway->file, why);
	return -EKEYREJECTED;
}

static void set_retention(struct plane *plane)
{
	const uint64_t hour_ms = 3600000;
	const struct spool_limits limits = { .waiting_ms = plane->gateway->retention_h * hour_ms,
					     .dead_ms = plane->gateway->dead_h * hour_ms,
					     .done_ms = plane->gateway->done_h * hour_ms };

	consumer_keep(plane->consumer, &limits);
}

static int open_services(struct plane *plane)
{
	const struct link_events link = plane_link_events(plane);
	const struct control_events control = { commands_request, commands_gone, &plane->commands };
	char why[PLACE_PATH + 200];
	int err;

	plane->switches = switches_create(plane->base, plane->place.switches, commands_expired, &plane->commands);
	if (!plane->switches)
		return -ENOMEM;
	plane->publisher = publisher_create(plane->base, plane->gateway, plane->place.history, plane->switches);
	plane->consumer = consumer_create(plane->spool, plane->place.run, plane->gateway->spool_mb, plane->news);
	if (plane->consumer)
		set_retention(plane);
	plane->steer = steer_create(plane->gateway, plane->place.steer, plane->place.history);
	plane->registry = registry_open(plane->place.agents);
	plane->purges = purges_create(plane->base, plane->place.history);
	if (!plane->publisher || !plane->consumer || !plane->steer || !plane->registry || !plane->purges)
		return -ENOMEM;
	if (open_backend(plane))
		return -EINVAL;
	err = open_desk(plane);
	if (err)
		return err;
	plane->link = link_create(plane->base, plane->place.socket, plane->consumer, &link);
	if (!plane->link)
		return -ENOMEM;
	if (open_outgoing(plane) < 0)
		return -ENOMEM;
	publisher_serve(plane->publisher, plane->link, plane->router);
	steer_serve(plane->steer, plane->link);
	router_serve(plane->router, plane->link, plane->neighbours);
	plane->commands = (struct commands){ .gateway = plane->gateway, .history = plane->place.history,
					     .link = plane->link, .publisher = plane->publisher,
					     .consumer = plane->consumer, .spool = plane->spool,
					     .answers = plane->answers, .depth = plane->depth, .nats = plane->nats,
					     .pools = plane->pools, .switches = plane->switches, .steer = plane->steer,
					     .registry = plane->registry, .desk = plane->desk, .purges = plane->purges,
					     .started_s = clock_ms(CLOCK_MONOTONIC) / 1000 };
	router_tell(plane->router, plane_settled, plane);
	plane->control = control_create(plane->base, plane->place.control, &control, why, sizeof(why));
	if (!plane->control)
		log_error("%s", why);
	return plane->control ? 0 : -EINVAL;
}

static int run(struct plane *plane)
{
	int err = open_loop(plane);

	if (!err)
		err = open_spool(plane);
	if (!err)
		err = open_pools(plane);
	if (!err)
		err = open_services(plane);
	if (err == -ENOMEM)
		log_error("out of memory or descriptors, or run_dir is too long for a socket");
	if (err)
		return err == -EKEYREJECTED ? REFUSED : ENVIRONMENT;
	log_info("gateway %s: up, pid %d", plane->gateway->name, (int)getpid());
	load_own_rules(plane, LOAD_AT_START, "start");
	event_base_dispatch(plane->base);
	return DONE;
}

static void close_all(struct plane *plane)
{
	control_destroy(plane->control);
	answers_stop(plane->answers);
	depth_stop(plane->depth);
	link_destroy(plane->link);
	steer_destroy(plane->steer);
	nats_destroy(plane->nats);
	desk_stop(plane->desk);
	consumer_destroy(plane->consumer);
	answers_destroy(plane->answers);
	depth_destroy(plane->depth);
	desk_destroy(plane->desk);
	table_map_put(plane->desk_table);
	purges_destroy(plane->purges);
	if (!publisher_destroy(plane->publisher))
		plane->gateway = NULL; // stays for the thread that compiles
	switches_destroy(plane->switches);
	router_destroy(plane->router);
	neighbours_destroy(plane->neighbours);
	pools_destroy(plane->pools);
	spool_close(plane->spool);
	registry_close(plane->registry);
	event_destroy(plane->on_news);
	event_destroy(plane->on_hup);
	event_destroy(plane->on_int);
	event_destroy(plane->on_term);
	if (plane->news >= 0)
		close(plane->news);
	if (plane->base)
		event_base_free(plane->base);
	place_close(&plane->place);
}

int main(int argc, char **argv)
{
	struct plane plane = { .news = -1 };
	int status = DONE;
	const char *config = read_arguments(argc, argv, &status);

	if (!config)
		return status;
	log_open("weir-controlplane");
	status = read_gateway(&plane, config);
	if (!status)
		status = place_open(&plane.place, plane.gateway);
	if (!status) {
		status = run(&plane);
		close_all(&plane);
	}
	gateway_destroy(plane.gateway);
	return status;
}
