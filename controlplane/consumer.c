// SPDX-License-Identifier: BSD-3-Clause
//
// The consumer thread. What it shares with the loop stands under one mutex, held for moments only; the
// spool is written outside of it. Invariant: consumer_consumed never names a slot that is not durable.
#include "controlplane/consumer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "controlplane/clock.h"
#include "controlplane/intake.h"
#include "controlplane/log.h"
#include "controlplane/spool_keep.h"
#include "controlplane/thread.h"

#define MS UINT64_C(1000000)
#define PAUSE_NS (1 * MS)
#define SCAN_NS (1000 * MS)
#define NOTE_NS (60000 * MS)

struct consumer {
	uint32_t spool_mb;
	int wake;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t order; // something below changed
	// under the mutex
	struct mapping *wanted;
	uint64_t epoch; // of the attachment; one more with each change
	bool stop;
	unsigned n_consumed; // workers; 0: the attached segment is not started
	uint64_t consumed[WEIR_MAX_WORKERS];
	struct consumer_status status;
	struct op_list submitted;
	struct spool_limits limits;
	bool keeps; // has limits
	struct watcher {
		int fd;
		unsigned what; // 0: free
	} watchers[CONSUMER_WATCHERS];
	// the thread's own
	struct intake intake;
	uint64_t live_epoch; // of the intake's live source
	uint64_t next_scan;
	int stalled;
	uint64_t next_keep, next_note;
	struct spool_kept kept; // since it was last said
};

// Takes over what the loop attached or detached. Whether to go on.
static bool take_orders(struct consumer *c)
{
	struct mapping *map = NULL;
	bool change, stop;

	pthread_mutex_lock(&c->mutex);
	stop = c->stop;
	change = c->epoch != c->live_epoch;
	c->live_epoch = c->epoch;
	if (change && c->wanted)
		map = mapping_get(c->wanted);
	op_list_add(&c->intake.pending, op_list_take(&c->submitted));
	pthread_mutex_unlock(&c->mutex);
	if (!change)
		return !stop;
	source_destroy(c->intake.live);
	c->intake.live = map ? source_create(map) : NULL;
	if (map && !c->intake.live) {
		log_error("out of memory: the agent channel is not served");
		mapping_put(map);
	}
	if (c->intake.live)
		orphans_forget(&c->intake.orphans, c->intake.live->map);
	c->next_scan = 0;
	return !stop;
}

// Tells the loop what is durable. Under the mutex; whether there is news.
static bool report_consumed(struct consumer *c)
{
	unsigned n = c->intake.live->map->segment->n_workers;
	bool news = c->n_consumed != n;

	c->n_consumed = n;
	for (unsigned w = 0; w < n; w++) {
		news |= c->consumed[w] != c->intake.live->channel[w].durable;
		c->consumed[w] = c->intake.live->channel[w].durable;
	}
	return news;
}

static void report(struct consumer *c, const struct intake_outcome *outcome)
{
	unsigned n_orphans, stopped = intake_stopped(&c->intake, &n_orphans);
	bool news = false;

	pthread_mutex_lock(&c->mutex);
	c->status.stored += outcome->stored;
	c->status.orphans = n_orphans;
	c->status.stopped_channels = stopped;
	c->status.stalled = c->stalled;
	if (c->intake.live && c->intake.live->started && c->live_epoch == c->epoch)
		news = report_consumed(c);
	for (unsigned i = 0; i < CONSUMER_WATCHERS; i++)
		if (c->watchers[i].what & outcome->news)
			eventfd_write(c->watchers[i].fd, 1);
	pthread_mutex_unlock(&c->mutex);
	if (news)
		eventfd_write(c->wake, 1);
}

// Says once that the spool takes nothing, and once that it does again.
static void note_stall(struct consumer *c, int err)
{
	if (err && !c->stalled && err == -EDQUOT)
		log_error("the spool has reached agents.spool_mb = %u: nothing is acknowledged, "
			  "tried again every second",
			  c->spool_mb);
	else if (err && !c->stalled)
		log_error("the spool takes no messages (%s): nothing is acknowledged, tried again every second",
			  strerror(-err));
	else if (!err && c->stalled)
		log_info("the spool takes messages again");
	c->stalled = err;
}

// Waits for an order or an operation, but no longer than `ns`.
static void pause_for(struct consumer *c, uint64_t ns)
{
	uint64_t until = clock_ns(CLOCK_MONOTONIC) + ns;
	struct timespec at = { (time_t)(until / 1000000000), (long)(until % 1000000000) };

	pthread_mutex_lock(&c->mutex);
	while (!c->stop && c->epoch == c->live_epoch && !c->submitted.first)
		if (pthread_cond_timedwait(&c->order, &c->mutex, &at) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&c->mutex);
}

static void rest(struct consumer *c, const struct intake_outcome *outcome)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (c->intake.pending.first)
		return;
	if (c->stalled)
		pause_for(c, c->intake.retry > now ? c->intake.retry - now : 0);
	else if (c->next_keep <= now)
		return;
	else if (!c->intake.live && outcome->stored == 0) // what orphans hold is there at once, or never
		pause_for(c, SCAN_NS);
	else if (outcome->stored < INTAKE_BATCH / 8)
		pause_for(c, PAUSE_NS);
}

// Says what retention has done, at most once a minute.
static void note_kept(struct consumer *c, uint64_t now)
{
	if (now < c->next_note || c->kept.expired + c->kept.removed == 0)
		return;
	log_info("retention: %u messages became dead letters, %u dead letters were removed", c->kept.expired,
		 c->kept.removed);
	c->kept = (struct spool_kept){ 0 };
	c->next_note = now + NOTE_NS;
}

