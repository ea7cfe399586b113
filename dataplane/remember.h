// SPDX-License-Identifier: BSD-3-Clause
//
// SIP and CoAP senders repeat a message until they hear of it (RFC 3261, 17.1.2; RFC 7252, 4.2): what a worker
// remembers of those that it has answered or given to agents, so that a repeat gets the same answer and reaches agents
// once (docs/decisions/044-requests.md). What is forwarded is not remembered: its member answers, and knows its own. On
// the worker; of native messages nothing is remembered.
#pragma once

#include "dataplane/answer.h"
#include "dataplane/burst.h"
#include "dataplane/repeat.h"
#include "dataplane/request.h"

struct worker;
struct weir_record;

enum remembered {
	REMEMBERED_NEW,   // goes on
	REMEMBERED_WAITS, // agents have it, and their answer comes when it is durable
	REMEMBERED_TOLD,  // to be told again: remember_answer
};

// By protocol.
struct memory {
	struct repeat repeat[WEIR_N_PROTOCOLS]; // native's is not used
	uint64_t tick;           // TSC cycles
	uint32_t now;            // ticks, of the burst
	uint64_t key[BURST_MAX]; // of the burst's messages, by frame
	struct repeat_names names; // of the burst's messages, which get their keys together,
	uint8_t named[BURST_MAX];  // and what frames they are
};

// Makes room for `n` messages of each protocol. 0 or -ENOMEM. `secret` is random, and that of all keys. Main thread.
int memory_init(struct memory *memory, uint32_t n, const uint8_t secret[SIPHASH_KEY_SIZE], uint64_t tsc_hz);
void memory_fini(struct memory *memory); // after a failed memory_init too

// Before the others, for a burst that has such messages.
void remember_begin(struct worker *worker, const struct burst *burst);

// Frame `i` of the burst has been decoded as `request`: it gets its name. remember_named follows the last one: what is
// known of each is then on its way, from memory that is seldom in a cache.
void remember_name(struct worker *worker, const struct burst *burst, unsigned i, const struct request *request);
void remember_named(struct worker *worker, const struct burst *burst);

// Whether frame `i`, which has its name, has been seen.
enum remembered remember_find(struct worker *worker, const struct burst *burst, unsigned i);

// What a message that is TOLD was told: its text is the table's, and stays as long as that.
struct answer remember_answer(const struct worker *worker, const struct burst *burst, unsigned i);

// Frame `i` is for agents. False: another one of this burst was the same message; that agents have a copy of it is no
// reason. With remember_forget it is as if it had not been.
bool remember_waits(struct worker *worker, struct burst *burst, unsigned i);
void remember_forget(struct worker *worker, struct burst *burst, unsigned i);

// Its sender has been told `status`, in the words of `template` (index, TABLE_NONE for none).
void remember_told(struct worker *worker, struct burst *burst, unsigned i, unsigned status, unsigned template);

// Whether frame `i`, which goes on, has had its copy: it came before, and was forwarded; or another one of this burst
// was the same message.
bool remember_was_copied(const struct worker *worker, const struct burst *burst, unsigned i);

// It is forwarded, and agents have their copy.
void remember_copied(struct worker *worker, struct burst *burst, unsigned i);

// Agents' message `record`, in our ring, is durable and its sender has been told so.
void remember_accepted(struct worker *worker, const struct weir_record *record);
