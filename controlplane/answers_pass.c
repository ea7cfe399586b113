// SPDX-License-Identifier: BSD-3-Clause
//
// A pass over the outbox, see answers_parts.h. It goes in small parts and takes what is not known of yet into memory,
// some for each way. It waits for a way that has enough and sends; one that has enough and does not is passed over,
// and notes where the outbox is to be read again when it does. Loop's thread.
#include <errno.h>
#include <string.h>

#include "controlplane/answers_parts.h"
#include "controlplane/log.h"

enum { HELD = 1, PART = 64, STUCK_MS = 200 };

void answers_pass_begin(struct answers_pass *pass, uint64_t from)
{
	if (!pass->under_way) {
		pass->under_way = true;
		pass->after = from;
		return;
	}
	if (!pass->again || from < pass->again_from)
		pass->again_from = from;
	pass->again = true;
}

// Whether answers leave on a way, as far as is known.
static bool moves(const struct way *way, uint64_t now_ms)
{
	return way->backoff_ms == 0 && now_ms < way->moved_ms + STUCK_MS;
}

uint64_t answers_pass_due(const struct answers_pass *pass, uint64_t now_ms)
{
	const struct way *way = pass->held;

	if (!pass->under_way)
		return UINT64_MAX;
	if (way && way->n_waiting > ANSWERS_A_WAY / 2 && moves(way, now_ms))
		return way->moved_ms + STUCK_MS;
	return now_ms;
}

struct part {
	struct answers_pass *pass;
	struct answers_set *set;
	uint64_t now_ms;
	unsigned n;
};

static int take_one(const struct spool_outgoing *outgoing, void *argument)
{
	struct part *part = argument;
	struct way *way = &part->set->way[answers_way_of(&outgoing->record)];

	if (answers_set_find(part->set, outgoing->arrival)) {
		// on its way already, in one form or another
	} else if (way->n_waiting < ANSWERS_A_WAY) {
		if (!answers_set_add(part->set, outgoing))
			return -ENOMEM;
	} else if (moves(way, part->now_ms)) {
		part->pass->held = way;
		return HELD;
	} else if (!way->more || outgoing->arrival <= way->more_at) {
		way->more = true;
		way->more_at = outgoing->arrival - 1;
	}
	part->n++;
	part->pass->after = outgoing->arrival;
	return 0;
}

int answers_pass_step(struct answers_pass *pass, struct spool *spool, struct answers_set *set, uint64_t now_ms)
{
	struct part part = { pass, set, now_ms, 0 };
	int err;

	pass->held = NULL;
	err = spool_outbox(spool, pass->after, PART, take_one, &part);
	if (err == HELD)
		return 0;
	if (err && !pass->failed)
		log_error("answers of agents cannot be read from the spool (%s): tried again every second",
			  strerror(-err));
	pass->failed = err != 0;
	if (!err && part.n == PART)
		return 0;
	pass->under_way = false;
	if (pass->again && !err) {
		pass->again = false;
		answers_pass_begin(pass, pass->again_from);
	}
	return err;
}
