/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-3-Clause) */
//
// Finds the Call-ID of a SIP message and hashes it, for steering (steer.h; docs/decisions/045-steering-keys.md): eight
// bytes at a time, in the form that the kernel's verifier can follow. No parser of SIP: a line that begins with
// "Call-ID:" or "i:", in any case, and the bytes behind it as they stand. UAPI and libc types alone.
#pragma once

#include "ebpf/parse.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte is the lowest of a word");

// How far it is looked for, and how much of it counts.
enum { STEER_WORD = 8, STEER_CALL_ID_WITHIN = 1024, STEER_CALL_ID_SIZE = 64 };

// Every bit of a key has a say in every bit of the result. BPF has no instruction for a checksum, so: two rounds
// of multiply and shift (the finalizer of MurmurHash3, one round shorter, its upper bits taken).
LAYERS_INLINE __u64 steer_mix(__u64 key)
{
	key ^= key >> 32;
	key *= 0xff51afd7ed558ccdull;
	key ^= key >> 29;
	return key * 0xc4ceb9fe1a85ec53ull;
}

// 0x80 for every line feed in `word`, 0 for every other byte.
LAYERS_INLINE __u64 steer_feeds(__u64 word)
{
	const __u64 low = 0x7f7f7f7f7f7f7f7full;
	__u64 other = word ^ 0x0a0a0a0a0a0a0a0aull;

	return ~(((other & low) + low) | other | low);
}

// Which byte of a word the first line feed is. By a product: clang 14 compiles no search for a bit to BPF.
LAYERS_INLINE __u32 steer_first(__u64 feeds)
{
	return (__u32)((((feeds & -feeds) >> 7) * 0x0001020304050607ull) >> 56);
}

// Up to eight bytes of the message, of which `left` are left at `at`; zeroes behind them.
LAYERS_INLINE __u64 steer_word(const struct layers *layers, const __u8 *at, __u32 left)
{
	__u64 word = 0;
	__u32 bits = 0;

	if (left >= STEER_WORD)
		return at + STEER_WORD <= layers->end ? LAYERS_LOAD(__u64, at) : 0;
	if (left & 4 && at + 4 <= layers->end) {
		word = LAYERS_LOAD(__u32, at);
		bits = 32;
		at += 4;
	}
	if (left & 2 && at + 2 <= layers->end) {
		word |= (__u64)LAYERS_LOAD(__u16, at) << bits;
		bits += 16;
		at += 2;
	}
	if (left & 1 && at + 1 <= layers->end)
		word |= (__u64)*at << bits;
	return word;
}

// Bytes of a name of the header that `word` begins with, its colon included; 0 for other headers.
LAYERS_INLINE __u32 steer_call_id_name(__u64 word)
{
	const __u64 letters = 0x0020200020202020ull; // case of "call-id:"

	if ((word | letters) == 0x3a64692d6c6c6163ull)
		return 8;
	return (word & 0xffff) == 0x3a69 || (word & 0xffff) == 0x3a49 ? 2 : 0;
}

// Hashes a value into `hash`: up to its line feed, 64 bytes at most.
LAYERS_INLINE __u64 steer_value(const struct layers *layers, const __u8 *at, __u32 left, __u64 hash)
{
	for (int i = 0; i < STEER_CALL_ID_SIZE / STEER_WORD && left > 0; i++) {
		__u64 word = steer_word(layers, at, left), feeds = steer_feeds(word);

		if (feeds)
			return steer_mix(hash ^ (word & (((feeds & -feeds) >> 7) - 1)));
		hash = steer_mix(hash ^ word);
		at += STEER_WORD;
		left -= left < STEER_WORD ? left : STEER_WORD;
	}
	return hash;
}

// Offset in the message of what stands behind "Call-ID:", where the line feed before that lies in the first
// STEER_CALL_ID_WITHIN bytes and not in the message's last eight; 0: it is not there.
LAYERS_INLINE __u32 steer_call_id_find(const struct layers *layers)
{
	const __u8 *message = layers->udp + LAYERS_UDP_SIZE;

	for (__u32 at = 0; at < STEER_CALL_ID_WITHIN; at += STEER_WORD) {
		__u64 feeds;

		if (at + STEER_WORD > layers->payload_length || message + at + STEER_WORD > layers->end)
			return 0;
		feeds = steer_feeds(LAYERS_LOAD(__u64, message + at));
		for (int i = 0; i < STEER_WORD && feeds; i++, feeds &= feeds - 1) {
			__u32 line = at + steer_first(feeds) + 1, size;

			if (line + STEER_WORD > layers->payload_length || message + line + STEER_WORD > layers->end)
				return 0;
			size = steer_call_id_name(LAYERS_LOAD(__u64, message + line));
			if (size)
				return line + size;
		}
	}
	return 0;
}
