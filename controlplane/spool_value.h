// SPDX-License-Identifier: BSD-3-Clause
//
// What stands in the spool: keys and values of its tables (docs/spool.md). spool*.c only.
#pragma once

#include <assert.h>

#include "controlplane/spool.h"

// Key of `messages`: big-endian, so that the next message of a queue is one step of a cursor.
struct spool_key {
	uint8_t queue[4], priority, arrival[8];
};
static_assert(sizeof(struct spool_key) == 13, "no padding");

// Value of `messages`: this, then queue name, rule name (no NUL), payload.
struct spool_value {
	uint16_t version; // SPOOL_VALUE_VERSION
	uint16_t worker;
	uint8_t queue_length, rule_length;
	uint16_t reserved;
	uint64_t stored_ns;
	uint8_t boot_id[WEIR_BOOT_ID_SIZE];
	struct weir_record record;
};
static_assert(sizeof(struct spool_value) == 160, "values of version 1");

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
