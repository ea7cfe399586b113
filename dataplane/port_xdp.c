// SPDX-License-Identifier: BSD-3-Clause
//
// DPDK's side of an XDP port, see port_xdp.h. Main thread. A socket takes frames of one queue of the
// interface alone, and the driver counts an interface's queues by what ethtool calls combined, which not
// every interface has: so each queue is a device of its own, with one receive and one transmit queue.
// Without its busy budget the driver makes no system call to receive: the kernel's share of the work stays on
// the CPUs that the interface's interrupts have.
#include "dataplane/port_xdp.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dataplane/interface.h"
#include "dataplane/said.h"
#include "dataplane/xdp.h"

enum {
	DESCRIPTORS = 2048,
	KERNEL_HEADROOM = 256,  // XDP_PACKET_HEADROOM, of each buffer
	DESCRIPTORS_MAX = 4096, // file descriptors that may be sockets
};

struct port_xdp {
	struct xdp *xdp;
	unsigned n; // devices
	uint16_t device[GATEWAY_MAX_WORKERS];
	int socket
		[GATEWAY_MAX_WORKERS]; // the driver's, for what the driver does not tell; -1: not found
};

static bool is_xdp_socket(int fd)
{
	int domain = 0;
	socklen_t size = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_XDP;
}

static void sockets_mark(bool *is_known)
{
	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
		is_known[fd] = is_xdp_socket(fd);
}

// The AF_XDP socket that was not there before.
static int socket_find(const bool *is_known)
{
	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
		if (!is_known[fd] && is_xdp_socket(fd))
			return fd;
	return -1;
}

static int device_set_up(uint16_t id, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = { 0 };
	int err = rte_eth_dev_configure(id, 1, 1, &conf);

	if (err == 0)
		err = rte_eth_rx_queue_setup(id, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL, pool);
	return err ? err : rte_eth_tx_queue_setup(id, 0, DESCRIPTORS, SOCKET_ID_ANY, NULL);
}

// Makes the device of queue `queue`, whose socket joins the program.
static int device_open(struct port_xdp *xdp, const struct gateway_port *config, unsigned queue,
		       struct rte_mempool *pool)
{
	static bool is_known[DESCRIPTORS_MAX];
	char name[64], device[192];
	uint16_t id;
	int err;

	snprintf(name, sizeof(name), "net_af_xdp_%s_%u", config->name, queue);
	snprintf(device, sizeof(device), "%s,iface=%s,start_queue=%u,queue_count=1,busy_budget=0",
		 name, config->device, queue);
	err = rte_dev_probe(device);
	if (err == 0)
		err = rte_eth_dev_get_port_by_name(name, &id);
	if (err)
		return err;
	sockets_mark(is_known);
	err = device_set_up(id, pool);
	if (err)
		return err;
	xdp->device[queue] = id;
	xdp->socket[queue] = socket_find(is_known);
	xdp->n++;
	return 0;
}

static int devices_open(struct port_xdp *xdp, const struct gateway_port *config, unsigned n,
			struct rte_mempool *pool, char *why, size_t why_size)
{
	char said[256];
	int err = 0;

	for (unsigned queue = 0; err == 0 && queue < n; queue++)
		err = device_open(xdp, config, queue, pool);
	if (err)
		snprintf(
			why, why_size,
			"port \"%s\": queue %u of %s gives no AF_XDP socket: %s (%u queues are needed, "
			"one a worker: ethtool -L %s)",
			config->name, xdp->n, config->device,
			said_format(said, sizeof(said), rte_strerror(-err)), n, config->device);
	return err;
}

static int fill(struct port *port, const struct gateway_port *config, const struct gateway *gateway)
{
	const struct port_xdp *xdp = port->xdp;
	struct interface interface;

	interface_get(&interface, config->device);
	port->mtu = interface.mtu > 0 && interface.mtu < UINT16_MAX ? (uint16_t)interface.mtu
								    : UINT16_MAX;
	snprintf(port->name, sizeof(port->name), "%s", config->name);
	port->id = xdp->device[0];
	port->n_queues = config->queues;
	port->trust_udp_checksum = config->trust_udp_checksum;
	for (unsigned w = 0; w < gateway->n_workers; w++)
		port->queue[w] = (struct port_queue){ xdp->device[w], 0 };
	return interface_mac(config->device, port->mac);
}

int port_xdp_open(struct port *port, const struct gateway_port *config,
		  const struct gateway *gateway, struct rte_mempool *pool, char *why,
		  size_t why_size)
{
	struct xdp_parts parts = {
		.gateway = gateway,
		.port = config,
		.frame_max =
			rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM - KERNEL_HEADROOM,
	};
	unsigned n = config->queues > gateway->n_workers ? config->queues : gateway->n_workers;
	int err;

	port->xdp = calloc(1, sizeof(*port->xdp));
	if (!port->xdp) {
		snprintf(why, why_size, "no memory for port \"%s\"", config->name);
		return -ENOMEM;
	}
	port->xdp->xdp = xdp_open(&parts, why, why_size);
	err = port->xdp->xdp ? devices_open(port->xdp, config, n, pool, why, why_size) : -errno;
	if (err == 0)
		err = fill(port, config, gateway);
	if (err == 0)
		xdp_sockets_limit(port->xdp->xdp, config->queues);
	else
		port_xdp_close(port);
	return err;
}

int port_xdp_start(const struct port *port, char *why, size_t why_size)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && i < port->xdp->n; i++)
		err = rte_eth_dev_start(port->xdp->device[i]);
	if (err)
		snprintf(why, why_size, "port \"%s\" does not start: %s", port->name,
			 rte_strerror(-err));
	return err;
}

void port_xdp_detach(const struct port *port)
{
	xdp_detach(port->xdp->xdp);
}

void port_xdp_close(struct port *port)
{
	for (unsigned i = 0; i < port->xdp->n; i++)
		rte_eth_dev_stop(port->xdp->device[i]);
	xdp_close(port->xdp->xdp);
	free(port->xdp);
	port->xdp = NULL;
}

struct xdp *port_xdp_get(const struct port *port)
{
	return port->xdp ? port->xdp->xdp : NULL;
}

// What the socket had no room for in its ring; the driver leaves it out.
static uint64_t ring_full(int socket)
{
	struct xdp_statistics statistics = { 0 };
	socklen_t size = sizeof(statistics);

	return socket >= 0 && getsockopt(socket, SOL_XDP, XDP_STATISTICS, &statistics, &size) == 0
		       ? statistics.rx_ring_full
		       : 0;
}

void port_xdp_publish(const struct port *port, struct weir_port *to)
{
	uint64_t missed = 0, tx_errors = 0, no_buffer = 0;

	for (unsigned i = 0; i < port->xdp->n; i++) {
		struct rte_eth_stats stats;

		if (rte_eth_stats_get(port->xdp->device[i], &stats) < 0)
			return;
		missed += stats.imissed + ring_full(port->xdp->socket[i]);
		no_buffer += stats.rx_nombuf;
		tx_errors += stats.oerrors;
	}
	atomic_store_explicit(&to->rx_missed, missed, memory_order_relaxed);
	atomic_store_explicit(&to->rx_no_buffer, no_buffer, memory_order_relaxed);
	atomic_store_explicit(&to->tx_errors, tx_errors, memory_order_relaxed);
	xdp_publish(port->xdp->xdp, to);
}
