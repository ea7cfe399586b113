// SPDX-License-Identifier: BSD-3-Clause
//
// What stands in the spool: keys and values of its tables (docs/spool.md). spool*.c only.
#pragma once

#include <assert.h>

#include "controlplane/spool_look.h"

// Key of `messages` and `dead`: big-endian, so that the next message of a queue is one step of a cursor.
struct spool_key {
	uint8_t queue[4], priority, arrival[8];
};
static_assert(sizeof(struct spool_key) == 13, "no padding");

// Key of `leases`, `done` and `outbox`.
struct spool_id_key {
	uint8_t arrival[8];
};

// Key of `due`; value: spool_key of a dead letter, nothing for a receipt.
enum spool_due { DUE_DEAD = 1, DUE_DONE = 2 };
struct spool_due_key {
	uint8_t kind, since_ms[8], arrival[8];
};
static_assert(sizeof(struct spool_due_key) == 17, "no padding");

// Value of `messages`: this, then queue name, rule name (no NUL), payload.
struct spool_value {
	uint16_t version; // SPOOL_VALUE_VERSION
	uint16_t worker;
	uint8_t queue_length, rule_length;
	uint16_t attempts;
	uint64_t stored_ns;
	uint8_t boot_id[WEIR_BOOT_ID_SIZE];
	struct weir_record record;
};
static_assert(sizeof(struct spool_value) == 160, "values of version 1");

// Value of `leases`: this, the agent's name (no NUL), a message's value.
struct spool_lease_head {
	uint16_t version; // SPOOL_HEAD_VERSION, as of all below
	uint8_t agent_length, reserved[5];
	uint64_t since_ms, until_ms;
	uint8_t token[SPOOL_TOKEN_SIZE];
};
static_assert(sizeof(struct spool_lease_head) == 40, "values of version 1");

// Value of `dead`: this, then a message's value.
struct spool_dead_head {
	uint16_t version;
	uint8_t reason, reserved[5];
	uint64_t since_ms;
};
static_assert(sizeof(struct spool_dead_head) == 16, "values of version 1");

// Value of `done`: this, then the agent's name.
struct spool_receipt {
	uint16_t version;
	uint8_t agent_length, answered, reserved[4];
	uint64_t time_ms;
	uint8_t token[SPOOL_TOKEN_SIZE];
};
static_assert(sizeof(struct spool_receipt) == 32, "values of version 1");

// Value of `outbox`: this, then the UDP payload.
struct spool_outbox_head {
	uint16_t version, length;
	uint32_t reserved;
	uint64_t since_ms;
	struct weir_record record;
};
static_assert(sizeof(struct spool_outbox_head) == 144, "values of version 1");

enum { SPOOL_HEAD_VERSION = 1 };

struct spool_id_key spool_id_key(uint64_t arrival);
struct spool_due_key spool_due_key(enum spool_due kind, uint64_t since_ms, uint64_t arrival);
uint64_t spool_id_read(const uint8_t arrival[8]); // of any key

void spool_key_format(struct spool_key *key, uint32_t queue, uint8_t priority, uint64_t arrival);
uint32_t spool_key_queue(const struct spool_key *key);
uint64_t spool_key_arrival(const struct spool_key *key);

// Bytes of a message's value; -EINVAL for names that are empty or too long.
int spool_value_size(const struct spool_message *message);

// Writes the value at `to`, spool_value_size() bytes.
void spool_value_format(const struct spool_message *message, void *to);

// Names of a parsed value, with their NUL.
struct spool_names {
	char queue[SPOOL_NAME_MAX + 1], rule[SPOOL_NAME_MAX + 1];
};

// Reads a value of `size` bytes; the message points into it and into `names`. -EBADMSG.
int spool_value_parse(const void *value, size_t size, struct spool_message *message, struct spool_names *names);

// Each reads a value of `size` bytes; what it gives points into it and into `names`. -EBADMSG.
int spool_lease_parse(const void *value, size_t size, struct spool_lease *lease, struct spool_names *names);
int spool_dead_parse(const void *value, size_t size, struct spool_dead_letter *letter, struct spool_names *names);
int spool_outbox_parse(const void *value, size_t size, struct spool_outgoing *outgoing);
int spool_receipt_parse(const void *value, size_t size, struct spool_receipt *receipt);
