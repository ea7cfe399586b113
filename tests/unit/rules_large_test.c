// SPDX-License-Identifier: BSD-3-Clause
#include "rules/read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#include "tests/kit/faults.h"

enum { TENANTS = 1000000, RULES = 10000, LISTED = 30 };

// Sanitizers multiply memory: the bound is of a plain build.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MEMORY_MB = 4096 };
#else
enum { MEMORY_MB = 512 };
#endif

static char *make_tenants(size_t *length)
{
	char *text;
	FILE *out = open_memstream(&text, length);

	fprintf(out, "id,name,domains,groups,home,rate,burst\n");
	for (uint32_t i = 0; i < TENANTS; i++)
		fprintf(out, "%u,tenant-%u,t%u.example,%s,%s,%s,\n", 1000 + i * 4001, i, i,
			i % 3 == 0 ? "gold;trial" : "silver", i % 2 == 0 ? "DE" : "CH",
			i % 5 == 0 ? "1000" : "");
	assert_int_equal(fclose(out), 0);
	return text;
}

static char *make_rules(size_t *length)
{
	char *text;
	FILE *out = open_memstream(&text, length);

	fprintf(out, "%stenant_files = \"large.csv\";\nrules = (", RULES_HEAD);
	for (uint32_t i = 0; i < RULES; i++) {
		fprintf(out, "%s{ name = \"r%u\"; match = { tenant = ( \"@gold\"",
			i > 0 ? ",\n" : "", i);
		for (uint32_t k = 0; k < LISTED; k++)
			fprintf(out, ", \"tenant-%u\"", (i * 2654435761u + k * 40503u) % TENANTS);
		fprintf(out, " ); country = \"DE\"; }; action = { agents = \"desk\"; }; }");
	}
	fprintf(out, " );\n");
	assert_int_equal(fclose(out), 0);
	return text;
}

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); // of ours, however busy the machine is
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void a_million_tenants_and_ten_thousand_rules_are_read_in_modest_memory(void **state)
{
	struct rule_set *rules;
	struct diags diags;
	struct rusage usage;
	size_t length;
	double start;
	char *text;

	(void)state;
	text = make_tenants(&length);
	rules_kit_write("large.csv", text, length);
	free(text);
	text = make_rules(&length);
	rules_kit_write("large.conf", text, length);
	diags_init(&diags);
	start = cpu_seconds();
	rules = rules_read(rules_kit_write("large.conf", text, length), &diags);
	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	print_message("%u tenants and %u rules: %.2f s of CPU, at most %ld MiB of the process\n",
		      TENANTS, RULES, cpu_seconds() - start, usage.ru_maxrss >> 10);
	assert_non_null(rules);
	assert_int_equal(rules->n_tenants, TENANTS);
	assert_int_equal(rules->n_rules, RULES);
	assert_int_equal(rules->rules[RULES - 1].match.n_tenants, LISTED);
	assert_in_range(usage.ru_maxrss >> 10, 1, MEMORY_MB);
	free(text);
	rules_destroy(rules);
	diags_fini(&diags);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_million_tenants_and_ten_thousand_rules_are_read_in_modest_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
