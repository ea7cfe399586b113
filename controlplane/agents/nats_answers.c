// SPDX-License-Identifier: BSD-3-Clause
//
// Answers. The thread waits in the library, and for the writer; nothing waits for it. An answer is acknowledged after
// the commit that put it into the outbox: one that comes again is known there by its receipt, and acknowledged anew.
#include "controlplane/agents/nats_answers.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/agents/nats_answer.h"
#include "controlplane/agents/nats_stream.h"
#include "controlplane/log.h"
#include "controlplane/thread.h"

enum { PART = 64, FETCH_MS = 500, PAUSE_MIN_MS = 250, PAUSE_MAX_MS = 4000, LATER_MS = 1000, SAY_S = 10 };
#define ACK_WAIT_NS (INT64_C(30) * 1000000000)

// An answer in hand.
struct taken {
	natsMsg *msg;
	struct nats_answer answer;
	struct spool_op op;
};

struct nats_answers {
	const struct gateway *gateway;
	const struct answer_key *key;
	struct consumer *consumer;
	pthread_t thread;
	int end; // eventfd
	_Atomic bool stop;
	// the thread's own
	struct nats_link link;
	natsSubscription *subscription;
	uint32_t pause_ms;
	char said[NATS_WHY]; // the fault that the log has
	time_t refused_said; // CLOCK_MONOTONIC, s
	struct taken part[PART];
	// under the mutex
	pthread_mutex_t mutex;
	pthread_cond_t done;
	unsigned open; // operations that are not done
	struct nats_answers_status status;
};

static void note_fault(struct nats_answers *answers, const char *why)
{
	struct pollfd end = { answers->end, POLLIN, 0 };

	if (answers->stop)
		return;
	pthread_mutex_lock(&answers->mutex);
	snprintf(answers->status.error, sizeof(answers->status.error), "%s", why);
	answers->status.connected = nats_link_is_open(&answers->link);
	pthread_mutex_unlock(&answers->mutex);
	if (strcmp(answers->said, why) != 0)
		log_warning("nats: no answers come: %s; tried again until it works", why);
	snprintf(answers->said, sizeof(answers->said), "%s", why);
	poll(&end, 1, (int)answers->pause_ms);
	answers->pause_ms = answers->pause_ms * 2 < PAUSE_MAX_MS ? answers->pause_ms * 2 : PAUSE_MAX_MS;
}

static void note_good(struct nats_answers *answers)
{
	if (answers->said[0])
		log_info("nats: answers come again");
	answers->said[0] = '\0';
	answers->pause_ms = PAUSE_MIN_MS;
	pthread_mutex_lock(&answers->mutex);
	answers->status.error[0] = '\0';
	answers->status.connected = true;
	pthread_mutex_unlock(&answers->mutex);
}

static int subscribe(struct nats_answers *answers, char why[NATS_WHY])
{
	char subject[64];
	jsSubOptions options;
	jsErrCode code = 0;
	natsStatus status;

	snprintf(subject, sizeof(subject), "weir.answers.%s", answers->gateway->name);
	jsSubOptions_Init(&options);
	options.Stream = NATS_STREAM_ANSWERS;
	options.Config.AckPolicy = js_AckExplicit;
	options.Config.AckWait = ACK_WAIT_NS;
	status = js_PullSubscribe(&answers->subscription, answers->link.js, subject, answers->gateway->name, NULL,
				  &options, &code);
	if (status == NATS_OK)
		return 0;
	nats_link_explain(status, code, NATS_STREAM_ANSWERS, why);
	return -1;
}

static void disconnect(struct nats_answers *answers)
{
	if (nats_link_is_open(&answers->link)) // what was acknowledged is to be known
		natsConnection_FlushTimeout(answers->link.connection, LATER_MS);
	natsSubscription_Destroy(answers->subscription);
	answers->subscription = NULL;
	nats_link_close(&answers->link);
}

static int connect_to(struct nats_answers *answers, char why[NATS_WHY])
{
	const struct gateway_nats *nats = &answers->gateway->nats;
	const struct nats_stream stream = { .name = NATS_STREAM_ANSWERS, .subject = "weir.answers.>",
					    .replicas = nats->replicas, .duplicates_s = nats->duplicates_s,
					    .max_messages = nats->max_messages };
	struct nats_stream_state state;

	disconnect(answers);
	if (nats_link_open(&answers->link, answers->gateway, NULL, NULL, why))
		return -1;
	if (nats_stream_open(answers->link.js, &stream, &state, why) == 0 && subscribe(answers, why) == 0)
		return 0;
	disconnect(answers);
	return -1;
}

// On the writer's thread.
static void on_done(struct spool_op *op)
{
	struct nats_answers *answers = op->owner;

	pthread_mutex_lock(&answers->mutex);
	if (--answers->open == 0)
		pthread_cond_signal(&answers->done);
	pthread_mutex_unlock(&answers->mutex);
}

