// SPDX-License-Identifier: BSD-3-Clause
//
// Texts of gateway.conf for tests.
#include "tests/kit/gateways.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct gateway *gateways_read(const char *text, bool need_ports)
{
	struct diags diags;
	struct gateway *gateway;

	diags_init(&diags);
	gateway = gateway_read_text("etc/gateway.conf", text, strlen(text), need_ports, &diags);
	diags_print(&diags, stderr);
	assert_int_equal(diags.n, 0);
	assert_non_null(gateway);
	diags_fini(&diags);
	return gateway;
}

void gateways_refuse(const char *head, const struct fault *faults, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct diags diags;
		char text[1024];

		diags_init(&diags);
		snprintf(text, sizeof(text), "%s%s", head, faults[i].text);
		assert_null(gateway_read_text("g.conf", text, strlen(text), true, &diags));
		if (diags.n_errors != 1 || !rules_kit_has(&diags, DIAG_ERROR, faults[i].line, faults[i].part)) {
			print_error("%s\nexpected on line %u: %s\n", faults[i].text, faults[i].line, faults[i].part);
			diags_print(&diags, stderr);
			fail();
		}
		diags_fini(&diags);
	}
}
