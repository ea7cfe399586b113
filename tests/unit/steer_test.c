// SPDX-License-Identifier: BSD-3-Clause
//
// ebpf/parse.h against dataplane/parse.c over accept captures and random frames, and how evenly ebpf/steer.h deals.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "dataplane/abi/socket.h"
#include "dataplane/parse.h"
#include "ebpf/steer.h"
#include "tests/kit/frame.h"

enum { ROUNDS = 200000, DRAWS = 1 << 20 };

static uint64_t state = 0x9e3779b97f4a7c15;
static struct listeners listeners;

static unsigned draw(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % n);
}

static int setup(void **unused)
{
	static const struct listener list[] = { { .port = 5700, .protocol = WEIR_NATIVE } };

	return listeners_init(&listeners, list, 1);
}

static enum layers_end walk(struct layers *layers, const uint8_t *data, uint32_t length)
{
	*layers = (struct layers){ .data = data, .end = data + length };
	return layers_parse(layers);
}

// What the worker would say of the frame, and what parse.h says, agree wherever both speak of the same.
static void compare(const uint8_t *frame, uint32_t length)
{
	uint8_t *data = malloc(length + 1); // of its exact size, so that the sanitizer sees a step past it
	struct layers layers;
	struct packet packet;
	enum layers_end end;

	memcpy(data, frame, length);
	end = walk(&layers, data, length);
	parse_frame(&listeners, data, length, true, &packet);
	switch (packet.reason) {
	case WEIR_REASON_NONE:
	case WEIR_REASON_NO_LISTENER:
		assert_int_equal(end, LAYERS_UDP);
		assert_int_equal(layers.udp + LAYERS_UDP_SIZE - data, packet.payload);
		assert_int_equal(layers.payload_length, packet.payload_length);
		assert_int_equal(layers.ip - data, packet.l3);
		assert_int_equal(layers.version, packet.ip_version);
		break;
	case WEIR_REASON_ETHERTYPE:
		assert_int_equal(end, LAYERS_ETHERTYPE);
		break;
	case WEIR_REASON_NOT_UDP:
		assert_int_equal(end, LAYERS_NOT_UDP);
		break;
	case WEIR_REASON_IP_CHECKSUM: // not looked at
		break;
	default: // cut, broken, a fragment
		assert_true(end == LAYERS_UNSURE || end == LAYERS_NOT_UDP);
	}
	for (enum steer_protocol protocol = STEER_NATIVE; protocol <= STEER_OTHER; protocol++)
		assert_in_range(steer_bucket(&layers, end, protocol, 0, 7), 0, STEER_BUCKETS - 1);
	free(data);
}

static void compare_capture(const char *name)
{
	char path[512], why[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	const u_char *data;
	unsigned n = 0;
	pcap_t *pcap;

	snprintf(path, sizeof(path), "%s/accept/%s/in.pcap", WEIR_TEST_DATA, name);
	pcap = pcap_open_offline(path, why);
	if (!pcap)
		fail_msg("%s", why);
	for (; pcap_next_ex(pcap, &header, &data) == 1; n++)
		compare(data, header->caplen);
	pcap_close(pcap);
	assert_true(n > 100);
}

static void parses_the_accept_captures_as_the_dataplane_does(void **unused)
{
	compare_capture("native-101");
	compare_capture("native-102");
	compare_capture("native-103");
}

static void make(struct frame *frame)
{
	static const uint8_t kinds[] = { 0, 43, 60, 44, 51 };

	frame_ethernet(frame);
	for (unsigned n = draw(4); n > 1; n--)
		frame_vlan(frame, draw(2) ? 0x8100 : 0x88a8, (uint16_t)draw(4096));
	if (draw(2)) {
		frame_ipv4(frame, draw(3) ? 0 : 4 * draw(11));
	} else {
		frame_ipv6(frame);
		for (unsigned n = draw(3) ? 0 : draw(11); n > 0; n--)
			frame_extension(frame, kinds[draw(8) ? draw(3) : draw(5)], 8 * (1 + draw(3)));
	}
	frame_udp(frame, 5700);
	frame_native(frame, (uint16_t)draw(20));
	frame_finish(frame);
}

static void parses_random_frames_as_the_dataplane_does(void **unused)
{
	static struct frame frame;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint8_t pad[16] = { 0 };

		make(&frame);
		for (unsigned n = draw(3); n > 0; n--)
			frame.bytes[12 + draw(frame.length - 12)] ^= (uint8_t)(1 << draw(8));
		if (draw(4) == 0)
			frame.bytes[12 + draw(50)] = (uint8_t)draw(256);
		if (draw(2))
			frame_mend(&frame);
		if (draw(3) == 0)
			frame_push(&frame, pad, draw(16));
		compare(frame.bytes, draw(4) ? frame.length : draw(frame.length + 1));
	}
}

static unsigned bucket_of(const struct frame *frame, enum steer_protocol protocol)
{
	struct layers layers;
	enum layers_end end = walk(&layers, frame->bytes, frame->length);

	return steer_bucket(&layers, end, protocol, 0, 0);
}

