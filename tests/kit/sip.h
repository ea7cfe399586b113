// SPDX-License-Identifier: BSD-3-Clause
//
// SIP messages for tests: one that is plain, parts of it replaced, and what a span says.
#pragma once

#include <stddef.h>

#include "dataplane/decode/sip.h"

struct sip_case {
	uint8_t *bytes;  // an allocation of exactly `length`
	unsigned length;
	struct sip_message message;
	enum weir_reason reason;
};

// Takes a copy of `length` bytes and decodes it; the one before is freed.
void sip_case_set(struct sip_case *one, const void *bytes, unsigned length);
void sip_case_clear(struct sip_case *one);

// Decodes a plain MESSAGE with the line that starts with `line`'s name replaced by `line` (no line end), or taken out
// where `line` ends with the colon. A `line` with a space before its first colon takes the
// place of the start line.
void sip_case_line(struct sip_case *one, const char *line);

// The same, and fails the test where decoding it gives another reason.
void sip_case_expect(struct sip_case *one, const char *line, enum weir_reason reason);

// What the span says, as a string; static, the last four stay.
const char *sip_case_text(const struct sip_case *one, struct span span);

// For tests whose message is `one`.
#define is_fault(line, reason) sip_case_expect(&one, line, reason)
#define is_good(line) is_fault(line, WEIR_REASON_NONE)
#define says(span, text) assert_string_equal(sip_case_text(&one, span), text)
