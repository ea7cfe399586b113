// SPDX-License-Identifier: BSD-3-Clause
//
// Frames for tests, see frame.h. Slow and plain on purpose.
#include "tests/kit/frame.h"

#include <string.h>

#include "dataplane/abi/names.h"

static const uint8_t source6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
static const uint8_t destination6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 2};

void frame_push(struct frame *frame, const void *bytes, size_t n)
{
	memcpy(frame->bytes + frame->length, bytes, n);
	frame->length += (uint32_t)n;
}

void frame_put16(struct frame *frame, uint32_t offset, uint16_t value)
{
	frame->bytes[offset] = (uint8_t)(value >> 8);
	frame->bytes[offset + 1] = (uint8_t)value;
}

void frame_ethernet(struct frame *frame)
{
	static const uint8_t header[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};

	memset(frame, 0, sizeof(*frame));
	frame_push(frame, header, sizeof(header));
	frame->type = 12;
}

void frame_vlan(struct frame *frame, uint16_t tpid, uint16_t tci)
{
	frame_put16(frame, frame->type, tpid);
	frame_put16(frame, frame->length, tci);
	frame->type = frame->length + 2;
	frame->length += 4;
}

void frame_ipv4(struct frame *frame, unsigned n_options)
{
	uint8_t header[60] = {(uint8_t)(0x45 + n_options / 4), [8] = 64, [12] = 10, [15] = 1, [16] = 10, [19] = 2};

	memset(header + 20, 1, n_options); // no-operation
	frame_put16(frame, frame->type, 0x0800);
	frame->ip = frame->length;
	frame->next = frame->ip + 9;
	frame_push(frame, header, 20 + n_options);
}

void frame_ipv6(struct frame *frame)
{
	uint8_t header[8] = {0x60, [7] = 64};

	frame_put16(frame, frame->type, 0x86dd);
	frame->ip = frame->length;
	frame->next = frame->ip + 6;
	frame_push(frame, header, sizeof(header));
	frame_push(frame, source6, 16);
	frame_push(frame, destination6, 16);
}

void frame_extension(struct frame *frame, uint8_t kind, unsigned size)
{
	frame->bytes[frame->next] = kind;
	frame->next = frame->length;
	frame->bytes[frame->length + 1] = (uint8_t)(size / 8 - 1);
	frame->length += size;
}

void frame_udp(struct frame *frame, uint16_t port)
{
	frame->bytes[frame->next] = 17;
	frame->udp = frame->length;
	frame_put16(frame, frame->udp, 40000);
	frame_put16(frame, frame->udp + 2, port);
	frame->length += 8;
	frame->payload = frame->length;
}

void frame_native(struct frame *frame, uint16_t size)
{
	uint8_t header[16] = {0x57, 0x10, 2, 1, 0, 0, 0x03, 0xe9, 'D', 'E', [15] = 7};

	header[10] = (uint8_t)(size >> 8);
	header[11] = (uint8_t)size;
	frame_push(frame, header, sizeof(header));
	memset(frame->bytes + frame->length, 'x', size);
	frame->length += size;
}

static uint32_t sum_bytes(uint32_t sum, const uint8_t *bytes, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static void mend_udp(struct frame *frame)
{
	const uint8_t *udp = frame->bytes + frame->udp, *ip = frame->bytes + frame->ip;
	uint32_t length = (uint32_t)udp[4] << 8 | udp[5], sum;

	frame_put16(frame, frame->udp + 6, 0);
	sum = ip[0] >> 4 == 4 ? sum_bytes(0, ip + 12, 8) : sum_bytes(0, ip + 8, 32);
	sum = sum_bytes(sum + 17 + length, udp, length);
	sum = ~sum & 0xffff;
	frame_put16(frame, frame->udp + 6, (uint16_t)(sum ? sum : 0xffff));
}

void frame_mend(struct frame *frame)
{
	uint8_t *ip = frame->bytes + frame->ip;

	if (frame->ip && ip[0] >> 4 == 4) {
		frame_put16(frame, frame->ip + 10, 0);
		frame_put16(frame, frame->ip + 10, (uint16_t)~sum_bytes(0, ip, (ip[0] & 15u) * 4));
	}
	if (frame->udp)
		mend_udp(frame);
}

void frame_finish(struct frame *frame)
{
	if (frame->udp)
		frame_put16(frame, frame->udp + 4, (uint16_t)(frame->length - frame->udp));
	if (frame->ip && frame->bytes[frame->ip] >> 4 == 4)
		frame_put16(frame, frame->ip + 2, (uint16_t)(frame->length - frame->ip));
	else if (frame->ip)
		frame_put16(frame, frame->ip + 4, (uint16_t)(frame->length - frame->ip - 40));
	frame_mend(frame);
}

void frame_message(struct frame *frame, unsigned version, uint16_t size)
{
	frame_ethernet(frame);
	if (version == 4)
		frame_ipv4(frame, 0);
	else
		frame_ipv6(frame);
	frame_udp(frame, 5700);
	frame_native(frame, size);
	frame_finish(frame);
}

// Headers of VXLAN, and the Ethernet header of the frame in it.
static void push_vxlan(struct frame *frame, const struct frame *inner)
{
	static const uint8_t header[8] = {0x08, [4] = 1, 2, 3};
	static const uint8_t addresses[12] = {2, 9, 9, 9, 9, 1, 2, 9, 9, 9, 9, 2};

	frame_udp(frame, 4789);
	frame_push(frame, header, sizeof(header));
	frame_push(frame, addresses, sizeof(addresses));
	frame_push(frame, inner->bytes + 12, inner->ip - 12);
}

void frame_tunnel(struct frame *frame, const struct frame *inner, unsigned version, unsigned tunnel)
{
	uint8_t protocol = inner->bytes[inner->ip] >> 4 == 4 ? 4 : 41;
	const uint8_t header[4] = {0, protocol};

	memset(frame, 0, sizeof(*frame));
	frame_push(frame, inner->bytes, inner->ip);
	frame->type = inner->type;
	if (version == 4)
		frame_ipv4(frame, 0);
	else
		frame_ipv6(frame);
	if (tunnel == WEIR_TUNNEL_GUE) {
		frame_udp(frame, 6080);
		frame_push(frame, header, sizeof(header));
	} else if (tunnel == WEIR_TUNNEL_VXLAN) {
		push_vxlan(frame, inner);
	} else {
		frame->bytes[frame->next] = protocol;
	}
	frame_push(frame, inner->bytes + inner->ip, inner->length - inner->ip);
	frame_finish(frame);
}
