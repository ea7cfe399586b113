// SPDX-License-Identifier: BSD-3-Clause
//
// spool_check SPOOL_FOLDER RUN_FOLDER: compares the spool with what fake_dataplanes wrote (their produced.*
// files) and prints `boots N messages N lost N twice N torn N` (lost also counts numbers that were never
// produced). Exit status 0 when the last three are 0, 1 when not, 3 when something cannot be read.
// spool_check --count SPOOL_FOLDER prints `messages N twice N`, by the names of their records, whoever wrote them.
// spool_check --ids SPOOL_FOLDER prints the message id of each native message, one a line.
// spool_check --stats SEGMENT prints the counters of a segment file as `weirctl --json stats` does.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controlplane/mapping.h"
#include "controlplane/spool_look.h"
#include "dataplane/abi/stats.h"
#include "tests/kit/numbered.h"

enum { MAX_BOOTS = 1000 };

struct channel {
	uint64_t n, room; // stored messages, bits in `seen`
	uint64_t top;     // highest number + 1
	uint8_t *seen;
};

struct boot {
	struct produced produced;
	struct channel channel[WEIR_MAX_WORKERS];
};

struct check {
	struct boot *boots[MAX_BOOTS];
	unsigned n_boots;
	uint64_t messages, lost, twice, torn;
};

static void read_boot(struct check *check, int folder, const char *name)
{
	struct boot *boot = calloc(1, sizeof(*boot));
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);

	if (!boot || check->n_boots == MAX_BOOTS ||
	    read(fd, &boot->produced, sizeof(boot->produced)) != sizeof(boot->produced)) {
		fprintf(stderr, "spool_check: %s cannot be read\n", name);
		exit(3);
	}
	close(fd);
	check->boots[check->n_boots++] = boot;
}

static void read_boots(struct check *check, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir) {
		fprintf(stderr, "spool_check: %s: %s\n", folder, strerror(errno));
		exit(3);
	}
	while ((entry = readdir(dir)))
		if (strncmp(entry->d_name, "produced.", 9) == 0)
			read_boot(check, dirfd(dir), entry->d_name);
	closedir(dir);
}

static struct boot *find_boot(struct check *check, const uint8_t boot_id[WEIR_BOOT_ID_SIZE])
{
	for (unsigned i = 0; i < check->n_boots; i++)
		if (memcmp(check->boots[i]->produced.boot_id, boot_id, WEIR_BOOT_ID_SIZE) == 0)
			return check->boots[i];
	return NULL;
}

// Marks a number; false when it was there before.
static bool mark(struct channel *channel, uint64_t number)
{
	bool seen;

	while (number >= channel->room) {
		uint64_t room = channel->room ? 2 * channel->room : 1 << 16;
		uint8_t *larger = realloc(channel->seen, room / 8);

		if (!larger)
			exit(3);
		memset(larger + channel->room / 8, 0, (room - channel->room) / 8);
		channel->seen = larger;
		channel->room = room;
	}
	seen = channel->seen[number / 8] >> (number % 8) & 1;
	channel->seen[number / 8] |= (uint8_t)(1 << (number % 8));
	channel->n += !seen;
	if (number >= channel->top)
		channel->top = number + 1;
	return !seen;
}

// Whether a message is what was written: envelope, number, every byte.
static bool is_whole(const struct spool_message *message, const struct numbered *n)
{
	const uint8_t *payload = message->payload;
	char queue[40], rule[40];

	snprintf(queue, sizeof(queue), "queue-%u", (unsigned)(n->number % 3));
	snprintf(rule, sizeof(rule), "rule-%u", (unsigned)(n->number % 4));
	if (n->magic != NUMBERED_MAGIC || n->length != message->record.payload_length || n->worker != message->worker ||
	    n->length != numbered_length(n->number) || message->record.priority != n->number % WEIR_N_PRIORITIES ||
	    memcmp(n->boot_id, message->boot_id, sizeof(n->boot_id)) != 0 || strcmp(queue, message->queue) != 0 ||
	    strcmp(rule, message->rule) != 0)
		return false;
	for (uint32_t i = sizeof(*n); i < n->length; i++)
		if (payload[i] != numbered_byte(n->number, i))
			return false;
	return true;
}

static int see(const struct spool_message *message, void *argument)
{
	struct check *check = argument;
	struct numbered n = { 0 };
	struct boot *boot;

	check->messages++;
	if (message->record.payload_length >= sizeof(n))
		memcpy(&n, message->payload, sizeof(n));
	boot = find_boot(check, message->boot_id);
	if (!boot || !is_whole(message, &n) || n.worker >= WEIR_MAX_WORKERS)
		check->torn++;
	else if (!mark(&boot->channel[n.worker], n.number))
		check->twice++;
	return 0;
}

