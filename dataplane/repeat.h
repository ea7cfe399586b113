// SPDX-License-Identifier: BSD-3-Clause
//
// What senders have been told, for a while: a message that comes again gets the same answer, and is handed on once
// (RFC 7252, 4.5; RFC 3261, 17.2.2; decision 38). A set-associative table of fixed size, one for a worker and a
// protocol. Keys are SipHash-1-3 under the worker's secret; a linear hash (a CRC) would let a sender find pairs of
// messages that collide whatever the secret, and have another's message taken for a repetition. libc only.
//
//   line (64 bytes): | key, born, told | key, born, told | key, born, told | key, born, told |
//
// A look touches one line and nothing else. A message whose line is full takes the place of the oldest in it.
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/decode/siphash.h"

enum { REPEAT_WAYS = 4, REPEAT_TICKS = 16 }; // ticks a second

// What the table says of a message; any other number is what its owner has put there.
enum { REPEAT_NEW = 0, REPEAT_PENDING = 1, REPEAT_OWNERS = 2 };

struct repeat_entry {
	uint64_t key;  // 0: free
	uint32_t born; // ticks
	uint32_t told;
};

struct repeat_line {
	struct repeat_entry entry[REPEAT_WAYS];
};
static_assert(sizeof(struct repeat_line) == 64, "one cache line");

// The worker's own; nobody else reads or writes it while the worker runs.
struct repeat {
	struct repeat_line *lines;
	uint64_t mask;     // of lines
	uint32_t lifetime; // ticks
	uint64_t evicted;  // forgotten before their time, because their line was full
	uint8_t secret[SIPHASH_KEY_SIZE];
};

// Both ends of a message and its number (0: it has none): what makes it the same message.
struct repeat_ends {
	uint16_t source_port, destination_port, id, ip_version;
	uint8_t address[32]; // source, then destination; of IPv4 the first 8 bytes, and the rest has no meaning
};
static_assert(sizeof(struct repeat_ends) == 40, "without holes, a multiple of 8");

// Makes a table of the greatest power of two of lines within `bytes`, all of it in memory already, that remembers for
// `seconds` (up to 1/16 more). `secret` is random, and nobody's but the worker's. Returns 0, -EINVAL (less than a line,
// no seconds), -ENOMEM.
int repeat_init(struct repeat *repeat, size_t bytes, uint32_t seconds, const uint8_t secret[SIPHASH_KEY_SIZE]);
void repeat_fini(struct repeat *repeat);

// Puts both ends of a message into `hash`: the beginning of its key, behind which comes what else names it.
static inline void repeat_name(const struct repeat *repeat, const struct repeat_ends *ends, struct siphash *hash)
{
	const uint8_t *at = (const uint8_t *)ends;
	size_t size = offsetof(struct repeat_ends, address) + (ends->ip_version == 4 ? 8 : sizeof(ends->address));

	siphash_init(hash, repeat->secret);
	for (size_t i = 0; i < size; i += 8)
		siphash13_put(hash, siphash_load(at + i));
}

// The key of what has been hashed. Never 0.
static inline uint64_t repeat_key_of(uint64_t hash)
{
	return hash ? hash : 1;
}

// The key of a message that ends and number name.
static inline uint64_t repeat_key(const struct repeat *repeat, const struct repeat_ends *ends)
{
	struct siphash hash;

	repeat_name(repeat, ends, &hash);
	return repeat_key_of(siphash13_end(&hash, 0, 0));
}

// Messages, and the words that each is named by: those of its repeat_ends, and what else names it; the last of them as
// SipHash has it, with how many bytes are named in its highest byte. The words of four messages lie side by side.
enum { REPEAT_NAMES = 64, REPEAT_WORDS = 16, REPEAT_LANES = 4 };
struct repeat_names {
	uint64_t word[REPEAT_NAMES / REPEAT_LANES][REPEAT_WORDS][REPEAT_LANES];
	uint8_t count[REPEAT_NAMES]; // of words
	uint32_t n;
};

// Where the first word of the next message goes, its others REPEAT_LANES further each.
static inline uint64_t *repeat_names_next(struct repeat_names *names)
{
	return &names->word[names->n / REPEAT_LANES][0][names->n % REPEAT_LANES];
}

// The key of each, as SipHash-1-3 makes it of the words one message after the other, in less time; `key` has room for n
// rounded up to a multiple of four. `secret` is that of the tables that the keys are for.
void repeat_keys(const uint8_t secret[SIPHASH_KEY_SIZE], const struct repeat_names *names, uint64_t *key);

// Brings the line of a key near, for who has a burst of them.
static inline void repeat_prefetch(const struct repeat *repeat, uint64_t key)
{
	__builtin_prefetch(&repeat->lines[key & repeat->mask], 1);
}

// Which place of a line a new message takes: the highest. Its own that is over (a key has one place), a free one, the
// oldest.
static inline uint64_t repeat_rank(const struct repeat_entry *entry, uint64_t key, uint32_t now)
{
	uint64_t rank = entry->key ? now - entry->born : UINT64_C(1) << 32;

	return entry->key == key ? UINT64_C(2) << 32 : rank;
}

// What was told to this message, as repeat_claim; NEW where it is not there. Nothing changes.
static inline uint32_t repeat_find(const struct repeat *repeat, uint64_t key, uint32_t now)
{
	const struct repeat_entry *entry = repeat->lines[key & repeat->mask].entry;

	for (unsigned i = 0; i < REPEAT_WAYS; i++)
		if (entry[i].key == key && now - entry[i].born <= repeat->lifetime)
			return entry[i].told;
	return REPEAT_NEW;
}

// What was told to this message, PENDING where it has been seen and nothing has been told yet. A message that is not
// there gets a place, as PENDING, and is NEW. `now` is in ticks from any start, and never falls.
static inline uint32_t repeat_claim(struct repeat *repeat, uint64_t key, uint32_t now)
{
	struct repeat_entry *entry = repeat->lines[key & repeat->mask].entry, *place = entry;
	uint64_t highest = 0;

	for (unsigned i = 0; i < REPEAT_WAYS; i++) {
		uint64_t rank = repeat_rank(&entry[i], key, now);

		if (entry[i].key == key && now - entry[i].born <= repeat->lifetime)
			return entry[i].told;
		place = rank > highest ? &entry[i] : place;
		highest = rank > highest ? rank : highest;
	}
	repeat->evicted += highest <= repeat->lifetime;
	*place = (struct repeat_entry){ key, now, REPEAT_PENDING };
	return REPEAT_NEW;
}

// Says what was told (REPEAT_OWNERS or more) to a message that has been claimed; NEW: forgets it, so that it may come
// again. Its time goes on from the claim. Nothing happens where its place has been taken.
static inline void repeat_put(struct repeat *repeat, uint64_t key, uint32_t told)
{
	struct repeat_entry *entry = repeat->lines[key & repeat->mask].entry;

	for (unsigned i = 0; i < REPEAT_WAYS; i++)
		if (entry[i].key == key) {
			entry[i].told = told;
			entry[i].key = told == REPEAT_NEW ? 0 : key;
			return;
		}
}
