// SPDX-License-Identifier: BSD-3-Clause
//
// Spools of other schemas than ours.
#include "controlplane/spool_parts.h"

#include <lmdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/folder.h"
#include "tests/kit/spools.h"

static char *folder;
static struct spool *spool;
static char why[300];

static void reopen(void)
{
	spool_close(spool);
	spool = spools_open(folder);
}

static int setup(void **state)
{
	(void)state;
	folder = folder_make();
	spool = NULL;
	reopen();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	spool_close(spool);
	folder_remove(folder);
	return 0;
}

static void set_schema(uint32_t schema)
{
	char key[] = "schema";

	spool_close(spool);
	spool = NULL;
	spools_forge(folder, "meta", (MDB_val){ 6, key }, &(MDB_val){ sizeof(schema), &schema });
}

static void a_spool_of_a_newer_schema_is_refused_with_a_clear_line(void **state)
{
	(void)state;
	set_schema(SPOOL_SCHEMA + 1);
	assert_null(spool_open(folder, 8, false, why, sizeof(why)));
	assert_non_null(strstr(why, "newer weir"));
}

// Makes of the spool what weir before schema 2 would have left: queue 1 is "desk".
static void make_schema_1(uint64_t depth)
{
	struct spool_queue_value_1 old = { .id = 1, .depth = depth, .stored = depth };
	static const char *const later[] = { "leases", "dead", "done", "outbox", "due" };
	char desk[] = "desk";
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	set_schema(1);
	spools_forge(folder, "queues", (MDB_val){ 4, desk }, &(MDB_val){ sizeof(old), &old });
	assert_int_equal(mdb_env_create(&env), 0);
	mdb_env_set_maxdbs(env, 16);
	assert_int_equal(mdb_env_open(env, folder, 0, 0640), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	for (unsigned i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		assert_int_equal(mdb_dbi_open(txn, later[i], 0, &dbi), 0);
		assert_int_equal(mdb_drop(txn, dbi, 1), 0);
	}
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void a_spool_of_schema_1_is_brought_to_schema_2_in_place(void **state)
{
	struct spool_queue queue;
	struct spools_ids ids;

	(void)state;
	assert_int_equal(spool_begin(spool), 0);
	spools_append(spool, "desk", WEIR_NORMAL, 1, 10, 77);
	spools_append(spool, "desk", WEIR_EMERGENCY, 2, 3000, 77);
	spools_append(spool, "desk", WEIR_NORMAL, 3, 10, 77);
	assert_int_equal(spool_commit(spool), 0);
	make_schema_1(3);
	assert_null(spool_open(folder, 8, true, why, sizeof(why)));
	assert_non_null(strstr(why, "older schema"));
	for (unsigned i = 0; i < 2; i++) {
		reopen();
		assert_int_equal(spool_queue_get(spool, "desk", &queue), 0);
		assert_int_equal(queue.waiting, 3);
		assert_int_equal(queue.stored, 3);
		assert_int_equal(queue.waiting_by[WEIR_EMERGENCY], 1);
		assert_int_equal(queue.waiting_by[WEIR_NORMAL], 2);
		assert_int_equal(queue.leased + queue.dead + queue.acknowledged + queue.removed, 0);
		ids = (struct spools_ids){ 0 };
		assert_int_equal(spool_walk(spool, "desk", spools_note, &ids), 0);
		assert_memory_equal(ids.id, ((uint64_t[]){ 2, 1, 3 }), 24);
	}
}

static void a_damaged_spool_of_schema_1_is_left_as_it_was(void **state)
{
	(void)state;
	assert_int_equal(spool_begin(spool), 0);
	spools_append(spool, "desk", WEIR_NORMAL, 1, 10, 77);
	spools_append(spool, "desk", WEIR_NORMAL, 2, 10, 77);
	assert_int_equal(spool_commit(spool), 0);
	make_schema_1(1); // fewer than there are
	assert_null(spool_open(folder, 8, false, why, sizeof(why)));
	assert_non_null(strstr(why, "damaged"));
	assert_null(spool_open(folder, 8, true, why, sizeof(why)));
	assert_non_null(strstr(why, "older schema"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_spool_of_a_newer_schema_is_refused_with_a_clear_line),
		TEST(a_spool_of_schema_1_is_brought_to_schema_2_in_place),
		TEST(a_damaged_spool_of_schema_1_is_left_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
