// SPDX-License-Identifier: BSD-3-Clause
//
// Answers of agents, see agent_answers.h. Main thread. For each port at most WEIR_ANSWERS_A_PORT answers are on
// their way, and one worker sends them all: so they leave in order, rings never overflow, and a port that takes
// nothing holds up no other.
#include "dataplane/agent_answers.h"

#include "dataplane/answer.h"

enum { BURST_A_SECOND = 10, BURST_MIN = 16, SECOND_NS = 1000000000 };

void agent_answers_init(struct agent_answers *answers, const struct agent_answers_parts *parts)
{
	uint32_t rate = parts->gateway->answer_rate, burst = rate / BURST_A_SECOND;

	*answers = (struct agent_answers){ .segment = parts->segment,
					   .pool = parts->pool,
					   .workers = parts->workers,
					   .n_workers = parts->gateway->n_workers };
	answers->interval_ns = SECOND_NS / rate;
	answers->burst_ns = answers->interval_ns * (burst > BURST_MIN ? burst : BURST_MIN);
	for (uint32_t i = 0; i < parts->n_ports; i++)
		answers->ports[i] = (struct agent_port){ weir_port_tag(parts->ports[i].name), parts->ports[i].mtu };
	answers->sight = (struct agent_sight){ answers->ports, parts->n_ports, parts->listeners };
}

static void count(struct agent_answers *answers, enum weir_answer_fate fate)
{
	atomic_fetch_add_explicit(&segment_state_own(answers->segment)->agent_answers[fate], 1, memory_order_relaxed);
}

static struct agent_lane *lane_of(const struct agent_answers *answers, unsigned port)
{
	return &answers->workers[port % answers->n_workers].agent_lane;
}

// What has been sent of those handed over.
static uint32_t sent(const struct agent_answers *answers, unsigned port)
{
	return atomic_load_explicit(&lane_of(answers, port)->sent[port], memory_order_acquire);
}

static bool within_rate(struct agent_answers *answers, uint64_t now_ns)
{
	if (answers->due_ns < now_ns)
		answers->due_ns = now_ns;
	if (answers->due_ns - now_ns >= answers->burst_ns)
		return false;
	answers->due_ns += answers->interval_ns;
	return true;
}

static enum weir_answer_fate hand_over(struct agent_answers *answers, const struct weir_answer *answer,
				       const struct agent_way *way)
{
	struct agent_way_queue *queue = &answers->queue[way->port];
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(answers->pool);

	if (!mbuf)
		return WEIR_ANSWER_NO_ROOM;
	if (rte_pktmbuf_tailroom(mbuf) < ANSWER_LAYERS + WEIR_ANSWER_MAX) {
		rte_pktmbuf_free(mbuf);
		return WEIR_ANSWER_NO_ROOM;
	}
	mbuf->port = (uint16_t)way->port;
	mbuf->data_len = (uint16_t)answer_write_payload(rte_pktmbuf_mtod(mbuf, uint8_t *), &way->to,
							answer->payload, answer->length);
	mbuf->pkt_len = mbuf->data_len;
	if (rte_ring_sp_enqueue(lane_of(answers, way->port)->down, mbuf) != 0) {
		rte_pktmbuf_free(mbuf);
		return WEIR_ANSWER_NO_ROOM;
	}
	queue->sequence[queue->handed++ % WEIR_ANSWERS_A_PORT] = answer->sequence;
	return WEIR_ANSWER_SENT;
}

static enum weir_answer_fate try(struct agent_answers *answers, const struct weir_answer *answer, uint64_t now_ns)
{
	struct agent_way way;
	enum weir_answer_fate fate = agent_check(answer, &answers->sight, &way);

	if (fate != WEIR_ANSWER_SENT)
		return fate;
	if (!atomic_load_explicit(&segment_ports(answers->segment)[way.port].link_up, memory_order_relaxed))
		return WEIR_ANSWER_LINK_DOWN;
	if (answers->queue[way.port].handed - answers->queue[way.port].told == WEIR_ANSWERS_A_PORT)
		return WEIR_ANSWER_NO_ROOM;
	if (!within_rate(answers, now_ns))
		return WEIR_ANSWER_RATE;
	return hand_over(answers, answer, &way);
}

enum weir_answer_fate agent_answers_take(struct agent_answers *answers, const struct weir_answer *answer,
					 uint64_t now_ns)
{
	enum weir_answer_fate fate = try(answers, answer, now_ns);

	if (fate != WEIR_ANSWER_SENT)
		count(answers, fate);
	return fate;
}

bool agent_answers_next(struct agent_answers *answers, uint64_t *sequence)
{
	for (unsigned port = 0; port < answers->sight.n_ports; port++) {
		struct agent_way_queue *queue = &answers->queue[port];

		while (queue->told != queue->handed && queue->told != sent(answers, port)) {
			uint32_t number = queue->told++;

			count(answers, WEIR_ANSWER_SENT);
			if ((int32_t)(number - queue->forgotten) < 0)
				continue;
			*sequence = queue->sequence[number % WEIR_ANSWERS_A_PORT];
			return true;
		}
	}
	return false;
}

void agent_answers_forget(struct agent_answers *answers)
{
	for (unsigned port = 0; port < answers->sight.n_ports; port++)
		answers->queue[port].forgotten = answers->queue[port].handed;
}

bool agent_answers_waits(const struct agent_answers *answers)
{
	for (unsigned port = 0; port < answers->sight.n_ports; port++)
		if (answers->queue[port].told != answers->queue[port].handed)
			return true;
	return false;
}
