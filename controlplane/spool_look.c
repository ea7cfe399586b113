// SPDX-License-Identifier: BSD-3-Clause
//
// Readers of the spool's other tables: leases, dead letters, answers to be sent, and the age of a queue.
#include "controlplane/spool_look.h"

#include <errno.h>
#include <string.h>

#include "controlplane/spool_parts.h"
#include "controlplane/spool_value.h"

int spool_oldest(struct spool *spool, const char *queue, uint64_t *stored_ns)
{
	struct spool_queue found;
	struct spool_reader reader;
	int err = spool_reader_open(spool, TABLE_MESSAGES, &reader);

	*stored_ns = 0;
	if (err)
		return err;
	err = spool_reader_queue(&reader, queue, &found);
	for (unsigned p = 0; p < WEIR_N_PRIORITIES && !err; p++) {
		struct spool_message message;
		struct spool_names names;
		struct spool_key key;
		MDB_val k = { sizeof(key), &key }, v;

		spool_key_format(&key, found.id, (uint8_t)p, 0);
		err = spool_errno(mdb_cursor_get(reader.cursor, &k, &v, MDB_SET_RANGE));
		if (err || k.mv_size != sizeof(key) || memcmp(k.mv_data, &key, 5) != 0) {
			err = err == -ENOENT ? 0 : err;
			continue;
		}
		err = spool_value_parse(v.mv_data, v.mv_size, &message, &names);
		if (!err && (*stored_ns == 0 || message.stored_ns < *stored_ns))
			*stored_ns = message.stored_ns;
	}
	spool_reader_close(&reader);
	return err;
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
