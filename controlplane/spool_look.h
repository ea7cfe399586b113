// SPDX-License-Identifier: BSD-3-Clause
//
// Readers of the spool: queues, messages that wait, leases, dead letters, answers to be sent, as committed. Any
// thread, and any process that opened the spool read-only. Each call is one snapshot of its own, which keeps the
// pages from the writer that it gives up meanwhile: ask for parts (`n`), not for all, where there may be many.
//
// What `each` gets is gone when it returns. It goes on where `each` returns 0, and ends with what it returned
// otherwise. All return 0 or -errno: -ENOENT no such queue, -EBADMSG a value that is none of this version,
// -EIO the environment failed.
#pragma once

#include "controlplane/spool.h"
#include "controlplane/spool_ops.h"

struct spool_queue {
	char name[SPOOL_NAME_MAX + 1];
	uint32_t id;
	uint64_t waiting;                        // messages that an agent may claim
	uint64_t waiting_by[WEIR_N_PRIORITIES];  // the same by priority
	uint64_t leased, dead;                   // messages
	uint64_t stored;                         // ever; = waiting + leased + dead + acknowledged + removed
	uint64_t acknowledged;                   // ever settled by an agent
	uint64_t removed;                        // ever purged, or dead for longer than dead letters are kept
};

// Every queue that a message ever came to, by name.
int spool_queues(struct spool *spool, void (*each)(const struct spool_queue *queue, void *argument), void *argument);

// One queue.
int spool_queue_get(struct spool *spool, const char *name, struct spool_queue *queue);

// When the oldest message of `queue` that waits was stored (CLOCK_REALTIME, ns), 0: none waits. A revived message
// counts from then.
int spool_oldest(struct spool *spool, const char *queue, uint64_t *stored_ns);

// The same by priority, 0 where none waits.
int spool_oldest_by(struct spool *spool, const char *queue, uint64_t stored_ns[WEIR_N_PRIORITIES]);

// A place in a queue: behind it come less urgent messages, and later ones of the same priority. { 0, 0 } is the front.
struct spool_place {
	uint8_t priority;
	uint64_t arrival;
};

typedef int spool_each_message(const struct spool_message *message, void *argument);

// At most `n` messages of `queue` that wait behind `after`, by priority and then arrival.
int spool_peek(struct spool *spool, const char *queue, struct spool_place after, uint32_t n, spool_each_message *each,
	       void *argument);

// Messages that wait, of `queue` (NULL: of all, queue by queue), by priority and then arrival. One snapshot for all:
// for tests and small spools.
int spool_walk(struct spool *spool, const char *queue, spool_each_message *each, void *argument);

struct spool_lease {
	struct spool_message message;       // with attempts, this one included
	uint8_t token[SPOOL_TOKEN_SIZE];
	uint64_t since_ms, until_ms;        // CLOCK_REALTIME
	char agent[SPOOL_AGENT_MAX + 1];
};

// At most `n` leases with an id above `after`, by id.
int spool_leases(struct spool *spool, uint64_t after, uint32_t n,
		 int (*each)(const struct spool_lease *lease, void *argument), void *argument);

struct spool_dead_letter {
	struct spool_message message;
	enum spool_death reason;
	uint64_t since_ms; // CLOCK_REALTIME
};

// At most `n` dead letters of `queue` behind `after`, by priority and then arrival.
int spool_dead(struct spool *spool, const char *queue, struct spool_place after, uint32_t n,
	       int (*each)(const struct spool_dead_letter *letter, void *argument), void *argument);

// An answer to be sent.
struct spool_outgoing {
	uint64_t arrival;          // id of the message that it answers; op SENT removes it
	struct weir_record record; // of that message: addresses, port, MACs; udp_source: where the answer goes
	uint64_t since_ms;         // CLOCK_REALTIME, of the settlement
	const void *payload;       // the whole UDP payload
	uint16_t length;           // of it
};

// At most `n` answers to messages with an id above `after`, by id.
int spool_outbox(struct spool *spool, uint64_t after, uint32_t n,
		 int (*each)(const struct spool_outgoing *outgoing, void *argument), void *argument);

// Where somebody who follows a queue stands.
struct spool_since {
	uint64_t after;  // in: the last id seen
	uint64_t last;   // out: the last id that was given out, to any queue
	uint64_t stored; // out: messages that ever came to this one
};

// Messages that came to `queue` after an id and are not settled: those that wait or are dead, by priority, and those
// that are leased; of each kind at most the first `n`, so that of all that are seen the first `n` by id are complete.
int spool_since(struct spool *spool, const char *queue, struct spool_since *since, uint32_t n,
		spool_each_message *each, void *argument);

struct spool_sizes {
	uint64_t waiting, leased, dead, receipts, outbox; // entries
	uint64_t used_bytes;                              // of pages that hold something
	uint64_t file_bytes;                              // of the file, which never shrinks
};
int spool_sizes(struct spool *spool, struct spool_sizes *sizes);
