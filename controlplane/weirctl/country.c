// SPDX-License-Identifier: BSD-3-Clause
//
// `weirctl country`: the country that the dataplane finds for a telephone number, and what of the data says so
// (docs/country.md). Needs no gateway. Addresses: country_address.c.
#include "controlplane/weirctl/country.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/weirctl/weirctl.h"
#include "dataplane/abi/names.h"
#include "dataplane/decode/number.h"

// What a person writes as a number: with or without "tel:", and with blanks, which the dataplane takes for no number.
struct written {
	char text[NUMBER_TEXT_MAX + 1]; // as RFC 3966 has it
	char digits[NUMBER_DIGITS_MAX + 1];
};

static bool is_written_as_number(const char *word)
{
	return strncmp(word, "tel:", 4) == 0 || *word == '+';
}

// false where it is too long to be one.
static bool take_written(const char *word, struct written *out)
{
	size_t length = 0, digits = 0;

	for (word += strncmp(word, "tel:", 4) == 0 ? 4 : 0; *word; word++) {
		if (*word == ' ')
			continue;
		if (length == NUMBER_TEXT_MAX)
			return false;
		out->text[length++] = *word;
		if (*word >= '0' && *word <= '9' && digits < NUMBER_DIGITS_MAX)
			out->digits[digits++] = *word;
	}
	out->text[length] = '\0';
	out->digits[digits] = '\0';
	return true;
}

static void print_why(const struct number *number, const char *digits)
{
	const int code = number->code, prefix = number->prefix;

	switch ((enum number_rule)number->rule) {
	case NUMBER_CODE:
		printf("calling code +%.*s", prefix, digits);
		break;
	case NUMBER_AREA:
		printf("+%.*s of the shared calling code +%.*s", prefix, digits, code, digits);
		break;
	case NUMBER_MAIN:
		printf("main country of the shared calling code +%.*s", code, digits);
		break;
	case NUMBER_SHARED:
		printf("+%.*s is of several countries", prefix, digits);
		break;
	case NUMBER_UNLISTED:
		printf("+%.*s is of no known country", prefix, digits);
		break;
	case NUMBER_WORLD:
		printf("calling code +%.*s is of no country", prefix, digits);
		break;
	case NUMBER_UNASSIGNED:
		printf("no calling code begins with +%.*s", prefix, digits);
		break;
	case NUMBER_INVALID:
		break; // refused before
	}
}

static int print_number(const char *word, bool json)
{
	struct written written;
	struct number number = {.rule = NUMBER_INVALID};
	char country[3], prefix[NUMBER_DIGITS_MAX + 2];

	if (take_written(word, &written))
		number = number_country((const uint8_t *)written.text, strlen(written.text));
	if (number.rule == NUMBER_INVALID)
		return failure(STATUS_REFUSED,
			       "no telephone number: \"%s\" (\"+\" and at most %d digits, as +1-212-555-0100)", word,
			       NUMBER_DIGITS_MAX);
	weir_country_format(number.country == WEIR_COUNTRY_NONE ? WEIR_COUNTRY_ZZ : number.country, country);
	snprintf(prefix, sizeof(prefix), "+%.*s", number.prefix, written.digits);
	if (json) {
		json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "number", written.text, "country",
					country, "by", "number", "rule", number_rule_name(number.rule), "prefix",
					prefix, "source", number_source, "date", number_date);

		if (!out)
			return failure(STATUS_ENVIRONMENT, "no memory");
		json_dumpf(out, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(out);
		return STATUS_DONE;
	}
	printf("%s: %s, by number: ", written.text, country);
	print_why(&number, written.digits);
	printf(" (%s, %s)\n", number_source, number_date);
	return STATUS_DONE;
}

int command_country(const struct command *command, const struct options *options, int n, char **words)
{
	const char *word = NULL, *rules = NULL;
	const struct argument arguments[] = {{"NUMBER|ADDRESS", &word, true}, {"--rules", &rules, false}, {0}};
	int status = arguments_parse(command, n, words, arguments);

	if (status != STATUS_DONE)
		return status;
	if (country_is_address(word))
		return country_print_address(options, word, rules);
	if (!is_written_as_number(word))
		return failure(STATUS_REFUSED,
			       "no number and no address: \"%s\" (a number begins with \"+\" and the calling code)",
			       word);
	if (rules)
		return usage_error(command, "a telephone number needs no table");
	return print_number(word, options->json);
}
