// SPDX-License-Identifier: BSD-3-Clause
//
// Rounds. Acknowledgements come on threads of the library, which find the item by its message and mark it; the caller's
// thread waits for them under one mutex. A round whose acknowledgements do not come ends with its connection, so that
// whatever was on its way on it cannot answer to a later round.
#include "controlplane/agents/nats_sender.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controlplane/agents/nats_message.h"
#include "controlplane/agents/nats_name.h"
#include "controlplane/agents/nats_stream.h"

enum { CLOSE_WAIT_MS = 5000, SLICE_MS = 50 };

// What a message of a chained round must find at the end of the stream.
enum chain {
	CHAIN_NONE,
	CHAIN_ID,     // the message before it, by its id: exact, whoever else publishes
	CHAIN_NUMBER, // as many messages as before the round and in front of it: exact where nobody else publishes
};

struct nats_sender {
	const struct gateway *gateway;
	const struct answer_key *key;
	struct nats_link link;
	enum chain chain;
	uint64_t last; // number of the stream's last message, where it is known
	bool last_known;
	pthread_mutex_t mutex;
	pthread_cond_t news;
	// under the mutex
	bool stop;
	struct nats_item *const *items; // of the round that runs; NULL: none does
	unsigned sent, settled, hint;
	unsigned stored, duplicates;
	unsigned fault_at; // the first item that was refused
	natsStatus fault;
	jsErrCode fault_code;
	char fault_text[256];
};

// The item of the running round that a message is; they mostly come in order. NULL: of an older one.
static struct nats_item *find_item(struct nats_sender *sender, const natsMsg *msg, unsigned *at)
{
	if (!sender->items)
		return NULL;
	for (unsigned i = 0; i < sender->sent; i++) {
		*at = (sender->hint + i) % sender->sent;
		if (sender->items[*at]->state == NATS_ITEM_SENT && sender->items[*at]->sent == msg) {
			sender->hint = *at + 1;
			return sender->items[*at];
		}
	}
	return NULL;
}

static void note_fault(struct nats_sender *sender, unsigned at, const jsPubAckErr *error)
{
	if (at >= sender->fault_at)
		return;
	sender->fault_at = at;
	sender->fault = error->Err;
	sender->fault_code = error->ErrCode;
	snprintf(sender->fault_text, sizeof(sender->fault_text), "%s", error->ErrText ? error->ErrText : "refused");
}

static void on_acked(jsCtx *js, natsMsg *msg, jsPubAck *ack, jsPubAckErr *error, void *closure)
{
	struct nats_sender *sender = closure;
	struct nats_item *item;
	unsigned at;

	(void)js;
	pthread_mutex_lock(&sender->mutex);
	item = find_item(sender, msg, &at);
	if (item) {
		item->state = ack ? NATS_ITEM_STORED : NATS_ITEM_WAITS;
		sender->settled++;
		sender->stored += ack != NULL;
		sender->duplicates += ack && ack->Duplicate;
		if (error)
			note_fault(sender, at, error);
		pthread_cond_signal(&sender->news);
	}
	pthread_mutex_unlock(&sender->mutex);
	natsMsg_Destroy(msg);
}

struct nats_sender *nats_sender_create(const struct gateway *gateway, const struct answer_key *key)
{
	struct nats_sender *sender = calloc(1, sizeof(*sender));
	pthread_condattr_t attributes;

	if (!sender)
		return NULL;
	sender->gateway = gateway;
	sender->key = key;
	pthread_mutex_init(&sender->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&sender->news, &attributes);
	pthread_condattr_destroy(&attributes);
	return sender;
}

void nats_sender_destroy(struct nats_sender *sender)
{
	if (!sender)
		return;
	nats_link_close(&sender->link);
	if (nats_CloseAndWait(CLOSE_WAIT_MS) != NATS_OK)
		return; // a thread of the library still holds it
	pthread_cond_destroy(&sender->news);
	pthread_mutex_destroy(&sender->mutex);
	free(sender);
}

int nats_sender_open(struct nats_sender *sender, char why[NATS_WHY])
{
	const struct gateway_nats *nats = &sender->gateway->nats;
	const struct nats_stream stream = { .name = NATS_STREAM_AGENTS, .subject = "weir.agents.>",
					    .replicas = nats->replicas, .duplicates_s = nats->duplicates_s,
					    .max_messages = nats->max_messages };

	struct nats_stream_state state;

	nats_link_close(&sender->link);
	if (nats_link_open(&sender->link, sender->gateway, on_acked, sender, why))
		return -1;
	if (nats_stream_open(sender->link.js, &stream, &state, why)) {
		nats_link_close(&sender->link);
		return -1;
	}
	sender->last = state.last;
	sender->last_known = true;
	sender->chain = state.replicas == 1 ? CHAIN_ID : nats->exclusive ? CHAIN_NUMBER : CHAIN_NONE;
	return 0;
}

void nats_sender_close(struct nats_sender *sender)
{
	nats_link_close(&sender->link);
}

bool nats_sender_is_open(struct nats_sender *sender)
{
	return nats_link_is_open(&sender->link);
}

const char *nats_sender_server(const struct nats_sender *sender)
{
	return sender->link.server;
}

bool nats_sender_can_chain(const struct nats_sender *sender)
{
	return sender->chain != CHAIN_NONE;
}

static bool may_go_on(struct nats_sender *sender)
{
	bool go;

	pthread_mutex_lock(&sender->mutex);
	go = !sender->stop && sender->fault_at == UINT32_MAX;
	pthread_mutex_unlock(&sender->mutex);
	return go;
}

