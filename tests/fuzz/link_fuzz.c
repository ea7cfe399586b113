// SPDX-License-Identifier: BSD-3-Clause
//
// dp.sock as the control plane receives it: the input is a script of what a hostile dataplane sends, with
// and without descriptors, between the control plane's own offers and acknowledgements.
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/link.h"
#include "tests/fuzz/quiet.h"
#include "tests/kit/segments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORKERS = 2, STEPS = 64 };

static unsigned attached, up;
static uint64_t durable[WORKERS];

// In the place of consumer.c: no thread, numbers from the script.
void consumer_attach(struct consumer *consumer, struct mapping *map)
{
	(void)consumer;
	assert(segment_worker(map->segment, map->segment->n_workers - 1) != NULL);
	attached++;
}

void consumer_detach(struct consumer *consumer)
{
	(void)consumer;
	attached--;
}

unsigned consumer_consumed(struct consumer *consumer, uint64_t sequence[WEIR_MAX_WORKERS])
{
	(void)consumer;
	memcpy(sequence, durable, sizeof(durable));
	return attached ? WORKERS : 0;
}

static void on_up(void *argument, const struct weir_hello *hello, int table_fd)
{
	(void)argument;
	assert((table_fd >= 0) == (hello->generation > 0));
	up++;
}

static void on_down(void *argument)
{
	(void)argument;
	up--;
}

static void on_ack(void *argument, const struct weir_table_ack *ack)
{
	(void)argument;
	assert(memchr(ack->why, '\0', sizeof(ack->why)));
}

static void on_routes_ack(void *argument, const struct weir_routes_ack *ack)
{
	(void)argument;
	assert(memchr(ack->why, '\0', sizeof(ack->why)));
}

static bool on_unreachable(void *argument, const struct weir_unreachable *error)
{
	(void)argument;
	return error->member == 0;
}

static void on_steer_ack(void *argument, const struct weir_steer_ack *ack)
{
	(void)argument;
	assert(memchr(ack->why, '\0', sizeof(ack->why)));
}

static int on_answered(void *argument, const struct weir_answered *answered)
{
	(void)argument;
	return answered->sequence % 2 ? -1 : 0;
}

struct script {
	const uint8_t *at, *end;
	int peer;          // the hostile end, -1: closed
	int segment_fd;
	struct weir_hello hello; // that fits the segment
};

static uint8_t next(struct script *script)
{
	return script->at < script->end ? *script->at++ : 0;
}

static void send_packet(struct script *script, const void *data, size_t size, unsigned n_fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))] = { 0 };
	struct iovec vec = { (void *)(uintptr_t)data, size };
	struct msghdr header = { .msg_iov = &vec, .msg_iovlen = 1, .msg_control = n_fds ? control : NULL,
				 .msg_controllen = n_fds ? CMSG_SPACE(n_fds * sizeof(int)) : 0 };
	struct cmsghdr *c = (struct cmsghdr *)(void *)control;
	int fds[4] = { script->segment_fd, script->segment_fd, script->peer, 2 };

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	sendmsg(script->peer, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void send_bytes(struct script *script)
{
	uint8_t packet[512] = { 0 }, fds = next(script) % 5;
	size_t size = next(script) * 2u, left = (size_t)(script->end - script->at), n = size < left ? size : left;

	memcpy(packet, script->at, n);
	script->at += n;
	send_packet(script, packet, size, fds);
}

// A hello that fits, with some bytes changed.
static void send_hello(struct script *script)
{
	struct weir_hello hello = script->hello;
	unsigned changes = next(script) % 4;

	while (changes-- > 0) {
		uint8_t at = next(script) % sizeof(hello);

		((uint8_t *)&hello)[at] = next(script);
	}
	send_packet(script, &hello, sizeof(hello), hello.generation ? 2 : 1);
}

static void send_ack(struct script *script)
{
	struct weir_table_ack ack = { .kind = WEIR_TABLE_ACK, .status = (int8_t)next(script), .generation = next(script) };

	memset(ack.why, 'w', sizeof(ack.why));
	send_packet(script, &ack, sizeof(ack), 0);
}

static void send_routes_ack(struct script *script)
{
	struct weir_routes_ack ack = { .kind = WEIR_ROUTES_ACK, .status = (int8_t)next(script), .sequence = next(script) };

	memset(ack.why, 'w', sizeof(ack.why));
	send_packet(script, &ack, sizeof(ack), 0);
}

static void send_answered(struct script *script)
{
	const struct weir_answered answered = { .kind = WEIR_ANSWERED, .fate = next(script), .sequence = next(script) };

	send_packet(script, &answered, sizeof(answered), 0);
}

// What the control plane sends beside tables, routes and acknowledgements.
static void send_ours(struct script *script, struct link *link)
{
	const struct weir_answer answer = { .kind = WEIR_ANSWER, .sequence = next(script) };
	const uint64_t closed[WEIR_QUEUES_MAX / 64] = { next(script) };

	link_answer(link, &answer);
	link_queues(link, 1, closed);
}

static void step(struct script *script, struct link *link)
{
	uint64_t generation;
	int fd;

	switch (next(script) % 10) {
	case 0:
		send_bytes(script);
		break;
	case 1:
		send_hello(script);
		break;
	case 2:
		send_ack(script);
		break;
	case 3:
		fd = dup(script->segment_fd);
		link_offer(link, (struct sealed){ fd, 4096 }, (struct sealed){ fd, next(script) % 2 }, &generation);
		close(fd);
		break;
	case 5:
		send_routes_ack(script);
		break;
	case 6:
		fd = dup(script->segment_fd);
		link_routes(link, (struct sealed){ fd, 512 });
		close(fd);
		break;
	case 4:
		durable[next(script) % WORKERS] += next(script);
		link_acknowledge(link);
		break;
	case 8:
		send_answered(script);
		break;
	case 9:
		send_ours(script, link);
		break;
	default:
		link_break(link, "the script says so");
	}
}

static int make_segment(struct script *script)
{
	static const struct segment_shape shape = { WORKERS, 1, 4, 2 };
	struct weir_segment *segment = segment_make(&shape);
	size_t size = (size_t)segment->size;

	memset(segment->boot_id, 7, sizeof(segment->boot_id));
	script->hello = (struct weir_hello){ .kind = WEIR_HELLO, .abi = WEIR_SOCKET_ABI, .segment_size = size,
					     .n_workers = WORKERS };
	memcpy(script->hello.boot_id, segment->boot_id, sizeof(segment->boot_id));
	script->segment_fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (script->segment_fd < 0 || write(script->segment_fd, segment, size) != (ssize_t)size)
		abort();
	free(segment);
	return script->segment_fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct event_base *base;
	static struct script fixed = { .segment_fd = -1 };
	const struct link_events events = { on_up, on_down, on_ack, on_routes_ack, on_steer_ack,
					   on_answered, on_unreachable, NULL };
	struct script script;
	struct link *link;
	int pair[2];

	if (!base) {
		base = event_base_new();
		make_segment(&fixed);
	}
	script = fixed;
	script.at = data;
	script.end = data + size;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	script.peer = pair[0];
	link = link_create(base, "/nonexistent/dp.sock", NULL, &events);
	link_adopt(link, pair[1]);
	for (unsigned i = 0; i < STEPS && script.at < script.end; i++) {
		step(&script, link);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	assert(up == (link_is_up(link) ? 1 : 0) && attached == up);
	link_destroy(link);
	assert(up == 0 && attached == 0);
	close(pair[0]);
	return 0;
}
