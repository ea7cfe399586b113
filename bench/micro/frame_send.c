// SPDX-License-Identifier: BSD-3-Clause
//
// Sends native messages out of an interface, for some seconds, as fast as the kernel can by itself: an XDP program
// that is run on frames which it then really sends (BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18); a socket is several times
// slower. frame_send INTERFACE PARK DESTINATION-MAC SECONDS. 64 flows, 256 tenants. Begins half a second earlier, to
// warm up; prints how many frames it sent a second, and how many came back to the interface: who would look from
// outside is kept waiting by the flood. The cable loses those that its other end has no room for.
//
// The program is attached to PARK as well, an interface (veth) that nobody uses: while a program is attached nowhere,
// each run of it changes the kernel's dispatcher twice and waits until no task may still be in it, some 25 ms and more.
//
// With CAPTURE PROTOCOL OFFSET it sends a capture's frames of SIP or CoAP (IPv4, without UDP checksum) instead, and the
// program makes of each one a message of its own: of `sip` by eight letters at OFFSET, which are its branch, of `coap`
// by the message id at OFFSET and one of 64 source ports.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FRAMES = 256, BATCH = 64, RUN = 1 << 15, BODY = 6, PORT = 5700, LONGEST = 1514 };
enum { IP = 14, UDP = IP + 20, MESSAGE = UDP + 8, LENGTH = MESSAGE + 16 + BODY };

static uint8_t frames[FRAMES][LONGEST];
static unsigned lengths[FRAMES], n_frames;

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

#define DO(...) code[(*n)++] = (struct bpf_insn){ __VA_ARGS__ }
#define SET(register, operation, number) \
	DO(.code = BPF_ALU64 | (operation) | BPF_K, .dst_reg = (register), .imm = (number))
#define COPY(to, operation, from) DO(.code = BPF_ALU64 | (operation) | BPF_X, .dst_reg = (to), .src_reg = (from))
#define STORE(size, offset) \
	DO(.code = BPF_STX | BPF_MEM | (size), .dst_reg = BPF_REG_6, .src_reg = BPF_REG_0, .off = (short)(offset))

// r0 = (r0 | r0 << shift) & mask: halves of groups of bits apart. Masks of 64 bits are made of one of 32.
static void put_spread(struct bpf_insn *code, unsigned *n, int shift, uint32_t mask)
{
	COPY(BPF_REG_1, BPF_MOV, BPF_REG_0);
	SET(BPF_REG_1, BPF_LSH, shift);
	COPY(BPF_REG_0, BPF_OR, BPF_REG_1);
	DO(.code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = BPF_REG_1, .imm = (int)mask);
	DO(.imm = (int)mask);
	COPY(BPF_REG_0, BPF_AND, BPF_REG_1);
}

// A random number into the frame, as `protocol` wants it. r6 is the frame.
static void put_change(struct bpf_insn *code, unsigned *n, const char *protocol, unsigned offset)
{
	DO(.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1);
	DO(.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_1, .off = 4);
	COPY(BPF_REG_1, BPF_MOV, BPF_REG_6);
	SET(BPF_REG_1, BPF_ADD, (int)offset + 8);
	SET(BPF_REG_0, BPF_MOV, XDP_DROP);
	DO(.code = BPF_JMP | BPF_JLE | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_2, .off = 1);
	DO(.code = BPF_JMP | BPF_EXIT);
	DO(.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_prandom_u32);
	if (strcmp(protocol, "coap") == 0) {
		STORE(BPF_H, offset);
		SET(BPF_REG_0, BPF_RSH, 16);
		SET(BPF_REG_0, BPF_AND, 63);
		SET(BPF_REG_0, BPF_ADD, 0x40); // 40,000 is 0x9c40
		STORE(BPF_B, UDP + 1);
		return;
	}
	put_spread(code, n, 16, 0x0000ffff);
	put_spread(code, n, 8, 0x00ff00ff);
	put_spread(code, n, 4, 0x0f0f0f0f);
	DO(.code = BPF_LD | BPF_IMM | BPF_DW, .dst_reg = BPF_REG_1, .imm = 0x61616161); // 'a' and on
	DO(.imm = 0x61616161);
	COPY(BPF_REG_0, BPF_ADD, BPF_REG_1);
	STORE(BPF_DW, offset);
}

