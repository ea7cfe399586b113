// SPDX-License-Identifier: BSD-3-Clause
//
// What a CoAP request wants: a message for triage is a POST or PUT to /m/{tenant}/{channel} (decision 37); a GET of
// /.well-known/core is answered; all else is refused with the code that RFC 7252 has for it. The first check that fails
// decides, in this order: critical options, proxying, method, path, accept, arguments. Any thread; values are compared
// as they are, since options are not percent-encoded (RFC 7252, 6.4).
#include "dataplane/decode/coap_parts.h"
#include "dataplane/decode/digits.h"

#include <endian.h>

#include "dataplane/decode/coap_option.h"

enum { GET = 1, POST = 2, PUT = 3, DELETE = 4, FORMAT_TEXT = 0, FORMAT_LINKS = 40, ID_DIGITS = 10 };

// The names of the channels but "unspecified" as words, by a hash that has a place of its own for each (found by trial;
// the unit test finds every name). A name costs no branch that depends on which it is.
#define HASH_FACTOR UINT64_C(0x50b385a011fdebe1)
#define EACH_BYTE UINT64_C(0x0101010101010101)
enum { HASH_SHIFT = 60, WORD = 8 };
static const struct {
	char name[WORD];
	uint8_t length, channel;
} channels[16] = {
	[11] = { "sms", 3, 1 },	  [2] = { "email", 5, 2 },  [4] = { "chat", 4, 3 }, [13] = { "voice", 5, 4 },
	[6] = { "push", 4, 5 },	  [5] = { "social", 6, 6 }, [7] = { "web", 3, 7 },  [10] = { "8", 1, 8 },
	[15] = { "9", 1, 9 },	  [1] = { "10", 2, 10 },    [12] = { "11", 2, 11 }, [8] = { "12", 2, 12 },
	[3] = { "13", 2, 13 },	  [14] = { "14", 2, 14 },   [9] = { "15", 2, 15 },
};

// The bytes of a segment of 1 to 8 bytes as a little-endian word, the first lowest; read by one load that ends where
// the segment does. A channel's or tenant's never begins before the payload: header and "m" stand before it.
static inline uint64_t segment_word(const uint8_t *at, struct span span)
{
	uint64_t word;

	memcpy(&word, at + span.at + span.length - WORD, WORD);
	return le64toh(word) >> 8 * (WORD - span.length);
}

static int channel_find(const uint8_t *at, struct span span)
{
	uint64_t word, name;
	unsigned place;

	if (span.length < 1 || span.length > WORD)
		return span_equals(at, span, "unspecified", 11) ? 0 : -1;
	word = segment_word(at, span);
	place = (unsigned)(word * HASH_FACTOR >> HASH_SHIFT);
	memcpy(&name, channels[place].name, WORD);
	return word == le64toh(name) && span.length == channels[place].length ? channels[place].channel : -1;
}

// The names of the contract by a hash of first letter and length that has a place of its own for each: a name's last
// eight bytes, of "priority=NAME" that is, and its first two are all of it.
enum { PRIORITY_FIRST = 2 };
static const struct {
	char last[WORD], first[PRIORITY_FIRST];
	uint8_t length, priority;
} priorities[4] = {
	{ "y=urgent", "ur", 6, WEIR_URGENT },
	{ "n-urgent", "no", 10, WEIR_NON_URGENT },
	{ "y=normal", "no", 6, WEIR_NORMAL },
	{ "mergency", "em", 9, WEIR_EMERGENCY },
};

// The value of an argument "priority=".
static int priority_find(const uint8_t *at, struct span span)
{
	const uint8_t *value = at + span.at;
	unsigned place;

	if (span.length < PRIORITY_FIRST)
		return -1;
	place = (value[0] ^ span.length) >> 2 & 3;
	return priorities[place].length == span.length &&
			       memcmp(priorities[place].last, value + span.length - WORD, WORD) == 0 &&
			       memcmp(priorities[place].first, value, PRIORITY_FIRST) == 0
		       ? priorities[place].priority
		       : -1;
}

// A tenant's id: decimal, 1 to 2^32-1, without leading zeros; 0 for anything else.
static uint32_t id_parse(const uint8_t *at, struct span span)
{
	uint64_t id = 0;

	if (span.length == 0 || span.length > ID_DIGITS || at[span.at] == '0')
		return 0;
	if (__builtin_expect(span.length <= WORD, 1)) {
		unsigned before = 8 * (WORD - span.length);
		uint64_t digits = (segment_word(at, span) ^ EACH_BYTE * '0' >> before) << before;

		// none is above 9
		return ((digits + EACH_BYTE * 6) | digits) & EACH_BYTE * 0xf0 ? 0 : digits_join(digits);
	}
	for (unsigned i = 0; i < span.length; i++) {
		unsigned digit = at[span.at + i] - (unsigned)'0';

		if (digit > 9)
			return 0;
		id = id * 10 + digit;
	}
	return id <= UINT32_MAX ? (uint32_t)id : 0;
}

