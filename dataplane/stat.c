// SPDX-License-Identifier: BSD-3-Clause
//
// Makes the segment, see stat.h. Main thread. The file's lock is what tells a living dataplane from
// a dead one; it is taken before the file has its name, so that no reader ever finds a fresh
// segment unlocked.
#include "dataplane/stat.h"

#include <errno.h>
#include <fcntl.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static uint64_t take(uint64_t *at, uint64_t size)
{
	uint64_t start = *at;

	*at = (start + size + 63) & ~UINT64_C(63);
	return start;
}

static void lay_out(struct weir_segment *header, const struct gateway *gateway)
{
	uint32_t dispatchers = gateway_has_dispatcher(gateway);
	uint64_t at = 0, workers = gateway->n_workers + dispatchers, ports = gateway->n_ports;

	header->magic = WEIR_SEGMENT_MAGIC;
	header->abi = WEIR_SEGMENT_ABI;
	header->n_workers = (uint32_t)workers;
	header->n_dispatchers = dispatchers;
	header->n_ports = gateway->n_ports;
	header->n_names = WEIR_MAX_NAMES;
	header->ring_slots = gateway->agent_slots;
	header->pid = (uint32_t)getpid();
	take(&at, WEIR_SEGMENT_HEADER);
	header->counters = take(&at, workers * ports * sizeof(struct weir_counters));
	header->worker = take(&at, workers * sizeof(struct weir_worker));
	header->named = take(&at, workers * WEIR_MAX_NAMES * sizeof(uint64_t));
	header->countries = take(&at, workers * WEIR_N_COUNTRIES * WEIR_N_PRIORITIES * sizeof(uint64_t));
	header->zones = take(&at, workers * WEIR_MAX_ZONES * WEIR_N_COUNTRIES * sizeof(uint64_t));
	header->tenants = take(&at, workers * WEIR_TOP_TENANTS * sizeof(struct weir_top));
	header->ports = take(&at, ports * sizeof(struct weir_port));
	header->names = take(&at, WEIR_MAX_NAMES * sizeof(struct weir_name));
	header->state = take(&at, sizeof(struct weir_state));
	at = (at + 4095) & ~UINT64_C(4095);
	header->ring = take(&at, workers * header->ring_slots * WEIR_SLOT_SIZE);
	header->size = (at + 4095) & ~UINT64_C(4095);
}

static int fill_identity(struct weir_segment *header)
{
	struct timespec now;

	if (getrandom(header->boot_id, sizeof(header->boot_id), 0) != sizeof(header->boot_id))
		return -EIO;
	clock_gettime(CLOCK_REALTIME, &now);
	header->tsc_hz = rte_get_tsc_hz();
	header->started_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	return 0;
}

static int path_make(struct stat_segment *stat, const struct gateway *gateway,
		     const struct weir_segment *header)
{
	char leaf[16 + 2 * WEIR_BOOT_ID_SIZE];
	int n = snprintf(leaf, sizeof(leaf), "segment.");

	for (unsigned i = 0; i < WEIR_BOOT_ID_SIZE; i++)
		n += snprintf(leaf + n, sizeof(leaf) - (size_t)n, "%02x", header->boot_id[i]);
	return gateway_run_path(gateway, leaf, stat->path, sizeof(stat->path));
}

// Opens, locks and sizes the file under a temporary name, then gives it its own.
static int file_make(struct stat_segment *stat, uint64_t size)
{
	char temporary[sizeof(stat->path) + 8];
	int err;

	snprintf(temporary, sizeof(temporary), "%s", stat->path);
	*strrchr(temporary, '/') = '\0';
	stat->fd = open(temporary, O_TMPFILE | O_RDWR | O_CLOEXEC, 0640);
	if (stat->fd < 0)
		return -errno;
	if (flock(stat->fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	err = posix_fallocate(stat->fd, 0, (off_t)size);
	if (err)
		return -err;
	stat->map =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, stat->fd, 0);
	if (stat->map == MAP_FAILED) {
		stat->map = NULL;
		return -errno;
	}
	return 0;
}

static int file_name(struct stat_segment *stat)
{
	char self[64];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", stat->fd);
	if (linkat(AT_FDCWD, self, AT_FDCWD, stat->path, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	stat->reader_fd = open(stat->path, O_RDONLY | O_CLOEXEC);
	return stat->reader_fd < 0 ? -errno : 0;
}

static void port_names(struct weir_segment *map, const struct gateway *gateway)
{
	struct weir_port *port = (struct weir_port *)((char *)map + map->ports);

	for (unsigned i = 0; i < gateway->n_ports; i++) {
		const char *kernel = gateway->ports[i].kernel;

		strncpy(port[i].name, gateway->ports[i].name, sizeof(port[i].name) - 1);
		strncpy(port[i].kernel, kernel ? kernel : "", sizeof(port[i].kernel) - 1);
	}
}

int stat_create(struct stat_segment *stat, const struct gateway *gateway, char *why,
		size_t why_size)
{
	struct weir_segment header = { 0 };
	int err;

	memset(stat, 0, sizeof(*stat));
	stat->fd = stat->reader_fd = -1;
	lay_out(&header, gateway);
	err = fill_identity(&header);
	if (err == 0)
		err = path_make(stat, gateway, &header);
	if (err == 0)
		err = file_make(stat, header.size);
	if (err == 0) {
		memcpy(stat->map, &header, sizeof(header));
		port_names(stat->map, gateway);
		err = file_name(stat);
	}
	if (err) {
		snprintf(
			why, why_size,
			"%s: cannot make the segment of %llu MiB: %s (needs room there and write permission)",
			stat->path, (unsigned long long)(header.size >> 20), strerror(-err));
		stat_destroy(stat);
	}
	return err;
}

static bool unread(const struct weir_segment *map)
{
	for (uint32_t w = 0; w < map->n_workers; w++) {
		const struct weir_worker *worker = segment_worker(map, w);

		if (atomic_load(&worker->head) != atomic_load(&worker->tail))
			return true;
	}
	return false;
}

void stat_destroy(struct stat_segment *stat)
{
	if (stat->map) {
		atomic_store(&segment_state_own(stat->map)->ended, 1);
		if (!unread(stat->map))
			unlink(stat->path);
		munmap(stat->map, stat->map->size);
	}
	if (stat->reader_fd >= 0)
		close(stat->reader_fd);
	if (stat->fd >= 0)
		close(stat->fd);
	stat->map = NULL;
	stat->fd = stat->reader_fd = -1;
}

uint64_t stat_received(const struct stat_segment *stat)
{
	struct weir_counters rows[WEIR_MAX_WORKERS];
	uint64_t rx = 0;

	for (unsigned i = 0; i < stat->map->n_ports; i++) {
		segment_port_get(stat->map, i, rows);
		for (unsigned w = 0; w < stat->map->n_workers; w++)
			rx += rows[w].rx;
	}
	return rx;
}