static void refuse(struct nats_answers *answers, natsMsg *msg, const char *why)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (answers->refused_said == 0 || now.tv_sec - answers->refused_said >= SAY_S) {
		log_warning("nats: an answer is refused: %s", why);
		answers->refused_said = now.tv_sec;
	}
	natsMsg_Term(msg, NULL);
	pthread_mutex_lock(&answers->mutex);
	answers->status.refused++;
	pthread_mutex_unlock(&answers->mutex);
}

// Tells NATS what has become of an answer.
static void settle(struct nats_answers *answers, struct taken *taken)
{
	switch (taken->op.result) {
	case 0:
		pthread_mutex_lock(&answers->mutex);
		answers->status.taken++;
		pthread_mutex_unlock(&answers->mutex);
		natsMsg_Ack(taken->msg, NULL);
		break;
	case -EALREADY: // its acknowledgement did not come through, or somebody answers twice
		natsMsg_Ack(taken->msg, NULL);
		break;
	case -EPROTONOSUPPORT:
		refuse(answers, taken->msg, "the message cannot be answered");
		break;
	case -EINVAL:
	case -EBADMSG:
	case -EMSGSIZE:
	case -EILSEQ:
		refuse(answers, taken->msg, "it cannot be sent back");
		break;
	default: // the spool takes nothing now
		natsMsg_NakWithDelay(taken->msg, LATER_MS, NULL);
	}
}

// The spool takes all of a part, then each is settled.
static void put(struct nats_answers *answers, unsigned n)
{
	if (n == 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		struct taken *taken = &answers->part[i];

		taken->op = (struct spool_op){ .kind = OP_ANSWER, .done = on_done, .owner = answers, .agent = "nats",
					       .origin = &taken->answer.origin.message,
					       .answer = &taken->answer.answer,
					       .next = i + 1 < n ? &answers->part[i + 1].op : NULL };
	}
	answers->open = n;
	consumer_submit(answers->consumer, &answers->part[0].op);
	pthread_mutex_lock(&answers->mutex);
	while (answers->open > 0)
		pthread_cond_wait(&answers->done, &answers->mutex);
	pthread_mutex_unlock(&answers->mutex);
	for (unsigned i = 0; i < n; i++) {
		settle(answers, &answers->part[i]);
		nats_answer_fini(&answers->part[i].answer);
		natsMsg_Destroy(answers->part[i].msg);
	}
}

static void take(struct nats_answers *answers, natsMsgList *list)
{
	unsigned n = 0;

	for (int i = 0; i < list->Count; i++) {
		natsMsg *msg = list->Msgs[i];
		struct taken *taken = &answers->part[n];
		const char *why;

		taken->msg = msg;
		if (nats_answer_parse(answers->key, natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg),
				      &taken->answer, &why)) {
			refuse(answers, msg, why);
			continue;
		}
		list->Msgs[i] = NULL;
		n++;
	}
	put(answers, n);
}

static void turn(struct nats_answers *answers)
{
	natsMsgList list = { 0 };
	char why[NATS_WHY];
	jsErrCode code = 0;
	natsStatus status;

	if (!nats_link_is_open(&answers->link) && connect_to(answers, why)) {
		note_fault(answers, why);
		return;
	}
	status = natsSubscription_Fetch(&list, answers->subscription, PART, FETCH_MS, &code);
	if (status == NATS_OK || status == NATS_TIMEOUT) {
		note_good(answers);
	} else {
		nats_link_explain(status, code, NATS_STREAM_ANSWERS, why);
		disconnect(answers);
		note_fault(answers, why);
	}
	take(answers, &list);
	natsMsgList_Destroy(&list);
}

static void *answers_run(void *argument)
{
	struct nats_answers *answers = argument;

	while (!answers->stop)
		turn(answers);
	disconnect(answers);
	return NULL;
}

struct nats_answers *nats_answers_create(const struct gateway *gateway, const struct answer_key *key,
					 struct consumer *consumer)
{
	struct nats_answers *answers = calloc(1, sizeof(*answers));
	int err;

	if (!answers)
		return NULL;
	answers->gateway = gateway;
	answers->key = key;
	answers->consumer = consumer;
	answers->pause_ms = PAUSE_MIN_MS;
	pthread_mutex_init(&answers->mutex, NULL);
	pthread_cond_init(&answers->done, NULL);
	answers->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = answers->end < 0 ? errno : thread_start(&answers->thread, answers_run, answers);
	if (!err)
		return answers;
	if (answers->end >= 0)
		close(answers->end);
	free(answers);
	errno = err;
	return NULL;
}

void nats_answers_destroy(struct nats_answers *answers)
{
	if (!answers)
		return;
	answers->stop = true;
	eventfd_write(answers->end, 1);
	pthread_join(answers->thread, NULL);
	close(answers->end);
	pthread_cond_destroy(&answers->done);
	pthread_mutex_destroy(&answers->mutex);
	free(answers);
}

void nats_answers_status(struct nats_answers *answers, struct nats_answers_status *status)
{
	pthread_mutex_lock(&answers->mutex);
	*status = answers->status;
	pthread_mutex_unlock(&answers->mutex);
}
