// SPDX-License-Identifier: BSD-3-Clause
//
// One question to the control plane of a gateway, over run_dir/NAME/control.sock.
#pragma once

#include <jansson.h>

struct gateway;
struct options;

// The gateway that the options, $WEIR_CONFIG or /etc/weir/gateway.conf name; NULL after saying what is wrong with it.
struct gateway *gateway_of(const struct options *options);

// Sends `request` (taken over; NULL: memory was out) to the control plane of the gateway that the
// options, $WEIR_CONFIG or /etc/weir/gateway.conf name, and waits for the answer. Returns STATUS_DONE and an
// answer of ok (the caller's); else an exit status, after printing diagnostics as `file:line: error: …`
// and one line that says what failed. `rules`, where not NULL, gets the gateway's own rule file (free() it).
int ask(const struct options *options, json_t *request, char **rules, json_t **answer);

// The same, and prints the result: as JSON, or by `print`.
int ask_and_print(const struct options *options, json_t *request, void (*print)(const json_t *result));

// Parts of an answer, checked like any input: "-" and 0 where they are missing. Printing returns a status.
const char *answer_text(const json_t *object, const char *key);
long long answer_number(const json_t *object, const char *key);
int answer_print(const json_t *value);

// What a load, or a switch, came to.
void print_loaded(const json_t *result);
