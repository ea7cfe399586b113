// SPDX-License-Identifier: BSD-3-Clause
//
// Ports, see port.h. Main thread. Transmit queue w of every port is worker w's alone, one more on a port that leads to
// a sibling is the dispatcher's: a port that has fewer is refused, since sharing one would need a lock on the packet
// path.
#include "dataplane/port.h"

#include <errno.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/flow.h"
#include "dataplane/log.h"
#include "dataplane/port_xdp.h"
#include "dataplane/said.h"

enum {
	RX_DESCRIPTORS = 1024,
	TX_DESCRIPTORS = 1024,
};

static int device_find(const char *device, uint16_t *id)
{
	struct rte_dev_iterator iterator;
	uint16_t found;
	int n = 0;

	RTE_ETH_FOREACH_MATCHING_DEV(found, device, &iterator)
	{
		*id = found;
		n++;
	}
	return n == 1 ? 0 : -ENODEV;
}

// Name of the device alone, without its arguments.
static void device_name(const char *device, char *out, size_t size)
{
	snprintf(out, size, "%.*s", (int)strcspn(device, ","), device);
}

static int device_probe(const struct gateway_port *config, uint16_t *id, char *why, size_t why_size)
{
	char name[64], said[256];
	int err;

	device_name(config->device, name, sizeof(name));
	if (rte_eth_dev_get_port_by_name(name, id) == 0 || device_find(name, id) == 0)
		return 0; // a PCI device, probed when the EAL started
	err = rte_dev_probe(config->device);
	if (err == 0 && rte_eth_dev_get_port_by_name(name, id) == 0)
		return 0;
	if (err == 0)
		err = device_find(name, id);
	if (err)
		snprintf(why, why_size,
			 "port \"%s\": device %s cannot be opened: %s (is it there, and free?)",
			 config->name, config->device,
			 said_format(said, sizeof(said), rte_strerror(-err)));
	return err;
}

// One for each worker, and one for the dispatcher where it moves messages.
static uint16_t tx_queues(const struct gateway_port *config, const struct gateway *gateway)
{
	bool moves = false;

	for (unsigned i = 0; i < gateway->n_siblings; i++)
		moves |= &gateway->ports[gateway->siblings[i].port] == config;
	return gateway->n_workers + (moves && gateway_has_dispatcher(gateway));
}

// Whether the dispatcher would have one for its answers alone, which the device need not have.
static bool wants_spare(const struct gateway_port *config, const struct gateway *gateway,
			const struct rte_eth_dev_info *info)
{
	return gateway_dispatches(gateway, (unsigned)(config - gateway->ports)) &&
	       tx_queues(config, gateway) == gateway->n_workers && info->max_tx_queues > gateway->n_workers;
}

static int queues_check(const struct gateway_port *config, const struct gateway *gateway,
			const struct rte_eth_dev_info *info, char *why, size_t why_size)
{
	if (config->queues > info->max_rx_queues) {
		snprintf(why, why_size, "port \"%s\": %u receive queues wanted, device %s has %u",
			 config->name, config->queues, config->device, info->max_rx_queues);
		return -EINVAL;
	}
	if (tx_queues(config, gateway) > info->max_tx_queues) {
		snprintf(
			why, why_size,
			"port \"%s\": device %s can send from %u queue(s), but each of %u workers%s "
			 "needs one (fewer workers, or a device with more)",
			config->name, config->device, info->max_tx_queues, gateway->n_workers,
			tx_queues(config, gateway) > gateway->n_workers ? " and the dispatcher" : "");
		return -EINVAL;
	}
	return 0;
}

// Whether the device is to sum UDP datagrams for us. Their IP headers it may sum too, and parse does so again: that is
// three cycles, and without it a driver may leave out the other.
static bool sums_udp(const struct gateway_port *config, const struct rte_eth_dev_info *info)
{
	const uint64_t both = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;

	if (strncmp(info->driver_name, "net_virtio", 10) == 0 || strncmp(info->driver_name, "net_vhost", 9) == 0)
		return false; // who is asked for it leaves checksums out
	return !config->trust_udp_checksum && (info->rx_offload_capa & both) == both;
}

