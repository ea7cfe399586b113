// SPDX-License-Identifier: BSD-3-Clause
//
// The dataplane's socket, see control.h. Main thread.
#include "dataplane/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/abi/socket.h"
#include "dataplane/log.h"

// Whoever holds the gateway's lock file may remove a socket that a killed predecessor left.
static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err = 0;

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0660) < 0 ||
	    listen(fd, 8) < 0)
		err = -errno;
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

int control_open(struct control *control, const struct gateway *gateway, char *why, size_t why_size)
{
	int err = gateway_run_path(gateway, "dp.sock", control->path, sizeof(control->path));

	control->listener = control->peer = -1;
	if (err == 0) {
		control->listener = listen_at(control->path);
		err = control->listener < 0 ? control->listener : 0;
	}
	if (err)
		snprintf(why, why_size, "%s/%s/dp.sock: cannot listen: %s", gateway->run_dir,
			 gateway->name, strerror(-err));
	return err;
}

static void peer_drop(struct control *control, const char *reason)
{
	log_line("control plane %u %s", control->peer_pid, reason);
	close(control->peer);
	control->peer = -1;
	control->offered = 0;
	control->routes_offered = false;
	control->steering_waits = false;
	agent_answers_forget(control->answers);
}

static void peer_send(struct control *control, const union weir_message *message, const int *fds,
		      unsigned n_fds)
{
	int err = weir_message_send(control->peer, message, fds, n_fds);

	if (err)
		peer_drop(control, strerror(-err));
}

static void hello_send(struct control *control)
{
	const struct weir_segment *segment = control->swap->segment;
	const struct live *live = swap_last(control->swap);
	union weir_message message = { .hello = {
					       .kind = WEIR_HELLO,
					       .abi = WEIR_SOCKET_ABI,
					       .segment_size = segment->size,
					       .n_workers = segment->n_workers,
				       } };
	int fds[2] = { control->segment_fd, live ? live->fd : -1 };

	memcpy(message.hello.boot_id, segment->boot_id, WEIR_BOOT_ID_SIZE);
	if (live) {
		message.hello.generation = live->generation;
		message.hello.table_size = live->table.header->size;
		message.hello.table_crc = live->table.header->crc;
	}
	peer_send(control, &message, fds, live ? 2 : 1);
}

static uint32_t pid_of(int socket)
{
	struct ucred credentials = { 0 };
	socklen_t size = sizeof(credentials);

	getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
	return (uint32_t)credentials.pid;
}

static void accept_one(struct control *control)
{
	int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	union weir_message busy = { .busy = { .kind = WEIR_BUSY, .pid = control->peer_pid } };

	if (fd < 0)
		return;
	if (control->peer >= 0) {
		weir_message_send(fd, &busy, NULL, 0);
		close(fd);
		return;
	}
	control->peer = fd;
	control->peer_pid = pid_of(fd);
	log_line("control plane %u connected", control->peer_pid);
	hello_send(control);
}

static void ack_send(struct control *control, uint64_t generation, int status, const char *why)
{
	union weir_message message = {
		.table_ack = { .kind = WEIR_TABLE_ACK, .status = status, .generation = generation }
	};

	snprintf(message.table_ack.why, sizeof(message.table_ack.why), "%s", why);
	peer_send(control, &message, NULL, 0);
}

// `fds`: the table, and its routes where the offer says that it has some.
static void table_offered(struct control *control, const struct weir_table_offer *offer, const int *fds)
{
	const struct live *last = swap_last(control->swap);
	uint64_t next = (last ? last->generation : 0) + 1;
	const struct swap_offer to_swap = {
		.table = { fds[0], offer->size },
		.routes = { offer->routes_size > 0 ? fds[1] : -1, offer->routes_size },
		.generation = offer->generation,
	};
	char why[WEIR_WHY_MAX];
	int err;

	if (offer->generation != next) {
		snprintf(why, sizeof(why), "generation %llu offered, %llu is next",
			 (unsigned long long)offer->generation, (unsigned long long)next);
		close(fds[0]);
		if (offer->routes_size > 0)
			close(fds[1]);
		ack_send(control, offer->generation, ESTALE, why);
		return;
	}
	err = swap_offer(control->swap, &to_swap, why, sizeof(why));
	if (err) {
		log_line("table %llu refused: %s", (unsigned long long)offer->generation, why);
		ack_send(control, offer->generation, -err, why);
		return;
	}
	control->swap->keep = true;
	control->offered = offer->generation;
}

static void routes_ack_send(struct control *control, uint64_t sequence, int status, const char *why)
{
	union weir_message message = {
		.routes_ack = { .kind = WEIR_ROUTES_ACK, .status = status, .sequence = sequence }
	};

	snprintf(message.routes_ack.why, sizeof(message.routes_ack.why), "%s", why);
	peer_send(control, &message, NULL, 0);
}

static void routes_offered(struct control *control, const struct weir_routes_offer *offer, int fd)
{
	const struct sealed routes = { fd, offer->size };
	char why[WEIR_WHY_MAX];
	int err = swap_routes(control->swap, routes, why, sizeof(why));

	if (err) {
		if (err != -EBUSY && err != -ESTALE) // those two happen while a table is swapped
			log_line("routes refused: %s", why);
		routes_ack_send(control, offer->sequence, -err, why);
		return;
	}
	control->swap->keep = true;
	control->routes_offered = true;
	control->routes_sequence = offer->sequence;
}

