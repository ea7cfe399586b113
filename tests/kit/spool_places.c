// SPDX-License-Identifier: BSD-3-Clause
//
// spool_places SPOOL [JOURNAL...]: where each message that a spool ever stored is now, by id, beside what agents noted as
// settled (spool_agents). Prints `stored N waiting N leased N dead N settled N noted N lost N twice N wrong N`: lost is nowhere,
// twice is in two places or was noted twice, wrong was noted and is not settled. Exit status 0 when these three are 0,
// 1 when not, 3 when something cannot be read.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/spool_parts.h"
#include "controlplane/spool_value.h"

enum { NOTED = 16 };
static const struct {
	enum spool_table table;
	const char *name;
	uint8_t bit;
} places[] = { { TABLE_MESSAGES, "waiting", 1 }, { TABLE_LEASES, "leased", 2 }, { TABLE_DEAD, "dead", 4 }, { TABLE_DONE, "settled", 8 } };
enum { N_PLACES = sizeof(places) / sizeof(places[0]) };

struct census {
	uint64_t stored, twice, wrong;
	uint8_t *at; // by id
};

static void fail(const char *what, int err)
{
	fprintf(stderr, "spool_places: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(3);
}

static void mark(struct census *census, uint64_t id, uint8_t bit)
{
	if (id < 1 || id > census->stored) {
		census->wrong++;
		return;
	}
	census->twice += bit == NOTED ? (census->at[id] & NOTED) != 0 : (census->at[id] & ~NOTED) != 0;
	census->at[id] |= bit;
}

// Marks every id of a table. Their number.
static uint64_t look(struct census *census, struct spool *spool, unsigned place)
{
	struct spool_reader reader;
	uint64_t n = 0;
	MDB_val k, v;
	int err = spool_reader_open(spool, places[place].table, &reader), result;

	if (err)
		fail(places[place].name, err);
	for (result = mdb_cursor_get(reader.cursor, &k, &v, MDB_FIRST); !result;
	     result = mdb_cursor_get(reader.cursor, &k, &v, MDB_NEXT), n++)
		mark(census,
		     k.mv_size == sizeof(struct spool_key) ? spool_key_arrival(k.mv_data) : spool_id_read(k.mv_data),
		     places[place].bit);
	spool_reader_close(&reader);
	return n;
}

// Marks what an agent noted; a last line without its end was not noted.
static uint64_t read_journal(struct census *census, const char *path)
{
	FILE *file = fopen(path, "re");
	uint64_t n = 0;
	char line[40];

	if (!file)
		fail(path, errno);
	while (fgets(line, sizeof(line), file) && strchr(line, '\n')) {
		mark(census, strtoull(line, NULL, 10), NOTED);
		n++;
	}
	fclose(file);
	return n;
}

static uint64_t count_lost(struct census *census)
{
	uint64_t lost = 0;

	for (uint64_t id = 1; id <= census->stored; id++) {
		lost += (census->at[id] & ~NOTED) == 0;
		census->wrong += (census->at[id] & NOTED) && !(census->at[id] & 8);
	}
	return lost;
}

static void count_stored(const struct spool_queue *queue, void *argument)
{
	*(uint64_t *)argument += queue->stored;
}

int main(int argc, char **argv)
{
	struct census census = { 0 };
	struct spool *spool;
	uint64_t noted = 0, lost;
	char why[600];
	int err;

	if (argc < 2) {
		fputs("usage: spool_places SPOOL [JOURNAL...]\n", stderr);
		return 2;
	}
	spool = spool_open(argv[1], 1, true, why, sizeof(why));
	if (!spool)
		fail(why, EINVAL);
	err = spool_queues(spool, count_stored, &census.stored);
	census.at = calloc(census.stored + 1, 1);
	if (err || !census.at)
		fail("queues", err ? err : ENOMEM);
	printf("stored %llu", (unsigned long long)census.stored);
	for (unsigned p = 0; p < N_PLACES; p++)
		printf(" %s %llu", places[p].name, (unsigned long long)look(&census, spool, p));
	for (int i = 2; i < argc; i++)
		noted += read_journal(&census, argv[i]);
	lost = count_lost(&census);
	printf(" noted %llu lost %llu twice %llu wrong %llu\n", (unsigned long long)noted, (unsigned long long)lost,
	       (unsigned long long)census.twice, (unsigned long long)census.wrong);
	free(census.at);
	spool_close(spool);
	return lost || census.twice || census.wrong;
}
