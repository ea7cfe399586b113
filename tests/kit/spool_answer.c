// SPDX-License-Identifier: BSD-3-Clause
//
// spool_answer SPOOL_FOLDER QUEUE N TEXT: plays an agent while no control plane runs: claims up to N messages of a queue
// and answers each `refused` with TEXT and the message's id; prints `answered N`.
// spool_answer --outbox SPOOL_FOLDER prints how many answers wait to be sent. Exit status 3 when something fails.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controlplane/agents/reply.h"
#include "controlplane/spool_look.h"

enum { LEASE_MS = 60000 };

static void die(const char *what, int err)
{
	fprintf(stderr, "spool_answer: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(3);
}

// One operation, durable.
static void run(struct spool *spool, struct spool_op *op)
{
	int err = spool_begin(spool);

	if (!err)
		err = spool_op_run(spool, op, (uint64_t)time(NULL) * 1000);
	if (!err)
		err = spool_commit(spool);
	if (err || op->result)
		die("the operation", err ? err : op->result);
}

static void answer(struct spool *spool, const struct spool_claimed *claimed, const char *text)
{
	const uint8_t *at = (const uint8_t *)claimed->message.payload + 12;
	unsigned id = (unsigned)at[0] << 24 | (unsigned)at[1] << 16 | (unsigned)at[2] << 8 | at[3];
	char line[200];
	struct spool_answer answer = { .build = reply_build, .status = WEIR_STATUS_REFUSED, .payload = line };
	struct spool_op op = { .kind = OP_SETTLE, .id = claimed->message.arrival, .answer = &answer };

	answer.length = (uint16_t)snprintf(line, sizeof(line), "%s %u", text, id);
	memcpy(op.token, claimed->token, sizeof(op.token));
	run(spool, &op);
}

static int answer_some(struct spool *spool, const char *queue, unsigned n, const char *text)
{
	struct spool_op op = { .kind = OP_CLAIM, .queue = queue, .n = n, .agent = "spool_answer", .lease_ms = LEASE_MS };

	run(spool, &op);
	for (const struct spool_claimed *claimed = op.claimed; claimed; claimed = claimed->next)
		answer(spool, claimed, text);
	printf("answered %u\n", op.n_claimed);
	spool_claimed_free(op.claimed);
	return 0;
}

static int count(const struct spool_outgoing *outgoing, void *argument)
{
	(void)outgoing;
	(*(unsigned *)argument)++;
	return 0;
}

int main(int argc, char **argv)
{
	bool outbox = argc == 3 && strcmp(argv[1], "--outbox") == 0;
	unsigned n = 0;
	struct spool *spool;
	char why[400];

	if (!outbox && argc != 5) {
		fputs("usage: spool_answer SPOOL_FOLDER QUEUE N TEXT | --outbox SPOOL_FOLDER\n", stderr);
		return 2;
	}
	spool = spool_open(outbox ? argv[2] : argv[1], 64, outbox, why, sizeof(why));
	if (!spool) {
		fprintf(stderr, "spool_answer: %s\n", why);
		return 3;
	}
	if (outbox && spool_outbox(spool, 0, UINT32_MAX, count, &n) != 0)
		die("the outbox", EIO);
	if (outbox)
		printf("%u\n", n);
	else
		answer_some(spool, argv[2], (unsigned)atoi(argv[3]), argv[4]);
	spool_close(spool);
	return 0;
}