// A step of retention, each second, or at once while there is more to do.
static void keep(struct consumer *c)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	struct spool_kept kept;
	struct spool_limits limits;
	bool keeps;

	if (now < c->next_keep)
		return;
	c->next_keep = now + SCAN_NS;
	note_kept(c, now);
	pthread_mutex_lock(&c->mutex);
	keeps = c->keeps;
	limits = c->limits;
	pthread_mutex_unlock(&c->mutex);
	if (!keeps || spool_keep(c->intake.spool, &limits, clock_ns(CLOCK_REALTIME) / MS, &kept) < 0)
		return;
	c->kept.expired += kept.expired;
	c->kept.removed += kept.removed;
	if (kept.more)
		c->next_keep = now;
}

static void turn(struct consumer *c)
{
	struct intake_outcome outcome;

	if (clock_ns(CLOCK_MONOTONIC) >= c->next_scan) {
		orphans_scan(&c->intake.orphans, c->intake.live ? c->intake.live->map : NULL);
		c->next_scan = clock_ns(CLOCK_MONOTONIC) + SCAN_NS;
	}
	outcome = intake_batch(&c->intake, false);
	if (outcome.tried || outcome.err)
		note_stall(c, outcome.full ? -EDQUOT : outcome.err);
	report(c, &outcome);
	op_list_finish(&c->intake.ran, outcome.err);
	if (!outcome.err) {
		orphans_retire(&c->intake.orphans, c->intake.spool);
		keep(c);
	}
	rest(c, &outcome);
}

static void *consumer_run(void *argument)
{
	struct consumer *c = argument;

	while (take_orders(c))
		turn(c);
	while (c->intake.pending.first) {
		struct intake_outcome outcome = intake_batch(&c->intake, true);

		op_list_finish(&c->intake.ran, outcome.err);
	}
	return NULL;
}

struct consumer *consumer_create(struct spool *spool, const char *run_folder, uint32_t spool_mb, int wake)
{
	struct consumer *c = calloc(1, sizeof(*c));
	pthread_condattr_t attributes;
	int err;

	if (!c)
		return NULL;
	c->intake.spool = spool;
	c->spool_mb = spool_mb;
	c->wake = wake;
	c->intake.orphans.folder = run_folder;
	pthread_mutex_init(&c->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&c->order, &attributes);
	pthread_condattr_destroy(&attributes);
	err = thread_start(&c->thread, consumer_run, c);
	if (!err)
		return c;
	free(c);
	errno = err;
	return NULL;
}

void consumer_destroy(struct consumer *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->mutex);
	c->stop = true;
	pthread_cond_signal(&c->order);
	pthread_mutex_unlock(&c->mutex);
	pthread_join(c->thread, NULL);
	source_destroy(c->intake.live);
	mapping_put(c->wanted);
	orphans_forget(&c->intake.orphans, NULL);
	pthread_cond_destroy(&c->order);
	pthread_mutex_destroy(&c->mutex);
	free(c);
}

static void set_wanted(struct consumer *c, struct mapping *map)
{
	struct mapping *before;

	pthread_mutex_lock(&c->mutex);
	before = c->wanted;
	c->wanted = map;
	c->epoch++;
	c->n_consumed = 0;
	memset(c->consumed, 0, sizeof(c->consumed));
	pthread_cond_signal(&c->order);
	pthread_mutex_unlock(&c->mutex);
	mapping_put(before);
}

void consumer_attach(struct consumer *consumer, struct mapping *map)
{
	set_wanted(consumer, mapping_get(map));
}

void consumer_detach(struct consumer *consumer)
{
	set_wanted(consumer, NULL);
}

unsigned consumer_consumed(struct consumer *consumer, uint64_t sequence[WEIR_MAX_WORKERS])
{
	unsigned n;

	pthread_mutex_lock(&consumer->mutex);
	n = consumer->n_consumed;
	memcpy(sequence, consumer->consumed, n * sizeof(sequence[0]));
	pthread_mutex_unlock(&consumer->mutex);
	return n;
}

void consumer_submit(struct consumer *consumer, struct spool_op *ops)
{
	pthread_mutex_lock(&consumer->mutex);
	op_list_add(&consumer->submitted, ops);
	pthread_cond_signal(&consumer->order);
	pthread_mutex_unlock(&consumer->mutex);
}

void consumer_keep(struct consumer *consumer, const struct spool_limits *limits)
{
	pthread_mutex_lock(&consumer->mutex);
	consumer->limits = *limits;
	consumer->keeps = true;
	pthread_mutex_unlock(&consumer->mutex);
}

static struct watcher *find_watcher(struct consumer *consumer, int fd)
{
	struct watcher *free = NULL;

	for (unsigned i = 0; i < CONSUMER_WATCHERS; i++) {
		struct watcher *watcher = &consumer->watchers[i];

		if (watcher->what && watcher->fd == fd)
			return watcher;
		if (!watcher->what && !free)
			free = watcher;
	}
	return free;
}

int consumer_watch(struct consumer *consumer, int fd, unsigned what)
{
	struct watcher *watcher;

	pthread_mutex_lock(&consumer->mutex);
	watcher = find_watcher(consumer, fd);
	if (watcher)
		*watcher = (struct watcher){ fd, what };
	pthread_mutex_unlock(&consumer->mutex);
	return watcher || what == 0 ? 0 : -ENOSPC;
}

void consumer_status(struct consumer *consumer, struct consumer_status *status)
{
	pthread_mutex_lock(&consumer->mutex);
	*status = consumer->status;
	pthread_mutex_unlock(&consumer->mutex);
}
