// SPDX-License-Identifier: BSD-3-Clause
//
// Opening of the spool: environment, tables, schema. Refuses a schema newer than this program's.
#include "controlplane/spool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/spool_parts.h"

static const char *const table_names[SPOOL_TABLES] = { "messages", "queues", "cursors", "meta" };

int spool_errno(int result)
{
	switch (result) {
	case MDB_SUCCESS:
		return 0;
	case MDB_MAP_FULL:
		return -EDQUOT;
	case MDB_NOTFOUND:
		return -ENOENT;
	case MDB_VERSION_MISMATCH:
	case MDB_INVALID:
		return -EINVAL;
	default:
		return result > 0 ? -result : -EIO;
	}
}

// Writes the schema into a new spool, or checks the one that stands there.
static int check_schema(struct spool *spool, MDB_txn *txn)
{
	MDB_val key = { 6, (void *)(uintptr_t)"schema" }, value;
	uint32_t schema = SPOOL_SCHEMA;
	int result = mdb_get(txn, spool->table[TABLE_META], &key, &value);

	if (result == MDB_NOTFOUND && !spool->read_only) {
		value = (MDB_val){ sizeof(schema), &schema };
		return spool_errno(mdb_put(txn, spool->table[TABLE_META], &key, &value, 0));
	}
	if (result)
		return spool_errno(result);
	if (value.mv_size != sizeof(schema))
		return -EINVAL;
	memcpy(&schema, value.mv_data, sizeof(schema));
	return schema == SPOOL_SCHEMA ? 0 : -EPROTONOSUPPORT;
}

static int open_tables(struct spool *spool)
{
	unsigned flags = spool->read_only ? MDB_RDONLY : 0;
	MDB_txn *txn;
	int result = mdb_txn_begin(spool->env, NULL, flags, &txn), err;

	if (result)
		return spool_errno(result);
	for (unsigned t = 0; t < SPOOL_TABLES && !result; t++)
		result = mdb_dbi_open(txn, table_names[t], spool->read_only ? 0 : MDB_CREATE, &spool->table[t]);
	err = result ? spool_errno(result) : check_schema(spool, txn);
	if (!err)
		return spool_errno(mdb_txn_commit(txn));
	mdb_txn_abort(txn);
	return err;
}

int spool_env_open(struct spool *spool)
{
	int dead, result = mdb_env_create(&spool->env), err;

	if (result) {
		spool->env = NULL;
		return spool_errno(result);
	}
	mdb_env_set_maxdbs(spool->env, SPOOL_TABLES);
	result = mdb_env_set_mapsize(spool->env, (size_t)spool->size_mb << 20);
	if (!result)
		result = mdb_env_open(spool->env, spool->folder, MDB_NOTLS | (spool->read_only ? MDB_RDONLY : 0), 0640);
	if (!result)
		mdb_reader_check(spool->env, &dead); // slots of readers that were killed
	err = result ? spool_errno(result) : open_tables(spool);
	if (!err)
		err = spool_state_load(spool);
	if (err)
		spool_env_close(spool);
	return err;
}

void spool_env_close(struct spool *spool)
{
	if (spool->env)
		mdb_env_close(spool->env);
	spool->env = NULL;
	spool->broken = false;
}

struct spool *spool_open(const char *folder, uint32_t size_mb, bool read_only, char *why, size_t why_size)
{
	struct spool *spool = calloc(1, sizeof(*spool));
	int err = -ENOMEM;

	if (spool)
		spool->folder = strdup(folder);
	if (spool && spool->folder) {
		spool->size_mb = size_mb < SPOOL_MIN_MB ? SPOOL_MIN_MB : size_mb;
		spool->read_only = read_only;
		pthread_rwlock_init(&spool->lock, NULL);
		err = spool_env_open(spool);
		if (!err)
			return spool;
		pthread_rwlock_destroy(&spool->lock);
	}
	if (err == -EPROTONOSUPPORT)
		snprintf(why, why_size, "%s: a spool of another schema than %d: made by a newer weir; use that one",
			 folder, (int)SPOOL_SCHEMA);
	else if (err == -EINVAL)
		snprintf(why, why_size, "%s: no spool, or a damaged one: move it away to begin a new one", folder);
	else
		snprintf(why, why_size, "%s: cannot open the spool: %s", folder, strerror(-err));
	if (spool) {
		queue_list_fini(&spool->queues);
		free(spool->folder);
	}
	free(spool);
	return NULL;
}

void spool_close(struct spool *spool)
{
	if (!spool)
		return;
	spool_abort(spool);
	spool_env_close(spool);
	queue_list_fini(&spool->queues);
	pthread_rwlock_destroy(&spool->lock);
	free(spool->folder);
	free(spool);
}
