// SPDX-License-Identifier: BSD-3-Clause
//
// What a gateway without kernel bypass costs at the least: sends every datagram back to where it came from, by
// recvmmsg and sendmmsg, and does nothing else: udp_echo PORT. Ends with SIGTERM.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, ROOM = 2048, BUFFER = 4 << 20 };

static struct mmsghdr messages[BATCH];
static struct sockaddr_in from[BATCH];
static struct iovec parts[BATCH];
static uint8_t rooms[BATCH][ROOM];

static void serve(int fd)
{
	for (;;) {
		int n, sent = 0;

		for (int i = 0; i < BATCH; i++) {
			parts[i] = (struct iovec){ rooms[i], ROOM };
			messages[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
							       .msg_namelen = sizeof(from[i]),
							       .msg_iov = &parts[i],
							       .msg_iovlen = 1 };
		}
		n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++)
			parts[i].iov_len = messages[i].msg_len;
		while (sent < n) {
			int done = sendmmsg(fd, messages + sent, (unsigned)(n - sent), 0);

			if (done <= 0)
				break;
			sent += done;
		}
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in own = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), buffer = BUFFER;

	if (argc != 2) {
		fprintf(stderr, "usage: udp_echo PORT\n");
		return 2;
	}
	own.sin_port = htons((uint16_t)atoi(argv[1]));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0) {
		perror("udp_echo");
		return 3;
	}
	serve(fd);
	return 0;
}
