// SPDX-License-Identifier: BSD-3-Clause
//
// Watches ports, see watch.h. Main thread; the callbacks run on the EAL's interrupt thread and set one
// flag each. vfio tells of a device that the machine wants back by an event of the device, other drivers
// by one of the port.
#define ALLOW_EXPERIMENTAL_API // rte_dev_event_callback_register, for years
#include "dataplane/watch.h"

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/log.h"

static const char *device_of(const struct port *port)
{
	struct rte_eth_dev_info info;

	return rte_eth_dev_info_get(port->id, &info) == 0 && info.device ? rte_dev_name(info.device)
									 : "";
}

static void removed(struct watch *watch, unsigned i)
{
	atomic_store_explicit(&watch->removed[i], true, memory_order_relaxed);
}

static int on_port_removed(uint16_t id, enum rte_eth_event_type type, void *argument, void *unused)
{
	struct watch *watch = argument;

	(void)type;
	(void)unused;
	for (unsigned i = 0; i < watch->n; i++)
		if (watch->ports[i].id == id && !watch->ports[i].xdp)
			removed(watch, i);
	return 0;
}

static void on_device_event(const char *device, enum rte_dev_event_type type, void *argument)
{
	struct watch *watch = argument;

	for (unsigned i = 0; type == RTE_DEV_EVENT_REMOVE && i < watch->n; i++)
		if (!watch->ports[i].xdp && strcmp(device_of(&watch->ports[i]), device) == 0)
			removed(watch, i);
}

void watch_start(struct watch *watch, const struct port *ports, unsigned n)
{
	watch->ports = ports;
	watch->n = n;
	// Neither can fail but for want of memory, and then nothing is said of a removal.
	rte_eth_dev_callback_register(RTE_ETH_ALL, RTE_ETH_EVENT_INTR_RMV, on_port_removed, watch);
	rte_dev_event_callback_register(NULL, on_device_event, watch);
}

static void say_link(const struct port *port, bool up)
{
	struct rte_eth_link link;
	char speed[32] = "";

	if (!up) {
		log_line(
			"port \"%s\": link is down: nothing comes or goes there until it is up again",
			port->name);
		return;
	}
	if (rte_eth_link_get_nowait(port->id, &link) == 0 &&
	    link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
		snprintf(speed, sizeof(speed), ", %u Mbit/s", link.link_speed);
	log_line("port \"%s\": link is up%s, MTU %u", port->name, speed, port->mtu);
}

void watch_port(struct watch *watch, unsigned i, struct weir_port *shown)
{
	const struct port *port = &watch->ports[i];
	bool up = atomic_load_explicit(&shown->link_up, memory_order_relaxed) != 0;

	if (port->xdp)
		return;
	if (atomic_load_explicit(&watch->removed[i], memory_order_relaxed)) {
		atomic_store_explicit(&shown->link_up, 0, memory_order_relaxed);
		if (!watch->said[i])
			log_line(
				"port \"%s\": device %s is being taken away: nothing comes or goes there "
				"(end weir-dataplane to let it go, start it again when it is back)",
				port->name, device_of(port));
		watch->said[i] = true;
		return;
	}
	if (up != watch->up[i])
		say_link(port, up);
	watch->up[i] = up;
}

void watch_stop(struct watch *watch)
{
	if (watch->n == 0)
		return;
	rte_eth_dev_callback_unregister(RTE_ETH_ALL, RTE_ETH_EVENT_INTR_RMV, on_port_removed,
					watch);
	rte_dev_event_callback_unregister(NULL, on_device_event, watch);
	watch->n = 0;
}
