// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/agents/nats_name.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "controlplane/agents/nats_message.h"
#include "controlplane/agents/nats_stream.h"
#include "tests/kit/folder.h"
#include "tests/kit/segments.h"

static const struct answer_key key = { "a key of thirty-two bytes, here" };

static struct spool_message make_message(void)
{
	struct spool_message message = { .record = record_make(20), .worker = 3, .arrival = 77, .queue = "fraud.desk *>",
					 .rule = "rule\n1", .payload = "0123456789abcdefBODY" };

	message.boot_id[0] = 0xab;
	message.record.sequence = 41;
	message.record.priority = WEIR_URGENT;
	message.record.ip_source[0] = 192;
	message.record.udp_source = 5800;
	message.record.received_ns = UINT64_C(1790000000123000000);
	return message;
}

static void a_name_is_one_token_whatever_is_in_it(void **state)
{
	char token[NATS_TOKEN], longest[SPOOL_NAME_MAX + 1];

	(void)state;
	nats_token_format("fraud-desk_2", token);
	assert_string_equal(token, "fraud-desk_2");
	nats_token_format("a.b *>%", token);
	assert_string_equal(token, "a%2Eb%20%2A%3E%25");
	nats_token_format("b\xc3\xbcro", token);
	assert_string_equal(token, "b%C3%BCro");
	nats_token_format("", token);
	assert_string_equal(token, "-");
	memset(longest, '.', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	nats_token_format(longest, token);
	assert_int_equal(strlen(token), 3 * SPOOL_NAME_MAX);
	nats_value_format("two words, 5 %\r\nX: y", token);
	assert_string_equal(token, "two words, 5 %25%0D%0AX: y");
}

static void a_message_has_its_subject_and_an_id_of_its_own(void **state)
{
	struct spool_message message = make_message();
	char subject[NATS_SUBJECT], id[NATS_ID];

	(void)state;
	nats_subject_format(&message, subject);
	assert_string_equal(subject, "weir.agents.fraud%2Edesk%20%2A%3E.DE.1001.urgent");
	nats_id_format("gw1", &message, id);
	assert_string_equal(id, "gw1-ab000000000000000000000000000000-3-41");
	message.record.country = WEIR_COUNTRY_NONE;
	nats_subject_format(&message, subject);
	assert_string_equal(subject, "weir.agents.fraud%2Edesk%20%2A%3E.ZZ.1001.urgent");
}

static const char *header(natsMsg *msg, const char *name)
{
	const char *value = NULL;

	return natsMsgHeader_Get(msg, name, &value) == NATS_OK ? value : NULL;
}

static void a_message_carries_its_body_and_what_is_known_of_it(void **state)
{
	struct spool_message message = make_message();
	natsMsg *msg = nats_message_create("gw1", &key, &message);
	struct answer_origin origin;

	(void)state;
	assert_non_null(msg);
	assert_int_equal(natsMsg_GetDataLength(msg), 4);
	assert_memory_equal(natsMsg_GetData(msg), "BODY", 4);
	assert_string_equal(header(msg, "Nats-Msg-Id"), "gw1-ab000000000000000000000000000000-3-41");
	assert_string_equal(header(msg, "Nats-Expected-Stream"), "weir-agents");
	assert_string_equal(header(msg, "Weir-Queue"), "fraud.desk *>");
	assert_string_equal(header(msg, "Weir-Rule"), "rule%0A1");
	assert_string_equal(header(msg, "Weir-Sender"), "192.0.0.0:5800");
	assert_string_equal(header(msg, "Weir-Received"), "2026-09-21T14:13:20.123Z");
	assert_string_equal(header(msg, "Weir-Id"), "77");
	assert_string_equal(header(msg, "Weir-Answer-To"), "weir.answers.gw1");
	assert_int_equal(answer_id_parse(&key, header(msg, "Weir-Answer-Id"), &origin), 0);
	assert_int_equal(origin.message.arrival, 77);
	answer_origin_fini(&origin);
	natsMsg_Destroy(msg);
	message.record.kind = WEIR_RECORD_COPY;
	message.record.body_offset = 2000; // past its end
	msg = nats_message_create("gw1", &key, &message);
	assert_int_equal(natsMsg_GetDataLength(msg), 20);
	assert_null(header(msg, "Weir-Answer-Id"));
	assert_string_equal(header(msg, "Weir-Copy"), "yes");
	natsMsg_Destroy(msg);
}

static void an_id_for_an_answer_leads_back_to_the_message_without_its_body(void **state)
{
	struct spool_message message = make_message();
	struct answer_origin origin;
	char id[ANSWER_ID_SIZE];

	(void)state;
	assert_int_equal(answer_id_format(&key, &message, id), 0);
	assert_int_equal(answer_id_parse(&key, id, &origin), 0);
	assert_string_equal(origin.message.queue, message.queue);
	assert_string_equal(origin.message.rule, message.rule);
	assert_int_equal(origin.message.record.payload_length, 16);
	assert_memory_equal(origin.message.payload, "0123456789abcdef", 16);
	assert_memory_equal(origin.message.boot_id, message.boot_id, sizeof(message.boot_id));
	assert_int_equal(origin.message.record.sequence, 41);
	assert_int_equal(origin.message.arrival, 77);
	answer_origin_fini(&origin);
	message.record.body_offset = 21;
	assert_int_equal(answer_id_format(&key, &message, id), -EINVAL);
	message.record.payload_length = message.record.body_offset = ANSWER_HEAD_MAX + 1;
	assert_int_equal(answer_id_format(&key, &message, id), -E2BIG);
}

static void an_id_that_was_changed_or_sealed_by_another_key_is_refused(void **state)
{
	static const char *const none[] = { "", "=", "AAAA", "no base64 \xff", "Ag==" };
	struct spool_message message = make_message();
	struct answer_key other = key;
	struct answer_origin origin;
	char id[ANSWER_ID_SIZE];

	(void)state;
	assert_int_equal(answer_id_format(&key, &message, id), 0);
	other.bytes[31] ^= 1;
	assert_int_equal(answer_id_parse(&other, id, &origin), -EBADMSG);
	for (size_t i = 0; i < strlen(id) - 4; i++) {
		char was = id[i];

		id[i] = was == 'B' ? 'C' : 'B';
		assert_int_equal(answer_id_parse(&key, id, &origin), -EBADMSG);
		id[i] = was;
	}
	for (size_t n = strlen(id); n-- > 0;) {
		id[n] = '\0';
		assert_int_equal(answer_id_parse(&key, id, &origin), -EBADMSG);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(answer_id_parse(&key, none[i], &origin), -EBADMSG);
	memset(id, 'A', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	assert_int_equal(answer_id_parse(&key, id, &origin), -EBADMSG);
}

static void the_key_is_made_once_for_its_owner_alone(void **state)
{
	char *folder = folder_make(), path[300], why[300];
	struct answer_key one, two;
	struct stat file;

	(void)state;
	snprintf(path, sizeof(path), "%s/nats.key", folder);
	assert_int_equal(answer_key_open(path, &one, why, sizeof(why)), 0);
	assert_int_equal(answer_key_open(path, &two, why, sizeof(why)), 0);
	assert_memory_equal(&one, &two, sizeof(one));
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	assert_int_equal(truncate(path, 31), 0);
	assert_int_equal(answer_key_open(path, &two, why, sizeof(why)), -EBADMSG);
	assert_non_null(strstr(why, "not a key of 32 bytes"));
	snprintf(path, sizeof(path), "%s/none/nats.key", folder);
	assert_int_equal(answer_key_open(path, &two, why, sizeof(why)), -ENOENT);
	folder_remove(folder);
}

static const struct nats_stream wanted = { .name = "weir-agents", .subject = "weir.agents.>", .replicas = 3,
					   .duplicates_s = 600 };

static jsStreamConfig good_config(const char **subject)
{
	jsStreamConfig config;

	jsStreamConfig_Init(&config);
	*subject = "weir.agents.>";
	config.Subjects = subject;
	config.SubjectsLen = 1;
	config.Replicas = 3;
	config.Duplicates = INT64_C(600000000000);
	return config;
}

static void a_stream_that_keeps_every_message_is_taken(void **state)
{
	static const char *const subjects[] = { "weir.agents.>", "weir.>", ">" };
	const char *subject;
	jsStreamConfig config = good_config(&subject);
	char why[NATS_WHY];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		subject = subjects[i];
		assert_int_equal(nats_stream_check(&config, &wanted, why), 0);
	}
	config.Retention = js_WorkQueuePolicy;
	config.MaxMsgs = 1;
	config.Discard = js_DiscardNew;
	config.Replicas = 5;
	config.Duplicates *= 2;
	assert_int_equal(nats_stream_check(&config, &wanted, why), 0);
}

#define REFUSED(change, part)                                                       \
	do {                                                                        \
		const char *subject;                                                \
		jsStreamConfig config = good_config(&subject);                      \
		char why[NATS_WHY];                                                 \
		change;                                                             \
		assert_int_equal(nats_stream_check(&config, &wanted, why), -1);     \
		assert_non_null(strstr(why, part));                                 \
		assert_non_null(strstr(why, "stream weir-agents: "));               \
	} while (0)

static void a_stream_that_could_lose_a_message_is_refused(void **state)
{
	jsStreamSource mirror;

	(void)state;
	jsStreamSource_Init(&mirror);
	REFUSED(subject = "weir.agents.desk.>", "does not take the subjects");
	REFUSED(subject = "weir.agents.*", "does not take the subjects");
	REFUSED(subject = "other.>", "does not take the subjects");
	REFUSED(config.SubjectsLen = 0, "does not take the subjects");
	REFUSED(config.Storage = js_MemoryStorage, "kept in memory");
	REFUSED(config.Retention = js_InterestPolicy, "retention `interest`");
	REFUSED(config.MaxMsgs = 5, "drops its oldest");
	REFUSED(config.MaxBytes = 5, "limit in bytes");
	REFUSED((config.MaxBytes = 5, config.Discard = js_DiscardNew), "limit in bytes");
	REFUSED(config.MaxMsgsPerSubject = 5, "of a full subject");
	REFUSED(config.MaxMsgSize = 1000, "largest message");
	REFUSED(config.NoAck = true, "does not acknowledge");
	REFUSED(config.Sealed = true, "sealed");
	REFUSED(config.Mirror = &mirror, "mirror");
	REFUSED(config.Duplicates = INT64_C(120000000000), "it knows duplicates for 120 s, agents.nats.duplicates_s is 600");
	REFUSED(config.Replicas = 1, "it has 1 replicas, agents.nats.replicas is 3");
}

static int open_library(void **state)
{
	(void)state;
	return nats_Open(-1) == NATS_OK ? 0 : -1;
}

static int close_library(void **state)
{
	(void)state;
	return nats_CloseAndWait(5000) == NATS_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_one_token_whatever_is_in_it),
		cmocka_unit_test(a_message_has_its_subject_and_an_id_of_its_own),
		cmocka_unit_test(a_message_carries_its_body_and_what_is_known_of_it),
		cmocka_unit_test(an_id_for_an_answer_leads_back_to_the_message_without_its_body),
		cmocka_unit_test(an_id_that_was_changed_or_sealed_by_another_key_is_refused),
		cmocka_unit_test(the_key_is_made_once_for_its_owner_alone),
		cmocka_unit_test(a_stream_that_keeps_every_message_is_taken),
		cmocka_unit_test(a_stream_that_could_lose_a_message_is_refused),
	};

	return cmocka_run_group_tests(tests, open_library, close_library);
}
