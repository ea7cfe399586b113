// SPDX-License-Identifier: BSD-3-Clause
//
// Stage act: forward, agents, reply or drop, as the verdict says. Runs on the worker. Every live
// frame of the burst ends here: staged for transmission (mbuf handed to tx), or counted and put on
// the done list.
#include "dataplane/act.h"

#include <rte_prefetch.h>
#include <string.h>

#include "dataplane/answer.h"
#include "dataplane/decode/decode.h"
#include "dataplane/worker.h"

enum { RETRY_SECONDS = 1 }; // of a busy answer that no template made

static const struct answer refused = { .status = WEIR_STATUS_REFUSED };
static const struct answer accepted = { .status = WEIR_STATUS_ACCEPTED };
static const struct answer busy = { .status = WEIR_STATUS_BUSY,
				    .length = 4,
				    .payload = { 0, 0, 0, RETRY_SECONDS } };

static unsigned priority_of(const struct burst *burst, unsigned at, const struct verdict *verdict)
{
	return verdict->set_priority < WEIR_N_PRIORITIES
		       ? verdict->set_priority
		       : message_priority(burst->message.kind[at]);
}

// Turns `mbuf` into the answer. False when there is no one who may be answered, or no room in the
// frame's buffer.
static bool answer_make(struct rte_mbuf *mbuf, const struct answer_to *to,
			const struct answer *answer)
{
	if (!answer_allowed(to))
		return false;
	if (mbuf->next) {
		rte_pktmbuf_free(mbuf->next);
		mbuf->next = NULL;
		mbuf->nb_segs = 1;
	}
	if (mbuf->buf_len - mbuf->data_off < ANSWER_MAX)
		return false;
	mbuf->data_len = (uint16_t)answer_write(rte_pktmbuf_mtod(mbuf, uint8_t *), to, answer);
	mbuf->pkt_len = mbuf->data_len;
	return true;
}

static void answer_stage(struct worker *worker, struct rte_mbuf *mbuf, enum tx_kind kind,
			 unsigned priority)
{
	worker->counters[mbuf->port].answers++;
	tx_push(worker, mbuf->port, mbuf, kind, priority);
}

void act_refuse(struct worker *worker, struct burst *burst, unsigned at,
		enum weir_disposition disposition, unsigned status)
{
	unsigned i = burst->live[at];
	struct rte_mbuf *mbuf = burst->mbuf[i];
	struct answer_to to;

	if (likely(!(message_flags(burst->message.kind[at]) & PACKET_WANTS_ACK))) {
		burst_end(worker, burst, i, disposition);
		return;
	}
	answer_to_packet(&to, &burst->packet[i]);
	if (!answer_make(mbuf, &to, status == WEIR_STATUS_REFUSED ? &refused : &busy)) {
		worker->counters[burst->port].answers_lost++;
		burst_end(worker, burst, i, disposition);
		return;
	}
	worker->counters[burst->port].disposition[disposition]++;
	answer_stage(worker, mbuf, TX_ANSWER, 0);
}

void act_given_up(struct worker *worker, struct rte_mbuf *mbuf)
{
	const struct frame_origin *origin = frame_origin(mbuf);
	struct packet packet;
	struct answer_to to;

	parse_frame(worker->listeners, rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len,
		    true, &packet);
	if (packet.reason != WEIR_REASON_NONE)
		goto lost;
	answer_to_packet(&to, &packet);
	memcpy(to.mac_destination, origin->mac_source, 6);
	memcpy(to.mac_source, origin->mac_destination, 6);
	if (!answer_make(mbuf, &to, &busy))
		goto lost;
	answer_stage(worker, mbuf, TX_ANSWER, 0);
	return;
lost:
	worker->counters[mbuf->port].answers_lost++;
	rte_pktmbuf_free(mbuf);
}

void act_accepted(struct worker *worker, const struct weir_record *record)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(worker->pool);
	struct answer_to to;

	if (!mbuf) {
		worker->counters[record->port].answers_lost++;
		return;
	}
	mbuf->port = record->port;
	answer_to_record(&to, record, (const uint8_t *)(record + 1));
	if (!answer_make(mbuf, &to, &accepted)) {
		worker->counters[record->port].answers_lost++;
		rte_pktmbuf_free(mbuf);
		return;
	}
	answer_stage(worker, mbuf, TX_ANSWER, 0);
}

// What is left to do for a frame whose member is known: the L2 rewrite, counters, where it goes and how urgently.
struct forwarding {
	struct rte_mbuf *mbuf;
	enum tx_kind kind;
	unsigned port, priority;
};

static inline struct forwarding forward_make(struct worker *worker, struct burst *burst,
					     unsigned at)
{
	const struct live_verdict *verdict = &worker->live->verdicts[burst->verdict[at]];
	const struct live *live = worker->live;
	const struct live_member *member =
		&live->members[verdict->member + live->table.maglev[burst->member[at]]];
	unsigned kind = burst->message.kind[at];
	struct forwarding to = { burst->mbuf[burst->live[at]], TX_FORWARD, verdict->port,
				 verdict->set_priority };
	uint8_t *frame = rte_pktmbuf_mtod(to.mbuf, uint8_t *);

	if (unlikely(message_flags(kind) & PACKET_WANTS_ACK)) {
		memcpy(frame_origin(to.mbuf), frame, sizeof(struct frame_origin));
		to.kind = TX_FORWARD_ACK;
	}
	memcpy(frame, member, 12);
	worker->named[member->name]++;
	if (likely(verdict->zone != TABLE_NONE))
		worker->zones[verdict->zone + burst->key[at].country]++;
	if (likely(to.priority >= WEIR_N_PRIORITIES))
		to.priority = message_priority(kind);
	return to;
}