static void a_native_message_is_steered_by_tenant_and_id(void **unused)
{
	static struct frame frame, other;
	unsigned differ = 0;

	frame_message(&frame, 4, 6);
	other = frame;
	other.bytes[frame.ip + 15] ^= 1; // source address
	frame_put16(&other, frame.udp, 1);
	other.bytes[frame.payload + 2] = 0; // priority
	assert_int_equal(bucket_of(&frame, STEER_NATIVE), bucket_of(&other, STEER_NATIVE));
	assert_int_not_equal(bucket_of(&frame, STEER_OTHER), bucket_of(&other, STEER_OTHER));
	for (unsigned i = 0; i < 12; i++) {
		other = frame;
		other.bytes[frame.payload + (i < 4 ? 4 : 8) + i] ^= 0x80;
		differ += bucket_of(&frame, STEER_NATIVE) != bucket_of(&other, STEER_NATIVE);
	}
	assert_int_equal(differ, 8); // the 4 bytes between are country and length
}

static void fragments_of_a_datagram_have_one_bucket(void **unused)
{
	static struct frame first, second;

	frame_message(&first, 4, 64);
	second = first;
	frame_put16(&first, first.ip + 6, 0x2000);
	frame_put16(&second, second.ip + 6, 3);
	memset(second.bytes + second.udp, 0xaa, 8);
	frame_mend(&first);
	frame_mend(&second);
	assert_int_equal(bucket_of(&first, STEER_NATIVE), bucket_of(&second, STEER_NATIVE));
}

static void a_frame_without_addresses_has_a_bucket(void **unused)
{
	static struct frame frame;

	frame_message(&frame, 4, 6);
	for (frame.length = 0; frame.length < 34; frame.length++)
		assert_in_range(bucket_of(&frame, STEER_NATIVE), 0, STEER_BUCKETS - 1);
}

// Deals keys to buckets, and these to `n` workers by their lowest bits and by turns: chi squared over the buckets, and
// the largest deviation of a worker's share from the mean.
static void check_even(uint64_t (*key)(uint32_t i), uint64_t seed)
{
	static uint32_t count[STEER_BUCKETS];
	const double mean = (double)DRAWS / STEER_BUCKETS;
	double chi = 0;

	memset(count, 0, sizeof(count));
	for (uint32_t i = 0; i < DRAWS; i++)
		count[steer_fold(seed ^ key(i))]++;
	for (unsigned b = 0; b < STEER_BUCKETS; b++)
		chi += (count[b] - mean) * (count[b] - mean) / mean;
	assert_true(chi < STEER_BUCKETS + 6 * 90.5); // 90.5: the deviation of chi squared for so many
	for (unsigned n = 2; n <= 32; n++) {
		uint32_t share[32] = { 0 };

		for (unsigned b = 0; b < STEER_BUCKETS; b++)
			share[b % n] += count[b];
		for (unsigned w = 0; w < n; w++)
			assert_true(share[w] > 0.95 * DRAWS / n && share[w] < 1.05 * DRAWS / n);
	}
}

static uint64_t key_sequence(uint32_t i)
{
	return (uint64_t)__builtin_bswap32(1001) << 32 | __builtin_bswap32(i);
}

static uint64_t key_little_endian(uint32_t i)
{
	return (uint64_t)__builtin_bswap32(1001) << 32 | i;
}

static uint64_t key_stride(uint32_t i)
{
	return (uint64_t)__builtin_bswap32(1001) << 32 | __builtin_bswap32(i * 4096);
}

static uint64_t key_tenants(uint32_t i)
{
	return (uint64_t)__builtin_bswap32(i + 1) << 32 | __builtin_bswap32(1);
}

static uint64_t key_grid(uint32_t i)
{
	return (uint64_t)__builtin_bswap32(i >> 10) << 32 | __builtin_bswap32(i & 1023);
}

static uint64_t key_flows(uint32_t i)
{
	return (uint64_t)(i >> 8 & 0xfff) << 48 | (uint64_t)0x5716 << 32 | (0x0a000000 | (i & 255));
}

static void the_hash_is_even(void **unused)
{
	static uint64_t (*const keys[])(uint32_t) = { key_sequence, key_little_endian, key_stride,
						      key_tenants, key_grid, key_flows };

	for (unsigned k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
		for (unsigned s = 0; s < 8; s++)
			check_even(keys[k], s * 0x9e3779b97f4a7c15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_the_accept_captures_as_the_dataplane_does),
		cmocka_unit_test(parses_random_frames_as_the_dataplane_does),
		cmocka_unit_test(a_native_message_is_steered_by_tenant_and_id),
		cmocka_unit_test(fragments_of_a_datagram_have_one_bucket),
		cmocka_unit_test(a_frame_without_addresses_has_a_bucket),
		cmocka_unit_test(the_hash_is_even),
	};

	static_assert((int)STEER_BUCKETS == (int)WEIR_STEER_BUCKETS, "one table");
	return cmocka_run_group_tests_name("steer", tests, setup, NULL);
}
