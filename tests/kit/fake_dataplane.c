// SPDX-License-Identifier: BSD-3-Clause
//
// A dataplane without DPDK for tests of the control plane: fake_dataplane RUN_FOLDER [WORKERS [SLOTS [RATE]]] makes a real segment,
// writes numbered messages into its rings (RATE a second and worker; 0: as fast as they are taken), and speaks dp.sock to the letter:
// tables are validated, CONSUMED is checked. SIGTERM ends it when all that was written has been acknowledged (status 0, segment removed);
// a control plane that says what cannot be ends it with status 1. $FAKE_TABLE: "refuse" refuses every table, "ignore" answers none.
// $FAKE_LIMIT: so many messages a worker, and one more with each SIGUSR1. $FAKE_ROUTES: "busy" refuses the first routes as busy, "stale"
// as those of another table. $FAKE_ANSWER: the fate that answers meet. Whatever it uses it says on stderr: "generation N", "routes POOL
// MEMBER=SLOTS ...".
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/abi/socket.h"
#include "rules/routes.h"
#include "rules/table.h"
#include "tests/kit/numbered.h"
#include "tests/kit/segments.h"

enum { QUEUES = 3, RULES = 4, SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

struct fake {
	const char *folder;
	struct segment_file file;
	struct produced *produced;
	uint64_t rate;
	int listener, peer;
	int table_fd; // in use, -1: none
	uint64_t generation, table_size;
	uint32_t table_crc;
	const char *on_table; // $FAKE_TABLE
	const char *on_routes; // $FAKE_ROUTES
	const char *on_answer; // $FAKE_ANSWER
};

struct producer {
	struct fake *fake;
	unsigned worker;
	pthread_t thread;
};

static _Atomic bool stopping; // lock-free, so fine in a signal handler

static _Atomic uint64_t limit = UINT64_MAX; // messages of each worker

static void on_more(int number)
{
	(void)number;
	limit++;
}

static void on_stop(int number)
{
	(void)number;
	stopping = true;
}

static void die(const char *what, int err)
{
	fprintf(stderr, "fake_dataplane: %s: %s\n", what, strerror(err));
	exit(1);
}

static void make_segment(struct fake *fake, const struct segment_shape *shape)
{
	int err = segment_file_make(&fake->file, fake->folder, shape);
	char name[40];

	if (err)
		die(fake->folder, -err);
	for (uint32_t i = 0; i < QUEUES; i++) {
		snprintf(name, sizeof(name), "queue-%u", i);
		segment_name(fake->file.segment, i, WEIR_NAME_QUEUE, i, name);
	}
	for (uint32_t i = 0; i < RULES; i++) {
		snprintf(name, sizeof(name), "rule-%u", i);
		segment_name(fake->file.segment, QUEUES + i, WEIR_NAME_RULE, i, name);
	}
}

static void make_count(struct fake *fake)
{
	const struct weir_segment *segment = fake->file.segment;
	char path[600];
	int fd;

	snprintf(path, sizeof(path), "%s/produced%s", fake->folder, strrchr(fake->file.path, '.'));
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0 || ftruncate(fd, sizeof(struct produced)) < 0)
		die(path, errno);
	fake->produced = mmap(NULL, sizeof(struct produced), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fake->produced == MAP_FAILED)
		die(path, errno);
	memcpy(fake->produced->boot_id, segment->boot_id, sizeof(segment->boot_id));
	fake->produced->n_workers = segment->n_workers;
	close(fd);
}

static void make_listener(struct fake *fake)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/dp.sock", fake->folder);
	unlink(address.sun_path);
	fake->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fake->listener < 0 || bind(fake->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(address.sun_path, 0660) < 0 || listen(fake->listener, 8) < 0)
		die(address.sun_path, errno);
}

// Writes message `number`; -ENOSPC where the ring is full.
static int produce(struct producer *p, uint64_t number)
{
	struct weir_segment *segment = p->fake->file.segment;
	struct numbered head = { .magic = NUMBERED_MAGIC, .number = number, .worker = p->worker,
				 .length = numbered_length(number) };
	struct weir_record record = record_make((uint16_t)head.length);
	uint8_t payload[8192];
	int err;

	memcpy(head.boot_id, segment->boot_id, sizeof(head.boot_id));
	memcpy(payload, &head, sizeof(head));
	for (uint32_t i = sizeof(head); i < head.length; i++)
		payload[i] = numbered_byte(number, i);
	record.queue = (uint32_t)(number % QUEUES);
	record.rule = QUEUES + (uint32_t)(number % RULES);
	record.priority = (uint8_t)(number % WEIR_N_PRIORITIES);
	err = record_push(segment, p->worker, &record, payload);
	if (!err)
		atomic_store_explicit(&p->fake->produced->produced[p->worker], number + 1, memory_order_release);
	return err;
}

