// SPDX-License-Identifier: BSD-3-Clause
//
// Cycles of one classification: tenant look-up and verdict look-up in bursts of 64, beside librte_acl
// over the same keys and rules, and beside a bare rte_hash that only finds the tenant. Keys are uniform
// over tenants, assigned countries and small keys, and lie ready in an array. Rounds alternate between all of
// them in one process; the figures are medians of the rounds, with the lowest and the highest.

#include "bench/micro/classify.h"

#include <errno.h>
#include <rte_eal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "rules/compile.h"
#include "rules/lookup.h"

enum { HUGE_PAGE = 2 << 20, N_KEYS = 1 << 20, MAX_ROUNDS = 1000, N_ROWS = 5, EAL_MEMORY_MB = 4096 };

struct bench_case {
	uint32_t n_rules, n_tenants;
};

struct subject { // the table at one place in memory
	struct table table;
	void *map;
	size_t size;
};

struct row {
	const char *name;
	double cycles[MAX_ROUNDS];
};

enum { ROW_TABLE, ROW_HUGE, ROW_TENANT, ROW_HASH, ROW_ACL };

static uint64_t checksum; // keeps results alive

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "classify: %s: %s\n", what, strerror(errno));
	exit(3);
}

// A third names tenants, a third groups, a third neither; most name a few countries, some a zone; some sizes.
static struct rule_set *make_rules(const struct bench_case *bench)
{
	const struct kit_rules_shape shape = {
		.n_rules = bench->n_rules, .n_tenants = bench->n_tenants,
		.n_groups = (uint16_t)(bench->n_rules < 100 ? 3 : bench->n_rules / 50), .n_zones = 20, .n_pools = 16,
		.n_queues = 8, .named_percent = 33, .grouped_percent = 33, .any_country_percent = 2,
		.sized_percent = 20, .wide_percent = 10, .n_bounds = 20, .names_a_rule = 20, .rare_percent = 80,
		.zone_percent = 10, .assigned = true,
	};
	struct rule_set *rules = kit_rules_random(&shape, 42);

	need(rules != NULL, "rules");
	return rules;
}

static struct kit_key *make_keys(const struct rule_set *rules)
{
	struct kit_key *key = calloc(N_KEYS, sizeof(*key));
	uint64_t random = 7;

	need(key != NULL, "keys");
	for (uint32_t i = 0; i < N_KEYS; i++)
		key[i] = (struct kit_key){
			.tenant = rules->tenants[kit_random_below(&random, rules->n_tenants)].id,
			.country = kit_rules_country(&random, true),
			.size = (uint16_t)kit_random_below(&random, 1500),
			.priority = (uint8_t)kit_random_below(&random, WEIR_N_PRIORITIES),
			.channel = (uint8_t)kit_random_below(&random, WEIR_N_CHANNELS),
			.protocol = (uint8_t)kit_random_below(&random, WEIR_N_PROTOCOLS),
		};
	return key;
}

// Memory of 4 KiB pages as the dataplane maps a table: a memfd.
static void *map_small(size_t size)
{
	int fd = memfd_create("classify", 0);
	void *map;

	need(fd >= 0 && ftruncate(fd, (off_t)size) == 0, "memfd");
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return map;
}

