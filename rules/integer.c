// SPDX-License-Identifier: BSD-3-Clause
//
// Integer literals of libconfig text: decimal or hexadecimal, with L or LL for 64 bits. libconfig 1.5
// wraps what does not fit, without a word; here it is found out.
#include <errno.h>
#include <limits.h>

#include "rules/scan.h"

static unsigned digit_value(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

int integer_parse(const struct lexeme *lexeme, long long *value)
{
	const char *p = lexeme->text, *end = p + lexeme->length;
	bool minus = *p == '-', wide = lexeme->kind == TOKEN_INT64;
	bool hex = lexeme->length > 2 && p[0] == '0' && (p[1] | 0x20) == 'x';
	unsigned long long magnitude = 0, limit = LLONG_MAX;

	*value = 1;
	while (end[-1] == 'L')
		end--;
	p += *p == '-' || *p == '+' ? 1 : hex ? 2 : 0;
	for (; p < end; p++)
		if (__builtin_mul_overflow(magnitude, hex ? 16ull : 10ull, &magnitude) ||
		    __builtin_add_overflow(magnitude, digit_value(*p), &magnitude) ||
		    magnitude > limit)
			return -ERANGE;
	*value = minus ? -(long long)magnitude : (long long)magnitude;
	return wide || (*value >= INT_MIN && *value <= INT_MAX) ? 0 : -ERANGE;
}