static void *producer_run(void *argument)
{
	const struct timespec moment = { 0, 500000 };
	struct producer *p = argument;
	uint64_t number = 0, burst = p->fake->rate / 2000 + 1;

	while (!stopping) {
		for (uint64_t i = 0; (p->fake->rate == 0 || i < burst) && !stopping; i++)
			if (number < limit && produce(p, number) == 0)
				number++;
			else
				break;
		nanosleep(&moment, NULL);
	}
	return NULL;
}

static void send_hello(struct fake *fake)
{
	const struct weir_segment *segment = fake->file.segment;
	union weir_message hello = { .hello = { .kind = WEIR_HELLO, .abi = WEIR_SOCKET_ABI, .generation = fake->generation,
						.table_size = fake->table_size, .segment_size = segment->size,
						.n_workers = segment->n_workers, .table_crc = fake->table_crc } };
	int fds[2] = { open(fake->file.path, O_RDONLY | O_CLOEXEC), fake->table_fd };

	if (fds[0] < 0)
		die(fake->file.path, errno);
	memcpy(hello.hello.boot_id, segment->boot_id, sizeof(segment->boot_id));
	if (weir_message_send(fake->peer, &hello, fds, fake->generation ? 2 : 1)) {
		close(fake->peer);
		fake->peer = -1;
	}
	close(fds[0]);
}

static void accept_one(struct fake *fake)
{
	int fd = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	union weir_message busy = { .busy = { .kind = WEIR_BUSY, .pid = 1 } };

	if (fd < 0)
		return;
	if (fake->peer >= 0) {
		weir_message_send(fd, &busy, NULL, 0);
		close(fd);
		return;
	}
	fake->peer = fd;
	send_hello(fake);
}

// A whole sealed image; NULL with the reason in `err`. munmap()ed by the caller.
static void *map_image(int fd, uint64_t size, int *err)
{
	struct stat st;
	void *image;

	*err = EPERM;
	if ((fcntl(fd, F_GET_SEALS) & SEALS) != SEALS)
		return NULL;
	*err = EINVAL;
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size < size)
		return NULL;
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	*err = errno;
	return image == MAP_FAILED ? NULL : image;
}

static void say_routes(const struct table *table, const struct routes *routes)
{
	for (uint64_t p = 0; p < table_count(table, TABLE_POOLS); p++) {
		const struct table_pool *pool = &table->pools[p];
		char line[4000];
		int n = snprintf(line, sizeof(line), "routes %s", table_string(table, pool->name));

		for (uint32_t m = 0; m < pool->n_members; m++) {
			unsigned slots = 0;

			for (uint32_t s = 0; s < routes->pools[p].n_slots; s++)
				slots += routes->slots[routes->pools[p].slot + s] == m;
			n += snprintf(line + n, sizeof(line) - (size_t)n, " %s=%u",
				      table_string(table, table->members[pool->member + m].name), slots);
			if (n > 3000)
				break;
		}
		fprintf(stderr, "%s\n", line);
	}
}

// Checks routes for the table in `table_fd`; a positive errno.
static int check_routes(int table_fd, uint64_t table_size, int fd, uint64_t size, char why[WEIR_WHY_MAX])
{
	struct routes routes;
	struct table table;
	int err;
	void *of = map_image(table_fd, table_size, &err), *image = of ? map_image(fd, size, &err) : NULL;

	if (image)
		err = -table_open(&table, of, table_size, why, WEIR_WHY_MAX);
	if (image && !err)
		err = -routes_open(&routes, &table, image, size, why, WEIR_WHY_MAX);
	if (image && !err)
		say_routes(&table, &routes);
	if (image)
		munmap(image, size);
	if (of)
		munmap(of, table_size);
	return err;
}