// Stages the `n` frames at `plain`, whose members are known and which are counted.
static void forward_all(struct worker *worker, struct burst *burst, const uint8_t *plain,
			unsigned n)
{
	bool room = tx_has_room(worker, n);

	for (unsigned k = 0; k < n; k++) {
		struct forwarding to = forward_make(worker, burst, plain[k]);

		if (likely(room)) {
			tx_put(&worker->tx[to.port], to.mbuf, to.kind, to.priority);
		} else {
			tx_push(worker, to.port, to.mbuf, to.kind, to.priority);
		}
	}
}

// Chooses the member's place in the pool's table, and fetches what forward_make will read and count.
static inline void forward_find(struct worker *worker, struct burst *burst, unsigned at,
				const struct live_verdict *verdict)
{
	uint64_t high, low;

	packet_source(&burst->packet[burst->live[at]], &high, &low);
	burst->member[at] =
		verdict->maglev +
		member_place(member_hash(burst->message.tenant[at], high, low), verdict->n_maglev);
	rte_prefetch0(&worker->live->table.maglev[burst->member[at]]);
	rte_prefetch0(&worker->zones[verdict->zone == TABLE_NONE
					     ? 0
					     : verdict->zone + burst->key[at].country]);
}

static void do_forward(struct worker *worker, struct burst *burst, unsigned at)
{
	uint8_t one = (uint8_t)at;

	forward_find(worker, burst, at, &worker->live->verdicts[burst->verdict[at]]);
	worker->counters[burst->port].disposition[WEIR_FORWARD]++;
	forward_all(worker, burst, &one, 1);
}

static void do_agents(struct worker *worker, struct burst *burst, unsigned at, unsigned queue)
{
	unsigned i = burst->live[at];

	if (punt_push(worker, burst, at, queue, WEIR_RECORD_MESSAGE))
		burst_end(worker, burst, i, WEIR_AGENTS);
	else
		act_refuse(worker, burst, at, WEIR_AGENTS_FULL, WEIR_STATUS_BUSY);
}

static void do_reply(struct worker *worker, struct burst *burst, unsigned at, unsigned template,
		     unsigned priority)
{
	const struct live *live = worker->live;
	const struct table_reply *reply = &live->table.replies[template];
	unsigned i = burst->live[at];
	struct answer answer;
	struct answer_to to;

	worker->named[live->reply_names[template]]++;
	answer_fill(&answer, reply->status, reply->retry_after,
		    table_string(&live->table, reply->text), reply->text_length);
	answer_to_packet(&to, &burst->packet[i]);
	if (!answer_make(burst->mbuf[i], &to, &answer)) {
		worker->counters[burst->port].answers_lost++;
		burst_end(worker, burst, i, WEIR_REPLY);
		return;
	}
	worker->counters[burst->port].disposition[WEIR_REPLY]++;
	answer_stage(worker, burst->mbuf[i], TX_REPLY, priority);
}

static void do_drop(struct worker *worker, struct burst *burst, unsigned at,
		    const struct verdict *verdict)
{
	worker->named[worker->live->reason_names[verdict->target]]++;
	act_refuse(worker, burst, at, WEIR_DROP, WEIR_STATUS_REFUSED);
}

// A rule's rate is exceeded: the verdict's `exceed` takes the place of its action.
static void do_exceed(struct worker *worker, struct burst *burst, unsigned at,
		      const struct verdict *verdict)
{
	switch (verdict->exceed) {
	case WEIR_ACT_REPLY:
		do_reply(worker, burst, at, verdict->exceed_target,
			 priority_of(burst, at, verdict));
		break;
	case WEIR_ACT_AGENTS:
		do_agents(worker, burst, at, verdict->exceed_target);
		break;
	default:
		act_refuse(worker, burst, at, WEIR_POLICE, WEIR_STATUS_BUSY);
	}
}

static void act_one(struct worker *worker, struct burst *burst, unsigned at)
{
	const struct verdict *verdict = &worker->live->table.verdicts[burst->verdict[at]];

	if (unlikely(burst->exceeds[at])) {
		do_exceed(worker, burst, at, verdict);
		return;
	}
	if (unlikely(verdict->copy != TABLE_NONE16) &&
	    !punt_push(worker, burst, at, verdict->copy, WEIR_RECORD_COPY))
		worker->counters[burst->port].copies_lost++;
	switch (verdict->action) {
	case WEIR_ACT_FORWARD:
		do_forward(worker, burst, at);
		break;
	case WEIR_ACT_AGENTS:
		do_agents(worker, burst, at, verdict->target);
		break;
	case WEIR_ACT_REPLY:
		do_reply(worker, burst, at, verdict->target, priority_of(burst, at, verdict));
		break;
	default:
		do_drop(worker, burst, at, verdict);
	}
}

// The common case, forward and nothing else, goes over the burst in steps, so that the loads of one frame's member do not
// wait for another's: first all members, then all frames.
void act(struct worker *worker, struct burst *burst)
{
	const struct live *live = worker->live;
	uint8_t plain[BURST_MAX];
	unsigned n = 0;

	for (unsigned at = 0; at < burst->n_live; at++) {
		const struct live_verdict *verdict = &live->verdicts[burst->verdict[at]];

		if (likely(verdict->plain && !burst->exceeds[at])) {
			forward_find(worker, burst, at, verdict);
			plain[n++] = (uint8_t)at;
		} else {
			act_one(worker, burst, at);
		}
	}
	worker->counters[burst->port].disposition[WEIR_FORWARD] += n;
	forward_all(worker, burst, plain, n);
	punt_publish(worker);
}
