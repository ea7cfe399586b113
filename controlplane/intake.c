// SPDX-License-Identifier: BSD-3-Clause
//
// What goes into the spool by one batch, see intake.h. Invariant: a source counts as durable what a commit has made so,
// and nothing else; after a batch that failed it asks the spool's cursors how far it is.
#include "controlplane/intake.h"

#include "controlplane/clock.h"
#include "controlplane/consumer.h"

enum { BATCH_BYTES = 16 << 20 };
#define MS UINT64_C(1000000)
#define RETRY_NS (1000 * MS)

unsigned intake_stopped(const struct intake *intake, unsigned *n_orphans)
{
	unsigned stopped = intake->live ? source_stopped(intake->live) : 0;

	*n_orphans = 0;
	for (const struct orphan *o = intake->orphans.list; o; o = o->next) {
		stopped += o->source ? source_stopped(o->source) : 0;
		(*n_orphans)++;
	}
	return stopped;
}

// Calls `step` for the live source and every orphan until one fails.
static int each_source(struct intake *intake, struct batch *batch,
		       int (*step)(struct source *source, struct batch *batch))
{
	int err = intake->live ? step(intake->live, batch) : 0;

	for (struct orphan *o = intake->orphans.list; o && !err; o = o->next)
		if (o->source)
			err = step(o->source, batch);
	return err;
}

static int step_start(struct source *source, struct batch *batch)
{
	return source->started ? 0 : source_start(source, batch->spool);
}

static int step_settle(struct source *source, struct batch *batch)
{
	(void)batch;
	source_settle(source);
	return 0;
}

static int step_restart(struct source *source, struct batch *batch)
{
	(void)batch;
	source->started = false;
	return 0;
}

// Runs operations, in a batch that is opened for them.
static int run_ops(struct intake *intake, struct batch *batch, bool ending)
{
	int err = intake->pending.first && !batch->open ? spool_begin(intake->spool) : 0;

	if (err) { // they are as if they had run
		op_list_add(&intake->ran, op_list_take(&intake->pending));
		return err;
	}
	batch->open |= intake->pending.first != NULL;
	return op_list_run(&intake->pending, &intake->ran, intake->spool, batch->now_ns / MS, ending);
}

static unsigned news_of(const struct intake *intake, const struct batch *batch)
{
	unsigned news = batch->n > 0 ? CONSUMER_MESSAGES : 0;

	for (const struct spool_op *op = intake->ran.first; op; op = op->next)
		if ((op->kind == OP_SETTLE || op->kind == OP_ANSWER) && op->answer && op->result == 0)
			news |= CONSUMER_ANSWERS;
	return news;
}

// Sources are started before the batch, since that is a batch too.
struct intake_outcome intake_batch(struct intake *intake, bool ending)
{
	struct batch batch = { .spool = intake->spool, .room = INTAKE_BATCH, .bytes = BATCH_BYTES,
			       .now_ns = clock_ns(CLOCK_REALTIME) };
	struct intake_outcome outcome = { .tried = !ending && clock_ns(CLOCK_MONOTONIC) >= intake->retry };
	int err = outcome.tried ? each_source(intake, &batch, step_start) : 0;
	bool started = outcome.tried && !err;

	if (!err)
		err = run_ops(intake, &batch, ending);
	if (!err && started)
		err = each_source(intake, &batch, source_collect);
	if (!err && batch.open)
		err = spool_commit(intake->spool);
	outcome.err = err;
	outcome.full = batch.full;
	if (outcome.full || err)
		intake->retry = clock_ns(CLOCK_MONOTONIC) + RETRY_NS;
	if (err) { // what a failed commit left behind, the cursors know
		each_source(intake, &batch, step_restart);
		return outcome;
	}
	if (started)
		each_source(intake, &batch, step_settle);
	outcome.stored = batch.n;
	outcome.news = news_of(intake, &batch);
	return outcome;
}