static void take_routes(struct fake *fake, const struct weir_routes_offer *offer, int fd)
{
	union weir_message ack = { .routes_ack = { .kind = WEIR_ROUTES_ACK, .sequence = offer->sequence } };

	if (fake->on_routes) {
		ack.routes_ack.status = strcmp(fake->on_routes, "busy") == 0 ? EBUSY : ESTALE;
		fake->on_routes = NULL;
	} else if (fake->table_fd < 0) {
		ack.routes_ack.status = ESTALE;
	} else {
		ack.routes_ack.status = check_routes(fake->table_fd, fake->table_size, fd, offer->size,
						     ack.routes_ack.why);
	}
	if (ack.routes_ack.status)
		fprintf(stderr, "refused routes %llu: %d %s\n", (unsigned long long)offer->sequence,
			ack.routes_ack.status, ack.routes_ack.why);
	close(fd);
	weir_message_send(fake->peer, &ack, NULL, 0);
}

static int check_table(const struct weir_table_offer *offer, const int fds[2], uint32_t *crc, struct weir_table_ack *ack)
{
	struct table table;
	int err;
	void *image = map_image(fds[0], offer->size, &err);

	if (!image)
		return err;
	err = table_open(&table, image, offer->size, ack->why, sizeof(ack->why));
	if (!err)
		*crc = table.header->crc;
	munmap(image, offer->size);
	if (!err && offer->routes_size)
		return check_routes(fds[0], offer->size, fds[1], offer->routes_size, ack->why);
	return -err;
}

static void take_table(struct fake *fake, const struct weir_table_offer *offer, const int fds[2])
{
	int fd = fds[0];
	union weir_message ack = { .table_ack = { .kind = WEIR_TABLE_ACK, .generation = offer->generation } };
	uint32_t crc = 0;

	if (fake->on_table && strcmp(fake->on_table, "ignore") == 0) {
		fprintf(stderr, "ignored %llu\n", (unsigned long long)offer->generation);
		if (offer->routes_size)
			close(fds[1]);
		close(fd);
		return;
	}
	ack.table_ack.status = offer->generation == fake->generation + 1 ?
		check_table(offer, fds, &crc, &ack.table_ack) : ESTALE;
	if (offer->routes_size)
		close(fds[1]);
	if (fake->on_table && strcmp(fake->on_table, "refuse") == 0) {
		ack.table_ack.status = EPERM;
		snprintf(ack.table_ack.why, sizeof(ack.table_ack.why), "as the test wants");
	}
	if (ack.table_ack.status == 0) {
		if (fake->table_fd >= 0)
			close(fake->table_fd);
		fake->table_fd = fd;
		fake->table_size = offer->size;
		fake->table_crc = crc;
		fake->generation = offer->generation;
		atomic_store(&segment_state_own(fake->file.segment)->generation, offer->generation);
		fprintf(stderr, "generation %llu\n", (unsigned long long)fake->generation);
	} else {
		fprintf(stderr, "refused %llu: %s\n", (unsigned long long)offer->generation, ack.table_ack.why);
		close(fd);
	}
	weir_message_send(fake->peer, &ack, NULL, 0);
}

static void take_consumed(struct fake *fake, const struct weir_consumed *consumed)
{
	struct weir_worker *worker;

	if (consumed->worker >= fake->file.segment->n_workers)
		die("CONSUMED names no worker", EPROTO);
	worker = segment_producer(fake->file.segment, consumed->worker);
	if (consumed->sequence < atomic_load(&worker->tail) || consumed->sequence > atomic_load(&worker->head))
		die("CONSUMED is outside of the ring", EPROTO);
	atomic_store_explicit(&worker->tail, consumed->sequence, memory_order_release);
}

// Steering is checked and acknowledged; there is nothing to steer.
static void take_steer(struct fake *fake, const struct weir_steer *steer)
{
	union weir_message ack = { .steer_ack = { .kind = WEIR_STEER_ACK, .sequence = steer->sequence } };

	for (unsigned i = 0; i < WEIR_STEER_BUCKETS; i++)
		if (!(steer->bucket[i] & WEIR_STEER_SIBLING) && steer->bucket[i] >= fake->file.segment->n_workers)
			die("STEER names no worker", EPROTO);
	weir_message_send(fake->peer, &ack, NULL, 0);
}

