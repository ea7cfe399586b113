// SPDX-License-Identifier: BSD-3-Clause
//
// spool_agents SPOOL RUN_FOLDER JOURNALS QUEUE LEASE_MS AGENTS: agents, each a process of its own, that work off a queue through
// a spool's writer until nothing waits and nothing is leased. They claim up to 64 messages at a time and settle them; each
// writes the ids that it knows to be settled to JOURNALS/NAME, one a line, when it knows. Some settlements are
// asked for twice, and some messages given back. Prints `agent NAME PID` for each, and `done` at the end; who is killed is
// not replaced, and what it had leased comes back when the lease is over. No clock decides about what is printed.
// Exit status 3 where something fails.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/consumer.h"
#include "controlplane/spool_look.h"

enum { MAX_AGENTS = 16, MAX_ITEMS = 64, LOOK_MS = 20, TWICE = 53, EXPIRED_MAX = 1024 };

// What an agent asks for and what it hears, on a SOCK_SEQPACKET socket.
struct item {
	uint64_t id;
	uint8_t token[SPOOL_TOKEN_SIZE];
	int32_t result;
	uint32_t reserved;
};
struct packet {
	enum spool_op_kind kind; // CLAIM, SETTLE, RETURN
	uint32_t n;
	struct item items[MAX_ITEMS];
};

struct agent {
	char name[16];
	int socket; // -1: gone
};

// Operations under way for one packet.
struct job {
	struct job *next;
	struct agent *agent; // NULL: leases that are over
	struct packet packet;
	unsigned left;
	struct spool_op ops[];
};

struct house {
	struct spool *spool;
	struct consumer *consumer;
	const char *queue;
	uint32_t lease_ms;
	struct agent agents[MAX_AGENTS];
	unsigned n_agents;
	int wake;
	pthread_mutex_t mutex;
	struct job *finished; // under the mutex
	bool expiring;        // a job for leases that are over is under way
};
static struct house house;

static void fail(const char *what, int err)
{
	fprintf(stderr, "spool_agents: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(3);
}

// The agent's side. Asks and hears; false when nobody is there any more.
static bool ask(int socket, struct packet *packet)
{
	return send(socket, packet, sizeof(*packet), MSG_NOSIGNAL) == sizeof(*packet) &&
	       recv(socket, packet, sizeof(*packet), 0) == sizeof(*packet);
}

static void note(int journal, const struct packet *packet)
{
	char text[MAX_ITEMS * 24];
	size_t n = 0;

	for (uint32_t i = 0; i < packet->n; i++)
		if (packet->items[i].result == 0)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%llu\n",
					      (unsigned long long)packet->items[i].id);
	if (write(journal, text, n) != (ssize_t)n)
		fail("journal", errno);
}

// What has been settled must say so when it is asked for again.
static bool ask_again(int socket, const struct packet *settled)
{
	struct packet again = *settled;
	bool there;

	for (uint32_t i = 0; i < again.n; i++)
		if (again.items[i].id % TWICE == 0 && again.items[i].result == 0) {
			again.items[0] = again.items[i];
			again.n = 1;
			there = ask(socket, &again);
			if (there && again.items[0].result != -EALREADY && again.items[0].result != -ENOSPC)
				fail("a repeated settlement", again.items[0].result);
			return there;
		}
	return true;
}

static bool settle(int socket, int journal, const struct packet *claimed)
{
	struct packet back = { .kind = OP_RETURN }, settled = { .kind = OP_SETTLE };

	for (uint32_t i = 0; i < claimed->n; i++) {
		// by the token, so that the next agent settles it
		struct packet *to = claimed->items[i].token[0] == 0 ? &back : &settled;

		to->items[to->n++] = claimed->items[i];
	}
	if (back.n && !ask(socket, &back))
		return false;
	if (settled.n && !ask(socket, &settled))
		return false;
	note(journal, &settled);
	return ask_again(socket, &settled);
}

static void work(int socket, const char *journals, const char *name)
{
	char path[600];
	int journal;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s/%s", journals, name);
	journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (journal < 0)
		fail(path, errno);
	for (;;) {
		struct packet packet = { .kind = OP_CLAIM, .n = MAX_ITEMS };

		if (!ask(socket, &packet))
			_exit(0);
		if (packet.n == 0)
			poll(NULL, 0, LOOK_MS);
		else if (!settle(socket, journal, &packet))
			_exit(0);
	}
}

static void start_agent(const char *journals, unsigned i)
{
	struct agent *agent = &house.agents[i];
	int pair[2];
	pid_t pid;

	snprintf(agent->name, sizeof(agent->name), "agent-%u", i % MAX_AGENTS);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		fail("socketpair", errno);
	pid = fork();
	if (pid < 0)
		fail("fork", errno);
	if (pid == 0) {
		for (unsigned before = 0; before < i; before++)
			close(house.agents[before].socket);
		close(pair[0]);
		work(pair[1], journals, agent->name);
	}
	close(pair[1]);
	agent->socket = pair[0];
	printf("agent %s %d\n", agent->name, (int)pid);
}

// The house's side. On the writer's thread.
static void on_done(struct spool_op *op)
{
	struct job *job = op->owner;

	if (--job->left > 0)
		return;
	pthread_mutex_lock(&house.mutex);
	job->next = house.finished;
	house.finished = job;
	pthread_mutex_unlock(&house.mutex);
	eventfd_write(house.wake, 1);
}

static struct job *make_job(struct agent *agent, const struct packet *packet, unsigned n)
{
	struct job *job = calloc(1, sizeof(*job) + n * sizeof(job->ops[0]));

