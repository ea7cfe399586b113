// SPDX-License-Identifier: BSD-3-Clause
//
// Operations on their way through the spool's writer: a queue of them, and its passage through a batch. Each list
// is one thread's, or under its owner's lock.
#pragma once

#include "controlplane/spool_ops.h"

enum { OPS_BATCH = 4096 }; // operations in a batch, at most

struct op_list {
	struct spool_op *first, *last; // NULL: empty
};

// Puts a chain of operations, which may be none, behind the others.
void op_list_add(struct op_list *list, struct spool_op *ops);

// Takes all out, as a chain.
struct spool_op *op_list_take(struct op_list *list);

// Runs what is pending within the open batch, as much as one batch should hold; what has run goes to `ran`, and
// what goes on in a later batch to the end of `pending`; with `ending` it is cancelled instead.
// 0, or an error with which the batch is gone.
int op_list_run(struct op_list *pending, struct op_list *ran, struct spool *spool, uint64_t now_ms, bool ending);

// The batch is durable (`err` 0) or came to nothing: says so to each.
void op_list_finish(struct op_list *ran, int err);
