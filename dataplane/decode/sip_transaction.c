// SPDX-License-Identifier: BSD-3-Clause
//
// Pieces, each with zeros behind it up to a whole word, and how long each is: three lengths behind the last word, the
// others in a word before that where the rest says so. Pure.
#include "dataplane/decode/sip_transaction.h"

#include <stdbool.h>
#include <string.h>

enum { PIECES_MAX = 5, REST = 7 };

struct pieces {
	struct span span[PIECES_MAX];
	unsigned n;
	bool unique;      // else `lengths` is put behind them
	uint64_t lengths; // of the last two
	uint64_t rest;
};

static inline struct pieces pieces_of(const uint8_t *at, const struct sip_message *message)
{
	static const char cookie[] = "z9hG4bK"; // RFC 3261, 8.1.1.7
	const struct span branch = message->via.branch;
	const bool unique = branch.length >= sizeof(cookie) && memcmp(at + branch.at, cookie, sizeof(cookie) - 1) == 0;
	const struct span first = unique ? branch : message->via.value;

	return (struct pieces){
		.span = { first, message->call_id, message->cseq, message->from, message->to },
		.n = unique ? 3 : PIECES_MAX,
		.unique = unique,
		.lengths = message->from.length | (uint64_t)message->to.length << 16,
		.rest = first.length | (uint64_t)message->call_id.length << 16 | (uint64_t)message->cseq.length << 32 |
			(uint64_t)unique << 48,
	};
}

uint64_t sip_transaction_end(struct siphash *hash, const uint8_t *at, const struct sip_message *message)
{
	const struct pieces pieces = pieces_of(at, message);

	for (unsigned i = 0; i < pieces.n; i++)
		siphash13_put_piece(hash, at + pieces.span[i].at, pieces.span[i].length);
	if (!pieces.unique)
		siphash13_put(hash, pieces.lengths);
	return siphash13_end(hash, pieces.rest, REST);
}

uint64_t sip_transaction(const uint8_t *at, const struct sip_message *message, const uint8_t key[SIPHASH_KEY_SIZE])
{
	struct siphash hash;

	siphash_init(&hash, key);
	return sip_transaction_end(&hash, at, message);
}

static inline unsigned words_in(struct span span)
{
	return (span.length + 7u) / 8;
}

// Writes the words of a piece. Returns where the next one goes.
static inline uint64_t *put(uint64_t *word, unsigned stride, const uint8_t *at, size_t length)
{
	unsigned rest = length % 8;

	for (size_t i = 0; i + 8 <= length; i += 8, word += stride)
		*word = siphash_load(at + i);
	*word = siphash_rest(at, length, rest); // written over where there is none
	return rest ? word + stride : word;
}

unsigned sip_transaction_words(const uint8_t *at, const struct sip_message *message, uint64_t *word, unsigned stride,
			       unsigned most, uint64_t *rest)
{
	const struct pieces pieces = pieces_of(at, message);
	unsigned n = words_in(pieces.span[0]) + words_in(pieces.span[1]) + words_in(pieces.span[2]);

	if (!pieces.unique)
		n += words_in(pieces.span[3]) + words_in(pieces.span[4]) + 1;
	if (n >= most)
		return 0;
	for (unsigned i = 0; i < pieces.n; i++)
		word = put(word, stride, at + pieces.span[i].at, pieces.span[i].length);
	if (!pieces.unique)
		*word = pieces.lengths;
	*rest = pieces.rest;
	return n;
}
