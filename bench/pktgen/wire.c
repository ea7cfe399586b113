// SPDX-License-Identifier: BSD-3-Clause
//
// See wire.h. One receive and one transmit queue a port: one lcore does both.
#include "bench/pktgen/wire.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RX_DESCRIPTORS = 1024,
	TX_DESCRIPTORS = 1024,
	ARGUMENTS_MAX = 16 + 2 * RUN_PORTS_MAX,
	CACHE = 512,
	LCORE = 1,
	LINE = 64,
	MBUFS_MAX = 131071
};

struct arguments {
	int n;
	char *list[ARGUMENTS_MAX];
};

static void argument(struct arguments *arguments, const char *text)
{
	char *copy = arguments->n < ARGUMENTS_MAX ? strdup(text) : NULL; // the EAL keeps pointers

	if (copy)
		arguments->list[arguments->n++] = copy;
}

// The first and the last CPU that we may use.
static void cpus_default(int *first, int *last)
{
	cpu_set_t allowed;

	*first = *last = 0;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return;
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
		*first = CPU_ISSET(cpu, &allowed) ? cpu : *first;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		*last = CPU_ISSET(cpu, &allowed) ? cpu : *last;
}

static bool is_pci(const char *device)
{
	size_t n = strcspn(device, ",");

	return n > 0 && strspn(device, "0123456789abcdefABCDEF:.") >= n;
}

static int eal_init(const struct args *args, bool huge)
{
	static struct arguments arguments;
	static char *handed[ARGUMENTS_MAX]; // the EAL puts other pointers into it
	char lcores[64], memory[16];
	bool pci = false;
	int first, last;

	cpus_default(&first, &last);
	snprintf(lcores, sizeof(lcores), "0@%d,%d@%d", args->main_cpu < 0 ? first : args->main_cpu, LCORE,
		 args->cpu < 0 ? last : args->cpu);
	snprintf(memory, sizeof(memory), "%u", args->memory_mb);
	arguments.n = 0;
	argument(&arguments, "weir-pktgen");
	argument(&arguments, "--lcores");
	argument(&arguments, lcores);
	argument(&arguments, "-m");
	argument(&arguments, memory);
	argument(&arguments, "--log-level=error");
	argument(&arguments, "--no-telemetry");
	argument(&arguments, huge ? "--in-memory" : "--no-huge");
	if (!huge)
		argument(&arguments, "--no-shconf");
	for (unsigned i = 0; i < args->n_devices; i++) {
		if (!is_pci(args->devices[i]))
			continue;
		pci = true;
		argument(&arguments, "-a");
		argument(&arguments, args->devices[i]);
	}
	if (!pci)
		argument(&arguments, "--no-pci");
	memcpy(handed, arguments.list, sizeof(handed));
	return rte_eal_init(arguments.n, handed) < 0 ? -rte_errno : 0;
}

static unsigned long huge_free_mb(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long n = 0, kb = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file)) {
		sscanf(line, "HugePages_Free: %lu", &n);
		sscanf(line, "Hugepagesize: %lu kB", &kb);
	}
	if (file)
		fclose(file);
	return n * kb / 1024;
}

static int pool_create(struct wire *wire, const struct args *args, size_t longest, char *why, size_t why_size)
{
	// Half of the memory: a mempool wants one piece, and no buffer crosses a page. The private line makes frames
	// start on a line of their own.
	size_t room = RTE_PKTMBUF_HEADROOM + (longest > 2048 - LINE ? longest + LINE : 2048), one = room + 256;
	size_t wanted = ((size_t)args->memory_mb << 20) / 2 / one;
	unsigned n = wanted > MBUFS_MAX ? MBUFS_MAX : (unsigned)wanted;

	if (n < 2 * (RX_DESCRIPTORS + TX_DESCRIPTORS)) {
		snprintf(why, why_size, "--memory-mb %u is too little for frames of %zu bytes", args->memory_mb,
			 longest);
		return -ENOMEM;
	}
	wire->pool = rte_pktmbuf_pool_create("pktgen", n, CACHE, LINE, (uint16_t)room, SOCKET_ID_ANY);
	if (!wire->pool)
		snprintf(why, why_size, "no memory for %u mbufs: %s", n, rte_strerror(rte_errno));
	return wire->pool ? 0 : -ENOMEM;
}

