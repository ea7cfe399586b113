// SPDX-License-Identifier: BSD-3-Clause
//
// Look-ups of tenants by domain and by name in an opened table (table.h): no checks of the table, no allocation,
// libc only. What is looked up comes from the wire: any bytes of any length.
//
// Two cache lines a look-up, whatever the number of tenants: the bucket that the word's hash says, and the string
// of the slot with the same tag and length, which is compared byte by byte: a word is found or it is not, never
// taken for another. Thread: any number of readers.
#pragma once

#include <string.h>

#include "rules/table.h"

enum { WORD_DOMAIN_MAX = 253, WORD_BURST = 64 };

struct word { // of a message: not ended by NUL
	const void *bytes;
	uint32_t length;
};

// Tenant whose `domains` hold the host of a SIP Request-URI or of CoAP's Uri-Host; 0 for none. ASCII letters of
// either case are the same; otherwise exact: neither a subdomain nor a final dot matches.
uint32_t table_find_domain(const struct table *table, const void *bytes, size_t length);

// Tenant of this name, bytes as they stand in the rule file (CoAP's /m/{tenant}; RFC 7252, 5.10.1: Uri-Path is
// compared by bytes); 0 for none.
uint32_t table_find_tenant_name(const struct table *table, const void *bytes, size_t length);

// The same for `n` words at once, at most WORD_BURST; fetches what the next step reads. tenant[i] as above.
void table_find_domains(const struct table *table, const struct word *word, unsigned n, uint32_t *tenant);
void table_find_tenant_names(const struct table *table, const struct word *word, unsigned n, uint32_t *tenant);

// A look-up that has begun: the word is hashed, and what is read next is on its way.
struct word_search {
	const void *bytes; // the word: stays where it is to the end
	uint64_t first;    // its first eight bytes as they are compared, zeros behind its end
	uint64_t hash;
	const struct word_slot *slot; // where it may be: the tag is the word's; NULL where that is not known
	uint32_t length;   // 0: nothing is found
	bool domain;       // else a name
};

// The same in steps, for who has a burst of different words: table_begin_word of each, then table_fetch_word of each,
// which may be left out, then table_end_word of each.
void table_begin_word(const struct table *table, bool domain, const void *bytes, size_t length,
		      struct word_search *search);
void table_fetch_word(const struct table *table, struct word_search *search);
uint32_t table_end_word(const struct table *table, const struct word_search *search);

// A word ready to be hashed and compared: padded with zeros to whole words of 8 bytes.
struct word_key {
	uint64_t word[(WORD_DOMAIN_MAX + 7) / 8];
	uint64_t hash;
	uint32_t length;
};

static inline uint64_t word_lower(uint64_t word)
{
	const uint64_t low = word & UINT64_C(0x7f7f7f7f7f7f7f7f), ones = UINT64_C(0x0101010101010101);
	uint64_t from_a = low + (0x80 - 'A') * ones, past_z = low + (0x7f - 'Z') * ones; // in the top bit of each byte
	uint64_t upper = (from_a ^ past_z) & ~word & 0x80 * ones;

	return word | upper >> 2;
}

// The 1 to 7 bytes at `at` as a word, zeros behind them. Loads alone: a copy that is written in pieces and read as a
// word waits for its stores.
static inline uint64_t word_rest(const uint8_t *at, size_t n)
{
	uint32_t first, last;

	if (n < 4)
		return at[0] | (uint64_t)at[n / 2] << 8 * (n / 2) | (uint64_t)at[n - 1] << 8 * (n - 1);
	memcpy(&first, at, sizeof(first));
	memcpy(&last, at + n - 4, sizeof(last));
	return first | (uint64_t)last << 8 * (n - 4);
}

// The `at`th eight bytes of a word, zeros behind its end; `at` * 8 is below `length`.
static inline uint64_t word_part(const void *bytes, size_t length, size_t at, bool lower)
{
	const uint8_t *from = (const uint8_t *)bytes + at * 8;
	uint64_t word;

	if (length - at * 8 >= 8)
		memcpy(&word, from, sizeof(word));
	else
		word = word_rest(from, length - at * 8);
	return lower ? word_lower(word) : word;
}

static inline uint64_t word_hash_begin(size_t length)
{
	return length * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint64_t word_hash_next(uint64_t hash, uint64_t part)
{
	hash = (hash ^ part) * UINT64_C(0xd6e8feb86659fd93);
	return hash ^ hash >> 32;
}

static inline uint64_t word_hash_end(uint64_t hash)
{
	hash *= UINT64_C(0xd6e8feb86659fd93);
	return hash ^ hash >> 32;
}

// Fills `key`; `length` is 1 to WORD_DOMAIN_MAX.
static inline void word_key_init(struct word_key *key, const void *bytes, size_t length, bool lower)
{
	uint64_t hash = word_hash_begin(length);

	key->length = (uint32_t)length;
	for (size_t i = 0; i * 8 < length; i++) {
		key->word[i] = word_part(bytes, length, i, lower);
		hash = word_hash_next(hash, key->word[i]);
	}
	key->hash = word_hash_end(hash);
}

static inline uint32_t word_tag(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

// The two buckets of a word; the same one where there is only one.
static inline uint32_t word_bucket1(uint64_t hash, uint32_t mask)
{
	return (uint32_t)hash & mask;
}

static inline uint32_t word_bucket2(uint64_t hash, uint32_t mask)
{
	return ((uint32_t)hash ^ (word_tag(hash) * 0x9e3779b1u | 1)) & mask;
}

// table_begin_word of a name of 1 to 8 bytes by who has it as a word, the first byte lowest and zeros above the last.
static inline void table_begin_short_name(const struct table *table, const void *bytes, size_t length, uint64_t name,
					  struct word_search *search)
{
	uint64_t hash = word_hash_end(word_hash_next(word_hash_begin(length), name));

	*search = (struct word_search){.bytes = bytes, .first = name, .hash = hash, .length = (uint32_t)length};
	__builtin_prefetch(&table->names[word_bucket1(hash, table->name_mask)]);
}
