// SPDX-License-Identifier: BSD-3-Clause
//
// agents_lmdb FOLDER SECONDS BATCH BYTES [--by-priority]: records a second that LMDB alone makes durable, one synced
// transaction for each BATCH of them, with values of BYTES and keys of 13 bytes. Keys rise (MDB_APPEND: the best that
// LMDB can do); --by-priority: they rise within four ranges, as the spool's do. Prints `messages N seconds S`.
#include <lmdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void check(int result, const char *what)
{
	if (result == MDB_SUCCESS)
		return;
	fprintf(stderr, "agents_lmdb: %s: %s\n", what, mdb_strerror(result));
	exit(3);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void put(MDB_txn *txn, MDB_dbi table, uint64_t number, MDB_val *value, int by_priority)
{
	uint8_t bytes[13] = { 0, 0, 0, 1 };
	MDB_val key = { sizeof(bytes), bytes };

	bytes[4] = by_priority ? (uint8_t)(number * 0x9e3779b97f4a7c15u >> 62) : 0; // of four, as if at random
	for (unsigned i = 0; i < 8; i++)
		bytes[5 + i] = (uint8_t)(number >> (8 * (7 - i)));
	check(mdb_put(txn, table, &key, value, by_priority ? 0 : MDB_APPEND), "put");
}

int main(int argc, char **argv)
{
	unsigned long batch, bytes;
	uint64_t number = 0;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi table;
	MDB_val value;
	double began;

	if (argc < 5 || argc > 6) {
		fputs("usage: agents_lmdb FOLDER SECONDS BATCH BYTES [--by-priority]\n", stderr);
		return 2;
	}
	batch = strtoul(argv[3], NULL, 10);
	bytes = strtoul(argv[4], NULL, 10);
	value = (MDB_val){ bytes, calloc(1, bytes) };
	if (!value.mv_data)
		return 3;
	memset(value.mv_data, 0x5a, bytes);
	check(mdb_env_create(&env), "create");
	check(mdb_env_set_mapsize(env, (size_t)16 << 30), "map");
	check(mdb_env_open(env, argv[1], MDB_NOTLS, 0640), argv[1]);
	began = now();
	while (now() - began < atof(argv[2])) {
		check(mdb_txn_begin(env, NULL, 0, &txn), "begin");
		check(mdb_dbi_open(txn, NULL, 0, &table), "table");
		for (unsigned long i = 0; i < batch; i++)
			put(txn, table, ++number, &value, argc == 6);
		check(mdb_txn_commit(txn), "commit");
	}
	printf("messages %llu seconds %.6f\n", (unsigned long long)number, now() - began);
	mdb_env_close(env);
	free(value.mv_data);
	return 0;
}