// Each answer leaves at once, or meets FAKE_ANSWER, a fate.
static void take_answer(struct fake *fake, const struct weir_answer *answer)
{
	union weir_message answered = { .answered = { .kind = WEIR_ANSWERED, .sequence = answer->sequence } };

	for (unsigned fate = 0; fake->on_answer && fate < WEIR_N_ANSWER_FATES; fate++)
		if (strcmp(fake->on_answer, weir_answer_fate_name(fate)) == 0)
			answered.answered.fate = fate;
	fprintf(stderr, "answer %llu: %s\n", (unsigned long long)answer->sequence,
		weir_answer_fate_name(answered.answered.fate));
	weir_message_send(fake->peer, &answered, NULL, 0);
}

static void receive(struct fake *fake)
{
	union weir_message message;
	unsigned n_fds = 0;
	int fds[2], n = weir_message_receive(fake->peer, &message, fds, &n_fds);

	if (n == 1 && message.kind == WEIR_TABLE)
		take_table(fake, &message.table, fds);
	else if (n == 1 && message.kind == WEIR_ROUTES)
		take_routes(fake, &message.routes, fds[0]);
	else if (n == 1 && message.kind == WEIR_STEER)
		take_steer(fake, &message.steer);
	else if (n == 1 && message.kind == WEIR_ANSWER)
		take_answer(fake, &message.answer);
	else if (n == 1 && message.kind == WEIR_QUEUES)
		fprintf(stderr, "queues of %llu: %llx\n", (unsigned long long)message.queues.generation,
			(unsigned long long)message.queues.closed[0]);
	else if (n == 1 && message.kind == WEIR_CONSUMED)
		take_consumed(fake, &message.consumed);
	else if (n == 1 || n == -EBADMSG)
		die("a message that cannot be", EPROTO);
	else if (n != -EAGAIN) {
		close(fake->peer);
		fake->peer = -1;
	}
}

static bool all_acknowledged(const struct fake *fake)
{
	for (unsigned w = 0; w < fake->file.segment->n_workers; w++) {
		const struct weir_worker *worker = segment_worker(fake->file.segment, w);

		if (atomic_load(&worker->head) != atomic_load(&worker->tail))
			return false;
	}
	return true;
}

static void poll_once(struct fake *fake)
{
	struct pollfd wait[2] = { { .fd = fake->listener, .events = POLLIN }, { .fd = fake->peer, .events = POLLIN } };

	if (poll(wait, 2, 10) <= 0)
		return;
	if (wait[1].revents)
		receive(fake);
	if (wait[0].revents)
		accept_one(fake);
}

static void serve(struct fake *fake)
{
	struct producer producers[WEIR_MAX_WORKERS];
	unsigned n = fake->file.segment->n_workers;

	for (unsigned w = 0; w < n; w++) {
		producers[w] = (struct producer){ .fake = fake, .worker = w };
		if (pthread_create(&producers[w].thread, NULL, producer_run, &producers[w]))
			die("thread", EAGAIN);
	}
	while (!stopping)
		poll_once(fake);
	for (unsigned w = 0; w < n; w++)
		pthread_join(producers[w].thread, NULL);
	while (!all_acknowledged(fake))
		poll_once(fake);
}

int main(int argc, char **argv)
{
	struct fake fake = { .peer = -1, .table_fd = -1 };
	struct segment_shape shape = { 2, 1, 64, 1024 };

	if (argc < 2) {
		fputs("usage: fake_dataplane RUN_FOLDER [WORKERS [SLOTS [RATE]]]\n", stderr);
		return 2;
	}
	fake.folder = argv[1];
	fake.on_table = getenv("FAKE_TABLE");
	fake.on_routes = getenv("FAKE_ROUTES");
	fake.on_answer = getenv("FAKE_ANSWER");
	if (argc > 2)
		shape.workers = (uint32_t)atoi(argv[2]);
	if (argc > 3)
		shape.ring_slots = (uint32_t)atoi(argv[3]);
	if (argc > 4)
		fake.rate = (uint64_t)atoi(argv[4]);
	if (getenv("FAKE_LIMIT"))
		limit = (uint64_t)atoll(getenv("FAKE_LIMIT"));
	signal(SIGTERM, on_stop);
	signal(SIGUSR1, on_more);
	make_segment(&fake, &shape);
	make_count(&fake);
	make_listener(&fake);
	fprintf(stderr, "up %d\n", (int)getpid());
	serve(&fake);
	unlink(fake.file.path);
	_exit(0); // not by the leak checker, which one time in twenty came to no end; what it has left is nobody's
}
