// SPDX-License-Identifier: BSD-3-Clause
//
// weir-dataplane. Starts in steps that are undone in reverse; then the main thread serves the
// control plane, takes over tables, publishes clocks and port counters, until a signal or idleness
// ends it. All packet work is the workers'.
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/abi/stats.h"
#include "dataplane/agent_answers.h"
#include "dataplane/args.h"
#include "dataplane/control.h"
#include "dataplane/dispatch.h"
#include "dataplane/eal.h"
#include "dataplane/flow.h"
#include "dataplane/icmp.h"
#include "dataplane/instance.h"
#include "dataplane/kernel.h"
#include "dataplane/log.h"
#include "dataplane/port.h"
#include "dataplane/port_xdp.h"
#include "dataplane/registry.h"
#include "dataplane/restore.h"
#include "dataplane/said.h"
#include "dataplane/stat.h"
#include "dataplane/steering_xdp.h"
#include "dataplane/swap.h"
#include "dataplane/watch.h"
#include "dataplane/workers.h"
#include "dataplane/xdp.h"
#include "rules/gateway.h"

enum { EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_ENVIRONMENT = 3 };
enum { PORTS_PER_SECOND = 10, DRAIN_TURNS = 50, DRAIN_TURN_US = 20000, ANSWERS_US = 250 };

struct dataplane {
	struct args args;
	struct gateway *gateway;
	int lock;
	struct rte_mempool *pool;
	struct listeners listeners;
	struct port ports[GATEWAY_MAX_PORTS];
	unsigned n_ports; // opened
	struct watch watch;
	struct kernel kernel;
	struct icmp icmp;
	struct stat_segment stat;
	struct handover handover;
	struct worker *workers; // [gateway->n_workers]
	struct steering steering;
	struct steering_xdp steering_xdp;
	struct dispatch *dispatch; // NULL: no port is dispatched
	struct swap swap;
	struct agent_answers answers;
	uint8_t secret[16]; // of this start: what answers are marked with
	struct control control;
	bool huge;    // the EAL's memory is in huge pages
	bool started; // the EAL
	bool running; // the workers
	char why[512];
};

static volatile sig_atomic_t signalled;

static void on_signal(int number)
{
	signalled = number;
}

// Says why it ends so, unless that has been said.
static int fail(const struct dataplane *dp, int status)
{
	if (status && dp->why[0])
		fprintf(stderr, "weir-dataplane: %s\n", dp->why);
	return status;
}

// gateway.conf, and the listeners it gives.
static int read_config(struct dataplane *dp)
{
	struct listener list[GATEWAY_MAX_LISTENERS];
	struct diags diags;

	diags_init(&diags);
	dp->gateway = gateway_read(dp->args.config, true, &diags);
	diags_print(&diags, stderr);
	diags_fini(&diags);
	if (!dp->gateway)
		return EXIT_REFUSED;
	for (unsigned i = 0; i < dp->gateway->n_listeners; i++) {
		const struct gateway_listener *from = &dp->gateway->listeners[i];

		list[i] = (struct listener){ .family = from->family,
					     .protocol = from->protocol,
					     .port = from->port,
					     .tunnels = from->tunnels };
		memcpy(list[i].address, from->address, sizeof(list[i].address));
	}
	if (listeners_init(&dp->listeners, list, dp->gateway->n_listeners) == 0)
		return 0;
	snprintf(dp->why, sizeof(dp->why), "%s: the listeners contradict each other",
		 dp->args.config);
	return EXIT_REFUSED;
}

static int start_environment(struct dataplane *dp)
{
	dp->lock = instance_lock(dp->gateway, dp->why, sizeof(dp->why));
	if (dp->lock < 0)
		return EXIT_ENVIRONMENT;
	said_begin();
	if (eal_start(dp->gateway, &dp->huge, dp->why, sizeof(dp->why)) < 0)
		return EXIT_ENVIRONMENT;
	dp->started = true;
	said_pass_on();
	dp->pool = port_pool_create(dp->gateway, dp->why, sizeof(dp->why));
	return dp->pool ? 0 : EXIT_ENVIRONMENT;
}

static int open_ports(struct dataplane *dp)
{
	for (unsigned i = 0; i < dp->gateway->n_ports; i++) {
		if (port_open(&dp->ports[i], &dp->gateway->ports[i], dp->gateway, dp->pool, dp->why,
			      sizeof(dp->why)) < 0)
			return EXIT_ENVIRONMENT;
		dp->n_ports++;
		said_pass_on();
	}
	watch_start(&dp->watch, dp->ports, dp->n_ports);
	return 0;
}

