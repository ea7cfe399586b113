// SPDX-License-Identifier: BSD-3-Clause
//
// How often somebody may do something: token buckets by name, in a table of fixed size. One thread.
#pragma once

struct guard;

enum guard_kind {
	GUARD_BAD_TOKENS, // of one address: 10 at once, one more each 6 seconds
	GUARD_REQUESTS,   // of one agent: 2,000 at once, 1,000 a second
	GUARD_PAGES,      // files of the console, of one address: 1,000 at once, 100 a second
	GUARD_KINDS
};

// NULL when memory is out.
struct guard *guard_create(void);
void guard_destroy(struct guard *guard);

// Takes one. 0, or in how many seconds there is one again. Where two names share a place of the table, the newer one
// begins anew.
unsigned guard_take(struct guard *guard, const char *name, enum guard_kind kind);
