// SPDX-License-Identifier: BSD-3-Clause
//
// The table of docs/coap.md: what weir does with requests and other messages by the sections of RFC 7252. Each row there
// is a row here, and the other way round.
#include "dataplane/decode/coap.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/coap.h"

static const struct row {
	const char *name;    // as in the document
	const char *message; // kit_coap
	uint8_t kind, error; // of coap_message
	uint16_t reason;
} rows[] = {
	{ "3-version-0", "CON 0.02 11:m 11:acme 11:sms", COAP_IGNORED, 0, WEIR_REASON_COAP_VERSION }, // see version_of
	{ "3-version-2", "CON 0.02 11:m 11:acme 11:sms", COAP_IGNORED, 0, WEIR_REASON_COAP_VERSION },
	{ "3-token-8", "CON 0.02 token:0102030405060708 11:m 11:acme 11:sms", COAP_TRIAGE, 0, WEIR_REASON_NONE },
	{ "3-token-9", "CON 0.02 token:010203040506070809 11:m 11:acme 11:sms", COAP_REJECTED, 0, WEIR_REASON_COAP_TOKEN },
	{ "3-token-15", "NON 0.02 token:010203040506070809101112131415", COAP_IGNORED, 0, WEIR_REASON_COAP_TOKEN },
	{ "3-marker-without-payload", "CON 0.02 11:m 11:acme 11:sms hex:ff", COAP_REJECTED, 0, WEIR_REASON_COAP_MARKER },
	{ "3-class-1", "CON 1.00", COAP_REJECTED, 0, WEIR_REASON_COAP_CODE },
	{ "3-class-6", "NON 6.31", COAP_IGNORED, 0, WEIR_REASON_COAP_CODE },
	{ "3-class-7", "CON 7.01", COAP_REJECTED, 0, WEIR_REASON_COAP_CODE },
	{ "3.1-delta-15", "CON 0.02 hex:f1ff", COAP_REJECTED, 0, WEIR_REASON_COAP_OPTION },
	{ "3.1-length-15", "CON 0.02 hex:bf6d", COAP_REJECTED, 0, WEIR_REASON_COAP_OPTION },
	{ "3.1-past-the-end", "CON 0.02 11:m hex:0461", COAP_REJECTED, 0, WEIR_REASON_COAP_OPTION },
	{ "3.1-number-past-65535", "CON 0.02 65535: hex:10", COAP_REJECTED, 0, WEIR_REASON_COAP_OPTION },
	{ "4.1-empty-with-token", "CON 0.00 token:01", COAP_REJECTED, 0, WEIR_REASON_COAP_EMPTY },
	{ "4.1-empty-with-bytes", "CON 0.00 hex:ff31", COAP_REJECTED, 0, WEIR_REASON_COAP_EMPTY },
	{ "4.1-empty-acknowledgement-with-token", "ACK 0.00 token:01", COAP_IGNORED, 0, WEIR_REASON_COAP_EMPTY },
	{ "4.2-acknowledgement", "ACK 0.00", COAP_IGNORED, 0, WEIR_REASON_COAP_MESSAGE },
	{ "4.2-reset", "RST 0.00", COAP_IGNORED, 0, WEIR_REASON_COAP_MESSAGE },
	{ "4.2-response-in-acknowledgement", "ACK 2.05 token:01 body:x", COAP_IGNORED, 0, WEIR_REASON_COAP_MESSAGE },
	{ "4.2-request-in-acknowledgement", "ACK 0.02 11:m 11:acme 11:sms", COAP_IGNORED, 0, WEIR_REASON_COAP_MESSAGE },
	{ "4.2-reset-that-is-not-empty", "RST 4.04", COAP_IGNORED, 0, WEIR_REASON_COAP_MESSAGE },
	{ "4.2-confirmable-response", "CON 2.05 token:01 body:x", COAP_REJECTED, 0, WEIR_REASON_COAP_MESSAGE },
	{ "4.3-ping", "CON 0.00", COAP_PING, 0, WEIR_REASON_NONE },
	{ "4.3-empty-non-confirmable", "NON 0.00", COAP_IGNORED, 0, WEIR_REASON_COAP_EMPTY },
	{ "4.3-format-error-non-confirmable", "NON 0.02 hex:ff", COAP_IGNORED, 0, WEIR_REASON_COAP_MARKER },
	{ "4.3-response-non-confirmable", "NON 2.05 token:01 body:x", COAP_IGNORED, 0, WEIR_REASON_COAP_MESSAGE },
	{ "5.4.1-elective", "CON 0.02 4:etag 6: 11:m 11:acme 11:sms 12:x 60:x 65000:x", COAP_TRIAGE, 0, WEIR_REASON_NONE },
	{ "5.4.1-critical", "CON 0.02 9:x 11:m 11:acme 11:sms", COAP_REFUSED, COAP_CODE(4, 2), WEIR_REASON_COAP_CRITICAL },
	{ "5.4.1-critical-non-confirmable", "NON 0.02 9:x 11:m 11:acme 11:sms", COAP_REJECTED, COAP_CODE(4, 2),
	  WEIR_REASON_COAP_CRITICAL },
	{ "5.4.1-critical-in-response", "NON 2.05 9:x", COAP_IGNORED, 0, WEIR_REASON_COAP_MESSAGE },
	{ "5.4.3-length-of-critical", "CON 0.02 3: 11:m 11:acme 11:sms", COAP_REFUSED, COAP_CODE(4, 2), WEIR_REASON_COAP_CRITICAL },
	{ "5.4.3-length-of-elective", "CON 0.02 11:m 11:acme 11:sms 258:xy", COAP_TRIAGE, 0, WEIR_REASON_NONE },
	{ "5.4.5-critical-twice", "CON 0.02 3:a 3:a 11:m 11:acme 11:sms", COAP_REFUSED, COAP_CODE(4, 2),
	  WEIR_REASON_COAP_CRITICAL },
	{ "5.4.5-elective-twice", "CON 0.02 11:m 11:acme 11:sms 12: 12: 14: 14:", COAP_TRIAGE, 0, WEIR_REASON_NONE },
	{ "5.8-post", "CON 0.02 11:m 11:acme 11:sms body:x", COAP_TRIAGE, 0, WEIR_REASON_NONE },
	{ "5.8-put", "NON 0.03 11:m 11:acme 11:sms body:x", COAP_TRIAGE, 0, WEIR_REASON_NONE },
	{ "5.8-get-of-messages", "CON 0.01 11:m 11:acme 11:sms", COAP_REFUSED, COAP_CODE(4, 5), WEIR_REASON_COAP_METHOD },
	{ "5.8-delete-of-messages", "CON 0.04 11:m 11:acme 11:sms", COAP_REFUSED, COAP_CODE(4, 5), WEIR_REASON_COAP_METHOD },
	{ "5.8-unknown-method", "CON 0.05 11:nowhere", COAP_REFUSED, COAP_CODE(4, 5), WEIR_REASON_COAP_METHOD },
	{ "5.8-unknown-method-31", "NON 0.31", COAP_REFUSED, COAP_CODE(4, 5), WEIR_REASON_COAP_METHOD },
	{ "5.9.2.5-no-such-resource", "CON 0.01 11:nowhere", COAP_REFUSED, COAP_CODE(4, 4), WEIR_REASON_COAP_PATH },
	{ "5.9.2.5-no-path", "CON 0.02 body:x", COAP_REFUSED, COAP_CODE(4, 4), WEIR_REASON_COAP_PATH },
	{ "5.9.2.5-longer-path", "CON 0.02 11:m 11:acme 11:sms 11:", COAP_REFUSED, COAP_CODE(4, 4), WEIR_REASON_COAP_PATH },
	{ "5.9.2.5-no-such-channel", "CON 0.02 11:m 11:acme 11:fax", COAP_REFUSED, COAP_CODE(4, 4), WEIR_REASON_COAP_CHANNEL },
	{ "5.9.2.1-wrong-argument", "CON 0.02 11:m 11:acme 11:sms 15:country=Germany", COAP_REFUSED, COAP_CODE(4, 0),
	  WEIR_REASON_COAP_COUNTRY },
	{ "5.10.1-uri-port", "CON 0.02 7:ab 11:m 11:acme 11:sms", COAP_TRIAGE, 0, WEIR_REASON_NONE },
	{ "5.10.1-host-for-tenant", "CON 0.02 3:acme.example 11:m 11:sms", COAP_TRIAGE, 0, WEIR_REASON_NONE },
	{ "5.10.1-segment-of-256", "CON 0.02 11:m 11*256 11:sms", COAP_REFUSED, COAP_CODE(4, 2), WEIR_REASON_COAP_CRITICAL },
	{ "5.10.1-query-of-256", "CON 0.02 11:m 11:acme 11:sms 15*256", COAP_REFUSED, COAP_CODE(4, 2), WEIR_REASON_COAP_CRITICAL },
	{ "5.10.2-proxy-uri", "CON 0.02 35:coap://acme.example/m/acme/sms", COAP_REFUSED, COAP_CODE(5, 5),
	  WEIR_REASON_COAP_PROXY },
	{ "5.10.2-proxy-scheme", "NON 0.02 11:m 11:acme 11:sms 39:coap", COAP_REFUSED, COAP_CODE(5, 5), WEIR_REASON_COAP_PROXY },
	{ "5.10.4-accept-of-messages", "CON 0.02 11:m 11:acme 11:sms 17:2", COAP_TRIAGE, 0, WEIR_REASON_NONE },
	{ "5.10.4-accept-of-core", "CON 0.01 11:.well-known 11:core 17:(", COAP_CORE, 0, WEIR_REASON_NONE },
	{ "5.10.4-accept-not-had", "CON 0.01 11:.well-known 11:core 17:2", COAP_REFUSED, COAP_CODE(4, 6),
	  WEIR_REASON_COAP_ACCEPT },
	{ "5.10.8-if-match", "CON 0.03 1: 11:m 11:acme 11:sms", COAP_REFUSED, COAP_CODE(4, 2), WEIR_REASON_COAP_CRITICAL },
	{ "5.10.8-if-none-match", "CON 0.03 5: 11:m 11:acme 11:sms", COAP_REFUSED, COAP_CODE(4, 2), WEIR_REASON_COAP_CRITICAL },
	{ "6.4-percent-is-a-letter", "CON 0.02 11:%6d 11:acme 11:sms", COAP_REFUSED, COAP_CODE(4, 4), WEIR_REASON_COAP_PATH },
	{ "6.4-case", "CON 0.02 11:M 11:acme 11:sms", COAP_REFUSED, COAP_CODE(4, 4), WEIR_REASON_COAP_PATH },
	{ "7.2-core", "NON 0.01 11:.well-known 11:core", COAP_CORE, 0, WEIR_REASON_NONE },
	{ "7.2-core-filtered", "CON 0.01 11:.well-known 11:core 15:rt=none", COAP_CORE, 0, WEIR_REASON_NONE },
	{ "7.2-core-post", "CON 0.02 11:.well-known 11:core body:x", COAP_REFUSED, COAP_CODE(4, 5), WEIR_REASON_COAP_METHOD },
	{ "rfc7959-block1", "CON 0.02 11:m 11:acme 11:sms 27:x body:x", COAP_REFUSED, COAP_CODE(4, 2), WEIR_REASON_COAP_CRITICAL },
	{ "rfc7959-block2", "CON 0.02 11:m 11:acme 11:sms 23:", COAP_REFUSED, COAP_CODE(4, 2), WEIR_REASON_COAP_CRITICAL },
	{ "rfc7967-no-response", "NON 0.02 11:m 11:acme 11:sms 258:x", COAP_TRIAGE, 0, WEIR_REASON_NONE },
	{ "rfc8613-oscore", "CON 0.02 9:", COAP_REFUSED, COAP_CODE(4, 2), WEIR_REASON_COAP_CRITICAL },
	{ "rfc8768-hop-limit", "CON 0.02 11:m 11:acme 11:sms 16:x", COAP_TRIAGE, 0, WEIR_REASON_NONE },
	{ "rfc9175-echo-and-request-tag", "CON 0.02 11:m 11:acme 11:sms 252:abcd 292:a 292:b", COAP_TRIAGE, 0, WEIR_REASON_NONE },
	{ "rfc9177-q-block1", "CON 0.02 11:m 11:acme 11:sms 19:x", COAP_REFUSED, COAP_CODE(4, 2), WEIR_REASON_COAP_CRITICAL },
};

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static unsigned version_of(const struct row *row)
{
	return strncmp(row->name, "3-version-", 10) == 0 ? (unsigned)(row->name[10] - '0') : 1;
}

