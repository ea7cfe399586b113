// SPDX-License-Identifier: BSD-3-Clause
//
// Frames of any bytes, one after the other, each with two bytes of length and one of time in front: every one that is
// taken ends once, and what is whole is a frame that parses.
#include "dataplane/reassembly.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/parse.h"
#include "dataplane/tunnel.h"

enum { FRAMES_MAX = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct kept {
	uint8_t *data;
	uint32_t length;
	unsigned held;
};

static struct listeners deaf;

static void must(int condition)
{
	if (!condition)
		abort();
}

static void copy(const void *frame, uint32_t offset, uint32_t length, uint8_t *out)
{
	const struct kept *kept = frame;

	must(offset + length <= kept->length);
	memcpy(out, kept->data + offset, length);
}

static void end(void *context, void *frame, enum weir_disposition disposition)
{
	struct kept *kept = frame;

	(void)context;
	must(kept->held == 1 && (disposition == WEIR_FRAGMENT || disposition == WEIR_MALFORMED));
	kept->held = 0;
	free(kept->data);
	kept->data = NULL;
}

// One frame, in a buffer of its size.
static void take(struct reassembly *reassembly, struct kept *kept, const struct listeners *listeners, uint64_t now)
{
	static uint8_t buffer[REASSEMBLY_MAX];
	struct whole whole = {.data = buffer};
	struct packet packet;

	parse_frame(listeners, kept->data, kept->length, true, &packet);
	if (packet_tunnel(&packet)) {
		tunnel_link(&packet, kept->data + packet.outer);
		memmove(kept->data, packet.data, packet.length);
		packet.data = kept->data;
	}
	if (packet.reason != WEIR_REASON_FRAGMENT)
		return;
	kept->held = 1;
	switch (reassembly_take(reassembly, &packet, kept, now, &whole)) {
	case REASSEMBLY_HELD:
		must(kept->held);
		return;
	case REASSEMBLY_WHOLE:
		must(whole.length <= sizeof(buffer));
		parse_whole(listeners, &whole, true, &packet);
		must(whole.tunnel == packet_tunnel(&packet) || whole.tunnel == 0);
		parse_whole(&deaf, &whole, true, &packet); // opens no tunnel
		must(packet.reason != WEIR_REASON_IP_HEADER && packet.reason != WEIR_REASON_IP_CHECKSUM);
		break;
	default:
		break;
	}
	must(kept->held);
	kept->held = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct reassembly_limits limits = {4, 12, 6, 300};
	static const struct reassembly_frames frames = {copy, end, NULL};
	static const uint8_t seed[16];
	static const struct listener any = {.port = 5700, .protocol = WEIR_NATIVE,
					    .tunnels = WEIR_TUNNEL_IPIP | WEIR_TUNNEL_GUE | WEIR_TUNNEL_VXLAN};
	static struct listeners listeners;
	static struct kept kept[FRAMES_MAX];
	struct reassembly *reassembly = reassembly_create(&limits, &frames, seed);
	uint64_t now = 0;
	unsigned n = 0;

	must(reassembly && listeners_init(&listeners, &any, 1) == 0);
	for (; size >= 3 && n < FRAMES_MAX; n++) {
		uint32_t length = (uint32_t)data[0] << 8 | data[1];

		now += data[2];
		data += 3;
		size -= 3;
		length = length < size ? length : (uint32_t)size;
		kept[n] = (struct kept){.data = malloc(length ? length : 1), .length = length};
		must(kept[n].data != NULL);
		memcpy(kept[n].data, data, length);
		take(reassembly, &kept[n], &listeners, now);
		data += length;
		size -= length;
	}
	reassembly_destroy(reassembly);
	for (unsigned i = 0; i < n; i++) {
		must(!kept[i].held);
		free(kept[i].data);
	}
	return 0;
}