static enum weir_reason refuse(enum weir_reason reason, unsigned error, struct coap_message *message)
{
	message->kind = COAP_REFUSED;
	message->error = (uint8_t)error;
	return reason;
}

// /m/{tenant}/{channel}, /m/{channel} where the host names the tenant, or the same with an empty tenant.
static enum weir_reason place_parse(const uint8_t *at, const struct coap_request *request, struct coap_message *message)
{
	struct span tenant = request->n_path == 3 ? request->path[1] : span_make(0, 0);
	int channel = channel_find(at, request->path[request->n_path - 1]);

	if (channel < 0)
		return refuse(WEIR_REASON_COAP_CHANNEL, COAP_CODE(4, 4), message);
	if (tenant.length == 0 && message->host.length == 0)
		return refuse(WEIR_REASON_COAP_TENANT, COAP_CODE(4, 4), message);
	message->channel = (uint8_t)channel;
	message->tenant = id_parse(at, tenant);
	message->name = message->tenant ? span_make(0, 0) : tenant;
	return WEIR_REASON_NONE;
}

// The arguments: each at most once, with a value that is known.
static enum weir_reason arguments_parse(const uint8_t *at, const struct coap_request *request,
					struct coap_message *message)
{
	if (request->n_country) {
		int country = request->n_country == 1 && request->country.length == 2
				      ? weir_country_find((const char *)at + request->country.at)
				      : -1;

		if (country < 0)
			return refuse(WEIR_REASON_COAP_COUNTRY, COAP_CODE(4, 0), message);
		message->country = (uint16_t)country;
	}
	if (request->n_priority) {
		int priority = priority_find(at, request->priority);

		if (priority < 0 || request->n_priority > 1)
			return refuse(WEIR_REASON_COAP_PRIORITY, COAP_CODE(4, 0), message);
		message->priority = (uint8_t)priority;
	}
	return WEIR_REASON_NONE;
}

static bool is_core(const uint8_t *at, const struct coap_request *request)
{
	return request->n_path == 2 && span_equals(at, request->path[0], ".well-known", 11) &&
	       span_equals(at, request->path[1], "core", 4);
}

static bool is_place(const uint8_t *at, const struct coap_request *request)
{
	return (request->n_path == 2 || request->n_path == 3) && span_equals(at, request->path[0], "m", 1);
}

static enum weir_reason core_check(const struct coap_request *request, struct coap_message *message)
{
	if (message->code != GET)
		return refuse(WEIR_REASON_COAP_METHOD, COAP_CODE(4, 5), message);
	if (request->accept != COAP_ACCEPT_NONE && request->accept != FORMAT_LINKS)
		return refuse(WEIR_REASON_COAP_ACCEPT, COAP_CODE(4, 6), message);
	message->kind = COAP_CORE;
	return WEIR_REASON_NONE;
}

enum weir_reason coap_request_check(const uint8_t *at, const struct coap_request *request,
				    struct coap_message *message)
{
	enum weir_reason reason;

	message->plain = request->accept == COAP_ACCEPT_NONE || request->accept == FORMAT_TEXT;
	if (request->critical) { // RFC 7252, 5.4.1: a request that is not confirmable is rejected instead
		reason = refuse(WEIR_REASON_COAP_CRITICAL, COAP_CODE(4, 2), message);
		message->kind = message->type == COAP_CON ? COAP_REFUSED : COAP_REJECTED;
		return reason;
	}
	if (request->proxy)
		return refuse(WEIR_REASON_COAP_PROXY, COAP_CODE(5, 5), message);
	if (message->code > DELETE)
		return refuse(WEIR_REASON_COAP_METHOD, COAP_CODE(4, 5), message);
	if (is_core(at, request))
		return core_check(request, message);
	if (!is_place(at, request))
		return refuse(WEIR_REASON_COAP_PATH, COAP_CODE(4, 4), message);
	reason = place_parse(at, request, message);
	if (reason != WEIR_REASON_NONE)
		return reason;
	if (message->code != POST && message->code != PUT)
		return refuse(WEIR_REASON_COAP_METHOD, COAP_CODE(4, 5), message);
	reason = arguments_parse(at, request, message);
	if (reason != WEIR_REASON_NONE)
		return reason;
	message->kind = COAP_TRIAGE;
	message->waits = request->waits;
	return WEIR_REASON_NONE;
}
