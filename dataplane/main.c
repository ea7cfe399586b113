// SPDX-License-Identifier: BSD-3-Clause
//
// weir-dataplane. When it has started (start.c), the main thread serves the control plane, takes over tables,
// publishes clocks and port counters, until a signal or idleness ends it. All packet work is the workers'.
#include <rte_cycles.h>
#include <rte_launch.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/abi/stats.h"
#include "dataplane/dataplane.h"
#include "dataplane/log.h"
#include "dataplane/port_xdp.h"
#include "dataplane/said.h"
#include "dataplane/xdp.h"

enum { PORTS_PER_SECOND = 10, DRAIN_TURNS = 50, DRAIN_TURN_US = 20000, ANSWERS_US = 250 };

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
		return dp->running ? 0 : dataplane_launch(dp);
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
	fflush(stdout); // whatever a driver does when its port is closed
	json_decref(stats);
}

static int run(struct dataplane *dp)
{
	int status = dataplane_start(dp);

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
	dataplane_clean_up(&dp);
	return status;
}
