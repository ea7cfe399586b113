// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/agents/reply.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "controlplane/agents/reply_native.h"
#include "dataplane/abi/socket.h"
#include "dataplane/decode/native_reply.h"

// Flag 0x1 and a tag, urgent, chat, tenant 1001, DE, 2 bytes, id 0x01020304.
static const uint8_t asked[] = { 0x57, 0x15, 1, 3, 0, 0, 3, 0xe9, 'D', 'E', 0, 2, 1, 2, 3, 4, 9, 9, 9, 9, 9, 9, 9, 9, 'h', 'i' };
static struct spool_message message;
static uint8_t out[2048];

static int setup(void **state)
{
	(void)state;
	message = (struct spool_message){ .payload = asked };
	message.record.payload_length = sizeof(asked);
	message.record.ip_version = 4;
	message.record.protocol = WEIR_NATIVE;
	memset(out, 0xee, sizeof(out));
	return 0;
}

static int build(unsigned status, const char *text, size_t length, size_t room)
{
	const struct spool_answer answer = { reply_build, (uint8_t)status, text, (uint16_t)length };

	return answer.build(&message, &answer, out, room);
}

static void a_reply_says_which_message_it_answers(void **state)
{
	static const uint8_t expected[] = { 0x57, 0x12, 1, 3, 0, 0, 3, 0xe9, 'D', 'E', 0, 5, 1, 2, 3, 4, 'h', 'e', 'l', 'l', 'o' };

	(void)state;
	assert_int_equal(build(WEIR_STATUS_REFUSED, "hello", 5, sizeof(out)), 21);
	assert_memory_equal(out, expected, sizeof(expected));
	assert_int_equal(out[21], 0xee);
	assert_int_equal(build(WEIR_STATUS_ACCEPTED, NULL, 0, sizeof(out)), 16);
	assert_int_equal(out[2], WEIR_STATUS_ACCEPTED);
	assert_int_equal(out[11], 0);
}

static void a_busy_reply_begins_with_its_seconds(void **state)
{
	static const uint8_t seconds[] = { 0, 0, 0, REPLY_NATIVE_RETRY_SECONDS };

	(void)state;
	assert_int_equal(build(WEIR_STATUS_BUSY, "later", 5, sizeof(out)), 25);
	assert_int_equal(out[11], 9);
	assert_memory_equal(out + 16, seconds, 4);
	assert_memory_equal(out + 20, "later", 5);
}

static void every_reply_that_is_built_passes_the_dataplanes_check(void **state)
{
	static char text[WEIR_ANSWER_MAX];

	(void)state;
	for (unsigned version = 4; version <= 6; version += 2)
		for (unsigned status = 0; status < WEIR_N_STATUSES; status++) {
			size_t max;

			message.record.ip_version = (uint8_t)version;
			max = reply_text_max(&message, status);
			for (size_t length = 0; length <= max; length += length + 1 < max ? max / 7 : 1) {
				int n = build(status, text, length, sizeof(out));

				assert_true(n > 0);
				assert_true(native_reply_is_good(out, (size_t)n));
				assert_true(n + (version == 4 ? 28 : 48) <= 1500);
			}
			assert_int_equal(build(status, text, max + 1, sizeof(out)), -EMSGSIZE);
		}
}

static void what_cannot_be_answered_is_refused(void **state)
{
	static const uint8_t other[16] = { 0x58, 0x10 };

	(void)state;
	assert_int_equal(build(WEIR_N_STATUSES, "", 0, sizeof(out)), -EINVAL);
	assert_int_equal(build(WEIR_STATUS_REFUSED, "", 0, 15), -EMSGSIZE);
	assert_int_equal(build(WEIR_STATUS_BUSY, "", 0, 19), -EMSGSIZE);
	assert_int_equal(reply_text_max(&message, WEIR_N_STATUSES), 0);
	message.record.payload_length = 15;
	assert_int_equal(build(WEIR_STATUS_REFUSED, "", 0, sizeof(out)), -EBADMSG);
	message.payload = other;
	message.record.payload_length = 16;
	assert_int_equal(build(WEIR_STATUS_REFUSED, "", 0, sizeof(out)), -EBADMSG);
	for (unsigned protocol = WEIR_SIP; protocol < 256; protocol++) {
		message.record.protocol = (uint8_t)protocol;
		assert_int_equal(build(WEIR_STATUS_REFUSED, "", 0, sizeof(out)), -EPROTONOSUPPORT);
		assert_int_equal(reply_text_max(&message, WEIR_STATUS_REFUSED), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_reply_says_which_message_it_answers, setup),
		cmocka_unit_test_setup(a_busy_reply_begins_with_its_seconds, setup),
		cmocka_unit_test_setup(every_reply_that_is_built_passes_the_dataplanes_check, setup),
		cmocka_unit_test_setup(what_cannot_be_answered_is_refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
