// SPDX-License-Identifier: BSD-3-Clause
//
// Answers to health probes as a hostile member sends them: the first byte chooses the probe, the rest is the
// datagram. Each answer that counts must carry the probe's own number.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/ping.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum weir_probe probes[] = { WEIR_PROBE_NATIVE, WEIR_PROBE_SIP,
						  WEIR_PROBE_COAP, WEIR_PROBE_TCP };
	struct ping ping = { .token = UINT64_C(0x3132333435363738), .here = "h", .there = "t" },
		    other;
	enum ping_answer answer;
	unsigned status = 0;
	uint8_t *copy; // exactly as long, so that a sanitizer sees each byte too many

	if (size == 0)
		return 0;
	copy = malloc(size - 1);
	memcpy(copy, data + 1, size - 1);
	ping.probe = probes[data[0] % 4];
	other = ping;
	other.token = UINT64_C(0x4142434445464748);
	answer = ping_answers(&ping, copy, size - 1, &status);
	if (answer != PING_NONE) {
		assert(size > 4 && ping.probe != WEIR_PROBE_TCP);
		assert(answer == PING_ALIVE || (ping.probe == WEIR_PROBE_SIP && status >= 408 && status < 600));
		assert(ping_answers(&other, copy, size - 1, &status) == PING_NONE);
	}
	free(copy);
	return 0;
}