	if (!job)
		fail("memory", ENOMEM);
	job->agent = agent;
	if (packet)
		job->packet = *packet;
	job->left = n;
	for (unsigned i = 0; i < n; i++) {
		job->ops[i].next = i + 1 < n ? &job->ops[i + 1] : NULL;
		job->ops[i].done = on_done;
		job->ops[i].owner = job;
	}
	return job;
}

static void submit(struct agent *agent, const struct packet *packet)
{
	bool claim = packet->kind == OP_CLAIM;
	struct job *job = make_job(agent, packet, claim ? 1 : packet->n);

	for (unsigned i = 0; i < job->left; i++) {
		struct spool_op *op = &job->ops[i];

		op->kind = packet->kind;
		if (claim) {
			op->queue = house.queue;
			op->n = packet->n;
			op->agent = agent->name;
			op->lease_ms = house.lease_ms;
		} else {
			op->id = packet->items[i].id;
			memcpy(op->token, packet->items[i].token, sizeof(op->token));
		}
	}
	consumer_submit(house.consumer, job->ops);
}

static void answer(struct job *job)
{
	struct packet *packet = &job->packet;
	const struct spool_claimed *claimed = job->ops[0].claimed;
	unsigned n = packet->n;

	if (packet->kind == OP_CLAIM)
		for (packet->n = 0; claimed; claimed = claimed->next) {
			struct item *item = &packet->items[packet->n++];

			item->id = claimed->message.arrival;
			memcpy(item->token, claimed->token, sizeof(item->token));
		}
	else
		for (unsigned i = 0; i < n; i++)
			packet->items[i].result = job->ops[i].result;
	if (job->agent->socket >= 0)
		send(job->agent->socket, packet, sizeof(*packet), MSG_NOSIGNAL);
	spool_claimed_free(job->ops[0].claimed);
}

static void finish_jobs(void)
{
	struct job *job, *next;
	eventfd_t n;

	eventfd_read(house.wake, &n);
	pthread_mutex_lock(&house.mutex);
	job = house.finished;
	house.finished = NULL;
	pthread_mutex_unlock(&house.mutex);
	for (; job; job = next) {
		next = job->next;
		if (job->agent)
			answer(job);
		else
			house.expiring = false;
		free(job);
	}
}

struct expired {
	uint64_t now_ms, ids[EXPIRED_MAX];
	unsigned n;
};

static int look_at(const struct spool_lease *lease, void *argument)
{
	struct expired *expired = argument;

	if (lease->until_ms < expired->now_ms)
		expired->ids[expired->n++] = lease->message.arrival;
	return 0;
}

// Ends leases that are over.
static void expire(void)
{
	struct expired expired = { 0 };
	struct timespec t;
	struct job *job;

	clock_gettime(CLOCK_REALTIME, &t);
	expired.now_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	if (house.expiring || spool_leases(house.spool, 0, EXPIRED_MAX, look_at, &expired) != 0 || expired.n == 0)
		return;
	job = make_job(NULL, NULL, expired.n);
	for (unsigned i = 0; i < expired.n; i++) {
		job->ops[i].kind = OP_RETURN;
		job->ops[i].id = expired.ids[i];
		job->ops[i].forced = true;
	}
	house.expiring = true;
	consumer_submit(house.consumer, job->ops);
}

static bool is_empty(void)
{
	struct spool_queue queue;

	return spool_queue_get(house.spool, house.queue, &queue) == 0 && queue.waiting == 0 && queue.leased == 0;
}

static void hear(struct agent *agent)
{
	struct packet packet;

	if (recv(agent->socket, &packet, sizeof(packet), MSG_DONTWAIT) == sizeof(packet)) {
		submit(agent, &packet);
		return;
	}
	close(agent->socket);
	agent->socket = -1;
}

static void serve(void)
{
	struct pollfd fds[MAX_AGENTS + 1];

	while (!is_empty()) {
		for (unsigned i = 0; i < house.n_agents; i++)
			fds[i] = (struct pollfd){ .fd = house.agents[i].socket, .events = POLLIN };
		fds[house.n_agents] = (struct pollfd){ .fd = house.wake, .events = POLLIN };
		if (poll(fds, house.n_agents + 1, LOOK_MS) < 0)
			fail("poll", errno);
		for (unsigned i = 0; i < house.n_agents; i++)
			if (fds[i].revents)
				hear(&house.agents[i]);
		if (fds[house.n_agents].revents)
			finish_jobs();
		expire();
	}
}

int main(int argc, char **argv)
{
	char why[600];

	if (argc != 7 || atoi(argv[6]) < 1 || atoi(argv[6]) > MAX_AGENTS) {
		fputs("usage: spool_agents SPOOL RUN_FOLDER JOURNALS QUEUE LEASE_MS AGENTS\n", stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	house.queue = argv[4];
	house.lease_ms = (uint32_t)atoi(argv[5]);
	house.n_agents = (unsigned)atoi(argv[6]);
	house.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&house.mutex, NULL);
	for (unsigned i = 0; i < house.n_agents; i++) // before there are threads
		start_agent(argv[3], i);
	house.spool = spool_open(argv[1], 4096, false, why, sizeof(why));
	if (!house.spool)
		fail(why, EINVAL);
	house.consumer = consumer_create(house.spool, argv[2], 4096, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (!house.consumer)
		fail("the writer", errno);
	serve();
	consumer_destroy(house.consumer);
	spool_close(house.spool);
	puts("done");
	return 0;
}
