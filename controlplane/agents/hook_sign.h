// SPDX-License-Identifier: BSD-3-Clause
//
// Signatures of webhooks as Standard Webhooks (specification/standard-webhooks.md) has them: `v1,` and the base64 of
// HMAC-SHA256 over "ID.TIMESTAMP.BODY", by each secret of a file, so that a secret can be replaced while both are good.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	HOOK_SECRETS = 4,      // of one file
	HOOK_KEY_MIN = 24,     // bytes of a secret, as the specification says
	HOOK_KEY_MAX = 64,
	HOOK_SIGNATURE = 48,   // characters of one: "v1," and the base64 of 32 bytes, and what parts it from the next
	HOOK_SIGNATURES = HOOK_SECRETS * HOOK_SIGNATURE
};

struct hook_secrets {
	unsigned n;
	struct {
		uint8_t key[HOOK_KEY_MAX];
		size_t length;
	} secret[HOOK_SECRETS];
};

// Reads secrets from a regular file that only its owner and its group can read and only its owner can change: lines
// `whsec_` and base64 of 24 to 64 bytes; empty lines, and lines that begin with '#', say nothing. 0, or -errno with one
// line in `why`, which never has a byte of the file in it. Any thread.
int hook_secrets_read(const char *path, struct hook_secrets *secrets, char *why, size_t why_size);

// The same of text in memory: -EINVAL with the reason in `why`.
int hook_secrets_parse(const char *text, size_t length, struct hook_secrets *secrets, char *why, size_t why_size);

// Makes the keys unreadable.
void hook_secrets_fini(struct hook_secrets *secrets);

// Writes what the header webhook-signature says: a signature for each secret, parted by spaces, NUL-terminated.
// `timestamp_s` is CLOCK_REALTIME. 0, or -EIO where gnutls fails.
int hook_sign(const struct hook_secrets *secrets, const char *id, uint64_t timestamp_s, const char *body,
	      size_t length, char signatures[HOOK_SIGNATURES + 1]);
