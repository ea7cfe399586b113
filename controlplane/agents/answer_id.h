// SPDX-License-Identifier: BSD-3-Clause
//
// What a message that went to NATS carries so that it can be answered without being kept here: an id that is the
// message's spool value without its body, sealed with a key of this gateway (HMAC-SHA256) and written in base64. Who
// answers gives it back as it was; nobody else can make one. docs/decisions/026-nats.md has the reasons. Any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "controlplane/spool_value.h"

enum {
	ANSWER_KEY_SIZE = 32,
	ANSWER_HEAD_MAX = 8192,  // bytes of a payload before its body that an id holds
	ANSWER_ID_SIZE = 12288,  // bytes that every id fits into, with its NUL
};

struct answer_key {
	uint8_t bytes[ANSWER_KEY_SIZE];
};

// Reads the key in the file `path`, of mode 0600, or makes it where there is none. 0, or -errno with one line in `why`.
int answer_key_open(const char *path, struct answer_key *key, char *why, size_t why_size);

// Writes the id for a message. -E2BIG: more than ANSWER_HEAD_MAX bytes stand before its body, it cannot be answered;
// -EINVAL: its names or lengths cannot be; -ENOMEM.
int answer_id_format(const struct answer_key *key, const struct spool_message *message, char out[ANSWER_ID_SIZE]);

// The message that an id is for: as it stood in the spool, its payload ending where its body began.
struct answer_origin {
	struct spool_message message; // points into the members below
	struct spool_names names;
	uint8_t *bytes;
};

// Opens an id that came from outside. -EBADMSG: it is none that this key sealed; -ENOMEM. answer_origin_fini after 0.
int answer_id_parse(const struct answer_key *key, const char *id, struct answer_origin *origin);
void answer_origin_fini(struct answer_origin *origin);
