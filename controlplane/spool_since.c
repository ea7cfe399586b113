// SPDX-License-Identifier: BSD-3-Clause
//
// What came to a queue since a message: a reader over all the tables that it may be in, in one snapshot, so that a
// message that is moved meanwhile is seen, and once.
#include <errno.h>
#include <string.h>

#include "controlplane/spool_parts.h"
#include "controlplane/spool_value.h"

struct search {
	struct spool_reader *reader;
	const struct spool_queue *queue;
	uint64_t after;
	uint32_t n;
	spool_each_message *each;
	void *argument;
};

// Of one priority in `messages` or `dead`.
static int by_key(const struct search *search, MDB_cursor *cursor, enum spool_table table, uint8_t priority)
{
	struct spool_key from;
	MDB_val k = { sizeof(from), &from }, v;
	uint32_t n = search->n;
	int result, err = 0;

	spool_key_format(&from, search->queue->id, priority, search->after + 1);
	for (result = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE); !result && !err && n > 0;
	     result = mdb_cursor_get(cursor, &k, &v, MDB_NEXT), n--) {
		struct spool_dead_letter letter;
		struct spool_names names;

		if (k.mv_size != sizeof(from) || memcmp(k.mv_data, &from, 5) != 0)
			return 0;
		err = table == TABLE_DEAD ? spool_dead_parse(v.mv_data, v.mv_size, &letter, &names) :
					    spool_value_parse(v.mv_data, v.mv_size, &letter.message, &names);
		letter.message.arrival = spool_key_arrival(k.mv_data);
		if (!err)
			err = search->each(&letter.message, search->argument);
	}
	return err || !result || result == MDB_NOTFOUND ? err : spool_errno(result);
}

static int by_lease(const struct search *search, MDB_cursor *cursor)
{
	struct spool_id_key from = spool_id_key(search->after + 1);
	MDB_val k = { sizeof(from), &from }, v;
	uint32_t n = search->n;
	int result, err = 0;

	for (result = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE); !result && !err && n > 0;
	     result = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		struct spool_lease lease;
		struct spool_names names;

		err = k.mv_size == sizeof(from) ? spool_lease_parse(v.mv_data, v.mv_size, &lease, &names) : -EBADMSG;
		if (err || strcmp(names.queue, search->queue->name) != 0)
			continue;
		lease.message.arrival = spool_id_read(k.mv_data);
		err = search->each(&lease.message, search->argument);
		n--;
	}
	return err || !result || result == MDB_NOTFOUND ? err : spool_errno(result);
}

static int search_table(const struct search *search, enum spool_table table)
{
	MDB_cursor *cursor;
	int err = spool_errno(mdb_cursor_open(search->reader->txn, search->reader->spool->table[table], &cursor));

	if (err)
		return err;
	if (table == TABLE_LEASES)
		err = by_lease(search, cursor);
	for (uint8_t p = 0; table != TABLE_LEASES && p < WEIR_N_PRIORITIES && !err; p++)
		err = by_key(search, cursor, table, p);
	mdb_cursor_close(cursor);
	return err;
}

int spool_since(struct spool *spool, const char *queue, struct spool_since *since, uint32_t n, spool_each_message *each,
		void *argument)
{
	static const enum spool_table tables[] = { TABLE_MESSAGES, TABLE_LEASES, TABLE_DEAD };
	struct spool_reader reader;
	struct spool_queue found;
	struct search search = { &reader, &found, since->after, n, each, argument };
	int err = spool_reader_open(spool, TABLE_META, &reader);

	since->stored = 0;
	if (err)
		return err;
	err = spool_reader_last(&reader, &since->last);
	if (!err)
		err = spool_reader_queue(&reader, queue, &found);
	if (!err)
		since->stored = found.stored;
	for (unsigned t = 0; t < 3 && !err && n > 0 && since->after < since->last; t++)
		err = search_table(&search, tables[t]);
	spool_reader_close(&reader);
	return err;
}
