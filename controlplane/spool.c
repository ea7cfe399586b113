// SPDX-License-Identifier: BSD-3-Clause
//
// Opening of the spool: environment, tables, schema. An older schema is brought to this program's; refuses a newer one.
#include "controlplane/spool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controlplane/spool_audit.h"
#include "controlplane/spool_parts.h"

static const char *const table_names[SPOOL_TABLES] = { "messages", "queues", "cursors", "meta", "leases",
								 "dead", "done", "outbox", "due" };

int spool_errno(int result)
{
	switch (result) {
	case MDB_SUCCESS:
		return 0;
	case MDB_MAP_FULL:
		return -ENOSPC;
	case MDB_NOTFOUND:
		return -ENOENT;
	case MDB_VERSION_MISMATCH:
	case MDB_INVALID:
		return -EINVAL;
	default:
		return result > 0 ? -result : -EIO;
	}
}

// Writes the schema into a new spool, or reads the one that stands there.
static int read_schema(struct spool *spool, MDB_txn *txn, uint32_t *schema)
{
	MDB_val key = { 6, (void *)(uintptr_t)"schema" }, value = { sizeof(*schema), schema };
	int result;

	*schema = SPOOL_SCHEMA;
	if (!spool->read_only) {
		result = mdb_put(txn, spool->table[TABLE_META], &key, &value, MDB_NOOVERWRITE);
		if (result != MDB_KEYEXIST)
			return spool_errno(result);
	} else {
		result = mdb_get(txn, spool->table[TABLE_META], &key, &value);
		if (result)
			return spool_errno(result);
	}
	if (value.mv_size != sizeof(*schema))
		return -EINVAL;
	memcpy(schema, value.mv_data, sizeof(*schema));
	return 0;
}

// Newer ones are refused; an older one is brought here by who may write.
static int check_schema(struct spool *spool, MDB_txn *txn)
{
	uint32_t schema;
	int err = read_schema(spool, txn, &schema);

	if (err || schema == SPOOL_SCHEMA)
		return err;
	if (schema > SPOOL_SCHEMA)
		return -EPROTONOSUPPORT;
	return schema == 0 ? -EINVAL : spool->read_only ? -EPROTO : 0;
}

static int open_all(struct spool *spool, MDB_txn *txn)
{
	unsigned create = spool->read_only ? 0 : MDB_CREATE;
	uint32_t schema;
	int result = mdb_dbi_open(txn, table_names[TABLE_META], create, &spool->table[TABLE_META]);
	int err = result ? spool_errno(result) : check_schema(spool, txn);

	if (err)
		return err;
	for (unsigned t = 0; t < SPOOL_TABLES && !result; t++)
		if (t != TABLE_META)
			result = mdb_dbi_open(txn, table_names[t], create, &spool->table[t]);
	err = result ? spool_errno(result) : read_schema(spool, txn, &schema);
	return err || schema == SPOOL_SCHEMA ? err : spool_upgrade(spool, txn);
}

static int open_tables(struct spool *spool)
{
	MDB_txn *txn;
	int result = mdb_txn_begin(spool->env, NULL, spool->read_only ? MDB_RDONLY : 0, &txn), err;

	if (result)
		return spool_errno(result);
	err = open_all(spool, txn);
	if (!err)
		return spool_errno(mdb_txn_commit(txn));
	mdb_txn_abort(txn);
	return err;
}

// The map is twice what messages may take, and something: operations must find room when messages have none, and pages
// that a transaction gives up are free for others only after it.
static size_t map_size(const struct spool *spool)
{
	return ((size_t)spool->size_mb << 21) + ((size_t)64 << 20);
}

// Who only reads makes no lock file, since it would be that user's: where there is none, nobody writes.
static unsigned reader_flags(const struct spool *spool)
{
	char path[4096];

	if (!spool->read_only)
		return 0;
	if ((size_t)snprintf(path, sizeof(path), "%s/lock.mdb", spool->folder) >= sizeof(path))
		return MDB_RDONLY;
	return access(path, F_OK) == 0 ? MDB_RDONLY : MDB_RDONLY | MDB_NOLOCK;
}

int spool_env_open(struct spool *spool)
{
	int dead, result = mdb_env_create(&spool->env), err;

	if (result) {
		spool->env = NULL;
		return spool_errno(result);
	}
	mdb_env_set_maxdbs(spool->env, SPOOL_TABLES);
	result = mdb_env_set_mapsize(spool->env, map_size(spool));
	if (!result)
		result = mdb_env_open(spool->env, spool->folder, MDB_NOTLS | reader_flags(spool), 0640);
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

static void explain(int err, const char *folder, char *why, size_t why_size)
{
	if (err == -EPROTONOSUPPORT)
		snprintf(why, why_size, "%s: a spool of a newer schema than %d: made by a newer weir; use that one",
			 folder, (int)SPOOL_SCHEMA);
	else if (err == -EPROTO)
		snprintf(why, why_size, "%s: a spool of an older schema than %d: weir-controlplane brings it to this "
			 "one when it starts", folder, (int)SPOOL_SCHEMA);
	else if (err == -EINVAL || err == -EBADMSG)
		snprintf(why, why_size, "%s: no spool, or a damaged one: move it away to begin a new one", folder);
	else
		snprintf(why, why_size, "%s: cannot open the spool: %s", folder, strerror(-err));
}

static void release(struct spool *spool)
{
	queue_list_fini(&spool->queues);
	free(spool->scratch);
	free(spool->outgoing);
	free(spool->folder);
	free(spool);
}

struct spool *spool_open(const char *folder, uint32_t size_mb, bool read_only, char *why, size_t why_size)
{
	struct spool *spool = calloc(1, sizeof(*spool));
	unsigned mended;
	int err = -ENOMEM;

	why[0] = '\0';
	if (spool)
		spool->folder = strdup(folder);
	if (spool && !read_only) {
		spool->scratch = malloc(SPOOL_HEAD_ROOM + SPOOL_VALUE_ROOM);
		spool->outgoing = malloc(SPOOL_VALUE_ROOM);
	}
	if (spool && spool->folder && (read_only || (spool->scratch && spool->outgoing))) {
		spool->size_mb = size_mb < SPOOL_MIN_MB ? SPOOL_MIN_MB : size_mb;
		spool->read_only = read_only;
		pthread_rwlock_init(&spool->lock, NULL);
		err = spool_env_open(spool);
		if (!err && !read_only)
			spool_room_make(spool);
		if (!err && !read_only)
			err = spool_audit(spool, false, &mended, why, why_size);
		if (!err)
			return spool;
		spool_env_close(spool);
		pthread_rwlock_destroy(&spool->lock);
	}
	if (!why[0]) // the audit says it itself
		explain(err, folder, why, why_size);
	if (spool)
		release(spool);
	return NULL;
}

void spool_close(struct spool *spool)
{
	if (!spool)
		return;
	spool_abort(spool);
	spool_env_close(spool);
	pthread_rwlock_destroy(&spool->lock);
	release(spool);
}
