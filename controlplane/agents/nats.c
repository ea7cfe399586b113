// SPDX-License-Identifier: BSD-3-Clause
//
// The forwarder. A turn takes a batch from the spool, publishes it as one round, and removes what was acknowledged
// before it takes the next: so a message that is on its way is never taken twice by one process, and one that was
// acknowledged to a process that died is published again under the same Nats-Msg-Id. Removal is an operation of
// the spool's writer, within its batches. Every fault is said once, shown in the status, and tried again after a pause.
#include "controlplane/agents/nats.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "controlplane/agents/nats_answers.h"
#include "controlplane/agents/nats_batch.h"
#include "controlplane/agents/nats_leases.h"
#include "controlplane/agents/nats_sender.h"
#include "controlplane/agents/nats_stream.h"
#include "controlplane/clock.h"
#include "controlplane/log.h"
#include "controlplane/thread.h"

enum { IDLE_MS = 1000, PAUSE_MIN_MS = 250, PAUSE_MAX_MS = 4000, SHARED_MIN_MS = 1000, SHARED_MAX_MS = 64000 };

struct nats {
	const struct gateway *gateway;
	struct spool *spool;
	struct consumer *consumer;
	struct answer_key key;
	struct nats_sender *sender;
	struct nats_answers *answers;
	pthread_t thread;
	int news, end; // eventfds: messages came; the thread ends
	_Atomic bool stop;
	// the thread's own
	struct nats_batch batch;
	bool leases_returned; // that agents had here before
	uint32_t pause_ms;
	char said[NATS_WHY]; // the fault that the log has; "": none since it went
	uint64_t shared_until_ms, conflict_ms; // CLOCK_MONOTONIC
	uint32_t shared_ms;
	// under the mutex
	pthread_mutex_t mutex;
	pthread_cond_t removed;
	unsigned removing; // operations that are not done
	int remove_error;
	bool connected, shared;
	char server[sizeof(((struct nats_link *)0)->server)];
	char error[NATS_WHY]; // why nothing goes now; "": it does
	uint64_t forwarded, duplicates;
};

// Waits for the end, and with `news` for messages; no longer than `ms`.
static void wait_ms(struct nats *nats, bool news, uint32_t ms)
{
	struct pollfd fds[2] = { { nats->end, POLLIN, 0 }, { nats->news, POLLIN, 0 } };
	eventfd_t n;

	if (poll(fds, news ? 2 : 1, (int)ms) > 0 && news && fds[1].revents)
		eventfd_read(nats->news, &n);
}

// Says a fault, once, and waits a while.
static void note_fault(struct nats *nats, const char *why)
{
	if (nats->stop)
		return;
	pthread_mutex_lock(&nats->mutex);
	snprintf(nats->error, sizeof(nats->error), "%s", why);
	nats->connected = nats_sender_is_open(nats->sender);
	pthread_mutex_unlock(&nats->mutex);
	if (strcmp(nats->said, why) != 0)
		log_warning("nats: %s; messages wait in the spool, tried again until it works", why);
	snprintf(nats->said, sizeof(nats->said), "%s", why);
	wait_ms(nats, false, nats->pause_ms);
	nats->pause_ms = nats->pause_ms * 2 < PAUSE_MAX_MS ? nats->pause_ms * 2 : PAUSE_MAX_MS;
}

static void note_good(struct nats *nats)
{
	nats->pause_ms = PAUSE_MIN_MS;
	pthread_mutex_lock(&nats->mutex);
	nats->error[0] = '\0';
	pthread_mutex_unlock(&nats->mutex);
	if (nats->said[0])
		log_info("nats: stream %s takes messages again", NATS_STREAM_AGENTS);
	nats->said[0] = '\0';
}

static int connect_to(struct nats *nats)
{
	char why[NATS_WHY];

	if (nats_sender_open(nats->sender, why)) {
		note_fault(nats, why);
		return -1;
	}
	pthread_mutex_lock(&nats->mutex);
	nats->connected = true;
	nats->error[0] = '\0';
	snprintf(nats->server, sizeof(nats->server), "%s", nats_sender_server(nats->sender));
	pthread_mutex_unlock(&nats->mutex);
	log_info("nats: connected to %s, stream %s", nats_sender_server(nats->sender), NATS_STREAM_AGENTS);
	return 0;
}

