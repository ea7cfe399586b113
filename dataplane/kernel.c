// SPDX-License-Identifier: BSD-3-Clause
//
// Kernel interfaces, see kernel.h. Main thread. A worker may not make a system call, so the main thread
// is who speaks to the kernel: at each of its turns it empties the workers' rings into the TAPs and the
// TAPs into worker 0's ring. It sleeps until the kernel sends, and looks into the rings every millisecond;
// after traffic it looks often for a while, so that ping and TCP are quick.
#include "dataplane/kernel.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "dataplane/icmp.h"
#include "dataplane/log.h"
#include "dataplane/tap.h"

enum { FRAMES_A_TURN = 128, WAIT_IDLE_US = 1000, WAIT_BUSY_US = 50, BUSY_MS = 20 };

static int interface_open(struct kernel *kernel, unsigned i, char *why, size_t why_size)
{
	const char *name = kernel->gateway->ports[i].kernel;
	struct port *port = &kernel->ports[i];
	struct epoll_event event = { .events = EPOLLIN };
	uint16_t mtu = 1500;
	char text[256];
	int fd;

	rte_eth_dev_get_mtu(port->id, &mtu);
	fd = tap_open(name, port->mac, mtu, text, sizeof(text));
	if (fd < 0) {
		snprintf(why, why_size, "port \"%s\": %s", port->name, text);
		return fd;
	}
	kernel->interfaces[i].fd = fd;
	kernel->interfaces[i].carrier = false;
	port->kernel = true;
	return epoll_ctl(kernel->wake, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int kernel_open(struct kernel *kernel, const struct gateway *gateway, struct port *ports, char *why,
		size_t why_size)
{
	int err = 0;

	*kernel = (struct kernel){ .wake = -1,
				   .n_ports = gateway->n_ports,
				   .n_workers = gateway->n_workers,
				   .gateway = gateway,
				   .ports = ports };
	for (unsigned i = 0; i < GATEWAY_MAX_PORTS; i++)
		kernel->interfaces[i].fd = -1;
	for (unsigned i = 0; err == 0 && i < gateway->n_ports; i++) {
		if (!gateway->ports[i].kernel)
			continue;
		if (kernel->wake < 0)
			kernel->wake = epoll_create1(EPOLL_CLOEXEC);
		err = interface_open(kernel, i, why, why_size);
	}
	return err;
}

// Exception frames of one worker to their interfaces.
static unsigned carry_up(struct kernel *kernel, struct lane *lane)
{
	struct rte_mbuf *frame[FRAMES_A_TURN];
	unsigned n = rte_ring_sc_dequeue_burst(lane->up, (void **)frame, FRAMES_A_TURN, NULL);

	for (unsigned i = 0; i < n; i++) {
		struct kernel_interface *to = &kernel->interfaces[frame[i]->port];

		if (kernel->icmp)
			icmp_look_mbuf(kernel->icmp, frame[i]);
		if (to->fd < 0)
			continue;
		if (tap_write(to->fd, frame[i]))
			to->taken++;
		else
			to->refused++;
	}
	rte_pktmbuf_free_bulk(frame, n);
	return n;
}

// Someone has deleted the interface under us (ip link del): makes it anew, once for each deletion.
static void interface_mend(struct kernel *kernel, unsigned i)
{
	const char *name = kernel->gateway->ports[i].kernel;
	char why[384];

	close(kernel->interfaces[i].fd);
	kernel->interfaces[i].fd = -1;
	if (interface_open(kernel, i, why, sizeof(why)) < 0)
		log_line("%s", why);
	else
		log_line("kernel interface %s was deleted: made anew, without the addresses it had",
			 name);
}

// One frame of the kernel's to worker 0, who sends it. False when there is none.
static bool carry_down_one(struct kernel *kernel, unsigned port, struct rte_ring *down)
{
	struct kernel_interface *from = &kernel->interfaces[port];
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(kernel->pool);
	int got;

	if (!mbuf)
		return false; // it waits in the TAP
	mbuf->port = (uint16_t)port;
	got = tap_read(from->fd, mbuf);
	if (got == 1 && rte_ring_sp_enqueue(down, mbuf) == 0)
		return true;
	rte_pktmbuf_free(mbuf);
	if (got == -EBADFD)
		interface_mend(kernel, port);
	from->unsent += got == 1 || got == -EMSGSIZE;
	return got == 1 || got == -EMSGSIZE;
}

static unsigned carry_down(struct kernel *kernel, unsigned port)
{
	unsigned n = 0;

	while (n < FRAMES_A_TURN && carry_down_one(kernel, port, kernel->workers[0].lane.down))
		n++;
	return n;
}

static unsigned carry(struct kernel *kernel)
{
	unsigned n = 0;

	for (unsigned w = 0; w < kernel->n_workers; w++)
		n += carry_up(kernel, &kernel->workers[w].lane);
	for (unsigned i = 0; i < kernel->n_ports; i++)
		if (kernel->interfaces[i].fd >= 0)
			n += carry_down(kernel, i);
	return n;
}

unsigned kernel_poll(struct kernel *kernel)
{
	uint64_t now;
	unsigned n;

	if (!kernel->workers)
		return WAIT_IDLE_US;
	n = carry(kernel);
	now = rte_get_timer_cycles();
	if (n > 0)
		kernel->busy_until = now + rte_get_timer_hz() / 1000 * BUSY_MS;
	return n >= FRAMES_A_TURN ? 0 : now < kernel->busy_until ? WAIT_BUSY_US : WAIT_IDLE_US;
}

void kernel_drain(struct kernel *kernel)
{
	for (unsigned w = 0; kernel->workers && w < kernel->n_workers; w++)
		while (carry_up(kernel, &kernel->workers[w].lane) > 0)
			;
}

static uint64_t value(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

void kernel_publish(struct kernel *kernel, unsigned i, struct weir_port *to)
{
	struct kernel_interface *interface = &kernel->interfaces[i];
	const struct lane *first = &kernel->workers[0].lane;
	bool up = atomic_load_explicit(&to->link_up, memory_order_relaxed);
	uint64_t lost = interface->refused;

	if (interface->fd < 0)
		return;
	for (unsigned w = 0; w < kernel->n_workers; w++)
		lost += value(&kernel->workers[w].lane.up_lost[i]);
	atomic_store_explicit(&to->kernel_rx, interface->taken, memory_order_relaxed);
	atomic_store_explicit(&to->kernel_lost, lost, memory_order_relaxed);
	atomic_store_explicit(&to->kernel_tx, value(&first->down_sent[i]), memory_order_relaxed);
	atomic_store_explicit(&to->kernel_tx_lost, interface->unsent + value(&first->down_lost[i]),
			      memory_order_relaxed);
	if (up != interface->carrier)
		tap_carrier(interface->fd, up);
	interface->carrier = up;
}

void kernel_close(struct kernel *kernel)
{
	for (unsigned i = 0; i < kernel->n_ports; i++)
		if (kernel->interfaces[i].fd >= 0)
			close(kernel->interfaces[i].fd);
	if (kernel->wake >= 0)
		close(kernel->wake);
	kernel->wake = -1;
}