// Makes item `i` of a round a link of its chain. Nothing of ours is on its way before the first one.
static natsStatus tie(const struct nats_sender *sender, const struct nats_round *round, unsigned i, natsMsg *msg)
{
	char text[NATS_ID];

	if (sender->chain == CHAIN_NUMBER) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)(sender->last + i));
		return natsMsgHeader_Set(msg, "Nats-Expected-Last-Sequence", text);
	}
	if (i == 0)
		return NATS_OK;
	nats_id_format(sender->gateway->name, &round->items[i - 1]->message, text);
	return natsMsgHeader_Set(msg, "Nats-Expected-Last-Msg-Id", text);
}

static natsStatus publish(struct nats_sender *sender, const struct nats_round *round, unsigned i)
{
	natsMsg *msg = nats_message_create(sender->gateway->name, sender->key, &round->items[i]->message);
	natsStatus status = msg ? NATS_OK : NATS_NO_MEMORY;

	if (status == NATS_OK && round->chained)
		status = tie(sender, round, i, msg);
	pthread_mutex_lock(&sender->mutex);
	round->items[i]->sent = msg;
	round->items[i]->state = NATS_ITEM_SENT;
	sender->sent = i + 1;
	pthread_mutex_unlock(&sender->mutex);
	if (status == NATS_OK)
		status = js_PublishMsgAsync(sender->link.js, &msg, NULL);
	if (status == NATS_OK)
		return NATS_OK;
	pthread_mutex_lock(&sender->mutex);
	round->items[i]->state = NATS_ITEM_WAITS;
	sender->sent = i;
	pthread_mutex_unlock(&sender->mutex);
	natsMsg_Destroy(msg);
	return status;
}

static struct timespec from_now(uint32_t ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_nsec -= 1000000000;
		at.tv_sec++;
	}
	return at;
}

// Waits until all that was sent is answered; false when that cannot be waited for.
static bool drain(struct nats_sender *sender)
{
	uint32_t patience = sender->gateway->nats.timeout_ms, waited = 0;
	unsigned settled = 0;
	bool done;

	pthread_mutex_lock(&sender->mutex);
	while (sender->settled < sender->sent && !sender->stop && waited < patience) {
		struct timespec at = from_now(SLICE_MS);

		if (pthread_cond_timedwait(&sender->news, &sender->mutex, &at) == 0)
			continue;
		waited = settled == sender->settled ? waited + SLICE_MS : 0; // slow is no fault, still is
		settled = sender->settled;
		if (!nats_link_is_open(&sender->link))
			break;
	}
	done = sender->settled >= sender->sent;
	pthread_mutex_unlock(&sender->mutex);
	return done;
}

static void begin(struct nats_sender *sender, struct nats_round *round)
{
	pthread_mutex_lock(&sender->mutex);
	sender->items = round->items;
	sender->sent = sender->settled = sender->hint = 0;
	sender->stored = sender->duplicates = 0;
	sender->fault_at = UINT32_MAX;
	pthread_mutex_unlock(&sender->mutex);
}

// Takes the round back from the library's threads, and sums it up.
static void end(struct nats_sender *sender, struct nats_round *round)
{
	pthread_mutex_lock(&sender->mutex);
	sender->items = NULL;
	round->stored = sender->stored;
	round->duplicates = sender->duplicates;
	for (unsigned i = 0; i < round->n; i++)
		if (round->items[i]->state == NATS_ITEM_SENT)
			round->items[i]->state = NATS_ITEM_WAITS;
	pthread_mutex_unlock(&sender->mutex);
	if (round->chained && round->stored == round->n && round->duplicates == 0)
		sender->last += round->n;
	else
		sender->last_known = false;
}

// Why a round ended early: 1 for a conflict, else -1 with `why`.
static int judge(struct nats_sender *sender, struct nats_round *round, char why[NATS_WHY])
{
	round->conflict = sender->fault_code == JSStreamWrongLastSequenceErr ||
			  sender->fault_code == JSStreamWrongLastMsgIDErr;
	if (round->conflict)
		return 1;
	if (sender->fault == NATS_NO_RESPONDERS)
		snprintf(why, NATS_WHY, "%s: nobody takes messages: the stream is gone, or its cluster has no leader",
			 NATS_STREAM_AGENTS);
	else
		snprintf(why, NATS_WHY, "%s takes no messages: %s", NATS_STREAM_AGENTS, sender->fault_text);
	return -1;
}

int nats_sender_send(struct nats_sender *sender, struct nats_round *round, char why[NATS_WHY])
{
	natsStatus status = NATS_OK;
	bool drained;

	round->conflict = false;
	if (round->chained && sender->chain == CHAIN_NUMBER && !sender->last_known) {
		sender->last_known = nats_stream_last(sender->link.js, NATS_STREAM_AGENTS, &sender->last, why) == 0;
		if (!sender->last_known)
			return -1;
	}
	begin(sender, round);
	for (unsigned i = 0; i < round->n && status == NATS_OK && may_go_on(sender); i++)
		status = publish(sender, round, i);
	drained = drain(sender);
	end(sender, round);
	if (drained && round->stored == round->n)
		return 0;
	if (drained && sender->fault_at != UINT32_MAX)
		return judge(sender, round, why);
	snprintf(why, NATS_WHY, "%s: %s", sender->link.server,
		 status != NATS_OK		  ? natsStatus_GetText(status)
		 : nats_link_is_open(&sender->link) ? "no acknowledgements in time"
						    : "the connection broke");
	nats_link_close(&sender->link);
	return -1;
}

void nats_sender_stop(struct nats_sender *sender)
{
	pthread_mutex_lock(&sender->mutex);
	sender->stop = true;
	pthread_cond_signal(&sender->news);
	pthread_mutex_unlock(&sender->mutex);
}
