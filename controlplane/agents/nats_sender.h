// SPDX-License-Identifier: BSD-3-Clause
//
// Publishing to the stream of messages. One round is a list of messages, published one behind the other without
// waiting, and then waited for. Nothing of a list is ever stored before what stands in front of it and is not
// stored yet: each message names the one that must be the stream's last (`chained`), so the first that is not
// stored keeps out all behind it; or the list holds at most one message of each (queue, priority), between which
// order means nothing. docs/decisions/026-nats.md says which is used when, and why.
//
// One thread calls; only nats_sender_stop may be called by another.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "controlplane/agents/answer_id.h"
#include "controlplane/agents/nats_link.h"

struct nats_sender;

enum nats_item_state { NATS_ITEM_WAITS, NATS_ITEM_SENT, NATS_ITEM_STORED };

// A message to be published.
struct nats_item {
	struct spool_message message;
	enum nats_item_state state; // WAITS before a round; STORED after it: it is in the stream
	const void *sent;           // the sender's: who it is while it is on its way
};

struct nats_round {
	struct nats_item *const *items;
	unsigned n;
	bool chained;
	// what became of it
	unsigned stored;     // items, `duplicates` included
	unsigned duplicates; // that the stream had already
	bool conflict;       // the stream took a message that is not of this round: look at it again
};

// NULL when memory is out. Gateway and key outlive the sender.
struct nats_sender *nats_sender_create(const struct gateway *gateway, const struct answer_key *key);

// Ends the library's threads too: no connection of this process may be open any more.
void nats_sender_destroy(struct nats_sender *sender);

// Connects, and makes or checks the stream. 0, or -1 with one line in `why`.
int nats_sender_open(struct nats_sender *sender, char why[NATS_WHY]);
void nats_sender_close(struct nats_sender *sender);
bool nats_sender_is_open(struct nats_sender *sender);
bool nats_sender_can_chain(const struct nats_sender *sender); // rounds may be chained
const char *nats_sender_server(const struct nats_sender *sender); // URL of the server that is connected

// Publishes a round and waits. 0: all of it is stored. 1: some of it is not, without a fault (conflict): go on
// with what waits. -1 with `why`: a fault; what is STORED is stored, the rest may be, or may come to be. The
// connection is closed where that is in doubt.
int nats_sender_send(struct nats_sender *sender, struct nats_round *round, char why[NATS_WHY]);

// Lets a call that waits return soon, now and for ever.
void nats_sender_stop(struct nats_sender *sender);