static int open_kernel(struct dataplane *dp)
{
	return kernel_open(&dp->kernel, dp->gateway, dp->ports, dp->why, sizeof(dp->why)) < 0
		       ? EXIT_ENVIRONMENT
		       : 0;
}

static int make_handover(struct dataplane *dp)
{
	size_t size = rte_rcu_qsbr_get_memsize(dp->gateway->n_workers);

	dp->handover.qsbr = rte_zmalloc("weir-qsbr", size, RTE_CACHE_LINE_SIZE);
	if (!dp->handover.qsbr ||
	    rte_rcu_qsbr_init(dp->handover.qsbr, dp->gateway->n_workers) != 0) {
		snprintf(dp->why, sizeof(dp->why), "no memory for the workers' RCU");
		return EXIT_ENVIRONMENT;
	}
	for (unsigned w = 0; w < dp->gateway->n_workers; w++)
		rte_rcu_qsbr_thread_register(dp->handover.qsbr, w);
	return 0;
}

static int make_workers(struct dataplane *dp)
{
	const struct workers_parts parts = {
		.gateway = dp->gateway,
		.ports = dp->ports,
		.n_ports = dp->n_ports,
		.listeners = &dp->listeners,
		.pool = dp->pool,
		.handover = &dp->handover,
		.segment = dp->stat.map,
		.time_stages = dp->args.time_stages,
		.seed = (uint64_t)arc4random() << 32 | arc4random(),
		.secret = dp->secret,
	};

	arc4random_buf(dp->secret, sizeof(dp->secret));
	dp->workers = workers_create(&parts, dp->why, sizeof(dp->why));
	dp->kernel.workers = dp->workers;
	dp->kernel.pool = dp->pool;
	return dp->workers ? 0 : EXIT_ENVIRONMENT;
}

static int make_dispatch(struct dataplane *dp)
{
	const struct dispatch_parts parts = {
		.gateway = dp->gateway,
		.ports = dp->ports,
		.n_ports = dp->n_ports,
		.listeners = &dp->listeners,
		.handover = &dp->handover,
		.steering = &dp->steering,
		.segment = dp->stat.map,
		.workers = dp->workers,
		.secret = dp->secret,
		.time_stages = dp->args.time_stages,
	};

	steering_init(&dp->steering, dp->gateway);
	dp->steering_xdp = (struct steering_xdp){ dp->gateway, dp->ports, dp->n_ports };
	dp->steering.published = steering_xdp_put;
	dp->steering.argument = &dp->steering_xdp;
	steering_xdp_seed(&dp->steering_xdp, steering_seed(dp->stat.map));
	dp->handover.dispatched = !gateway_has_dispatcher(dp->gateway);
	if (dp->handover.dispatched)
		return 0;
	dp->dispatch = dispatch_create(&parts, dp->why, sizeof(dp->why));
	return dp->dispatch ? 0 : EXIT_ENVIRONMENT;
}

static int make_segment(struct dataplane *dp)
{
	return stat_create(&dp->stat, dp->gateway, dp->why, sizeof(dp->why)) < 0 ? EXIT_ENVIRONMENT
										 : 0;
}

// The kernel drops blocked sources as the workers do.
static void table_published(void *context, const struct live *live, const struct live *previous)
{
	const struct dataplane *dp = context;

	for (unsigned i = 0; i < dp->n_ports; i++)
		if (port_xdp_get(&dp->ports[i]))
			xdp_blocked_put(port_xdp_get(&dp->ports[i]), &live->table,
					previous ? &previous->table : NULL);
}

static int make_swap(struct dataplane *dp)
{
	dp->swap.context = (struct live_context){ registry_create(dp->stat.map), dp->ports,
						  dp->n_ports, dp->gateway->n_workers };
	dp->swap.gateway = dp->gateway;
	dp->swap.handover = &dp->handover;
	dp->swap.segment = dp->stat.map;
	dp->swap.published = table_published;
	dp->swap.published_context = dp;
	if (dp->swap.context.registry)
		return 0;
	snprintf(dp->why, sizeof(dp->why), "no memory for the registry of names");
	return EXIT_ENVIRONMENT;
}

static int first_table(struct dataplane *dp)
{
	int err = restore_table(&dp->swap, dp->args.table, dp->why, sizeof(dp->why));

	dp->swap.keep = false; // it came from the disk
	return err ? EXIT_REFUSED : 0;
}

