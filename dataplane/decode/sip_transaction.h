// SPDX-License-Identifier: BSD-3-Clause
//
// What a SIP request is known by among others: branch, Call-ID and CSeq, or all that RFC 3261, 17.2.3 compares where
// the branch is none of RFC 3261 (docs/decisions/051-one-hash-a-message.md). libc only; any thread.
#pragma once

#include <stdint.h>

#include "dataplane/decode/sip.h"
#include "dataplane/decode/siphash.h"

// 64 bits that are the same for each retransmission of an answerable request and, without `key`, cannot be foreseen.
// The tag that answers put into To is made of it.
uint64_t sip_transaction(const uint8_t *at, const struct sip_message *message, const uint8_t key[SIPHASH_KEY_SIZE]);

// The same of all that has been put into `hash`, whole words, and of the request; nothing more is put then.
uint64_t sip_transaction_end(struct siphash *hash, const uint8_t *at, const struct sip_message *message);

// The words that sip_transaction_end puts, for who hashes several requests at once: less than `most`, `stride` words
// from one to the next (what is behind the last may be written to as well), and *rest, the 7 bytes behind them. Returns
// how many words; 0 where they are `most` or more, and then nothing is written.
unsigned sip_transaction_words(const uint8_t *at, const struct sip_message *message, uint64_t *word, unsigned stride,
			       unsigned most, uint64_t *rest);
