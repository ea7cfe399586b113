// SPDX-License-Identifier: BSD-3-Clause
//
// Words of the contract from any bytes: a name that is found is the name of what was found.
#include "dataplane/abi/names.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[64] = "", letters[3];
	int found;

	memcpy(name, data, size < sizeof(name) - 1 ? size : sizeof(name) - 1);
	found = weir_protocol_find(name);
	must(found < 0 || !strcmp(weir_protocol_name((unsigned)found), name));
	found = weir_priority_find(name);
	must(found < 0 || !strcmp(weir_priority_name((unsigned)found), name));
	found = weir_channel_find(name);
	must(found < 0 || !strcmp(weir_channel_name((unsigned)found), name));
	found = weir_status_find(name);
	must(found < 0 || !strcmp(weir_status_name((unsigned)found), name));
	if (size >= 2) {
		found = weir_country_find((const char *)data);
		must(found < WEIR_N_COUNTRIES);
		if (found >= 0) {
			weir_country_format((unsigned)found, letters);
			must(!memcmp(letters, data, 2) && !letters[2]);
		}
	}
	return 0;
}
