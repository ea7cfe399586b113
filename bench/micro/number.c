// SPDX-License-Identifier: BSD-3-Clause
//
// Cycles of a country by number, of a warm table: a row a kind of number. TSC cycles, the best of many rounds.
#include <stdio.h>
#include <string.h>
#include <x86intrin.h>

#include "dataplane/abi/names.h"
#include "dataplane/decode/number.h"

enum { NUMBERS = 64, ROUNDS = 20000 };

// 64 numbers that begin as `beginning` does; "#" is a digit of any kind.
static void measure(const char *name, const char *pattern)
{
	static char text[NUMBERS][NUMBER_TEXT_MAX];
	const size_t length = strlen(pattern);
	uint64_t best = UINT64_MAX;
	unsigned seed = 1, sum = 0;
	char country[3] = "--";
	struct number first;

	for (unsigned i = 0; i < NUMBERS; i++)
		for (size_t at = 0; at < length; at++) {
			seed = seed * 1103515245 + 12345;
			text[i][at] = pattern[at] == '#' ? (char)('0' + (seed >> 16) % 10) : pattern[at];
		}
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t start = __rdtsc(), cycles;

		for (unsigned i = 0; i < NUMBERS; i++)
			sum += number_country((const uint8_t *)text[i], length).country;
		cycles = __rdtsc() - start;
		best = cycles < best ? cycles : best;
	}
	__asm__ volatile("" : : "r"(sum));
	first = number_country((const uint8_t *)text[0], length);
	if (first.country != WEIR_COUNTRY_NONE)
		weir_country_format(first.country, country);
	printf("%-36s %-18s %-2s %8.1f\n", name, pattern, country, (double)best / NUMBERS);
}

int main(void)
{
	printf("%-36s %-18s %-2s %8s\n", "number", "", "", "cycles");
	measure("one country's calling code", "+4930########");
	measure("area code of North America", "+1212#######");
	measure("any of North America", "+1##########");
	measure("main country of a shared code", "+4420########");
	measure("a range of seven digits", "+447911######");
	measure("with separators", "+1-(212)-###-####");
	measure("15 digits", "+49#############");
	return 0;
}
