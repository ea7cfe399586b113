// SPDX-License-Identifier: BSD-3-Clause
//
// Sends native messages out of an interface as fast as an AF_PACKET socket does (sendmmsg, no queueing
// discipline) for some seconds: frame_send INTERFACE DESTINATION-MAC SECONDS. 64 flows, 256 tenants. Prints how many
// frames the kernel took.
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { FRAMES = 256, BATCH = 64, BODY = 6, PORT = 5700 };
enum { IP = 14, UDP = IP + 20, MESSAGE = UDP + 8, LENGTH = MESSAGE + 16 + BODY };

static uint8_t frames[FRAMES][LENGTH];

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_checksum(uint8_t *ip)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, 0xffff ^ ((sum & 0xffff) + (sum >> 16)));
}

static void frame_fill(uint8_t *frame, const uint8_t *mac, unsigned number)
{
	static const uint8_t fixed[] = { 2, 0, 0, 0, 0, 2, 8, 0, 0x45 },
			     message[] = { 0x57, 0x10, 1, 1 };
	static const uint8_t addresses[] = { 10, 9, 0, 2, 10, 9, 0, 1 };

	memcpy(frame, mac, 6);
	memcpy(frame + 6, fixed, sizeof(fixed));
	put16(frame + IP + 2, LENGTH - IP);
	frame[IP + 8] = 64;
	frame[IP + 9] = IPPROTO_UDP;
	memcpy(frame + IP + 12, addresses, sizeof(addresses));
	put_checksum(frame + IP);
	put16(frame + UDP, 40000 + number % 64);
	put16(frame + UDP + 2, PORT);
	put16(frame + UDP + 4, LENGTH - UDP);
	memcpy(frame + MESSAGE, message, sizeof(message));
	put16(frame + MESSAGE + 6, 1 + number);
	memcpy(frame + MESSAGE + 8, "DE", 2);
	put16(frame + MESSAGE + 10, BODY);
	put16(frame + MESSAGE + 14, number);
}

static int socket_open(const char *interface)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(interface) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0), yes = 1;

	if (fd < 0 || to.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -1;
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes));
	return fd;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static unsigned long send_until(int fd, double end)
{
	struct mmsghdr messages[FRAMES];
	struct iovec parts[FRAMES];
	unsigned long sent = 0;
	unsigned at = 0;

	memset(messages, 0, sizeof(messages));
	for (unsigned i = 0; i < FRAMES; i++) {
		parts[i] = (struct iovec){ frames[i], LENGTH };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	while (now() < end) {
		int n = sendmmsg(fd, messages + at, BATCH, 0);

		if (n < 0 && errno != ENOBUFS && errno != EAGAIN)
			break;
		sent += n > 0 ? (unsigned long)n : 0;
		at = (at + BATCH) % FRAMES;
	}
	return sent;
}

int main(int argc, char **argv)
{
	unsigned mac[6];
	uint8_t bytes[6];
	int fd;

	if (argc != 4 || sscanf(argv[2], "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2], &mac[3],
				&mac[4], &mac[5]) != 6) {
		fprintf(stderr, "usage: frame_send INTERFACE DESTINATION-MAC SECONDS\n");
		return 2;
	}
	for (int i = 0; i < 6; i++)
		bytes[i] = (uint8_t)mac[i];
	for (unsigned i = 0; i < FRAMES; i++)
		frame_fill(frames[i], bytes, i);
	fd = socket_open(argv[1]);
	if (fd < 0) {
		perror("frame_send");
		return 3;
	}
	printf("%lu\n", send_until(fd, now() + atof(argv[3])));
	return 0;
}
