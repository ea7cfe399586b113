// SPDX-License-Identifier: BSD-3-Clause
//
// Stage act: forward, agents, reply or drop, as the verdict says. Runs on the worker. Every live
// frame of the burst ends here: staged for transmission (mbuf handed to tx), or counted and put on
// the done list. Answers to what comes of it later are act_later.c's.
#include "dataplane/act.h"

#include <errno.h>
#include <rte_prefetch.h>
#include <string.h>

#include "dataplane/answer_frame.h"
#include "dataplane/reach.h"
#include "dataplane/reassemble.h"
#include "dataplane/remember.h"
#include "dataplane/respond.h"
#include "dataplane/worker.h"

static const struct answer refused = { .status = WEIR_STATUS_REFUSED };
static const struct answer busy = { .status = WEIR_STATUS_BUSY, .retry_after = ANSWER_RETRY_SECONDS };

static unsigned priority_of(const struct burst *burst, unsigned at, const struct verdict *verdict)
{
	return verdict->set_priority < WEIR_N_PRIORITIES
		       ? verdict->set_priority
		       : message_priority(burst->message.kind[at]);
}

void act_refuse(struct worker *worker, struct burst *burst, unsigned at,
		enum weir_disposition disposition, unsigned status)
{
	unsigned i = burst->live[at];
	const struct answer *answer = status == WEIR_STATUS_REFUSED ? &refused : &busy;

	if (likely(!(message_flags(burst->message.kind[at]) & PACKET_WANTS_ACK)) ||
	    !respond(worker, burst, i, answer, TX_ANSWER, 0)) {
		burst_end(worker, burst, i, disposition);
		return;
	}
	remember_told(worker, burst, i, status, TABLE_NONE);
	worker->counters[burst->port].disposition[disposition]++;
}

// Where the plain forwards of a burst read and count: loaded once, not once a frame.
struct forwarding {
	const struct live_verdict *verdicts;
	const struct live_member *members;
	const uint16_t *slots;
	uint64_t *named, *zones;
	bool changed; // frames come from reach_member, which has noted what it did
};

static inline struct forwarding forwarding_of(const struct worker *worker)
{
	const struct paths *paths = worker->paths;

	return (struct forwarding){ paths->verdicts, paths->members, paths->slots, worker->named,
				    worker->zones };
}

// Place among the slots of a message's member: consistent in (tenant, source), by weight.
static inline uint32_t member_at(const struct live_verdict *verdict, const struct burst *burst,
				 unsigned at)
{
	uint32_t hash = member_hash(burst->message.tenant[at], burst->payloads.source[at]);

	return verdict->slot + member_place(hash, verdict->n_slots);
}

// Fetches what find_members and count_one will use, where other things have driven it from the nearest caches.
static void forward_fetch(const struct forwarding *f, const struct burst *burst)
{
	for (unsigned at = 0; at < burst->n_live; at++) {
		const struct live_verdict *verdict = &f->verdicts[burst->verdict[at]];

		if (!verdict->plain)
			continue;
		rte_prefetch0(&f->slots[member_at(verdict, burst, at)]);
		if (verdict->zone != TABLE_NONE)
			rte_prefetch0(&f->zones[verdict->zone + burst->message.country[at]]);
	}
}

// Finds the members of the burst's plain forwards. Returns a bit for each frame that it has found one for.
static inline uint64_t find_members(const struct forwarding *f, const struct burst *burst, uint32_t *member)
{
	uint64_t plain = 0;

	for (unsigned at = 0; at < burst->n_live; at++) {
		const struct live_verdict *verdict = &f->verdicts[burst->verdict[at]];

		if (unlikely(!verdict->plain))
			continue;
		member[at] = verdict->member + f->slots[member_at(verdict, burst, at)];
		plain |= UINT64_C(1) << at;
	}
	return plain & ~burst->exceeds;
}

static inline void count_one(const struct forwarding *f, const struct burst *burst, unsigned at, uint32_t member)
{
	const struct live_verdict *verdict = &f->verdicts[burst->verdict[at]];

	f->named[f->members[member].name]++;
	if (likely(verdict->zone != TABLE_NONE))
		f->zones[verdict->zone + burst->message.country[at]]++;
}

// Rewrites and stages one frame. `room`: its port has room for certain.
static inline void forward_one(struct worker *worker, const struct forwarding *f, struct burst *burst, unsigned at,
			       uint32_t member, bool room)
{
	const struct live_verdict *verdict = &f->verdicts[burst->verdict[at]];
	unsigned message = burst->message.kind[at], priority = verdict->set_priority;
	struct rte_mbuf *mbuf = burst->mbuf[burst->live[at]];
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	enum tx_kind kind = TX_FORWARD;

	if (unlikely(message_flags(message) & PACKET_WANTS_ACK)) {
		memcpy(frame_origin(mbuf), frame, 12);
		if (!f->changed)
			frame_origin(mbuf)->change = FRAME_AS_IT_CAME;
		kind = TX_FORWARD_ACK;
	}
	memcpy(frame, &f->members[member], 12);
	if (likely(priority >= WEIR_N_PRIORITIES))
		priority = message_priority(message);
	if (likely(room))
		tx_put(&worker->tx[verdict->port], mbuf, kind, priority);
	else
		tx_push(worker, verdict->port, mbuf, kind, priority);
}

