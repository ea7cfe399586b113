// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/listeners.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/parse.h"
#include "tests/kit/frame.h"

static struct frame frame;
static struct packet packet;

static void a_listener_bound_to_the_address_goes_before_any(void **state)
{
	static const struct listener list[] = {
		{.family = 0, .port = 5700, .protocol = WEIR_NATIVE},
		{.family = 4, .port = 5700, .protocol = WEIR_SIP, .address = {10, 0, 0, 2}},
		{.family = 6, .port = 5700, .protocol = WEIR_COAP, .address = {0x20, 1, 0x0d, 0xb8, [15] = 2}},
		{.family = 4, .port = 9, .protocol = WEIR_SIP, .address = {10, 0, 0, 3}},
	};
	static struct listeners bound;

	assert_int_equal(listeners_init(&bound, list, 4), 0);
	frame_message(&frame, 4, 2);
	parse_frame(&bound, frame.bytes, frame.length, false, &packet);
	assert_int_equal(packet.protocol, WEIR_SIP);
	assert_int_equal(packet.listener, 1);
	frame.bytes[33] = 4; // another destination
	frame_mend(&frame);
	parse_frame(&bound, frame.bytes, frame.length, false, &packet);
	assert_int_equal(packet.listener, 0);
	frame_put16(&frame, frame.udp + 2, 9);
	frame_mend(&frame);
	parse_frame(&bound, frame.bytes, frame.length, false, &packet);
	assert_int_equal(packet.reason, WEIR_REASON_NO_LISTENER);
	frame_message(&frame, 6, 2);
	parse_frame(&bound, frame.bytes, frame.length, false, &packet);
	assert_int_equal(packet.listener, 2);
	for (unsigned bit = 0; bit < 128; bit++) {
		frame.bytes[frame.ip + 24 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		frame_mend(&frame);
		parse_frame(&bound, frame.bytes, frame.length, false, &packet);
		assert_int_equal(packet.listener, 0);
		frame.bytes[frame.ip + 24 + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void equal_or_too_many_listeners_are_refused(void **state)
{
	static struct listeners bound;
	struct listener list[LISTENERS_MAX + 1] = {{.port = 1}};

	for (unsigned i = 0; i <= LISTENERS_MAX; i++)
		list[i].port = (uint16_t)i;
	assert_int_equal(listeners_init(&bound, list, LISTENERS_MAX), 0);
	assert_int_equal(listeners_init(&bound, list, LISTENERS_MAX + 1), -EINVAL);
	list[3].port = 2;
	assert_int_equal(listeners_init(&bound, list, 4), -EINVAL);
	list[3].family = 4;
	assert_int_equal(listeners_init(&bound, list, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listener_bound_to_the_address_goes_before_any),
		cmocka_unit_test(equal_or_too_many_listeners_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