static void every_row_of_the_table_holds(void **state)
{
	static uint8_t bytes[KIT_COAP_MAX];
	unsigned wrong = 0;

	for (const struct row *row = rows; row < rows + N_ROWS; row++) {
		unsigned n = (unsigned)kit_coap(bytes, row->message);
		struct coap_message message;
		enum weir_reason reason;

		bytes[0] = (uint8_t)(version_of(row) << 6 | (bytes[0] & 0x3f));
		reason = coap_parse(bytes, n, &message);
		if (reason == row->reason && message.kind == row->kind && message.error == row->error)
			continue;
		print_error("%s: %s, kind %u, error %u\n", row->name, weir_reason_name(reason), message.kind, message.error);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

// The name of a row of this table, "" where the line is none.
static void row_name(const char *line, char name[64])
{
	name[0] = '\0';
	if (sscanf(line, "| `%63[^`]`", name) != 1 || !(isdigit(name[0]) || strncmp(name, "rfc", 3) == 0))
		name[0] = '\0';
}

static bool has_row(const char *name)
{
	for (const struct row *row = rows; row < rows + N_ROWS; row++)
		if (strcmp(row->name, name) == 0)
			return true;
	return false;
}

static void the_document_has_these_rows_and_no_others(void **state)
{
	FILE *document = fopen(WEIR_DOCS "/coap.md", "r");
	char line[1000], name[64];
	unsigned n = 0;

	assert_non_null(document);
	while (fgets(line, sizeof(line), document)) {
		row_name(line, name);
		if (!name[0])
			continue;
		if (!has_row(name))
			print_error("%s: in the document only\n", name);
		assert_true(has_row(name));
		n++;
	}
	fclose(document);
	assert_int_equal(n, N_ROWS);
}

static bool file_has(const char *path, const char *text)
{
	FILE *file = fopen(path, "r");
	bool found = false;
	char line[1000];

	assert_non_null(file);
	while (!found && fgets(line, sizeof(line), file))
		found = strstr(line, text) != NULL;
	fclose(file);
	return found;
}

static void the_other_tests_that_the_document_names_are_there(void **state)
{
	static const char *const places[] = { "coap_test.c", "coap_answer_test.c", "repeat_test.c" };
	FILE *document = fopen(WEIR_DOCS "/coap.md", "r");
	char line[1000], name[100], path[1000];
	unsigned n = 0;

	assert_non_null(document);
	while (fgets(line, sizeof(line), document)) {
		const char *last = strstr(line, " | `");
		bool found = false;

		while (last && strstr(last + 1, " | `"))
			last = strstr(last + 1, " | `");
		if (!last || sscanf(last, " | `%80[a-z_]` |", name) != 1 || strlen(name) < 20)
			continue;
		strcat(name, "(void **state)");
		for (unsigned i = 0; i < 3; i++) {
			snprintf(path, sizeof(path), "%s/../tests/unit/%s", WEIR_DOCS, places[i]);
			found = found || file_has(path, name);
		}
		if (!found)
			print_error("%s: no such test\n", name);
		assert_true(found);
		n++;
	}
	fclose(document);
	assert_true(n >= 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_the_table_holds),
		cmocka_unit_test(the_document_has_these_rows_and_no_others),
		cmocka_unit_test(the_other_tests_that_the_document_names_are_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
