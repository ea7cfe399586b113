// SPDX-License-Identifier: BSD-3-Clause
//
// What the classifier's benchmark compares the table with: the same keys in librte_acl and in rte_hash.
#pragma once

#include "tests/kit/rules.h"

enum { PEER_BURST = 64, HASH_BURST = 32 };

struct peers {
	struct rte_hash *hash;
	struct rte_acl_ctx *acl;
	uint8_t *acl_key; // of each key, as librte_acl reads it; NULL: no librte_acl
	uint32_t *id;     // of each key
	uint32_t n_keys;
	double acl_seconds; // to build
	size_t acl_bytes;
};

// Puts the tenants into an rte_hash, the rules into an rte_acl. EAL must run. Ends the program when
// it cannot.
void peers_open(struct peers *peers, const struct rule_set *rules, const struct kit_key *key, uint32_t n_keys);
void peers_close(struct peers *peers);

// Look up `PEER_BURST` keys from `at` on; return something that depends on every result.
uint32_t peers_hash(const struct peers *peers, uint32_t at);
uint32_t peers_acl(const struct peers *peers, uint32_t at);