static void do_agents(struct worker *worker, struct burst *burst, unsigned at, unsigned queue)
{
	enum weir_reason reason = WEIR_REASON_QUEUE_DEPTH;

	unsigned i = burst->live[at];

	if (unlikely(!remember_waits(worker, burst, i))) {
		burst->packet[i].reason = WEIR_REASON_REPEAT_WAITS;
		burst_end_reason(worker, burst, i);
		return;
	}
	if (likely(!live_is_closed(worker->live, queue))) {
		if (punt_push(worker, burst, at, queue, WEIR_RECORD_MESSAGE)) {
			burst_end(worker, burst, i, WEIR_AGENTS);
			return;
		}
		reason = WEIR_REASON_CHANNEL_FULL;
	}
	remember_forget(worker, burst, i);
	worker->counters[burst->port].reason[reason]++;
	act_refuse(worker, burst, at, WEIR_AGENTS_FULL, WEIR_STATUS_BUSY);
}

static void do_reply(struct worker *worker, struct burst *burst, unsigned at, unsigned template,
		     unsigned priority)
{
	const struct live *live = worker->live;
	const struct table_reply *reply = &live->table.replies[template];
	const struct answer answer = { reply->status, (uint16_t)reply->text_length, reply->retry_after,
				       table_string(&live->table, reply->text) };
	unsigned i = burst->live[at];

	worker->named[live->reply_names[template]]++;
	if (!respond(worker, burst, i, &answer, TX_REPLY, priority)) {
		burst_end(worker, burst, i, WEIR_REPLY);
		return;
	}
	remember_told(worker, burst, i, reply->status, template);
	worker->counters[burst->port].disposition[WEIR_REPLY]++;
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

// No member of the pool lives: the rule's own `exceed` takes the place of forward; without one the message is given up.
static void do_no_member(struct worker *worker, struct burst *burst, unsigned at, const struct verdict *verdict)
{
	if (verdict->exceed_named) {
		do_exceed(worker, burst, at, verdict);
		return;
	}
	worker->counters[burst->port].reason[WEIR_REASON_NO_MEMBER]++;
	act_refuse(worker, burst, at, WEIR_TX_FULL, WEIR_STATUS_BUSY);
}

// The message does not fit on the way to its member: sent again it would not either.
static void do_too_large(struct worker *worker, struct burst *burst, unsigned at)
{
	worker->counters[burst->port].reason[WEIR_REASON_MTU]++;
	act_refuse(worker, burst, at, WEIR_TX_FULL, WEIR_STATUS_REFUSED);
}

static void do_no_room(struct worker *worker, struct burst *burst, unsigned at)
{
	worker->counters[burst->port].reason[WEIR_REASON_NO_ROOM]++;
	act_refuse(worker, burst, at, WEIR_TX_FULL, WEIR_STATUS_BUSY);
}

// Whether the live frame at `at` stands for a datagram of several that is longer than `mtu`.
static bool is_longer(const struct burst *burst, unsigned at, uint16_t mtu)
{
	unsigned i = burst->live[at];

	return burst->whole >> i & 1 && burst->mbuf[i]->pkt_len - burst->packet[i].l3 > mtu;
}

// What came in fragments may leave so, where nothing of it is in or was in a tunnel.
static bool may_part(const struct worker *worker, const struct burst *burst, unsigned at,
		     const struct verdict *verdict)
{
	return worker->live->table.pools[verdict->target].mode == WEIR_MODE_L2 &&
	       !(burst->opened >> burst->live[at] & 1);
}

static enum reach reach(struct worker *worker, struct burst *burst, unsigned at, const struct verdict *verdict,
			uint32_t *member)
{
	const struct paths *paths = worker->paths;
	const struct live_verdict *to = &paths->verdicts[burst->verdict[at]];

	if (to->n_slots == 0)
		return REACH_NO_MEMBER;
	*member = to->member + paths->slots[member_at(to, burst, at)];
	if (unlikely(is_longer(burst, at, RTE_MIN(worker->ports[to->port].mtu, paths->mtus[*member]))) &&
	    may_part(worker, burst, at, verdict))
		return REACH_IN_PARTS;
	// Ways take whatever a port takes in; a datagram made of several frames may be longer.
	if (unlikely(is_longer(burst, at, worker->ports[to->port].mtu)))
		return REACH_MTU;
	return reach_member(worker, burst, at, verdict->target, *member);
}

// A message that came in fragments and does not leave in one frame leaves in fragments again.
static void do_parts(struct worker *worker, struct burst *burst, unsigned at, const struct forwarding *f,
		     uint32_t member)
{
	const struct live_verdict *verdict = &f->verdicts[burst->verdict[at]];
	const uint16_t mtu = RTE_MIN(worker->ports[verdict->port].mtu, worker->paths->mtus[member]);
	const struct forward_to to = { (const uint8_t *)&f->members[member], verdict->port,
				       verdict->set_priority < WEIR_N_PRIORITIES
					       ? verdict->set_priority
					       : message_priority(burst->message.kind[at]),
				       mtu };

	switch (reassemble_forward(worker, burst, at, &to)) {
	case 0:
		count_one(f, burst, at, member);
		burst_end(worker, burst, burst->live[at], WEIR_FORWARD);
		break;
	case -ENOBUFS:
		do_no_room(worker, burst, at);
		break;
	default:
		do_too_large(worker, burst, at);
	}
}

static void do_forward(struct worker *worker, struct burst *burst, unsigned at, const struct verdict *verdict)
{
	struct forwarding f = forwarding_of(worker);
	uint32_t member = 0;

	f.changed = true;
	switch (reach(worker, burst, at, verdict, &member)) {
	case REACH_GOOD:
		worker->counters[burst->port].disposition[WEIR_FORWARD]++;
		count_one(&f, burst, at, member);
		forward_one(worker, &f, burst, at, member, false);
		break;
	case REACH_IN_PARTS:
		do_parts(worker, burst, at, &f, member);
		break;
	case REACH_NO_MEMBER:
		do_no_member(worker, burst, at, verdict);
		break;
	case REACH_MTU:
		do_too_large(worker, burst, at);
		break;
	default:
		do_no_room(worker, burst, at);
	}
}

static void do_copy(struct worker *worker, struct burst *burst, unsigned at, const struct verdict *verdict)
{
	unsigned i = burst->live[at];

	if (remember_was_copied(worker, burst, i))
		return;
	if (live_is_closed(worker->live, verdict->copy) ||
	    !punt_push(worker, burst, at, verdict->copy, WEIR_RECORD_COPY))
		worker->counters[burst->port].copies_lost++;
	else if (verdict->action == WEIR_ACT_FORWARD)
		remember_copied(worker, burst, i);
}

static void act_one(struct worker *worker, struct burst *burst, unsigned at)
{
	const struct verdict *verdict = &worker->live->table.verdicts[burst->verdict[at]];

	if (unlikely(burst->exceeds >> at & 1)) {
		do_exceed(worker, burst, at, verdict);
		return;
	}
	if (unlikely(verdict->copy != TABLE_NONE16))
		do_copy(worker, burst, at, verdict);
	switch (verdict->action) {
	case WEIR_ACT_FORWARD:
		do_forward(worker, burst, at, verdict);
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

// A bit for each live frame that stands for a datagram of several.
static uint64_t wholes(const struct burst *burst)
{
	uint64_t positions = 0;

	for (unsigned at = 0; at < burst->n_live; at++)
		positions |= (burst->whole >> burst->live[at] & 1) << at;
	return positions;
}

// The common case is forward and nothing else. It goes in short passes, each over the whole burst: the processor then
// has the look-ups and counters of many frames under way, and no counter waits until it is known that the frame
// before it had another. With a large table it pays besides to fetch first what has been driven from the nearest
// caches (docs/decisions/011-fetch-ahead.md).
void act(struct worker *worker, struct burst *burst)
{
	const struct forwarding f = forwarding_of(worker);
	// One that leaves in fragments takes the room of many.
	const bool room = burst->whole == 0 && tx_has_room(worker, burst->n_live);
	unsigned n_live = burst->n_live;
	uint32_t member[BURST_MAX];
	uint64_t plain;

	if (worker->live->far)
		forward_fetch(&f, burst);
	plain = find_members(&f, burst, member);
	if (unlikely(burst->whole != 0))
		plain &= ~wholes(burst);
	for (uint64_t left = plain; left != 0; left &= left - 1) {
		unsigned at = (unsigned)__builtin_ctzll(left);

		count_one(&f, burst, at, member[at]);
	}
	for (unsigned at = 0; at < n_live; at++) {
		if (likely(plain >> at & 1))
			forward_one(worker, &f, burst, at, member[at], room);
		else
			act_one(worker, burst, at);
	}
	worker->counters[burst->port].disposition[WEIR_FORWARD] += (unsigned)__builtin_popcountll(plain);
	punt_publish(worker);
}
