// SPDX-License-Identifier: BSD-3-Clause
//
// Country by telephone number (docs/country.md): the longest beginning of an international number that one country has
// to itself. The table is libphonenumber's number plan, made at build time (data/e164). Pure, libc only, any thread.
#pragma once

#include <stddef.h>
#include <stdint.h>

// What of the data decided: rule, its name in weirctl's JSON.
#define NUMBER_RULES(X)              \
	X(CODE, "calling-code")      \
	X(AREA, "area-code")         \
	X(MAIN, "main-country")      \
	X(SHARED, "shared")          \
	X(UNLISTED, "unlisted")      \
	X(WORLD, "not-geographic")   \
	X(UNASSIGNED, "unassigned")  \
	X(INVALID, "no-number")

enum number_rule {
	NUMBER_CODE,       // the calling code is one country's
	NUMBER_AREA,       // a range behind a shared calling code that is one country's
	NUMBER_MAIN,       // the main country of a shared calling code: no other one has the range to itself
	NUMBER_SHARED,     // none: several countries have the range, the main one not among them, or +1
	NUMBER_UNLISTED,   // none: +1, and no country has the area code, or the number ends before it
	NUMBER_WORLD,      // none: a calling code of no country, as +800
	NUMBER_UNASSIGNED, // none: no such calling code
	NUMBER_INVALID,    // none: not a global number of at most 15 digits (RFC 3966, E.164)
};

struct number {
	uint16_t country; // index, or WEIR_COUNTRY_NONE
	uint8_t rule;     // enum number_rule
	uint8_t code;     // digits of the calling code
	uint8_t prefix;   // leading digits that decided, calling code included; 0 for NUMBER_INVALID
	uint8_t digits;   // of the number; 0 for NUMBER_INVALID
	uint16_t reserved; // so that it is a word
};

// Longer texts are no numbers here: so the cost of a look-up is bounded.
enum { NUMBER_DIGITS_MAX = 15, NUMBER_TEXT_MAX = 64, SUBSCRIBER_TEXT_MAX = 256 };

// Country of the global number that `text`[0..length) is: "+", then digits, at least one, and visual separators
// ("-", ".", "(", ")") in any order, nothing else (RFC 3966, section 3: global-number-digits).
struct number number_country(const uint8_t *text, size_t length);

// The same of a telephone-subscriber (RFC 3966, section 3), as it stands in a tel URI behind "tel:" and in the user
// part of a sip URI: a global number with or without parameters, or a local number, which has the country of its
// phone-context where that is a global one (";phone-context=+44"); else NUMBER_INVALID. Bytes past SUBSCRIBER_TEXT_MAX
// are not looked at.
struct number number_subscriber(const uint8_t *text, size_t length);

// "calling-code" and so on.
const char *number_rule_name(unsigned rule);

// Of what the table was made: "libphonenumber 8.12.57", "2022-10-11".
extern const char number_source[], number_date[];
