// SPDX-License-Identifier: BSD-3-Clause
//
// Leases back to their queues, a part at a time. Forwarder's thread.
#include "controlplane/agents/nats_leases.h"

#include <errno.h>
#include <pthread.h>

#include "controlplane/spool_look.h"

enum { PART = 256 };

struct part {
	struct spool_op ops[PART];
	unsigned n, open; // found; not done yet, under the mutex
	int err;
	pthread_mutex_t mutex;
	pthread_cond_t done;
};

static void on_done(struct spool_op *op)
{
	struct part *part = op->owner;

	pthread_mutex_lock(&part->mutex);
	if (op->result && op->result != -ENOENT && op->result != -ESTALE)
		part->err = op->result;
	if (--part->open == 0)
		pthread_cond_signal(&part->done);
	pthread_mutex_unlock(&part->mutex);
}

static int note(const struct spool_lease *lease, void *argument)
{
	struct part *part = argument;
	struct spool_op *op = &part->ops[part->n];

	*op = (struct spool_op){ .kind = OP_RETURN, .done = on_done, .owner = part, .id = lease->message.arrival,
				 .forced = true };
	if (part->n++ > 0)
		op[-1].next = op;
	return 0;
}

static int return_part(struct part *part, struct consumer *consumer)
{
	part->open = part->n;
	consumer_submit(consumer, part->ops);
	pthread_mutex_lock(&part->mutex);
	while (part->open > 0)
		pthread_cond_wait(&part->done, &part->mutex);
	pthread_mutex_unlock(&part->mutex);
	return part->err;
}

int nats_leases_return(struct spool *spool, struct consumer *consumer)
{
	struct part part = { .n = PART, .mutex = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER };
	int err = 0;

	while (!err && part.n > 0) {
		part.n = 0;
		err = spool_leases(spool, 0, PART, note, &part);
		if (!err && part.n > 0)
			err = return_part(&part, consumer);
	}
	pthread_cond_destroy(&part.done);
	pthread_mutex_destroy(&part.mutex);
	return err;
}
