// SPDX-License-Identifier: BSD-3-Clause
//
// Readers of the spool's other tables: leases, dead letters, answers to be sent, and the age of a queue.
#include "controlplane/spool_look.h"

#include <errno.h>
#include <string.h>

#include "controlplane/spool_parts.h"
#include "controlplane/spool_value.h"

// When the first message of a priority was stored; 0: none waits.
static int first_of(struct spool_reader *reader, uint32_t queue, uint8_t priority, uint64_t *stored_ns)
{
	struct spool_message message;
	struct spool_names names;
	struct spool_key key;
	MDB_val k = { sizeof(key), &key }, v;
	int err;

	*stored_ns = 0;
	spool_key_format(&key, queue, priority, 0);
	err = spool_errno(mdb_cursor_get(reader->cursor, &k, &v, MDB_SET_RANGE));
	if (err)
		return err == -ENOENT ? 0 : err;
	if (k.mv_size != sizeof(key) || memcmp(k.mv_data, &key, 5) != 0)
		return 0;
	err = spool_value_parse(v.mv_data, v.mv_size, &message, &names);
	if (!err)
		*stored_ns = message.stored_ns;
	return err;
}

int spool_oldest_by(struct spool *spool, const char *queue, uint64_t stored_ns[WEIR_N_PRIORITIES])
{
	struct spool_queue found;
	struct spool_reader reader;
	int err = spool_reader_open(spool, TABLE_MESSAGES, &reader);

	memset(stored_ns, 0, WEIR_N_PRIORITIES * sizeof(stored_ns[0]));
	if (err)
		return err;
	err = spool_reader_queue(&reader, queue, &found);
	for (uint8_t p = 0; p < WEIR_N_PRIORITIES && !err; p++)
		err = first_of(&reader, found.id, p, &stored_ns[p]);
	spool_reader_close(&reader);
	return err;
}

int spool_oldest(struct spool *spool, const char *queue, uint64_t *stored_ns)
{
	uint64_t by[WEIR_N_PRIORITIES];
	int err = spool_oldest_by(spool, queue, by);

	*stored_ns = 0;
	for (unsigned p = 0; p < WEIR_N_PRIORITIES; p++)
		if (by[p] != 0 && (*stored_ns == 0 || by[p] < *stored_ns))
			*stored_ns = by[p];
	return err;
}

int spool_sizes(struct spool *spool, struct spool_sizes *sizes)
{
	uint64_t *const entries[SPOOL_TABLES] = {
		[TABLE_MESSAGES] = &sizes->waiting, [TABLE_LEASES] = &sizes->leased, [TABLE_DEAD] = &sizes->dead,
		[TABLE_DONE] = &sizes->receipts, [TABLE_OUTBOX] = &sizes->outbox,
	};
	struct spool_reader reader;
	MDB_envinfo info;
	MDB_stat stat;
	int err = spool_reader_open(spool, TABLE_META, &reader);

	*sizes = (struct spool_sizes){ 0 };
	if (err)
		return err;
	for (unsigned t = 0; t < SPOOL_TABLES; t++)
		if (mdb_stat(reader.txn, spool->table[t], &stat) == 0) {
			if (entries[t])
				*entries[t] = stat.ms_entries;
			sizes->used_bytes += stat.ms_psize * (stat.ms_branch_pages + stat.ms_leaf_pages +
							      stat.ms_overflow_pages);
		}
	if (mdb_env_info(spool->env, &info) == 0 && mdb_env_stat(spool->env, &stat) == 0)
		sizes->file_bytes = (info.me_last_pgno + 1) * stat.ms_psize;
	spool_reader_close(&reader);
	return 0;
}