static void configure(struct rte_eth_conf *conf, const struct gateway_port *config,
		      const struct rte_eth_dev_info *info)
{
	memset(conf, 0, sizeof(*conf));
	conf->rxmode.offloads = info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	if (sums_udp(config, info))
		conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
	conf->txmode.offloads = info->tx_offload_capa &
				(RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE | RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	if (conf->rxmode.offloads)
		conf->txmode.offloads &=
			~RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE; // segments are not all alike
	if (config->queues > 1) {
		conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf->rx_adv_conf.rss_conf.rss_hf = flow_hash(config, info);
	}
}

// The device's own where gateway.conf says none. Frames that do not fit a buffer come in several segments, where the
// device can do that.
static int mtu_set(uint16_t id, const struct gateway_port *config, char *why, size_t why_size)
{
	char said[256];
	int err = config->mtu ? rte_eth_dev_set_mtu(id, config->mtu) : 0;

	if (err)
		snprintf(why, why_size, "port \"%s\": device %s cannot have mtu = %u: %s (a smaller one, or none)",
			 config->name, config->device, config->mtu,
			 said_format(said, sizeof(said), rte_strerror(-err)));
	return err;
}

static int queues_set_up(uint16_t id, const struct gateway_port *config,
			 uint16_t n_tx, struct rte_mempool *pool)
{
	uint16_t rx = RX_DESCRIPTORS, tx = TX_DESCRIPTORS;
	int socket = rte_eth_dev_socket_id(id),
	    err = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx, &tx);

	for (uint16_t q = 0; err == 0 && q < config->queues; q++)
		err = rte_eth_rx_queue_setup(id, q, rx, (unsigned)socket, NULL, pool);
	for (uint16_t q = 0; err == 0 && q < n_tx; q++)
		err = rte_eth_tx_queue_setup(id, q, tx, (unsigned)socket, NULL);
	return err;
}

// Tells the device what it is to do, with `n_tx` queues to send, as `info` says it can.
static int device_configure(uint16_t id, const struct gateway_port *config, uint16_t n_tx,
			    const struct rte_eth_dev_info *info)
{
	struct rte_eth_conf conf;

	configure(&conf, config, info);
	return rte_eth_dev_configure(id, config->queues, n_tx, &conf);
}

static int port_set_up(struct port *port, const struct gateway_port *config,
		       const struct gateway *gateway, struct rte_mempool *pool, char *why,
		       size_t why_size)
{
	uint16_t n_tx = tx_queues(config, gateway);
	struct rte_eth_dev_info info;
	int err = rte_eth_dev_info_get(port->id, &info);
	bool spare = err == 0 && wants_spare(config, gateway, &info);
	char said[256];

	if (err == 0 && queues_check(config, gateway, &info, why, why_size) < 0)
		return -EINVAL;
	if (err == 0)
		err = device_configure(port->id, config, n_tx + spare, &info);
	if (err && spare) { // there are devices that cannot have more to send than to receive
		spare = false;
		err = device_configure(port->id, config, n_tx, &info);
	}
	port->dispatcher_sends = n_tx + spare > gateway->n_workers;
	if (err == 0 && mtu_set(port->id, config, why, why_size) < 0)
		return -EINVAL;
	if (err == 0)
		err = queues_set_up(port->id, config, n_tx + spare, pool);
	if (err == 0)
		return 0;
	snprintf(why, why_size,
		 "port \"%s\": device %s cannot be set up: %s "
		 "(mend its arguments, or raise dataplane.memory_mb)",
		 config->name, config->device, said_format(said, sizeof(said), rte_strerror(-err)));
	return err;
}

