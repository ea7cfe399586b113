// SPDX-License-Identifier: BSD-3-Clause
//
// The ends of lines, held against a look at one byte after the other.
#include "dataplane/decode/sip_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Bytes of which `rare` in 100 are of a line end.
static void fill(uint8_t *bytes, unsigned length, unsigned rare)
{
	for (unsigned i = 0; i < length; i++)
		bytes[i] = (unsigned)rand() % 100 < rare ? (rand() % 2 ? '\n' : '\r') : 'x';
	for (unsigned i = 0; i + 1 < length; i++)
		if (bytes[i] == '\r' && rand() % 8)
			bytes[i + 1] = '\n';
}

// The first position from `from` on that is no LF though a CR stands before it.
static unsigned stray(const uint8_t *bytes, unsigned length, unsigned from)
{
	for (unsigned i = from + 1; i < length; i++)
		if (bytes[i - 1] == '\r' && bytes[i] != '\n')
			return i;
	return UINT_MAX;
}

static void each_line_end_is_told_once_and_in_order(void **state)
{
	for (unsigned turn = 0; turn < 20000; turn++) {
		unsigned length = (unsigned)rand() % (turn % 2 ? 200 : 3000), from = length ? (unsigned)rand() % length % 70 : 0;
		uint8_t *bytes = malloc(length ? length : 1);
		struct sip_lines lines;
		unsigned pos = from;
		int end;

		fill(bytes, length, 1 + turn % 5);
		sip_lines_init(&lines, bytes, length, from);
		while ((end = sip_lines_next(&lines)) != SIP_NO_LINE) {
			const uint8_t *next = memchr(bytes + pos, '\n', length - pos);

			assert_ptr_equal(next, bytes + end);
			pos = (unsigned)end + 1;
		}
		assert_null(memchr(bytes + pos, '\n', length - pos));
		assert_int_equal(lines.stray, stray(bytes, length, from));
		assert_int_equal(sip_lines_stray(&lines, length), lines.stray != UINT_MAX);
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_end_is_told_once_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