// A program that sends what it is run on out of the interface, changed where `protocol` is not NULL.
static int program_load(const char *interface, const char *protocol, unsigned offset)
{
	struct bpf_insn code[64] = { 0 };
	unsigned count = 0, *n = &count;
	int index = (int)if_nametoindex(interface);

	if (index == 0)
		return -1;
	if (protocol)
		put_change(code, n, protocol, offset);
	SET(BPF_REG_1, BPF_MOV, index);
	SET(BPF_REG_2, BPF_MOV, 0);
	DO(.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect);
	DO(.code = BPF_JMP | BPF_EXIT);
	return bpf_prog_load(BPF_PROG_TYPE_XDP, "frame_send", "GPL", code, count, NULL);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

struct count {
	double at; // seconds
	unsigned long sent, received;
};

// Frames that have come to the interface.
static unsigned long received(const char *interface)
{
	FILE *file = fopen("/proc/self/net/dev", "r");
	unsigned long packets;
	char line[300], name[IF_NAMESIZE];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %15[^:]: %*u %lu", name, &packets) == 2 && strcmp(name, interface) == 0) {
			fclose(file);
			return packets;
		}
	}
	fprintf(stderr, "frame_send: /proc/self/net/dev does not tell of %s\n", interface);
	exit(3);
}

// The kernel runs the program on BATCH frames at a time and on RUN of one kind in a row.
static struct count send_until(int program, const char *interface, double end, struct count count)
{
	static unsigned at;

	for (; now() < end; at = (at + 1) % n_frames) {
		LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frames[at], .data_size_in = lengths[at],
			    .repeat = RUN, .batch_size = BATCH,
			    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);

		if (bpf_prog_test_run_opts(program, &run) < 0) {
			perror("frame_send");
			exit(3);
		}
		count.sent += RUN;
	}
	return (struct count){ now(), count.sent, received(interface) };
}

// A file of libpcap in this machine's byte order, whose headers collide with those of BPF.
static int capture_read(const char *path, const uint8_t *mac)
{
	FILE *file = fopen(path, "rb");
	uint32_t head[6], record[4]; // record[2]: bytes kept

	if (!file || fread(head, sizeof(head), 1, file) != 1 || head[0] != 0xa1b2c3d4) {
		fprintf(stderr, "frame_send: %s is no capture\n", path);
		return -1;
	}
	while (n_frames < FRAMES && fread(record, sizeof(record), 1, file) == 1) {
		if (record[2] < LENGTH || record[2] > LONGEST || fread(frames[n_frames], record[2], 1, file) != 1)
			break;
		memcpy(frames[n_frames], mac, 6);
		lengths[n_frames++] = record[2];
	}
	fclose(file);
	return n_frames > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	const char *protocol = argc == 8 ? argv[6] : NULL;
	unsigned mac[6];
	struct count warm = { 0 }, last;
	uint8_t bytes[6];
	int program, park;

	if ((argc != 5 && argc != 8) || sscanf(argv[3], "%x:%x:%x:%x:%x:%x", &mac[0], &mac[1], &mac[2], &mac[3],
					       &mac[4], &mac[5]) != 6 ||
	    (protocol && strcmp(protocol, "sip") != 0 && strcmp(protocol, "coap") != 0)) {
		fprintf(stderr, "usage: frame_send INTERFACE PARK DESTINATION-MAC SECONDS [CAPTURE sip|coap OFFSET]\n");
		return 2;
	}
	for (int i = 0; i < 6; i++)
		bytes[i] = (uint8_t)mac[i];
	for (; !protocol && n_frames < FRAMES; n_frames++) {
		frame_fill(frames[n_frames], bytes, n_frames);
		lengths[n_frames] = LENGTH;
	}
	if (protocol && capture_read(argv[5], bytes) < 0)
		return 3;
	program = program_load(argv[1], protocol, protocol ? (unsigned)atoi(argv[7]) : 0);
	park = (int)if_nametoindex(argv[2]);
	if (program < 0 || bpf_xdp_attach(park, program, XDP_FLAGS_DRV_MODE, NULL) < 0) {
		perror("frame_send");
		return 3;
	}
	warm = send_until(program, argv[1], now() + 0.5, warm);
	last = send_until(program, argv[1], warm.at + atof(argv[4]), warm);
	printf("%.0f %.0f\n", (double)(last.sent - warm.sent) / (last.at - warm.at),
	       (double)(last.received - warm.received) / (last.at - warm.at));
	bpf_xdp_detach(park, XDP_FLAGS_DRV_MODE, NULL);
	return 0;
}
