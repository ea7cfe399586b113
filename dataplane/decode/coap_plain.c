// SPDX-License-Identifier: BSD-3-Clause
//
// A message as nearly all senders write it, read in one straight line: POST or PUT, confirmable or not, whose options
// are in their shortest form
//
//     Uri-Path "m", tenant, channel;  Uri-Query "country=CC", "priority=NAME", each at most once, in any order
//
// and nothing else, with a body or without. Where a byte is otherwise, nothing has been said, and coap.c reads the
// message from its beginning: this says nothing that it would not (fuzzer and unit test hold one against the other).
// Any thread; every offset is checked before it is followed.
#include "dataplane/decode/coap.h"

#include <endian.h>
#include <string.h>

#include "dataplane/decode/coap_option.h"
#include "dataplane/decode/coap_parts.h"
#include "dataplane/decode/coap_value.h"

// The first four bytes: version 1, CON or NON, code POST (0.02) or PUT (0.03).
#define PLAIN_HEAD UINT32_C(0x40020000)
#define PLAIN_HEAD_MASK UINT32_C(0xe0fe0000)

enum {
	PATH_M = COAP_URI_PATH << 4 | 1, // the option of one byte that comes first
	TENANT_MAX = COAP_NIBBLE_EXTENDED - 1,
	LEAST = COAP_HEADER + COAP_TOKEN_MAX, // bytes: a message has more, but for the very shortest
	FIRST_QUERY = (COAP_URI_QUERY - COAP_URI_PATH) << 4, // the delta of the first argument; the next has 0
	COUNTRY = sizeof("country=DE") - 1,
	PRIORITY = sizeof("priority=") - 1,
	SAID = 0x100, // no first byte of an option
};
static_assert((int)COUNTRY < (int)COAP_NIBBLE_EXTENDED && (int)PRIORITY < (int)COAP_NIBBLE_EXTENDED,
	      "the one's length is its nibble, and the other's, with any name of a priority, is extended");

static inline uint64_t load_word(const void *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

// The country of "country=CC" at `at`; -1 where that is anything else.
static inline int country_read(const uint8_t *at, const uint8_t *end)
{
	if (end - at < COUNTRY || load_word(at) != load_word("country="))
		return -1;
	return weir_country_find((const char *)at + COUNTRY - 2);
}

// The priority of "priority=NAME" in `length` (13 or more) bytes at `at`; -1 where that is anything else.
static inline int priority_read(const uint8_t *at, unsigned length)
{
	if (load_word(at) != load_word("priority") || at[PRIORITY - 1] != '=')
		return -1;
	return coap_priority_find(at + PRIORITY, length - PRIORITY);
}

// Arguments and body, from `p` on. Returns whether they are plain.
static inline bool rest_read(const uint8_t *at, const uint8_t *p, const uint8_t *end, struct coap_message *message)
{
	unsigned country = FIRST_QUERY | COUNTRY, priority = FIRST_QUERY | COAP_NIBBLE_EXTENDED; // first bytes

	while (p < end) {
		unsigned first = *p++;

		if (first == country) {
			int found = country_read(p, end);

			if (found < 0)
				return false;
			message->country = (uint16_t)found;
			p += COUNTRY;
			country = SAID;
			priority &= ~(unsigned)FIRST_QUERY;
		} else if (first == priority && p < end) {
			unsigned length = COAP_NIBBLE_EXTENDED + *p++;
			int found = end - p < (ptrdiff_t)length ? -1 : priority_read(p, length);

			if (found < 0)
				return false;
			message->priority = (uint8_t)found;
			p += length;
			priority = SAID;
			country &= ~(unsigned)FIRST_QUERY;
		} else if (first == COAP_MARKER && p < end) {
			message->body = span_make((size_t)(p - at), (size_t)(end - p));
			return true;
		} else {
			return false;
		}
	}
	return true;
}

// The path, from `p` on: where it ends, NULL where it is not plain.
static inline const uint8_t *path_read(const uint8_t *at, const uint8_t *p, const uint8_t *end,
				       struct coap_message *message)
{
	const uint8_t *name = p + 3;
	unsigned length;
	int channel;

	if (end - p < 3 || p[0] != PATH_M || p[1] != 'm')
		return NULL;
	length = p[2];
	p = name + length;
	if (length - 1 >= TENANT_MAX || p >= end)
		return NULL;
	message->tenant = coap_id_parse(name, length);
	if (message->tenant == 0)
		message->name = span_make((size_t)(name - at), length);
	length = *p++;
	if (end - p < (ptrdiff_t)length)
		return NULL;
	channel = coap_channel_find(p, length); // none has 13 or more bytes: `length` was no longer form
	message->channel = (uint8_t)channel;
	return channel < 0 ? NULL : p + length;
}

static inline bool plain_read(const uint8_t *at, unsigned length, struct coap_message *message)
{
	const uint8_t *p = at + COAP_HEADER, *end = at + length;
	uint32_t head;
	unsigned token;

	if (length < LEAST)
		return false;
	memcpy(&head, at, sizeof(head));
	head = be32toh(head);
	token = head >> 24 & 15;
	if ((head & PLAIN_HEAD_MASK) != PLAIN_HEAD || token > COAP_TOKEN_MAX)
		return false;
	*message = (struct coap_message){
		.id = (uint16_t)head,
		.kind = COAP_TRIAGE,
		.type = head >> 28 & 3,
		.code = head >> 16 & 0xff,
		.plain = 1,
		.token = span_make(COAP_HEADER, token),
		.country = WEIR_COUNTRY_ZZ,
		.priority = WEIR_NORMAL,
	};
	p = path_read(at, p + token, end, message);
	return p && rest_read(at, p, end, message);
}

enum weir_reason coap_parse(const uint8_t *at, unsigned length, struct coap_message *message)
{
	if (__builtin_expect(plain_read(at, length, message), 1))
		return WEIR_REASON_NONE;
	return coap_parse_any(at, length, message);
}