int port_open(struct port *port, const struct gateway_port *config, const struct gateway *gateway,
	      struct rte_mempool *pool, char *why, size_t why_size)
{
	struct rte_ether_addr mac = { 0 };
	struct rte_eth_dev_info info;
	int err;

	if (config->type == GATEWAY_PORT_XDP)
		return port_xdp_open(port, config, gateway, pool, why, why_size);
	err = device_probe(config, &port->id, why, why_size);
	if (err)
		return err;
	err = port_set_up(port, config, gateway, pool, why, why_size);
	if (err) {
		rte_eth_dev_close(port->id);
		return err;
	}
	snprintf(port->name, sizeof(port->name), "%s", config->name);
	port->n_queues = config->queues;
	for (uint16_t w = 0; w < gateway->n_workers; w++)
		port->queue[w] = (struct port_queue){ port->id, w };
	port->trust_udp_checksum = config->trust_udp_checksum;
	port->sums_udp = rte_eth_dev_info_get(port->id, &info) == 0 && sums_udp(config, &info);
	port->promiscuous = config->promiscuous;
	rte_eth_macaddr_get(port->id, &mac);
	memcpy(port->mac, mac.addr_bytes, sizeof(port->mac));
	port->mtu = UINT16_MAX; // what does not say one takes all
	rte_eth_dev_get_mtu(port->id, &port->mtu);
	return 0;
}

void port_say(const struct port *port)
{
	const char *whose = port->sums_udp ? "by the device, and by weir where it finds one wrong or cannot say"
					   : "by weir";

	log_line("port \"%s\": MTU %u, UDP checksums are verified %s", port->name, port->mtu,
		 port->trust_udp_checksum ? "by nobody" : whose);
}

// Which destination MACs the device takes. Its own and broadcasts in any case; multicast, since IPv6
// neighbours ask by it. A frame for another station that a switch floods would be forwarded a second
// time. Devices without a filter (pcap, ring, memif) refuse this, and take all.
static void set_filter(const struct port *port)
{
	int err = 0;

	rte_eth_allmulticast_enable(port->id);
	if (port->promiscuous)
		err = rte_eth_promiscuous_enable(port->id);
	else
		rte_eth_promiscuous_disable(port->id);
	if (err)
		log_line("port \"%s\": cannot be promiscuous: %s", port->name, rte_strerror(-err));
}

int port_start(const struct port *port, char *why, size_t why_size)
{
	int err;

	if (port->xdp)
		return port_xdp_start(port, why, why_size);
	err = rte_eth_dev_start(port->id);
	if (err) {
		snprintf(why, why_size, "port \"%s\" does not start: %s", port->name,
			 rte_strerror(-err));
		return err;
	}
	set_filter(port);
	return 0;
}

void port_detach(const struct port *port)
{
	if (port->xdp)
		port_xdp_detach(port);
}

void port_close(struct port *port)
{
	if (port->xdp) {
		port_xdp_close(port);
		return;
	}
	rte_eth_dev_stop(port->id);
	rte_eth_dev_close(port->id);
}

void port_publish(const struct port *port, struct weir_port *to)
{
	struct rte_eth_stats stats;
	struct rte_eth_link link;

	if (port->xdp) {
		port_xdp_publish(port, to);
		return;
	}
	if (rte_eth_stats_get(port->id, &stats) == 0) {
		atomic_store_explicit(&to->rx_missed, stats.imissed, memory_order_relaxed);
		atomic_store_explicit(&to->rx_errors, stats.ierrors, memory_order_relaxed);
		atomic_store_explicit(&to->rx_no_buffer, stats.rx_nombuf, memory_order_relaxed);
		atomic_store_explicit(&to->tx_errors, stats.oerrors, memory_order_relaxed);
	}
	if (rte_eth_link_get_nowait(port->id, &link) == 0)
		atomic_store_explicit(&to->link_up, link.link_status, memory_order_relaxed);
}