// Every number that was counted is there, at most one more, and none is missing between.
static void compare(struct check *check)
{
	for (unsigned i = 0; i < check->n_boots; i++)
		for (unsigned w = 0; w < WEIR_MAX_WORKERS; w++) {
			const struct channel *channel = &check->boots[i]->channel[w];
			uint64_t produced = check->boots[i]->produced.produced[w];

			if (channel->n < produced)
				check->lost += produced - channel->n;
			if (channel->top != channel->n || channel->n > produced + 1)
				check->lost++;
		}
}

struct names { // of records
	struct record_name {
		uint8_t boot_id[WEIR_BOOT_ID_SIZE];
		uint64_t worker, sequence;
	} *list;
	size_t n, room;
};

static int note_name(const struct spool_message *message, void *argument)
{
	struct names *names = argument;
	struct record_name *name;

	if (names->n == names->room) {
		names->room = names->room ? 2 * names->room : 1 << 16;
		names->list = reallocarray(names->list, names->room, sizeof(*names->list));
		if (!names->list)
			exit(3);
	}
	name = &names->list[names->n++];
	memcpy(name->boot_id, message->boot_id, sizeof(name->boot_id));
	name->worker = message->worker;
	name->sequence = message->record.sequence;
	return 0;
}

static int by_name(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct record_name));
}

static int finish(int err)
{
	fprintf(stderr, "spool_check: %s\n", strerror(-err));
	return 3;
}

static int count(struct spool *spool)
{
	struct names names = { 0 };
	int err = spool_walk(spool, NULL, note_name, &names);
	size_t twice = 0;

	if (err)
		return finish(err);
	qsort(names.list, names.n, sizeof(*names.list), by_name);
	for (size_t i = 1; i < names.n; i++)
		twice += by_name(&names.list[i - 1], &names.list[i]) == 0;
	printf("messages %zu twice %zu\n", names.n, twice);
	free(names.list);
	return twice > 0;
}

static int print_id(const struct spool_message *message, void *argument)
{
	const uint8_t *id = (const uint8_t *)message->payload + 12;

	(void)argument;
	if (message->record.payload_length >= 16)
		printf("%u\n", (unsigned)id[0] << 24 | (unsigned)id[1] << 16 | (unsigned)id[2] << 8 | id[3]);
	return 0;
}

static int print_stats(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct mapping *map;
	char why[200];
	json_t *stats;

	if (mapping_open(fd, &map, why, sizeof(why)) < 0) {
		fprintf(stderr, "spool_check: %s: %s\n", path, why);
		return 3;
	}
	stats = stats_json(map->segment);
	json_dumpf(stats, stdout, JSON_COMPACT);
	json_decref(stats);
	mapping_put(map);
	close(fd);
	return 0;
}

static int compare_all(struct spool *spool, const char *run_folder)
{
	static struct check check;
	int err;

	read_boots(&check, run_folder);
	err = spool_walk(spool, NULL, see, &check);
	if (err)
		return finish(err);
	compare(&check);
	printf("boots %u messages %llu lost %llu twice %llu torn %llu\n", check.n_boots,
	       (unsigned long long)check.messages, (unsigned long long)check.lost, (unsigned long long)check.twice,
	       (unsigned long long)check.torn);
	return check.lost || check.twice || check.torn;
}

int main(int argc, char **argv)
{
	bool counting = argc == 3 && strcmp(argv[1], "--count") == 0, ids = argc == 3 && strcmp(argv[1], "--ids") == 0;
	struct spool *spool;
	char why[600];
	int status;

	if (argc != 3) {
		fputs("usage: spool_check SPOOL_FOLDER RUN_FOLDER | --count SPOOL_FOLDER | --ids SPOOL_FOLDER | --stats SEGMENT\n", stderr);
		return 2;
	}
	if (strcmp(argv[1], "--stats") == 0)
		return print_stats(argv[2]);
	spool = spool_open(counting || ids ? argv[2] : argv[1], 1, true, why, sizeof(why));
	if (!spool) {
		fprintf(stderr, "spool_check: %s\n", why);
		return 3;
	}
	status = ids ? spool_walk(spool, NULL, print_id, NULL) != 0
		     : counting ? count(spool) : compare_all(spool, argv[2]);
	spool_close(spool);
	return status;
}
