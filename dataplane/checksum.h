// SPDX-License-Identifier: BSD-3-Clause
//
// One's-complement sums of the Internet checksum (RFC 1071), inline, over 64-bit words. The sum of a
// byte string is independent of byte order (RFC 1071, 2.B), so bytes are summed as they lie in memory
// and the folded result lies in network order as well: it is stored and compared without a swap.
// Never reads outside of the bytes that it is given. Written for little-endian x86-64. libc only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t checksum_load64(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline uint32_t checksum_load32(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

// Adds one word with end-around carry.
static inline uint64_t checksum_add(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

// 64 → 16 bits. x + rotate(x, half) leaves the one's-complement sum of its halves in the upper half.
static inline uint16_t checksum_fold(uint64_t sum)
{
	uint32_t half = (uint32_t)((sum + (sum << 32 | sum >> 32)) >> 32);

	return (uint16_t)((half + (half << 16 | half >> 16)) >> 16);
}

// The last `n` (0 to 7) bytes before `end`, as the low bytes of a word. The 8 bytes before `end` are
// readable. Two shifts, since one by 64 is undefined.
static inline uint64_t checksum_tail(const uint8_t *end, unsigned n)
{
	return checksum_load64(end - 8) >> 1 >> (63 - 8 * n);
}

// Sum of `n` blocks of 32 bytes: the bulk of a long datagram, out of line so that the short ones stay
// free of its registers.
enum { CHECKSUM_BLOCK = 32, CHECKSUM_LONG = 128 };
uint64_t checksum_blocks(const uint8_t *data, size_t n);

// Adds `n` bytes, n at least 8, to `sum`. The carries are counted aside, so that the additions do not
// wait for each other's carry.
static inline uint64_t checksum_add_bytes(uint64_t sum, const uint8_t *data, size_t n)
{
	unsigned __int128 wide = sum;
	const uint8_t *end = data + n;

	if (__builtin_expect(n >= CHECKSUM_LONG, 0)) {
		wide += checksum_blocks(data, n / CHECKSUM_BLOCK);
		data += n / CHECKSUM_BLOCK * CHECKSUM_BLOCK;
	}
	for (; end - data >= 8; data += 8)
		wide += checksum_load64(data);
	wide += checksum_tail(end, (unsigned)(end - data));
	return checksum_add((uint64_t)wide, (uint64_t)(wide >> 64));
}

// Adds any number of bytes, fewer than 8 included.
static inline uint64_t checksum_add_any(uint64_t sum, const uint8_t *data, size_t n)
{
	uint64_t word = 0;

	if (n >= 8)
		return checksum_add_bytes(sum, data, n);
	memcpy(&word, data, n);
	return checksum_add(sum, word);
}

// Sum of an IPv4 header of 20 bytes without options.
static inline uint64_t checksum_plain_header(const uint8_t *ip)
{
	unsigned __int128 wide = checksum_load64(ip);

	wide += checksum_load64(ip + 8);
	wide += checksum_load32(ip + 16);
	return checksum_add((uint64_t)wide, (uint64_t)(wide >> 64));
}

// Sum of the pseudo-header of UDP over IPv4 (RFC 768) or IPv6 (RFC 8200, 8.1); `ip` is the IP header.
// Length and protocol are shifted, not swapped: modulo 0xffff that is the same.
static inline uint64_t checksum_pseudo4(const uint8_t *ip, uint16_t udp_length)
{
	return checksum_add(checksum_load64(ip + 12), (udp_length + 17u) << 8);
}

static inline uint64_t checksum_pseudo6(const uint8_t *ip, uint16_t udp_length)
{
	return checksum_add_bytes((udp_length + 17u) << 8, ip + 8, 32);
}

// The value for a checksum field whose own two bytes were summed as zero: stored as it is.
static inline uint16_t checksum_finish(uint64_t sum)
{
	return (uint16_t)~checksum_fold(sum);
}

// The same for UDP, where zero says that no checksum was sent.
static inline uint16_t checksum_finish_udp(uint64_t sum)
{
	uint16_t value = checksum_finish(sum);

	return value ? value : 0xffff;
}

// Whether a sum that includes its checksum field is right: it folds to 0xffff, that is, it is a multiple
// of it, which one multiplication tells. The bytes summed are not all zero (no header is).
static inline bool checksum_holds(uint64_t sum)
{
	return sum % 0xffff == 0;
}