static int make_answers(struct dataplane *dp)
{
	const struct agent_answers_parts parts = {
		.gateway = dp->gateway,
		.ports = dp->ports,
		.n_ports = dp->n_ports,
		.listeners = &dp->listeners,
		.segment = dp->stat.map,
		.pool = dp->pool,
		.workers = dp->workers,
	};

	agent_answers_init(&dp->answers, &parts);
	return 0;
}

static int open_control(struct dataplane *dp)
{
	dp->control = (struct control){ .swap = &dp->swap,
					.steering = &dp->steering,
					.workers = dp->workers,
					.answers = &dp->answers,
					.segment_fd = dp->stat.reader_fd,
					.wake = dp->kernel.wake };
	return control_open(&dp->control, dp->gateway, dp->why, sizeof(dp->why)) < 0
		       ? EXIT_ENVIRONMENT
		       : 0;
}

static int open_icmp(struct dataplane *dp)
{
	dp->icmp = (struct icmp){ .workers = dp->workers,
				  .n_workers = dp->gateway->n_workers,
				  .handover = &dp->handover,
				  .control = &dp->control };
	icmp_open(&dp->icmp, dp->gateway);
	dp->kernel.icmp = &dp->icmp;
	return 0;
}

static int launch(struct dataplane *dp)
{
	for (unsigned i = 0; i < dp->n_ports; i++) {
		if (port_start(&dp->ports[i], dp->why, sizeof(dp->why)) < 0)
			return EXIT_ENVIRONMENT;
		flow_emergencies(&dp->ports[i], dp->gateway, &dp->gateway->ports[i]);
	}
	for (unsigned w = 0; w < dp->gateway->n_workers; w++)
		rte_eal_remote_launch(worker_run, &dp->workers[w], dp->workers[w].lcore);
	if (dp->dispatch)
		rte_eal_remote_launch(dispatch_run, dp->dispatch, dp->dispatch->lcore);
	dp->steering.running = dp->dispatch != NULL;
	dp->running = true;
	return 0;
}

static void publish_clock(struct dataplane *dp)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	atomic_store_explicit(&dp->handover.clock_ns,
			      (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
			      memory_order_relaxed);
}

static void publish_ports(struct dataplane *dp)
{
	struct weir_port *to = (struct weir_port *)((char *)dp->stat.map + dp->stat.map->ports);

	for (unsigned i = 0; i < dp->n_ports; i++) {
		port_publish(&dp->ports[i], &to[i]);
		watch_port(&dp->watch, i, &to[i]);
		kernel_publish(&dp->kernel, i, &to[i]);
	}
}

static uint64_t now_ns(void)
{
	return (uint64_t)((double)rte_get_timer_cycles() * 1e9 / (double)rte_get_timer_hz());
}

static void look_after_ports(struct dataplane *dp)
{
	for (unsigned i = 0; i < dp->n_ports; i++)
		if (port_xdp_get(&dp->ports[i]))
			xdp_poll(port_xdp_get(&dp->ports[i]), now_ns());
}

// Whether --exit-when-idle says to end: no frame for so long, while workers run.
static bool idle(const struct dataplane *dp, uint64_t *last_rx, uint64_t *since)
{
	uint64_t rx, now = rte_get_timer_cycles();

	if (dp->args.idle_seconds < 0 || !dp->running)
		return false;
	rx = stat_received(&dp->stat);
	if (rx != *last_rx || *since == 0) {
		*last_rx = rx;
		*since = now;
	}
	return (double)(now - *since) > dp->args.idle_seconds * (double)rte_get_timer_hz();
}

// Ends a swap that every worker has followed. With the first table the workers start.
static int take_over(struct dataplane *dp)
{
	switch (swap_poll(&dp->swap)) {
	case SWAPPED_TABLE:
		control_table_taken(&dp->control);
		return dp->running ? 0 : launch(dp);
	case SWAPPED_ROUTES:
		control_routes_taken(&dp->control);
		return 0;
	default:
		return 0;
	}
}

// How many microseconds to wait for what comes.
static unsigned patience(struct dataplane *dp)
{
	unsigned us = kernel_poll(&dp->kernel);

	return us > ANSWERS_US && agent_answers_waits(&dp->answers) ? ANSWERS_US : us;
}

static int serve(struct dataplane *dp)
{
	uint64_t last_rx = 0, since = 0, ports_due = 0;
	int status = 0;

	while (!signalled && status == 0 && !idle(dp, &last_rx, &since)) {
		publish_clock(dp);
		status = take_over(dp);
		if (dp->running)
			steering_watch(&dp->steering, dp->stat.map, now_ns() / 1000000);
		if (steering_poll(&dp->steering))
			control_steered(&dp->control);
		if (rte_get_timer_cycles() >= ports_due) {
			look_after_ports(dp);
			icmp_poll(&dp->icmp);
			publish_ports(dp);
			ports_due = rte_get_timer_cycles() + rte_get_timer_hz() / PORTS_PER_SECOND;
		}
		control_answered(&dp->control);
		control_poll(&dp->control, patience(dp));
	}
	return status;
}

