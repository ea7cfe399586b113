// SPDX-License-Identifier: BSD-3-Clause
//
// Country by number for each line of standard input: `COUNTRY RULE PREFIX` a line, "--" for no country. For
// tests/e2e/number_test.py, which asks about more numbers than it could start programs for.
#include <stdio.h>
#include <string.h>

#include "dataplane/abi/names.h"
#include "dataplane/decode/number.h"

int main(void)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin)) {
		struct number number = number_country((const uint8_t *)line, strcspn(line, "\n"));
		char country[3] = "--";

		if (number.country != WEIR_COUNTRY_NONE)
			weir_country_format(number.country, country);
		printf("%s %s %u\n", country, number_rule_name(number.rule), number.prefix);
	}
	return ferror(stdin) || fflush(stdout) != 0;
}