static void steer_ack(struct control *control, uint64_t sequence, int status, const char *why)
{
	union weir_message message = {
		.steer_ack = { .kind = WEIR_STEER_ACK, .status = status, .sequence = sequence }
	};

	snprintf(message.steer_ack.why, sizeof(message.steer_ack.why), "%s", why);
	peer_send(control, &message, NULL, 0);
}

static void steer(struct control *control, const struct weir_steer *message)
{
	char why[WEIR_WHY_MAX];
	int err = steering_want(control->steering, message->bucket, why, sizeof(why));

	if (err) {
		log_line("steering refused: %s", why);
		steer_ack(control, message->sequence, -err, why);
		return;
	}
	control->steered = message->sequence;
	control->steering_waits = true;
}

void control_steered(struct control *control)
{
	if (control->peer >= 0 && control->steering_waits)
		steer_ack(control, control->steered, 0, "");
	control->steering_waits = false;
}

// The peer's word is taken only within what we have written and not yet taken back.
static bool consumed(struct control *control, const struct weir_consumed *message)
{
	const struct weir_worker *shared;
	uint64_t head, before;
	struct punt *punt;

	if (message->worker >= control->swap->context.n_workers)
		return false;
	punt = &control->workers[message->worker].punt;
	shared = segment_worker(control->swap->segment, message->worker);
	head = atomic_load_explicit(&shared->head, memory_order_acquire);
	before = atomic_load_explicit(&punt->consumed, memory_order_relaxed);
	if (message->sequence < before || message->sequence > head)
		return false;
	atomic_store_explicit(&punt->consumed, message->sequence, memory_order_release);
	return true;
}

static void answered_send(struct control *control, uint64_t sequence, enum weir_answer_fate fate)
{
	union weir_message message = {
		.answered = { .kind = WEIR_ANSWERED, .fate = fate, .sequence = sequence }
	};

	peer_send(control, &message, NULL, 0);
}

static void answer(struct control *control, const struct weir_answer *message)
{
	enum weir_answer_fate fate;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	fate = agent_answers_take(control->answers, message,
				  (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
	if (fate != WEIR_ANSWER_SENT)
		answered_send(control, message->sequence, fate);
}

void control_answered(struct control *control)
{
	uint64_t sequence;

	while (agent_answers_next(control->answers, &sequence))
		if (control->peer >= 0)
			answered_send(control, sequence, WEIR_ANSWER_SENT);
}

// Messages that carry no descriptor; their number is checked.
static void plain_handle(struct control *control, const union weir_message *message)
{
	switch (message->kind) {
	case WEIR_STEER:
		steer(control, &message->steer);
		break;
	case WEIR_ANSWER:
		answer(control, &message->answer);
		break;
	case WEIR_QUEUES:
		swap_close_queues(control->swap, message->queues.generation, message->queues.closed);
		break;
	case WEIR_CONSUMED:
		if (!consumed(control, &message->consumed))
			peer_drop(control, "says it consumed what was never written: connection ended");
		break;
	default:
		peer_drop(control, "sent what it may not: connection ended");
	}
}

static void message_handle(struct control *control, const union weir_message *message, int *fds,
			   unsigned n_fds)
{
	if (message->kind == WEIR_TABLE && n_fds == (message->table.routes_size > 0 ? 2 : 1)) {
		table_offered(control, &message->table, fds);
		return;
	}
	if (message->kind == WEIR_ROUTES && n_fds == 1) {
		routes_offered(control, &message->routes, fds[0]);
		return;
	}
	for (unsigned i = 0; i < n_fds; i++)
		close(fds[i]);
	if (n_fds != 0)
		peer_drop(control, "sent what it may not: connection ended");
	else
		plain_handle(control, message);
}

static void peer_receive(struct control *control)
{
	union weir_message message;
	unsigned n_fds;
	int fds[2];

	for (unsigned i = 0; i < 64 && control->peer >= 0; i++) {
		int n = weir_message_receive(control->peer, &message, fds, &n_fds);

		if (n == -EAGAIN)
			return;
		if (n == 1)
			message_handle(control, &message, fds, n_fds);
		else
			peer_drop(control, n == 0 ? "is gone" : strerror(-n));
	}
}

void control_poll(struct control *control, unsigned timeout_us)
{
	const struct timespec timeout = { .tv_nsec = timeout_us * 1000l };
	struct pollfd wait[3] = { { .fd = control->listener, .events = POLLIN },
				  { .fd = control->peer, .events = POLLIN },
				  { .fd = control->wake, .events = POLLIN } };

	if (ppoll(wait, 3, &timeout, NULL) <= 0)
		return;
	if (wait[1].revents)
		peer_receive(control);
	if (wait[0].revents)
		accept_one(control);
}

void control_table_taken(struct control *control)
{
	if (control->peer >= 0 && control->offered)
		ack_send(control, control->offered, 0, "");
	control->offered = 0;
}

void control_routes_taken(struct control *control)
{
	if (control->peer >= 0 && control->routes_offered)
		routes_ack_send(control, control->routes_sequence, 0, "");
	control->routes_offered = false;
}

void control_unreachable(struct control *control, uint32_t table_crc, uint32_t member, unsigned cause)
{
	const union weir_message message = { .unreachable = { .kind = WEIR_UNREACHABLE,
							      .table_crc = table_crc,
							      .member = member,
							      .cause = cause } };
	int err = control->peer < 0 ? 0 : weir_message_send(control->peer, &message, NULL, 0);

	if (err && err != -EAGAIN)
		peer_drop(control, strerror(-err));
}

void control_close(struct control *control)
{
	if (control->peer >= 0)
		close(control->peer);
	if (control->listener >= 0) {
		close(control->listener);
		unlink(control->path);
	}
	control->peer = control->listener = -1;
}
