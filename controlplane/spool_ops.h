// SPDX-License-Identifier: BSD-3-Clause
//
// What agents and operators do to messages in the spool. Each is an operation that the one thread which writes the
// spool runs within its batches, so that a message is always in exactly one place: waiting, leased, dead, or settled
// (then there is a receipt for a while). Others hand over lists of operations (consumer_submit) and hear of the
// end by `done`, when it is durable or has failed; an operation that failed has changed nothing.
//
// The id of a message is its arrival number. Times are CLOCK_REALTIME, ms. Names and bytes that an operation points to
// belong to who submits it, and must stay until `done`.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controlplane/spool.h"

enum { SPOOL_TOKEN_SIZE = 16, SPOOL_AGENT_MAX = 64, SPOOL_CLAIM_MAX = 1024 };

enum spool_op_kind {
	OP_CLAIM,  // leases waiting messages to an agent
	OP_SETTLE, // an agent is done with a message, with or without an answer to its sender
	OP_RETURN, // a lease ends, the message waits at its old place; or it is dead, after too many attempts
	OP_EXTEND, // a lease ends later
	OP_BURY,   // a message that waits or is leased becomes a dead letter
	OP_REVIVE, // a dead letter waits again, at its old place, as if it had just come
	OP_SENT,   // an answer has left, the outbox forgets it
	OP_PURGE,  // removes dead letters, or all that is not leased, of a queue
	OP_FORWARD, // a message that waits is durable elsewhere: it goes without a receipt, and counts as acknowledged
	OP_ANSWER, // an answer to a message that was forwarded, whose record came back with it
};

// Why a message is a dead letter.
#define SPOOL_DEATHS(X) X(RETRIES, "retries") X(EXPIRED, "expired") X(BURIED, "buried")
enum spool_death {
#define X(name, text) SPOOL_DEAD_##name,
	SPOOL_DEATHS(X)
#undef X
	SPOOL_N_DEATHS
};
const char *spool_death_name(enum spool_death reason);

// A claimed message with its lease; names and payload are part of the same allocation.
struct spool_claimed {
	struct spool_claimed *next;
	uint8_t token[SPOOL_TOKEN_SIZE];
	uint64_t until_ms;
	struct spool_message message; // attempts: this one included
};

// An answer to a message's sender. `build` makes the UDP payload from the message as it came and from the
// other members: it writes at most `room` bytes to `to` and returns their number, or -errno, which
// becomes the result of the SETTLE; where they do not go to the UDP port that the message came from it sets *port,
// which has that. It is called on the writer's thread: it must be quick, and pure.
struct spool_answer {
	int (*build)(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to, size_t room,
		     uint16_t *port);
	uint8_t status;
	const void *payload; // of the answer; `length` bytes
	uint16_t length;
};

// One operation; zero what is not given. It is the writer's between consumer_submit and `done`.
//
// Results: 0, or
//   -ENOENT    there is no such message (CLAIM by id: it does not wait), lease, dead letter, answer or queue
//   -EBUSY     CLAIM by id: it is leased. RETURN of what should be overdue: it is not
//   -ESTALE    the lease is another one's, or over: the message waits, is dead, or was settled under another lease
//   -EALREADY  SETTLE, RETURN, EXTEND, BURY: settled before under this very token. To a repeated SETTLE it is success.
//              ANSWER: it was answered before
//   -EINVAL    a name that is empty or too long, no messages or no time asked for, lease_ms past a year
//   -EBADMSG   the message's bytes are none that weir wrote
//   -ENOMEM    memory is out
//   what answer.build returned
//   -ECANCELED the writer ends
//   -ENOSPC, -EIO, … the batch failed: nothing has changed, unless it was the commit itself that failed, which may
//              yet have become durable; who must know reads the tables (spool_look.h)
struct spool_op {
	struct spool_op *next;
	enum spool_op_kind kind;
	void (*done)(struct spool_op *op); // on the writer's thread: only hands the op over, never waits
	void *owner;                       // the submitter's, never touched
	int result;
	// in
	const char *queue;  // CLAIM (NULL: by id alone), PURGE, FORWARD; BURY, REVIVE may leave it NULL: slower
	uint64_t id;        // of the message; CLAIM: 0 for the next `n` of the queue
	uint32_t n;         // CLAIM from a queue: at most so many, up to SPOOL_CLAIM_MAX. Fewer where they are large
	const char *agent;  // CLAIM, ANSWER: 1 to SPOOL_AGENT_MAX bytes
	uint32_t lease_ms;  // CLAIM, EXTEND: from when it runs on
	uint8_t token[SPOOL_TOKEN_SIZE]; // SETTLE, RETURN, EXTEND, BURY: of the lease
	bool forced;        // RETURN, EXTEND, BURY: whatever the token. BURY of a waiting message has to be
	bool overdue;       // RETURN: whatever the token, where the lease's time is over
	uint32_t retries;   // RETURN: a message with so many attempts is dead; 0: never
	bool uncounted;     // RETURN: the lease was no attempt, so whatever `retries` says, the message waits
	bool dead_only;     // PURGE
	const struct spool_answer *answer; // SETTLE: NULL for none; ANSWER
	const struct spool_message *origin; // ANSWER: what it answers; its payload may end where its body began
	// out
	uint64_t until_ms;  // EXTEND, RETURN of what is not overdue: when the lease ends now
	bool dead;          // RETURN: the message is a dead letter
	struct spool_claimed *claimed; // CLAIM: in order, the submitter's (spool_claimed_free); NULL: nothing waits
	uint32_t n_claimed;
	uint64_t n_removed; // PURGE, which goes by parts: so many are gone, even where a later part failed
	// the writer's own, 0 before
	uint64_t before, counted;
};

// Frees a list of claimed messages.
void spool_claimed_free(struct spool_claimed *claimed);

// Runs an operation within the open batch. 0: `result` is what it came to, once the batch is durable. -EAGAIN: so it
// goes on in a later batch (a PURGE of many). Another -errno: the batch is gone, and the operation is failed with it.
// The writer's thread; `now_ms` is the time.
int spool_op_run(struct spool *spool, struct spool_op *op, uint64_t now_ms);

// The operation's batch came to nothing: takes its outcome back, with `err` as the result.
void spool_op_fail(struct spool_op *op, int err);

// Bytes that the operations of the open batch have moved. A batch takes no more operations above SPOOL_MOVE_MAX, so
// that a transaction stays small: pages that it gives up are free only after it.
enum { SPOOL_MOVE_MAX = 4 << 20 };
size_t spool_moved(const struct spool *spool);
