// SPDX-License-Identifier: BSD-3-Clause
//
// DPDK's environment, see eal.h. Main thread.
#include "dataplane/eal.h"

#include <errno.h>
#include <limits.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/said.h"

enum { ARGUMENTS_MAX = 16 + 2 * GATEWAY_MAX_PORTS };

// Free memory in MiB: in hugepages of the default size, and in ordinary pages.
struct free_mb {
	unsigned long huge, ordinary;
};

static struct free_mb memory_free(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long n = 0, kb = 0, available = ULONG_MAX;
	char line[128];

	while (file && fgets(line, sizeof(line), file)) {
		sscanf(line, "HugePages_Free: %lu", &n);
		sscanf(line, "Hugepagesize: %lu kB", &kb);
		sscanf(line, "MemAvailable: %lu kB", &available);
	}
	if (file)
		fclose(file);
	return (struct free_mb){ n * kb / 1024, available / 1024 };
}

// The CPU of worker `i`, of the main thread (-1) or of the dispatcher (n_workers; the main thread's without one).
static unsigned lcore_cpu(const struct gateway *gateway, int i)
{
	if (i >= 0 && i < gateway->n_workers)
		return gateway->worker_cpus[i];
	return i < 0 || !gateway_has_dispatcher(gateway) ? gateway->main_cpu
							 : (unsigned)gateway->dispatch_cpu;
}

static int cpus_check(const struct gateway *gateway, char *why, size_t why_size)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0) {
		snprintf(why, why_size, "cannot ask for our cpus: %s", strerror(errno));
		return -errno;
	}
	for (int i = -1; i <= gateway->n_workers; i++) {
		unsigned cpu = lcore_cpu(gateway, i);

		if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &allowed))
			continue;
		snprintf(
			why, why_size,
			"%s: dataplane: cpu %u is not there or not ours (see taskset -p $$; "
			 "mend main_cpu, worker_cpus or dispatch_cpu)",
			gateway->file, cpu);
		return -ENODEV;
	}
	return 0;
}

static void lcores_format(const struct gateway *gateway, char *out, size_t size)
{
	int n = snprintf(out, size, "0@%u", gateway->main_cpu);

	for (unsigned i = 0; i < gateway->n_workers; i++)
		n += snprintf(out + n, size - (size_t)n, ",%u@%u", i + 1, gateway->worker_cpus[i]);
	if (gateway_has_dispatcher(gateway))
		snprintf(out + n, size - (size_t)n, ",%u@%d", gateway->n_workers + 1u,
			 gateway->dispatch_cpu);
}

// A PCI address has no letters beyond its hexadecimal digits: "0000:03:00.0".
static bool is_pci(const char *device)
{
	size_t n = strcspn(device, ",");

	return n > 0 && strspn(device, "0123456789abcdefABCDEF:.") >= n;
}

// The EAL's argument vector: strings are copied, since the EAL may permute and keep pointers.
struct arguments {
	int n;
	char *list[ARGUMENTS_MAX];
};

static void argument(struct arguments *arguments, const char *text)
{
	char *copy = arguments->n < ARGUMENTS_MAX ? strdup(text) : NULL;

	if (copy)
		arguments->list[arguments->n++] = copy;
}

static void argument_pair(struct arguments *arguments, const char *option, const char *value)
{
	argument(arguments, option);
	argument(arguments, value);
}

// Only the PCI devices that gateway.conf names are touched; virtual devices are made by port_open.
static void arguments_devices(struct arguments *arguments, const struct gateway *gateway)
{
	bool any = false;

	for (unsigned i = 0; i < gateway->n_ports; i++) {
		if (!is_pci(gateway->ports[i].device))
			continue;
		any = true;
		argument_pair(arguments, "-a", gateway->ports[i].device);
	}
	if (!any)
		argument(arguments, "--no-pci");
}

static int init(const struct gateway *gateway, bool huge)
{
	static struct arguments arguments;
	static char *handed[ARGUMENTS_MAX]; // the EAL puts other pointers into it
	char lcores[32 + 16 * GATEWAY_MAX_WORKERS], memory[16];

	lcores_format(gateway, lcores, sizeof(lcores));
	snprintf(memory, sizeof(memory), "%u", gateway->memory_mb);
	argument(&arguments, "weir-dataplane");
	argument_pair(&arguments, "--lcores", lcores);
	argument_pair(&arguments, "-m", memory);
	argument(&arguments, "--log-level=error");
	argument(&arguments, "--no-telemetry");
	if (huge)
		argument(&arguments, "--in-memory");
	else
		argument_pair(&arguments, "--no-huge", "--no-shconf");
	arguments_devices(&arguments, gateway);
	memcpy(handed, arguments.list, sizeof(handed));
	return rte_eal_init(arguments.n, handed) < 0 ? -rte_errno : 0;
}

// Ordinary pages are touched one by one at the start: more than there are would end in the hands of the
// kernel's OOM killer.
static int memory_check(const struct gateway *gateway, const struct free_mb *have, bool huge,
			char *why, size_t why_size)
{
	if (huge && have->huge < gateway->memory_mb) {
		snprintf(
			why, why_size,
			"%s: dataplane.hugepages is required, but only %lu of %u MiB are free "
			"(sysctl vm.nr_hugepages=%u, or hugepages = \"auto\")",
			gateway->file, have->huge, gateway->memory_mb, gateway->memory_mb / 2);
		return -ENOMEM;
	}
	if (!huge && have->ordinary < gateway->memory_mb) {
		snprintf(why, why_size,
			 "%s: dataplane.memory_mb = %u, but only %lu MiB are free (lower it)",
			 gateway->file, gateway->memory_mb, have->ordinary);
		return -ENOMEM;
	}
	return 0;
}

int eal_start(const struct gateway *gateway, bool *huge, char *why, size_t why_size)
{
	struct free_mb have = memory_free();
	int err = cpus_check(gateway, why, why_size);
	char said[256];

	if (err)
		return err;
	*huge = gateway->hugepages == HUGEPAGES_REQUIRED ||
		(gateway->hugepages == HUGEPAGES_AUTO && have.huge >= gateway->memory_mb);
	err = memory_check(gateway, &have, *huge, why, why_size);
	if (err)
		return err;
	err = init(gateway, *huge);
	if (err)
		snprintf(
			why, why_size,
			"%s: DPDK does not start with memory_mb = %u on %s pages: %s "
			"(more free memory, or a lower memory_mb)",
			gateway->file, gateway->memory_mb, *huge ? "huge" : "ordinary",
			said_format(said, sizeof(said), rte_strerror(-err)));
	return err;
}

void eal_stop(void)
{
	rte_eal_cleanup();
}
