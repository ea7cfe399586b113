// SPDX-License-Identifier: BSD-3-Clause
//
// ICMP errors as anybody on the wire may write them: the first byte says whether the checksums are mended before the
// rest is read as a frame, else next to nothing would come past them.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/parse.h"
#include "dataplane/unreachable.h"
#include "rules/table.h"
#include "tests/kit/icmp_error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Where a frame without tags says that its ICMP header is, and that it ends with the frame.
static void mend(const uint8_t *data, uint32_t size, struct icmp_error *error)
{
	memset(error, 0, sizeof(*error));
	memcpy(error->bytes, data, size);
	error->length = size;
	error->ip = 14;
	error->icmp = 14 + (size > 14 && data[14] >> 4 == 4 ? (data[14] & 0xfu) * 4 : 40);
	if (error->icmp + 4 <= size)
		icmp_error_mend(error);
}

static void read_frame(const uint8_t *frame, uint32_t length)
{
	const struct listener any = { .port = 5700 };
	static struct listeners listeners;
	struct message_flow flow;
	struct unreachable error;
	struct packet packet;

	listeners_init(&listeners, &any, 1);
	parse_frame(&listeners, frame, length, false, &packet);
	(void)unreachable_likely(&packet);
	if (!unreachable_read(frame, length, &error))
		return;
	assert(error.payload >= frame && error.payload + error.length <= frame + length);
	for (unsigned mode = 0; mode < WEIR_N_FORWARD_MODES; mode++)
		if (unreachable_flow(&error, mode, &flow))
			assert(mode != WEIR_MODE_L2 && (flow.family == 4 || flow.family == 6));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct icmp_error error;
	uint8_t *copy; // exactly as long, so that a sanitizer sees each byte too many

	if (size == 0 || size > ICMP_ERROR_MAX)
		return 0;
	mend(data + 1, (uint32_t)size - 1, &error);
	copy = malloc(size);
	memcpy(copy, data[0] & 1 ? error.bytes : data + 1, size - 1);
	read_frame(copy, (uint32_t)size - 1);
	free(copy);
	return 0;
}
