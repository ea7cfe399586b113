// SPDX-License-Identifier: BSD-3-Clause
//
// Random operations, batches that are given up, and spools that are opened again, against an oracle that holds all in
// arrays. WEIR_SEEDS sets how many sequences (10), WEIR_SEED the first.
#include "controlplane/spool_ops.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controlplane/spool_audit.h"
#include "controlplane/spool_keep.h"
#include "tests/kit/folder.h"
#include "tests/kit/spools.h"

enum { QUEUES = 3, MESSAGES = 600, BATCHES = 150, NONE = 0 };
enum state { ABSENT, WAITING, LEASED, DEAD, DONE, REMOVED };

static const char *const queue_names[QUEUES] = { "desk", "night", "a queue of a long name" };
static const struct spool_limits limits = { .waiting_ms = 4000, .dead_ms = 3000, .done_ms = 2000 };

// What the oracle knows of the message whose id is its index.
struct message {
	enum state state;
	unsigned queue, priority, attempts, length;
	uint64_t stored_ms, since_ms; // since: dead, or settled
	uint8_t token[SPOOL_TOKEN_SIZE]; // of the lease, or of the last one
	bool receipt, answer;
	enum spool_death reason;
};

struct oracle {
	struct message message[MESSAGES];
	unsigned n; // ids given out are 1 to n
	uint64_t removed[QUEUES];
};

static struct oracle oracle, committed;
static struct spool *spool;
static char *folder;
static uint64_t now, seed;

static unsigned draw(unsigned n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(seed >> 33) % n;
}

static void run(struct spool_op *op)
{
	int err = spool_op_run(spool, op, now);

	assert_int_equal(err, 0); // small enough for one batch
}

// The message that the oracle would claim next, 0: none.
static unsigned next_of(unsigned queue)
{
	unsigned best = NONE;

	for (unsigned i = 1; i <= oracle.n; i++)
		if (oracle.message[i].state == WAITING && oracle.message[i].queue == queue &&
		    (best == NONE || oracle.message[i].priority < oracle.message[best].priority))
			best = i;
	return best;
}

static void step_append(void)
{
	static const unsigned lengths[] = { 0, 20, 800, 2500, 9000 };
	unsigned length = lengths[draw(5)], i = oracle.n + 1;
	struct message *m = &oracle.message[i];

	if (i == MESSAGES)
		return;
	*m = (struct message){ .state = WAITING, .queue = draw(QUEUES), .priority = draw(4), .length = length,
			       .stored_ms = now };
	spools_append(spool, queue_names[m->queue], m->priority, i, (uint16_t)length, now);
	oracle.n = i;
}

static void take(unsigned i, const struct spool_claimed *claimed)
{
	struct message *m = &oracle.message[i];

	assert_int_equal(claimed->message.arrival, i);
	assert_int_equal(claimed->message.record.tenant, i);
	assert_int_equal(claimed->message.record.payload_length, m->length);
	assert_int_equal(claimed->message.attempts, ++m->attempts);
	assert_int_equal(claimed->until_ms, now + 100);
	memcpy(m->token, claimed->token, sizeof(m->token));
	m->state = LEASED;
}

static void step_claim(void)
{
	unsigned queue = draw(QUEUES), n = 0;
	struct spool_op op = { .kind = OP_CLAIM, .queue = queue_names[queue], .n = 1 + draw(4), .agent = "anna",
			       .lease_ms = 100 };

	run(&op);
	if (op.result == -ENOENT) { // no message ever came
		for (unsigned i = 1; i <= oracle.n; i++)
			assert_int_not_equal(oracle.message[i].queue, queue);
		return;
	}
	assert_int_equal(op.result, 0);
	for (const struct spool_claimed *c = op.claimed; c; c = c->next, n++)
		take(next_of(queue), c);
	assert_int_equal(n, op.n_claimed);
	assert_true(n == op.n || next_of(queue) == NONE);
	spool_claimed_free(op.claimed);
}