// Calls `step` for the values of a table whose keys are ids, above `after`, at most `n`.
static int each_by_id(struct spool *spool, enum spool_table table, uint64_t after, uint32_t n,
		      int (*step)(uint64_t id, const MDB_val *v, void *context), void *context)
{
	struct spool_reader reader;
	struct spool_id_key key = spool_id_key(after + 1);
	MDB_val k = { sizeof(key), &key }, v;
	int err = after == UINT64_MAX ? -ENOENT : spool_reader_open(spool, table, &reader), result;

	if (err)
		return err == -ENOENT ? 0 : err;
	for (result = mdb_cursor_get(reader.cursor, &k, &v, MDB_SET_RANGE); !result && !err && n > 0;
	     result = mdb_cursor_get(reader.cursor, &k, &v, MDB_NEXT), n--)
		err = k.mv_size == sizeof(key) ? step(spool_id_read(k.mv_data), &v, context) : -EBADMSG;
	spool_reader_close(&reader);
	return err || !result || result == MDB_NOTFOUND ? err : spool_errno(result);
}

struct lease_visit {
	int (*each)(const struct spool_lease *lease, void *argument);
	void *argument;
};

static int step_lease(uint64_t id, const MDB_val *v, void *context)
{
	struct lease_visit *visit = context;
	struct spool_lease lease;
	struct spool_names names;
	int err = spool_lease_parse(v->mv_data, v->mv_size, &lease, &names);

	lease.message.arrival = id;
	return err ? err : visit->each(&lease, visit->argument);
}

int spool_leases(struct spool *spool, uint64_t after, uint32_t n,
		 int (*each)(const struct spool_lease *lease, void *argument), void *argument)
{
	struct lease_visit visit = { each, argument };

	return each_by_id(spool, TABLE_LEASES, after, n, step_lease, &visit);
}

struct outbox_visit {
	int (*each)(const struct spool_outgoing *outgoing, void *argument);
	void *argument;
};

static int step_outgoing(uint64_t id, const MDB_val *v, void *context)
{
	struct outbox_visit *visit = context;
	struct spool_outgoing outgoing;
	int err = spool_outbox_parse(v->mv_data, v->mv_size, &outgoing);

	outgoing.arrival = id;
	return err ? err : visit->each(&outgoing, visit->argument);
}

int spool_outbox(struct spool *spool, uint64_t after, uint32_t n,
		 int (*each)(const struct spool_outgoing *outgoing, void *argument), void *argument)
{
	struct outbox_visit visit = { each, argument };

	return each_by_id(spool, TABLE_OUTBOX, after, n, step_outgoing, &visit);
}

static int each_dead(struct spool_reader *reader, const struct spool_key *from, uint32_t n,
		     int (*each)(const struct spool_dead_letter *letter, void *argument), void *argument)
{
	struct spool_key key = *from;
	MDB_val k = { sizeof(key), &key }, v;
	int result, err = 0;

	for (result = mdb_cursor_get(reader->cursor, &k, &v, MDB_SET_RANGE); !result && !err && n > 0;
	     result = mdb_cursor_get(reader->cursor, &k, &v, MDB_NEXT)) {
		struct spool_dead_letter letter;
		struct spool_names names;

		if (k.mv_size != sizeof(key))
			return -EBADMSG;
		if (memcmp(k.mv_data, from->queue, sizeof(from->queue)) != 0)
			return 0;
		if (memcmp(k.mv_data, from, sizeof(*from)) == 0)
			continue;
		err = spool_dead_parse(v.mv_data, v.mv_size, &letter, &names);
		letter.message.arrival = spool_key_arrival(k.mv_data);
		if (!err)
			err = each(&letter, argument);
		n--;
	}
	return err || !result || result == MDB_NOTFOUND ? err : spool_errno(result);
}

int spool_dead(struct spool *spool, const char *queue, struct spool_place after, uint32_t n,
	       int (*each)(const struct spool_dead_letter *letter, void *argument), void *argument)
{
	struct spool_queue found;
	struct spool_reader reader;
	struct spool_key from;
	int err = spool_reader_open(spool, TABLE_DEAD, &reader);

	if (err)
		return err;
	err = spool_reader_queue(&reader, queue, &found);
	if (!err) {
		spool_key_format(&from, found.id, after.priority, after.arrival);
		err = each_dead(&reader, &from, n, each, argument);
	}
	spool_reader_close(&reader);
	return err;
}
