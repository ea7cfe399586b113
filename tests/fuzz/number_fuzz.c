// SPDX-License-Identifier: BSD-3-Clause
//
// Telephone numbers from any bytes: what is found is a country, by no more digits than there are, and the same without
// visual separators; a subscriber is a number, or the number of its context.
#include "dataplane/decode/number.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/abi/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void must_be_sound(struct number number)
{
	must(number.rule <= NUMBER_INVALID && *number_rule_name(number.rule));
	must((number.country < WEIR_N_COUNTRIES) ==
	     (number.rule == NUMBER_CODE || number.rule == NUMBER_AREA || number.rule == NUMBER_MAIN));
	must(number.country < WEIR_N_COUNTRIES || number.country == WEIR_COUNTRY_NONE);
	must(number.code <= number.prefix && number.code <= 3 && number.prefix <= NUMBER_DIGITS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1), bare[NUMBER_TEXT_MAX];
	struct number number, same;
	size_t length = 0;

	memcpy(exact, data, size);
	number = number_country(exact, size);
	must_be_sound(number);
	must_be_sound(number_subscriber(exact, size));
	for (size_t i = 0; i < size && length < sizeof(bare); i++)
		if (!strchr("-.()", exact[i]) || exact[i] == '\0')
			bare[length++] = exact[i];
	if (number.rule != NUMBER_INVALID) {
		same = number_country(bare, length);
		must(memcmp(&number, &same, sizeof(same)) == 0);
		same = number_subscriber(exact, size);
		must(memcmp(&number, &same, sizeof(same)) == 0);
		must(number.prefix < length);
	}
	free(exact);
	return 0;
}
