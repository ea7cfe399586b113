// SPDX-License-Identifier: BSD-3-Clause
//
// Messages and queues of the spool as JSON objects, as weirctl prints them and control.sock answers. Pure functions.
#pragma once

#include <jansson.h>

#include "controlplane/spool_look.h"

// One message: id, queue, rule, priority, tenant (number), country, channel, protocol, size (of the body), sender,
// generation, received, stored (UTC), attempts; and with `body` its content, as "body" where it is UTF-8 text, else as
// "body_base64". A new object, NULL when memory is out.
json_t *message_json(const struct spool_message *message, bool body);

// The counts of one queue, and how long its oldest message waits (at `now_ns`, CLOCK_REALTIME), each by priority too.
json_t *queue_json(const struct spool_queue *queue, const uint64_t oldest_ns[WEIR_N_PRIORITIES], uint64_t now_ns);

// A time of CLOCK_REALTIME, in ms, as "2026-03-01T12:00:00.123Z". A new string.
json_t *time_json(uint64_t ms);
