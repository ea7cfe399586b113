// SPDX-License-Identifier: BSD-3-Clause
//
// What answers.c (sends), answers_set.c (the answers that are known of, by id and by their way) and answers_pass.c
// (reads the outbox) share. Nobody else.
#pragma once

#include "controlplane/spool_look.h"
#include "dataplane/abi/socket.h"

enum { ANSWERS_WAYS = 64, ANSWERS_HASH = 1024, ANSWERS_A_WAY = 256 };

enum outgoing_state {
	OUTGOING_WAITS,   // in the list of its way
	OUTGOING_ON_WAY,  // with the dataplane
	OUTGOING_SETTLES, // its OP_SENT is with the spool's writer
	OUTGOING_FAILED,  // its OP_SENT is to be submitted again
	OUTGOING_ASIDE,   // cannot be sent; the payload is gone
};

// An answer of the outbox.
struct outgoing {
	struct spool_op op; // OP_SENT
	struct outgoing *same; // of the hash
	struct outgoing *next; // of its way, where it waits
	uint64_t arrival, since_ms;
	enum outgoing_state state;
	unsigned way;
	struct weir_record record;
	uint16_t length;
	uint8_t *payload;
};

// Answers that leave by one port; different ports may share one.
struct way {
	struct outgoing *first, **end; // that wait
	unsigned n_waiting, n_on_way;
	bool more;          // the outbox had more than could be kept,
	uint64_t more_at;   // behind this one
	uint64_t paused_ms; // nothing leaves before (CLOCK_MONOTONIC)
	uint64_t moved_ms;  // when one last came to its end, or began when none was on its way
	unsigned backoff_ms;
};

struct answers_set {
	struct outgoing *by_arrival[ANSWERS_HASH];
	struct way way[ANSWERS_WAYS];
	unsigned n, n_on_way, n_aside;
};

void answers_set_init(struct answers_set *set);
void answers_set_fini(struct answers_set *set); // frees all of them

struct outgoing *answers_set_find(const struct answers_set *set, uint64_t arrival);

// The way of a message's answer.
unsigned answers_way_of(const struct weir_record *record);

// Adds a copy of an answer that is not known of, behind those that wait. NULL: memory is out.
struct outgoing *answers_set_add(struct answers_set *set, const struct spool_outgoing *from);

// Takes out and frees.
void answers_set_remove(struct answers_set *set, struct outgoing *outgoing);

// The first that waits on a way begins to be on its way; and one that was on its way waits again, before all others.
struct outgoing *answers_set_send(struct answers_set *set, unsigned way);
void answers_set_return(struct answers_set *set, struct outgoing *outgoing);

// One that was on its way has come to its end.
void answers_set_settle(struct answers_set *set, struct outgoing *outgoing, enum outgoing_state state);

// Calls `each` for every one; it may remove the one it gets.
void answers_set_each(struct answers_set *set, void (*each)(struct outgoing *outgoing, void *argument), void *argument);

// A pass over the outbox; zero: none is under way.
struct answers_pass {
	bool under_way;
	bool again;          // and there shall be another one,
	uint64_t again_from; // from here
	uint64_t after;      // where it is
	const struct way *held; // it waits for this one, NULL: for none
	bool failed;         // the outbox could not be read, which was said
};

// Has the outbox read behind `from`, after the pass that is under way if one is.
void answers_pass_begin(struct answers_pass *pass, uint64_t from);

// When the pass shall go on (CLOCK_MONOTONIC): `now_ms`, later, or UINT64_MAX when none is under way.
uint64_t answers_pass_due(const struct answers_pass *pass, uint64_t now_ms);

// One part of the pass that is under way. 0, or the spool's error, which was logged and has ended the pass.
int answers_pass_step(struct answers_pass *pass, struct spool *spool, struct answers_set *set, uint64_t now_ms);