// Where the kernel keeps an interface, it gets every frame from here on, and the workers finish those that
// are on their way: two looks in a row that find nothing new, for a second at most.
static void drain_ports(struct dataplane *dp)
{
	uint64_t before = UINT64_MAX, rx = 0;
	bool any = false;

	for (unsigned i = 0; i < dp->n_ports; i++) {
		port_detach(&dp->ports[i]);
		any |= dp->ports[i].xdp != NULL;
	}
	for (unsigned turn = 0; any && dp->running && turn < DRAIN_TURNS && rx != before; turn++) {
		before = rx;
		usleep(DRAIN_TURN_US);
		rx = stat_received(&dp->stat);
	}
}

static void stop_workers(struct dataplane *dp)
{
	atomic_store(&dp->handover.stop, true);
	if (dp->running)
		rte_eal_mp_wait_lcore();
	dp->running = false;
}

static void print_result(struct dataplane *dp)
{
	json_t *stats;

	kernel_drain(&dp->kernel);
	publish_ports(dp);
	if (dp->args.time_stages)
		workers_print_stages(dp->workers, dp->gateway->n_workers);
	if (dp->args.time_stages && dp->dispatch)
		dispatch_print_stages(dp->dispatch);
	if (dp->args.idle_seconds < 0)
		return;
	stats = stats_json(dp->stat.map);
	if (stats)
		json_dumpf(stats, stdout, JSON_INDENT(1));
	puts("");
	json_decref(stats);
}

static int make_state_folder(struct dataplane *dp)
{
	if (instance_state_folder(dp->gateway) < 0)
		log_line("%s cannot be made: tables are not kept for a restart",
			 dp->gateway->state_dir);
	return 0;
}

static int run(struct dataplane *dp)
{
	static int (*const steps[])(struct dataplane *) = {
		read_config,  start_environment, open_ports, open_kernel,   make_handover,
		make_segment, make_workers,      make_dispatch, make_swap,  make_state_folder,
		first_table,  make_answers, open_control, open_icmp,
	};
	int status = 0;

	for (unsigned i = 0; status == 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
		status = steps[i](dp);
	if (status)
		return fail(dp, status);
	said_end();
	log_line("%s: %u worker(s), %u MiB of %s pages", dp->gateway->name, dp->gateway->n_workers,
		 dp->gateway->memory_mb, dp->huge ? "huge" : "ordinary");
	for (unsigned i = 0; i < dp->n_ports; i++)
		port_say(&dp->ports[i]);
	status = serve(dp);
	drain_ports(dp);
	stop_workers(dp);
	control_answered(&dp->control);
	if (status == 0)
		print_result(dp);
	control_close(&dp->control);
	return fail(dp, status);
}

static bool any_xdp(const struct dataplane *dp)
{
	for (unsigned i = 0; i < dp->gateway->n_ports; i++)
		if (dp->gateway->ports[i].type == GATEWAY_PORT_XDP)
			return true;
	return false;
}

// Undoes what run() has done, in reverse, however far it came.
static void clean_up(struct dataplane *dp)
{
	if (dp->swap.context.registry) {
		swap_fini(&dp->swap);
		registry_destroy(dp->swap.context.registry);
	}
	dispatch_destroy(dp->dispatch);
	if (dp->workers)
		workers_destroy(dp->workers, dp->gateway->n_workers);
	if (dp->stat.map)
		stat_destroy(&dp->stat);
	rte_free(dp->handover.qsbr);
	watch_stop(&dp->watch);
	icmp_close(&dp->icmp);
	kernel_close(&dp->kernel);
	for (unsigned i = 0; i < dp->n_ports; i++)
		port_close(&dp->ports[i]);
	if (dp->started && !any_xdp(dp))
		eal_stop();
	said_end();
	if (dp->lock >= 0)
		close(dp->lock);
	gateway_destroy(dp->gateway);
}

int main(int argc, char **argv)
{
	static struct dataplane dp = { .lock = -1, .kernel.wake = -1 };
	struct sigaction action = { .sa_handler = on_signal };
	int status = args_parse(&dp.args, argc, argv);

	if (status)
		return status < 0 ? EXIT_USAGE : 0;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); // a limit on file sizes is an error like a full disk
	status = run(&dp);
	clean_up(&dp);
	return status;
}