// Memory of 2 MiB pages: a memfd of reserved ones, else private memory of transparent ones.
static void *map_huge(size_t *size)
{
	int fd = memfd_create("classify", MFD_HUGETLB);
	void *map = MAP_FAILED;

	*size = (*size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	if (fd >= 0 && ftruncate(fd, (off_t)*size) == 0)
		map = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (map == MAP_FAILED) {
		map = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		madvise(map, *size, MADV_HUGEPAGE);
	}
	return map;
}

static void subject_open(struct subject *subject, const struct table_image *image, bool huge)
{
	char why[160];

	subject->size = image->size;
	subject->map = huge ? map_huge(&subject->size) : map_small(subject->size);
	need(subject->map != MAP_FAILED, "mmap");
	memcpy(subject->map, image->data, image->size);
	if (table_open(&subject->table, subject->map, image->size, why, sizeof(why)) != 0) {
		fprintf(stderr, "classify: %s\n", why);
		exit(1);
	}
}

static void subject_close(struct subject *subject)
{
	munmap(subject->map, subject->size);
}

static uint32_t table_burst(const struct table *table, const struct kit_key *key)
{
	uint32_t id[PEER_BURST], slot[PEER_BURST], class[PEER_BURST], verdict[PEER_BURST], sum = 0;
	uint16_t country[PEER_BURST], size[PEER_BURST], kind[PEER_BURST];
	struct triage_keys keys = {class, country, size, kind};

	for (unsigned i = 0; i < PEER_BURST; i++)
		id[i] = key[i].tenant;
	table_find_tenants(table, id, PEER_BURST, slot, class);
	for (unsigned i = 0; i < PEER_BURST; i++) {
		country[i] = key[i].country;
		size[i] = key[i].size;
		kind[i] = triage_small(key[i].protocol, key[i].priority, key[i].channel);
	}
	table_find_verdicts(table, &keys, PEER_BURST, verdict);
	for (unsigned i = 0; i < PEER_BURST; i++)
		sum += verdict[i] + slot[i];
	return sum;
}

static uint32_t tenant_burst(const struct table *table, const struct kit_key *key)
{
	uint32_t id[PEER_BURST], slot[PEER_BURST], class[PEER_BURST], sum = 0;

	for (unsigned i = 0; i < PEER_BURST; i++)
		id[i] = key[i].tenant;
	table_find_tenants(table, id, PEER_BURST, slot, class);
	for (unsigned i = 0; i < PEER_BURST; i++)
		sum += class[i] + slot[i];
	return sum;
}

static uint32_t row_burst(unsigned row, const struct subject subject[2], const struct peers *peers,
			  const struct kit_key *key, uint32_t at)
{
	switch (row) {
	case ROW_TABLE:
		return table_burst(&subject[0].table, key + at);
	case ROW_HUGE:
		return table_burst(&subject[1].table, key + at);
	case ROW_TENANT:
		return tenant_burst(&subject[0].table, key + at);
	case ROW_HASH:
		return peers_hash(peers, at);
	}
	return peers_acl(peers, at);
}

// One round of one row, over all keys: seconds of the thread's own CPU time a look-up, so that another
// program's turn on this CPU does not count.
static double run_row(unsigned row, const struct subject subject[2], const struct peers *peers,
		      const struct kit_key *key)
{
	double start = seconds(CLOCK_THREAD_CPUTIME_ID);

	for (uint32_t at = 0; at < N_KEYS; at += PEER_BURST)
		checksum += row_burst(row, subject, peers, key, at);
	return (seconds(CLOCK_THREAD_CPUTIME_ID) - start) / N_KEYS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double tsc_hz(void)
{
	double start = seconds(CLOCK_MONOTONIC);
	uint64_t tsc = __rdtsc();

	while (seconds(CLOCK_MONOTONIC) - start < 0.1)
		;
	return (double)(__rdtsc() - tsc) / (seconds(CLOCK_MONOTONIC) - start);
}

static double print_row(struct row *row, unsigned rounds, double hz)
{
	double median;

	qsort(row->cycles, rounds, sizeof(*row->cycles), compare);
	median = row->cycles[rounds / 2];
	printf("  %-44s %7.1f %8.1f %8.1f   %7.1f\n", row->name, median, row->cycles[0], row->cycles[rounds - 1],
	       hz / median / 1e6);
	return median;
}

static void print_rows(struct row row[N_ROWS], unsigned rounds, double hz)
{
	double median[N_ROWS];

	printf("  %-44s %7s %8s %8s   %7s\n", "cycles a look-up", "median", "lowest", "highest", "M/s");
	for (unsigned i = 0; i < N_ROWS; i++)
		median[i] = print_row(&row[i], rounds, hz);
	for (unsigned i = ROW_TABLE; i <= ROW_HUGE; i++)
		printf("  whole triple, %s pages: %.2f times the rate of librte_acl, %.2f times "
		       "that of the bare rte_hash\n",
		       i == ROW_TABLE ? "4 KiB" : "2 MiB", median[ROW_ACL] / median[i],
		       median[ROW_HASH] / median[i]);
}

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static void compile(const struct rule_set *rules, struct table_image *image)
{
	double start = seconds(CLOCK_MONOTONIC);
	struct diags diags;

	diags_init(&diags);
	if (rules_compile(rules, image, &diags) != 0) {
		diags_print(&diags, stderr);
		exit(1);
	}
	printf("\n%u rules (%u of them never decide), %u tenants: compiled in %.3f s, image %.1f MiB, "
	       "peak RSS so far %ld MiB\n",
	       rules->n_rules, diags.n_warnings, rules->n_tenants, seconds(CLOCK_MONOTONIC) - start,
	       (double)image->size / (1 << 20), peak_kib() >> 10);
	diags_fini(&diags);
}

static void run_case(const struct bench_case *bench, unsigned rounds, double hz)
{
	static struct row row[N_ROWS] = {{"weir: tenant and verdict, 4 KiB pages"},
					 {"weir: tenant and verdict, 2 MiB pages"},
					 {"weir: tenant alone"},
					 {"rte_hash_lookup_bulk of 32: tenant alone"},
					 {"rte_acl_classify of 64"}};
	struct rule_set *rules = make_rules(bench);
	struct kit_key *key = make_keys(rules);
	struct table_image image;
	struct subject subject[2];
	struct peers peers;

	compile(rules, &image);
	subject_open(&subject[0], &image, false);
	subject_open(&subject[1], &image, true);
	table_image_fini(&image);
	peers_open(&peers, rules, key, N_KEYS);
	printf("  librte_acl: built in %.3f s, peak RSS now %ld MiB\n", peers.acl_seconds, peak_kib() >> 10);
	for (unsigned round = 0; round <= rounds; round++) // the first one warms up
		for (unsigned i = 0; i < N_ROWS; i++)
			row[i].cycles[round == 0 ? 0 : round - 1] =
				run_row(i, subject, &peers, key) * hz;
	print_rows(row, rounds, hz);
	peers_close(&peers);
	subject_close(&subject[0]);
	subject_close(&subject[1]);
	free(key);
	kit_rules_destroy(rules);
}

static unsigned long free_hugepages(void)
{
	FILE *file = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");
	unsigned long n = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%lu", &n) != 1)
		n = 0;
	fclose(file);
	return n;
}

static void start_eal(void)
{
	bool huge = free_hugepages() >= EAL_MEMORY_MB / 2;
	char word[][32] = {"classify", "--no-pci", "--no-telemetry", "--log-level=error", "-l", "0", "-m", "",
			   "--no-shconf", "--no-huge"};
	char *argv[sizeof(word) / sizeof(*word)];

	snprintf(word[7], sizeof(word[7]), "%d", EAL_MEMORY_MB);
	for (size_t i = 0; i < sizeof(word) / sizeof(*word); i++)
		argv[i] = word[i];
	printf("EAL %s hugepages; librte_acl has each rule with one tenant and the first span of countries, channels,\n"
	       "priorities and protocols, since its fields hold no sets\n", huge ? "with" : "without");
	if (rte_eal_init((int)(sizeof(word) / sizeof(*word)) - huge, argv) < 0) {
		fprintf(stderr, "classify: EAL does not start\n");
		exit(3);
	}
}

int main(int argc, char **argv)
{
	static const struct bench_case cases[] = {{10, 10}, {1000, 1000}, {10000, 1000000}};
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 21;
	double hz = tsc_hz();

	if (rounds < 1 || rounds > MAX_ROUNDS) {
		fprintf(stderr, "usage: classify [ROUNDS]\n");
		return 2;
	}
	start_eal();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		run_case(&cases[i], rounds, hz);
	printf("\n(checksum %llu)\n", (unsigned long long)checksum);
	rte_eal_cleanup();
	return 0;
}