static unsigned any_id(void)
{
	return 1 + draw(oracle.n + 2);
}

static void step_claim_one(void)
{
	unsigned i = any_id();
	const struct message *m = &oracle.message[i];
	struct spool_op op = { .kind = OP_CLAIM, .id = i, .agent = "bot", .lease_ms = 100 };

	run(&op);
	assert_int_equal(op.result, m->state == WAITING ? 0 : m->state == LEASED ? -EBUSY : -ENOENT);
	if (op.result == 0)
		take(i, op.claimed);
	spool_claimed_free(op.claimed);
}

// What an operation on the lease of message `i` must come to.
static int expect(unsigned i, const struct spool_op *op)
{
	const struct message *m = &oracle.message[i];
	bool same = memcmp(op->token, m->token, sizeof(m->token)) == 0;

	if (m->state == LEASED)
		return same || op->forced ? 0 : -ESTALE;
	if (m->state == DONE && m->receipt)
		return same && !op->forced ? -EALREADY : -ESTALE;
	return m->state == WAITING || m->state == DEAD ? -ESTALE : -ENOENT;
}

// An operation on some message, mostly with the right token.
static struct spool_op on_lease(enum spool_op_kind kind, unsigned *i)
{
	struct spool_op op = { .kind = kind, .id = any_id(), .forced = draw(6) == 0 };

	for (unsigned tries = 0; tries < 10 && oracle.message[op.id].state != LEASED; tries++)
		op.id = any_id();
	*i = (unsigned)op.id;
	memcpy(op.token, oracle.message[*i].token, sizeof(op.token));
	op.token[5] ^= draw(5) == 0;
	return op;
}

static int build(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to, size_t room,
		 uint16_t *port)
{
	uint32_t tenant = message->record.tenant;

	(void)port;
	assert_true(room >= answer->length);
	memcpy(to, &tenant, sizeof(tenant));
	return answer->length;
}

static void step_settle(void)
{
	struct spool_answer answer = { .build = build, .length = 4 };
	unsigned i;
	struct spool_op op = on_lease(OP_SETTLE, &i);

	op.forced = false;
	op.answer = draw(2) ? &answer : NULL;
	run(&op);
	assert_int_equal(op.result, expect(i, &op));
	if (op.result)
		return;
	oracle.message[i].state = DONE;
	oracle.message[i].since_ms = now;
	oracle.message[i].receipt = true;
	oracle.message[i].answer = op.answer != NULL;
	run(&op);
	assert_int_equal(op.result, -EALREADY);
}

static void die(unsigned i, enum spool_death reason)
{
	oracle.message[i].state = DEAD;
	oracle.message[i].since_ms = now;
	oracle.message[i].reason = reason;
}

static void step_return(void)
{
	unsigned i;
	struct spool_op op = on_lease(OP_RETURN, &i);

	op.retries = draw(4);
	run(&op);
	assert_int_equal(op.result, expect(i, &op));
	if (op.result)
		return;
	assert_int_equal(op.dead, op.retries && oracle.message[i].attempts >= op.retries);
	oracle.message[i].state = WAITING;
	if (op.dead)
		die(i, SPOOL_DEAD_RETRIES);
}

static void step_extend(void)
{
	unsigned i;
	struct spool_op op = on_lease(OP_EXTEND, &i);

	op.lease_ms = 7;
	run(&op);
	assert_int_equal(op.result, expect(i, &op));
	if (op.result == 0)
		assert_int_equal(op.until_ms, now + 7);
}

static void step_bury(void)
{
	unsigned i;
	struct spool_op op = on_lease(OP_BURY, &i);
	bool waits = op.forced && oracle.message[i].state == WAITING;

	run(&op);
	assert_int_equal(op.result, waits ? 0 : expect(i, &op));
	if (op.result == 0)
		die(i, SPOOL_DEAD_BURIED);
}

