// SPDX-License-Identifier: BSD-3-Clause
//
// Sends native messages out of an interface, for some seconds, as fast as the kernel can by itself: an XDP program
// that is run on frames which it then really sends (BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18); a socket is several times
// slower. frame_send INTERFACE DESTINATION-MAC SECONDS. 64 flows, 256 tenants. Prints how many frames it sent; the
// cable loses those that its other end has no room for.
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FRAMES = 256, BATCH = 64, RUN = 1 << 17, BODY = 6, PORT = 5700 };
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

// A program that sends what it is run on out of the interface.
static int program_load(const char *interface)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	code[0].imm = (int)if_nametoindex(interface);
	if (code[0].imm == 0)
		return -1;
	return bpf_prog_load(BPF_PROG_TYPE_XDP, "frame_send", "GPL", code,
			     sizeof(code) / sizeof(code[0]), NULL);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

// The kernel runs the program on BATCH frames at a time and on RUN of one kind in a row, since to begin and to end
// takes it milliseconds.
static unsigned long send_until(int program, double end)
{
	unsigned long sent = 0;

	for (unsigned at = 0; now() < end; at = (at + 1) % FRAMES) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frames[at], .data_size_in = LENGTH,
			    .repeat = RUN, .batch_size = BATCH,
			    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

		if (bpf_prog_test_run_opts(program, &run) < 0) {
			perror("frame_send");
			exit(3);
		}
		sent += RUN;
	}
	return sent;
}

int main(int argc, char **argv)
{
	unsigned mac[6];
	uint8_t bytes[6];
	int program;

	if (argc != 4 || sscanf(argv[2], "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2], &mac[3],
				&mac[4], &mac[5]) != 6) {
		fprintf(stderr, "usage: frame_send INTERFACE DESTINATION-MAC SECONDS\n");
		return 2;
	}
	for (int i = 0; i < 6; i++)
		bytes[i] = (uint8_t)mac[i];
	for (unsigned i = 0; i < FRAMES; i++)
		frame_fill(frames[i], bytes, i);
	program = program_load(argv[1]);
	if (program < 0) {
		perror("frame_send");
		return 3;
	}
	printf("%lu\n", send_until(program, now() + atof(argv[3])));
	return 0;
}