// On the writer's thread.
static void on_removed(struct spool_op *op)
{
	struct nats *nats = op->owner;

	pthread_mutex_lock(&nats->mutex);
	if (op->result && op->result != -ENOENT) // gone already: it had waited too long
		nats->remove_error = op->result;
	if (--nats->removing == 0)
		pthread_cond_signal(&nats->removed);
	pthread_mutex_unlock(&nats->mutex);
}

// One try to remove what NATS has. 0 or the spool's error; then some may be left, and may be removed again.
static int remove_stored(struct nats *nats)
{
	struct spool_op *chain = NULL, **tail = &chain;
	int err;

	for (unsigned i = 0; i < nats->batch.n; i++) {
		struct nats_item *item = nats->batch.items[i];
		struct spool_op *op = nats_batch_op(item);

		if (item->state != NATS_ITEM_STORED)
			continue;
		*op = (struct spool_op){ .kind = OP_FORWARD, .done = on_removed, .owner = nats,
					 .queue = item->message.queue, .id = item->message.arrival };
		*tail = op;
		tail = &op->next;
		nats->removing++; // nothing is submitted yet: no other thread looks
	}
	if (!chain)
		return 0;
	nats->remove_error = 0;
	consumer_submit(nats->consumer, chain);
	pthread_mutex_lock(&nats->mutex);
	while (nats->removing > 0)
		pthread_cond_wait(&nats->removed, &nats->mutex);
	err = nats->remove_error;
	pthread_mutex_unlock(&nats->mutex);
	return err;
}

// What is not removed would be published again, so nothing is published meanwhile.
static void remove_until_done(struct nats *nats)
{
	char why[NATS_WHY];
	int err;

	while ((err = remove_stored(nats)) != 0 && !nats->stop) {
		snprintf(why, sizeof(why), "forwarded messages cannot be removed from the spool: %s", strerror(-err));
		note_fault(nats, why);
	}
}

static bool is_shared(struct nats *nats)
{
	bool shared = clock_ms(CLOCK_MONOTONIC) < nats->shared_until_ms || !nats_sender_can_chain(nats->sender);

	pthread_mutex_lock(&nats->mutex);
	nats->shared = shared;
	pthread_mutex_unlock(&nats->mutex);
	return shared;
}

// Somebody else publishes to the stream. A chain would break again and again, so there is none for a while.
static void note_conflict(struct nats *nats)
{
	uint64_t now = clock_ms(CLOCK_MONOTONIC);

	if (now - nats->conflict_ms > 2 * SHARED_MAX_MS)
		nats->shared_ms = SHARED_MIN_MS;
	else if (nats->shared_ms < SHARED_MAX_MS)
		nats->shared_ms *= 2;
	nats->conflict_ms = now;
	if (nats->gateway->nats.exclusive)
		log_error("nats: another one publishes to stream %s, though agents.nats.exclusive says no: "
			  "messages may have changed places",
			  NATS_STREAM_AGENTS);
	nats->shared_until_ms = now + nats->shared_ms;
}

static void count(struct nats *nats, const struct nats_round *round)
{
	pthread_mutex_lock(&nats->mutex);
	nats->forwarded += round->stored - round->duplicates;
	nats->duplicates += round->duplicates;
	pthread_mutex_unlock(&nats->mutex);
}

static void publish(struct nats *nats, bool chained)
{
	struct nats_round round = { .items = nats->batch.items, .n = nats->batch.n, .chained = chained };
	char why[NATS_WHY];
	int result = nats_sender_send(nats->sender, &round, why);

	count(nats, &round);
	remove_until_done(nats);
	if (result < 0)
		note_fault(nats, why);
	else
		note_good(nats);
	if (result > 0 && round.duplicates == 0) // own duplicates break a chain once, others do it again
		note_conflict(nats);
}

