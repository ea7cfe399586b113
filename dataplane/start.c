// SPDX-License-Identifier: BSD-3-Clause
//
// The steps by which the dataplane starts, see dataplane.h.
#include "dataplane/dataplane.h"

#include <rte_launch.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/eal.h"
#include "dataplane/flow.h"
#include "dataplane/instance.h"
#include "dataplane/log.h"
#include "dataplane/port_xdp.h"
#include "dataplane/registry.h"
#include "dataplane/restore.h"
#include "dataplane/said.h"
#include "dataplane/xdp.h"

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

static int make_state_folder(struct dataplane *dp)
{
	if (instance_state_folder(dp->gateway) < 0)
		log_line("%s cannot be made: tables are not kept for a restart",
			 dp->gateway->state_dir);
	return 0;
}

int dataplane_start(struct dataplane *dp)
{
	static int (*const steps[])(struct dataplane *) = {
		read_config,  start_environment, open_ports, open_kernel,   make_handover,
		make_segment, make_workers,      make_dispatch, make_swap,  make_state_folder,
		first_table,  make_answers, open_control, open_icmp,
	};
	int status = 0;

	for (unsigned i = 0; status == 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
		status = steps[i](dp);
	return status;
}

int dataplane_launch(struct dataplane *dp)
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

static bool any_xdp(const struct dataplane *dp)
{
	for (unsigned i = 0; i < dp->gateway->n_ports; i++)
		if (dp->gateway->ports[i].type == GATEWAY_PORT_XDP)
			return true;
	return false;
}

void dataplane_clean_up(struct dataplane *dp)
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
