// SPDX-License-Identifier: BSD-3-Clause
//
// A queue of operations. Those that ran are told only after their batch is durable; an operation that takes more than
// one batch lines up anew for each.
#include "controlplane/op_list.h"

#include <errno.h>

void op_list_add(struct op_list *list, struct spool_op *ops)
{
	if (!ops)
		return;
	if (list->last)
		list->last->next = ops;
	else
		list->first = ops;
	while (ops->next)
		ops = ops->next;
	list->last = ops;
}

struct spool_op *op_list_take(struct op_list *list)
{
	struct spool_op *ops = list->first;

	*list = (struct op_list){ 0 };
	return ops;
}

static struct spool_op *take_first(struct op_list *list)
{
	struct spool_op *op = list->first;

	list->first = op->next;
	if (!list->first)
		list->last = NULL;
	op->next = NULL;
	return op;
}

int op_list_run(struct op_list *pending, struct op_list *ran, struct spool *spool, uint64_t now_ms, bool ending)
{
	struct op_list later = { 0 };
	int err = 0;

	for (unsigned n = 0; n < OPS_BATCH && pending->first && spool_moved(spool) < SPOOL_MOVE_MAX && !err; n++) {
		struct spool_op *op = take_first(pending);

		err = spool_op_run(spool, op, now_ms);
		if (err == -EAGAIN && ending)
			op->result = -ECANCELED;
		op_list_add(err == -EAGAIN && !ending ? &later : ran, op);
		if (err == -EAGAIN)
			err = 0;
	}
	op_list_add(pending, op_list_take(&later));
	return err;
}

void op_list_finish(struct op_list *ran, int err)
{
	struct spool_op *op = op_list_take(ran);

	while (op) {
		struct spool_op *next = op->next;

		op->next = NULL;
		if (err)
			spool_op_fail(op, err);
		op->done(op);
		op = next;
	}
}
