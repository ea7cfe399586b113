// SPDX-License-Identifier: BSD-3-Clause
//
// What a webhook is sent, and what it says back (docs/webhooks.md). Pure; any thread.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controlplane/spool.h"

enum {
	HOOK_ID = 2 * WEIR_BOOT_ID_SIZE + 1 + 10 + 1 + 20, // characters at most
	HOOK_WHY = 100
};

// The name of a message for all times, whatever becomes of its spool: webhook-id, and the event's id. The same for
// each delivery of it.
void hook_id_format(const struct spool_message *message, char id[HOOK_ID + 1]);

// A CloudEvents 1.0 event in structured mode (application/cloudevents+json): `data` (taken over; NULL: memory is out)
// is the message as the agents' API gives it. NULL when memory is out; the caller frees it.
char *hook_event_format(const char *gateway, const struct spool_message *message, json_t *data);

enum hook_verdict {
	HOOK_TAKEN,   // settled, without an answer
	HOOK_ANSWER,  // settled, with this answer to the message's sender
	HOOK_FAILED,  // to be tried again
	HOOK_GONE,    // the URL is gone for good
};

// What came of a delivery.
struct hook_result {
	unsigned status;       // of HTTP; 0: none came
	const char *error;     // for people, where no whole response came; else NULL
	bool reached;          // the server may have seen the event
	uint64_t retry_after_ms; // what the server asked for; 0: nothing
	const char *body;      // of the response, `length` bytes
	size_t length;
	bool too_long;         // the body goes on behind it
};

struct hook_reply {
	enum hook_verdict verdict;
	uint8_t status;        // ANSWER: enum weir_status
	char *text;            // ANSWER: NUL-terminated, `length` bytes; the caller frees it
	size_t length;
	char why[HOOK_WHY + 1]; // FAILED, GONE: for the log; nothing that the server wrote
};

// Reads what a server said, as if an enemy wrote it.
void hook_reply_read(const struct hook_result *result, struct hook_reply *reply);
