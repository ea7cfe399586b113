// SPDX-License-Identifier: BSD-3-Clause
//
// Messages on dp.sock: exact lengths and numbers of descriptors, both ways. Each side uses one
// thread a direction. Refuses what is not a message of a known kind; leaks no descriptor.
#include "dataplane/abi/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_FDS = 2, PATIENCE_MS = 1000 };

size_t weir_message_size(uint32_t kind)
{
	switch (kind) {
	case WEIR_HELLO:
		return sizeof(struct weir_hello);
	case WEIR_BUSY:
		return sizeof(struct weir_busy);
	case WEIR_TABLE:
		return sizeof(struct weir_table_offer);
	case WEIR_TABLE_ACK:
		return sizeof(struct weir_table_ack);
	case WEIR_CONSUMED:
		return sizeof(struct weir_consumed);
	case WEIR_ROUTES:
		return sizeof(struct weir_routes_offer);
	case WEIR_ROUTES_ACK:
		return sizeof(struct weir_routes_ack);
	case WEIR_STEER:
		return sizeof(struct weir_steer);
	case WEIR_STEER_ACK:
		return sizeof(struct weir_steer_ack);
	case WEIR_ANSWER:
		return sizeof(struct weir_answer);
	case WEIR_ANSWERED:
		return sizeof(struct weir_answered);
	case WEIR_QUEUES:
		return sizeof(struct weir_queues);
	case WEIR_UNREACHABLE:
		return sizeof(struct weir_unreachable);
	default:
		return 0;
	}
}

// How many descriptors belong to a message.
static unsigned message_fds(const union weir_message *message)
{
	if (message->kind == WEIR_HELLO)
		return message->hello.generation ? 2 : 1;
	if (message->kind == WEIR_TABLE)
		return message->table.routes_size ? 2 : 1;
	return message->kind == WEIR_ROUTES ? 1 : 0;
}

// Waits for room on a blocking socket, within bounds; a stopped peer must not stop us.
static int wait_for_room(int socket)
{
	struct pollfd room = { .fd = socket, .events = POLLOUT };
	int n;

	if (fcntl(socket, F_GETFL) & O_NONBLOCK)
		return -EAGAIN;
	n = poll(&room, 1, PATIENCE_MS);
	if (n < 0 && errno != EINTR)
		return -errno;
	return n == 0 ? -EAGAIN : 0;
}

int weir_message_send(int socket, const union weir_message *message, const int *fds, unsigned n_fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(MAX_FDS * sizeof(int))] = { 0 };
	struct iovec vec = { (void *)(uintptr_t)message, weir_message_size(message->kind) };
	struct msghdr header = { .msg_iov = &vec, .msg_iovlen = 1 };

	if (vec.iov_len == 0 || n_fds != message_fds(message))
		return -EINVAL;
	if (n_fds > 0) {
		struct cmsghdr *c = (struct cmsghdr *)(void *)control;

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
		header.msg_control = control;
		header.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	}
	while (sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		int err = errno == EINTR ? 0 : -errno;

		if (err == -EAGAIN)
			err = wait_for_room(socket);
		if (err)
			return err;
	}
	return 0;
}

// Collects the descriptors that came; they are ours from here on, however many.
static unsigned take_fds(struct msghdr *header, int fds[MAX_FDS])
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i + sizeof(int) <= bytes; i += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i, sizeof(fd));
			if (n < MAX_FDS)
				fds[n++] = fd;
			else
				close(fd);
		}
	}
	return n;
}

static void end_text(union weir_message *message)
{
	if (message->kind == WEIR_TABLE_ACK)
		message->table_ack.why[WEIR_WHY_MAX - 1] = '\0';
	if (message->kind == WEIR_ROUTES_ACK)
		message->routes_ack.why[WEIR_WHY_MAX - 1] = '\0';
	if (message->kind == WEIR_STEER_ACK)
		message->steer_ack.why[WEIR_WHY_MAX - 1] = '\0';
}

int weir_message_receive(int socket, union weir_message *message, int fds[2], unsigned *n_fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(MAX_FDS * sizeof(int))];
	struct iovec vec = { message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &vec, .msg_iovlen = 1, .msg_control = control,
				 .msg_controllen = sizeof(control) };
	ssize_t n;

	*n_fds = 0;
	memset(message, 0, sizeof(*message));
	do
		n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*n_fds = take_fds(&header, fds);
	if (n == 0 && *n_fds == 0)
		return 0;
	if (!(header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && (size_t)n >= sizeof(message->kind) &&
	    (size_t)n == weir_message_size(message->kind) && *n_fds == message_fds(message)) {
		end_text(message);
		return 1;
	}
	while (*n_fds > 0)
		close(fds[--*n_fds]);
	return -EBADMSG;
}
