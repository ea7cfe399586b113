// SPDX-License-Identifier: BSD-3-Clause
//
// The tenants of a scenario as a gateway is told of them, see scenario.h.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "bench/pktgen/scenario.h"

void scenario_domain(uint32_t tenant, char out[32])
{
	snprintf(out, 32, "t%" PRIu32 ".example", tenant);
}

int scenario_write_tenants(const struct scenario *scenario, const char *path)
{
	FILE *file = fopen(path, "we");
	char domain[32];

	if (!file)
		return -errno;
	fputs("id,name,domains,groups,home,rate,burst\n", file);
	for (uint32_t i = 0; i < scenario->tenants.n; i++) {
		uint32_t id = scenario->tenants.first + i;

		scenario_domain(id, domain);
		fprintf(file, "%" PRIu32 ",t%" PRIu32 ",%s,,,,\n", id, id, domain);
	}
	if (ferror(file)) {
		fclose(file);
		return -EIO;
	}
	return fclose(file) == 0 ? 0 : -errno;
}
