// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/abi/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int pair[2];

static int setup(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
}

static int teardown(void **state)
{
	(void)state;
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void a_message_and_its_descriptors_arrive(void **state)
{
	union weir_message out = { .hello = { .kind = WEIR_HELLO, .abi = 1, .generation = 7, .n_workers = 3 } }, in;
	int fds[2] = { 0, 1 }, got[2];
	unsigned n;

	(void)state;
	assert_int_equal(weir_message_send(pair[0], &out, fds, 2), 0);
	assert_int_equal(weir_message_receive(pair[1], &in, got, &n), 1);
	assert_int_equal(n, 2);
	assert_int_equal(in.hello.generation, 7);
	assert_int_equal(in.hello.n_workers, 3);
	assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	close(got[0]);
	close(got[1]);
}

static void a_message_with_the_wrong_number_of_descriptors_is_not_sent(void **state)
{
	union weir_message out = { .table = { .kind = WEIR_TABLE } };

	(void)state;
	assert_int_equal(weir_message_send(pair[0], &out, NULL, 0), -EINVAL);
	out.kind = 77;
	assert_int_equal(weir_message_send(pair[0], &out, NULL, 0), -EINVAL);
}

static void send_raw(const void *data, size_t size, unsigned n_fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = { 0 };
	struct iovec vec = { (void *)(uintptr_t)data, size };
	struct msghdr header = { .msg_iov = &vec, .msg_iovlen = 1, .msg_control = control,
				 .msg_controllen = CMSG_SPACE(n_fds * sizeof(int)) };
	struct cmsghdr *c = (struct cmsghdr *)(void *)control;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
	if (n_fds == 0)
		header.msg_control = NULL, header.msg_controllen = 0;
	assert_int_equal(sendmsg(pair[0], &header, 0), (ssize_t)size);
}

static void what_is_no_message_is_refused_and_leaks_no_descriptor(void **state)
{
	struct weir_consumed consumed = { .kind = WEIR_CONSUMED };
	struct weir_hello hello = { .kind = WEIR_HELLO, .generation = 1 };
	union weir_message in;
	uint32_t unknown = 99;
	unsigned before = open_fds(), n;
	char large[2000] = { 0 };
	int got[2];

	(void)state;
	send_raw(&unknown, sizeof(unknown), 0);
	send_raw(&consumed, sizeof(consumed) - 1, 0);
	send_raw(&consumed, 2, 0);
	send_raw(&consumed, sizeof(consumed), 1);
	send_raw(&hello, sizeof(hello), 1);
	send_raw(&hello, sizeof(hello), 4);
	memcpy(large, &consumed, sizeof(consumed));
	send_raw(large, sizeof(large), 2);
	for (int i = 0; i < 7; i++) {
		assert_int_equal(weir_message_receive(pair[1], &in, got, &n), -EBADMSG);
		assert_int_equal(n, 0);
	}
	assert_int_equal(open_fds(), before);
	send_raw(&consumed, sizeof(consumed), 0);
	assert_int_equal(weir_message_receive(pair[1], &in, got, &n), 1);
}

static void the_reason_of_an_acknowledgement_ends_in_nul(void **state)
{
	union weir_message in;
	struct weir_table_ack ack = { .kind = WEIR_TABLE_ACK };
	unsigned n;
	int got[2];

	(void)state;
	memset(ack.why, 'x', sizeof(ack.why));
	send_raw(&ack, sizeof(ack), 0);
	assert_int_equal(weir_message_receive(pair[1], &in, got, &n), 1);
	assert_int_equal(strlen(in.table_ack.why), WEIR_WHY_MAX - 1);
}

static void a_dead_peer_is_end_of_file_and_never_a_signal(void **state)
{
	union weir_message out = { .consumed = { .kind = WEIR_CONSUMED } }, in;
	unsigned n;
	int got[2];

	(void)state;
	assert_int_equal(weir_message_send(pair[0], &out, NULL, 0), 0);
	close(pair[0]);
	assert_int_equal(weir_message_receive(pair[1], &in, got, &n), 1);
	assert_int_equal(weir_message_receive(pair[1], &in, got, &n), 0);
	assert_int_equal(weir_message_send(pair[1], &out, NULL, 0), -EPIPE);
}

static void a_peer_that_does_not_read_never_blocks_for_ever(void **state)
{
	union weir_message out = { .consumed = { .kind = WEIR_CONSUMED } }, in;
	unsigned n;
	int err, got[2];

	(void)state;
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	assert_int_equal(weir_message_receive(pair[1], &in, got, &n), -EAGAIN);
	do
		err = weir_message_send(pair[0], &out, NULL, 0);
	while (err == 0);
	assert_int_equal(err, -EAGAIN);
	fcntl(pair[0], F_SETFL, 0);
	assert_int_equal(weir_message_send(pair[0], &out, NULL, 0), -EAGAIN);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_message_and_its_descriptors_arrive),
		TEST(a_message_with_the_wrong_number_of_descriptors_is_not_sent),
		TEST(what_is_no_message_is_refused_and_leaks_no_descriptor),
		TEST(the_reason_of_an_acknowledgement_ends_in_nul),
		TEST(a_dead_peer_is_end_of_file_and_never_a_signal),
		TEST(a_peer_that_does_not_read_never_blocks_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