static void turn(struct nats *nats)
{
	bool shared;
	char why[NATS_WHY];
	int err;

	if (!nats_sender_is_open(nats->sender)) {
		connect_to(nats);
		return;
	}
	shared = is_shared(nats);
	err = nats->leases_returned ? 0 : nats_leases_return(nats->spool, nats->consumer);
	nats->leases_returned = err == 0;
	if (!err)
		err = nats_batch_fill(&nats->batch, nats->spool, shared);
	if (err) {
		snprintf(why, sizeof(why), "the spool fails: %s", strerror(-err));
		note_fault(nats, why);
	} else if (nats->batch.n > 0) {
		publish(nats, !shared);
		nats_batch_clear(&nats->batch);
	} else {
		wait_ms(nats, true, IDLE_MS);
	}
}

static void *nats_run(void *argument)
{
	struct nats *nats = argument;

	while (!nats->stop)
		turn(nats);
	return NULL;
}

static void give_back(struct nats *nats)
{
	nats_answers_destroy(nats->answers);
	nats_sender_destroy(nats->sender);
	if (nats->news >= 0)
		close(nats->news);
	if (nats->end >= 0)
		close(nats->end);
	pthread_cond_destroy(&nats->removed);
	pthread_mutex_destroy(&nats->mutex);
	explicit_bzero(&nats->key, sizeof(nats->key));
	free(nats);
}

static int start(struct nats *nats)
{
	int err;

	nats->sender = nats_sender_create(nats->gateway, &nats->key);
	nats->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	nats->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!nats->sender || nats->news < 0 || nats->end < 0)
		return -ENOMEM;
	nats->answers = nats_answers_create(nats->gateway, &nats->key, nats->consumer);
	if (!nats->answers)
		return -errno;
	err = consumer_watch(nats->consumer, nats->news, CONSUMER_MESSAGES);
	if (!err) {
		err = -thread_start(&nats->thread, nats_run, nats); // the library's threads inherit what is blocked
		if (err)
			consumer_watch(nats->consumer, nats->news, 0);
	}
	return err;
}

struct nats *nats_create(const struct gateway *gateway, struct spool *spool, struct consumer *consumer, const char *key,
			 char *why, size_t why_size)
{
	struct nats *nats = calloc(1, sizeof(*nats));
	int err;

	if (!nats) {
		snprintf(why, why_size, "out of memory");
		return NULL;
	}
	*nats = (struct nats){ .gateway = gateway, .spool = spool, .consumer = consumer, .news = -1, .end = -1,
			       .pause_ms = PAUSE_MIN_MS, .shared_ms = SHARED_MIN_MS };
	pthread_mutex_init(&nats->mutex, NULL);
	pthread_cond_init(&nats->removed, NULL);
	err = answer_key_open(key, &nats->key, why, why_size);
	if (!err) {
		err = start(nats);
		if (err)
			snprintf(why, why_size, "the NATS backend cannot start: %s", strerror(-err));
	}
	if (!err)
		return nats;
	give_back(nats);
	return NULL;
}

void nats_destroy(struct nats *nats)
{
	if (!nats)
		return;
	nats->stop = true;
	nats_sender_stop(nats->sender);
	eventfd_write(nats->end, 1);
	pthread_join(nats->thread, NULL);
	consumer_watch(nats->consumer, nats->news, 0);
	nats_batch_clear(&nats->batch);
	give_back(nats);
}

json_t *nats_status(struct nats *nats)
{
	struct nats_answers_status answers;
	json_t *object;

	nats_answers_status(nats->answers, &answers);
	pthread_mutex_lock(&nats->mutex);
	object = json_pack("{s:s, s:b, s:s?, s:I, s:I, s:b, s:s?}", "url", nats->gateway->nats.url, "connected",
			   (int)nats->connected, "server", nats->connected ? nats->server : NULL, "forwarded",
			   (json_int_t)nats->forwarded, "duplicates", (json_int_t)nats->duplicates, "shared",
			   (int)nats->shared, "error", nats->error[0] ? nats->error : NULL);
	pthread_mutex_unlock(&nats->mutex);
	json_object_set_new(object, "answers",
			    json_pack("{s:b, s:I, s:I, s:s?}", "connected", (int)answers.connected, "taken",
				      (json_int_t)answers.taken, "refused", (json_int_t)answers.refused, "error",
				      answers.error[0] ? answers.error : NULL));
	return object;
}