static void step_revive(void)
{
	unsigned i = any_id();
	struct message *m = &oracle.message[i];
	struct spool_op op = { .kind = OP_REVIVE, .id = i };

	run(&op);
	assert_int_equal(op.result, m->state == DEAD ? 0 : -ENOENT);
	if (op.result)
		return;
	m->state = WAITING;
	m->attempts = 0;
	m->stored_ms = now;
}

static void step_sent(void)
{
	unsigned i = any_id();
	struct spool_op op = { .kind = OP_SENT, .id = i };

	run(&op);
	assert_int_equal(op.result, oracle.message[i].answer ? 0 : -ENOENT);
	oracle.message[i].answer = false;
}

static void step_purge(void)
{
	unsigned queue = draw(QUEUES), n = 0;
	struct spool_op op = { .kind = OP_PURGE, .queue = queue_names[queue], .dead_only = draw(2) };

	if (draw(8) != 0)
		return;
	run(&op);
	for (unsigned i = 1; i <= oracle.n; i++) {
		struct message *m = &oracle.message[i];

		if (m->queue != queue || (m->state != DEAD && (op.dead_only || m->state != WAITING)))
			continue;
		m->state = REMOVED;
		n++;
	}
	oracle.removed[queue] += n;
	assert_int_equal(op.n_removed, n);
}

// Retention is a batch of its own.
static void keep(void)
{
	struct spool_kept kept;

	do
		assert_int_equal(spool_keep(spool, &limits, now, &kept), 0);
	while (kept.more);
	for (unsigned i = 1; i <= oracle.n; i++) {
		struct message *m = &oracle.message[i];

		if (m->state == DONE && m->since_ms + limits.done_ms <= now)
			m->receipt = false;
		if (m->state == DEAD && m->since_ms + limits.dead_ms <= now) {
			m->state = REMOVED;
			oracle.removed[m->queue]++;
		}
		if (m->state == WAITING && m->stored_ms + limits.waiting_ms <= now)
			die(i, SPOOL_DEAD_EXPIRED);
	}
}

static void one_batch(void)
{
	static void (*const steps[])(void) = {
		step_append, step_append, step_append, step_claim, step_claim_one, step_settle, step_settle,
		step_return, step_extend, step_bury, step_revive, step_sent, step_purge,
	};
	unsigned n = 1 + draw(10);

	committed = oracle;
	assert_int_equal(spool_begin(spool), 0);
	for (unsigned i = 0; i < n; i++)
		steps[draw(sizeof(steps) / sizeof(steps[0]))]();
	if (draw(5) == 0) {
		spool_abort(spool);
		oracle = committed;
	} else {
		assert_int_equal(spool_commit(spool), 0);
	}
}

// What a reader has seen of a queue.
struct seen {
	unsigned queue, n, last;
	unsigned ids[MESSAGES];
};

static void see(struct seen *seen, const struct spool_message *message, enum state state)
{
	unsigned i = (unsigned)message->arrival;
	const struct message *m = &oracle.message[i], *last = &oracle.message[seen->last];

	assert_true(i >= 1 && i <= oracle.n);
	assert_int_equal(m->state, state);
	assert_int_equal(message->record.tenant, i);
	assert_int_equal(message->attempts, m->attempts);
	assert_int_equal(message->stored_ns, m->stored_ms * 1000000);
	assert_string_equal(message->queue, queue_names[m->queue]);
	if (state == LEASED) {
		assert_true(i > seen->last);
	} else {
		assert_int_equal(m->queue, seen->queue);
		assert_true(!seen->last || m->priority > last->priority || (m->priority == last->priority && i > seen->last));
	}
	seen->last = i;
	seen->n++;
}

static int see_waiting(const struct spool_message *message, void *argument)
{
	see(argument, message, WAITING);
	return 0;
}

static int see_dead(const struct spool_dead_letter *letter, void *argument)
{
	const struct message *m = &oracle.message[letter->message.arrival];

	see(argument, &letter->message, DEAD);
	assert_int_equal(letter->reason, m->reason);
	assert_int_equal(letter->since_ms, m->since_ms);
	return 0;
}

