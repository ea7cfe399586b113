// SPDX-License-Identifier: BSD-3-Clause
//
// Names of NATS for things of weir: subjects, message ids, header values. Pure; any thread. docs/agents-nats.md says
// the same to those who read them.
#pragma once

#include <stddef.h>

#include "controlplane/spool.h"

// Bytes for one escaped name and its NUL, for a subject, and for an id.
enum {
	NATS_TOKEN = 3 * SPOOL_NAME_MAX + 1,
	NATS_SUBJECT = 32 + NATS_TOKEN + 32,
	NATS_ID = 192,
};

// Writes a name as one token of a subject: letters, digits, '-' and '_' as they are, every other byte as %XX (two
// upper-case hexadecimal digits). An empty name becomes "-". Never cut: a name is at most SPOOL_NAME_MAX bytes.
void nats_token_format(const char *name, char out[NATS_TOKEN]);

// Writes a name as a header value: control characters and '%' as %XX, everything else as it is. Never cut.
void nats_value_format(const char *name, char out[NATS_TOKEN]);

// weir.agents.<queue>.<country>.<tenant id>.<priority>, of a message of the spool.
void nats_subject_format(const struct spool_message *message, char out[NATS_SUBJECT]);

// GATEWAY-BOOTID-WORKER-SLOT: the record's name, unique for ever, and the same each time that the message is published.
void nats_id_format(const char *gateway, const struct spool_message *message, char out[NATS_ID]);