static int device_find(const char *device, uint16_t *id)
{
	struct rte_dev_iterator iterator;
	uint16_t found;
	int n = 0;
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(device, ","), device);
	if (rte_eth_dev_get_port_by_name(name, id) == 0)
		return 0;
	RTE_ETH_FOREACH_MATCHING_DEV(found, name, &iterator)
	{
		*id = found;
		n++;
	}
	return n == 1 ? 0 : -ENODEV;
}

static int set_up(uint16_t id, struct rte_mempool *pool, size_t longest)
{
	uint16_t rx = RX_DESCRIPTORS, tx = TX_DESCRIPTORS, mtu = 0;
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_dev_info info;
	int err = rte_eth_dev_info_get(id, &info);

	if (err)
		return err;
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	err = rte_eth_dev_configure(id, 1, 1, &conf);
	err = err ? err : rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx, &tx);
	err = err ? err : rte_eth_rx_queue_setup(id, 0, rx, (unsigned)SOCKET_ID_ANY, NULL, pool);
	err = err ? err : rte_eth_tx_queue_setup(id, 0, tx, (unsigned)SOCKET_ID_ANY, NULL);
	if (!err && rte_eth_dev_get_mtu(id, &mtu) == 0 && longest > mtu + 14u)
		rte_eth_dev_set_mtu(id,
				    (uint16_t)(longest - 14)); // what cannot is found out by what it does not take
	err = err ? err : rte_eth_dev_start(id);
	if (!err)
		rte_eth_promiscuous_enable(id);
	return err;
}

static int port_open(struct wire *wire, const char *device, size_t longest, char *why, size_t why_size)
{
	uint16_t id;
	int err = device_find(device, &id);

	if (err)
		err = rte_dev_probe(device);
	if (!err)
		err = device_find(device, &id);
	if (err) {
		snprintf(why, why_size, "device %s cannot be opened: %s (is it there, and free?)", device,
			 rte_strerror(-err));
		return err;
	}
	err = set_up(id, wire->pool, longest);
	if (err)
		snprintf(why, why_size, "device %s cannot be set up: %s", device, rte_strerror(-err));
	else
		wire->ports[wire->n_ports++] = id;
	return err;
}

int wire_start(struct wire *wire, const struct args *args, size_t longest, char *why, size_t why_size)
{
	bool huge = !args->huge_never && huge_free_mb() >= args->memory_mb;
	int err = eal_init(args, huge);

	*wire = (struct wire){ .lcore = LCORE };
	if (err) {
		snprintf(why, why_size, "DPDK does not start: %s", rte_strerror(-err));
		return err;
	}
	err = pool_create(wire, args, longest, why, why_size);
	for (unsigned i = 0; !err && i < args->n_devices; i++)
		err = port_open(wire, args->devices[i], longest, why, why_size);
	return err;
}

bool wire_wait_link(const struct wire *wire, double seconds, const bool *stop)
{
	uint64_t end = rte_rdtsc() + (uint64_t)(seconds * (double)rte_get_tsc_hz());
	struct rte_eth_link link = { 0 };

	do {
		if (rte_eth_link_get_nowait(wire->ports[0], &link) != 0 || link.link_status)
			return true; // a device that does not say is up
		rte_delay_us_sleep(1000);
	} while (rte_rdtsc() < end && !__atomic_load_n(stop, __ATOMIC_RELAXED));
	return false;
}

void wire_stop(struct wire *wire)
{
	for (unsigned i = 0; i < wire->n_ports; i++) {
		rte_eth_dev_stop(wire->ports[i]);
		rte_eth_dev_close(wire->ports[i]);
	}
	rte_mempool_free(wire->pool);
	rte_eal_cleanup();
}