static int see_lease(const struct spool_lease *lease, void *argument)
{
	see(argument, &lease->message, LEASED);
	assert_memory_equal(lease->token, oracle.message[lease->message.arrival].token, SPOOL_TOKEN_SIZE);
	return 0;
}

static int see_answer(const struct spool_outgoing *outgoing, void *argument)
{
	uint32_t tenant;

	memcpy(&tenant, outgoing->payload, sizeof(tenant));
	assert_int_equal(outgoing->length, 4);
	assert_int_equal(tenant, outgoing->arrival);
	assert_true(oracle.message[outgoing->arrival].answer);
	++*(unsigned *)argument;
	return 0;
}

static uint64_t count(int queue, enum state state)
{
	uint64_t n = 0;

	for (unsigned i = 1; i <= oracle.n; i++)
		n += oracle.message[i].state == state && (queue < 0 || (int)oracle.message[i].queue == queue);
	return n;
}

static void compare_queue(unsigned q)
{
	struct seen waiting = { .queue = q }, dead = { .queue = q };
	struct spool_queue queue;

	if (spool_queue_get(spool, queue_names[q], &queue) == -ENOENT) {
		for (unsigned i = 1; i <= oracle.n; i++)
			assert_int_not_equal(oracle.message[i].queue, q);
		return;
	}
	queue = spools_queue(spool, queue_names[q]);
	assert_int_equal(spool_walk(spool, queue_names[q], see_waiting, &waiting), 0);
	assert_int_equal(spool_dead(spool, queue_names[q], (struct spool_place){ 0 }, MESSAGES, see_dead, &dead), 0);
	assert_int_equal(waiting.n, count((int)q, WAITING));
	assert_int_equal(dead.n, count((int)q, DEAD));
	assert_int_equal(queue.waiting, waiting.n);
	assert_int_equal(queue.dead, dead.n);
	assert_int_equal(queue.leased, count((int)q, LEASED));
	assert_int_equal(queue.acknowledged, count((int)q, DONE));
	assert_int_equal(queue.removed, oracle.removed[q]);
}

static void compare(void)
{
	struct seen leased = { .n = 0 };
	unsigned answers = 0, expected = 0, mended;
	char why[300];

	for (unsigned q = 0; q < QUEUES; q++)
		compare_queue(q);
	assert_int_equal(spool_leases(spool, 0, MESSAGES, see_lease, &leased), 0);
	assert_int_equal(leased.n, count(-1, LEASED));
	assert_int_equal(spool_outbox(spool, 0, MESSAGES, see_answer, &answers), 0);
	for (unsigned i = 1; i <= oracle.n; i++)
		expected += oracle.message[i].answer;
	assert_int_equal(answers, expected);
	assert_int_equal(spool_audit(spool, true, &mended, why, sizeof(why)), 0);
	assert_int_equal(mended, 0);
}

static void one_sequence(uint64_t first)
{
	seed = first;
	now = 1000000;
	memset(&oracle, 0, sizeof(oracle));
	folder = folder_make();
	spool = spools_open(folder);
	for (unsigned i = 0; i < BATCHES; i++) {
		now += draw(120);
		one_batch();
		if (draw(20) == 0)
			keep();
		if (draw(20) == 0) {
			spool_close(spool);
			spool = spools_open(folder);
		}
		compare();
	}
	spool_close(spool);
	folder_remove(folder);
}

static void every_message_is_in_one_place_whatever_happens(void **state)
{
	const char *n = getenv("WEIR_SEEDS"), *first = getenv("WEIR_SEED");
	uint64_t from = first ? strtoull(first, NULL, 10) : 1;

	(void)state;
	for (uint64_t s = from; s < from + (n ? strtoull(n, NULL, 10) : 10); s++) {
		print_message("seed %llu\n", (unsigned long long)s);
		one_sequence(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_is_in_one_place_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
