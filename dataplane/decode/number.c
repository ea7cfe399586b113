// SPDX-License-Identifier: BSD-3-Clause
//
// Walks the digits of a telephone number through number_table.c until one country is left. Refuses what is no global
// number: a digit string without "+" may be of any plan, and no one here knows of which.
#include "dataplane/decode/number.h"

#include <assert.h>
#include <endian.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "dataplane/abi/names.h"
#include "dataplane/decode/number_table.h"

static const struct number invalid = {.country = WEIR_COUNTRY_NONE, .rule = NUMBER_INVALID};

static struct number number_of(unsigned entry, unsigned prefix, unsigned digits)
{
	unsigned country = number_entry_country(entry), code = number_entry_code(entry);

	struct number number;
	uint64_t word;

	// The main country has its ranges by the calling code, however far the walk went to know that.
	if (number_entry_rule(entry) == NUMBER_MAIN)
		prefix = code;
	// As one word: fields that are stored apart make who soon loads them together wait for the stores.
	word = htole64((country == NUMBER_NOBODY ? WEIR_COUNTRY_NONE : country) |
		       (uint64_t)number_entry_rule(entry) << 16 | (uint64_t)code << 24 | (uint64_t)prefix << 32 |
		       (uint64_t)digits << 40);
	static_assert(sizeof(number) == sizeof(word) && offsetof(struct number, rule) == 2 &&
		      offsetof(struct number, code) == 3 && offsetof(struct number, prefix) == 4 &&
		      offsetof(struct number, digits) == 5, "the word's places");
	memcpy(&number, &word, sizeof(number));
	return number;
}

// Whether eight bytes are digits: both the byte and six more have their high half of a 3.
static inline bool eight_digits(const uint8_t *text)
{
	uint64_t word;

	memcpy(&word, text, sizeof(word));
	return (word & (word + UINT64_C(0x0606060606060606)) & UINT64_C(0xf0f0f0f0f0f0f0f0)) ==
	       UINT64_C(0x3030303030303030);
}

// The number that ends before a byte that is `end`, or with the text.
static inline struct number walk(const uint8_t *text, size_t length, int end)
{
	const size_t most = length <= NUMBER_TEXT_MAX ? length : NUMBER_TEXT_MAX + 1;
	unsigned entry = 0, digits = 0, prefix = 0;
	size_t i;

	if (length == 0 || text[0] != '+')
		return invalid;
	for (i = 1; i < most && text[i] != end; i++) {
		unsigned digit = text[i] - (unsigned)'0';

		if ((entry & NUMBER_LAST) && most - i >= 8 && eight_digits(text + i)) {
			digits += 8;
			i += 7;
			continue;
		}
		if (digit > 9) {
			if (text[i] != '-' && text[i] != '.' && text[i] != '(' && text[i] != ')')
				return invalid;
			continue;
		}
		digits++;
		if (!(entry & NUMBER_LAST)) {
			entry = number_rows[entry][digit];
			prefix = digits;
		}
	}
	if (digits == 0 || digits > NUMBER_DIGITS_MAX || i > NUMBER_TEXT_MAX)
		return invalid;
	if (!(entry & NUMBER_LAST))
		entry = number_rows[entry][NUMBER_END];
	return number_of(entry, prefix, digits);
}

struct number number_country(const uint8_t *text, size_t length)
{
	return walk(text, length, -1);
}

struct number number_subscriber(const uint8_t *text, size_t length)
{
	static const char name[] = "phone-context=";
	const size_t name_length = sizeof(name) - 1;
	const uint8_t *end, *at, *next;

	length = length < SUBSCRIBER_TEXT_MAX ? length : SUBSCRIBER_TEXT_MAX;
	if (length == 0 || text[0] == '+')
		return walk(text, length, ';');
	end = text + length;
	at = memchr(text, ';', length);
	for (; at; at = next) {
		size_t left = (size_t)(end - ++at);

		next = left ? memchr(at, ';', left) : NULL;
		left = (size_t)((next ? next : end) - at);
		if (left > name_length && strncasecmp((const char *)at, name, name_length) == 0)
			return number_country(at + name_length, left - name_length);
	}
	return invalid;
}

const char *number_rule_name(unsigned rule)
{
#define NAME(word, name) name,
	static const char *const names[] = {NUMBER_RULES(NAME)};
#undef NAME

	return rule < sizeof(names) / sizeof(names[0]) ? names[rule] : "";
}
