// SPDX-License-Identifier: BSD-3-Clause
//
// The dataplane's socket, from the other end. One thread.
#include "bench/micro/agents_peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "dataplane/abi/socket.h"

void peer_fail(const char *what, int err)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(err < 0 ? -err : err));
	exit(3);
}

int peer_meet(const char *path, struct mapping **map)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	union weir_message message;
	int fds[2], fd, err;
	unsigned n_fds;
	char why[240];

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		peer_fail(path, errno);
	err = weir_message_receive(fd, &message, fds, &n_fds);
	if (err != 1 || message.kind != WEIR_HELLO)
		peer_fail("no hello", err < 0 ? err : EPROTO);
	err = mapping_open(fds[0], map, why, sizeof(why));
	if (err)
		peer_fail(why, err);
	return fd;
}

void peer_consumed(int socket, unsigned worker, uint64_t consumed)
{
	union weir_message message = { .consumed = { WEIR_CONSUMED, worker, consumed } };
	int err = weir_message_send(socket, &message, NULL, 0);

	if (err)
		peer_fail("the dataplane", err);
}
