// SPDX-License-Identifier: BSD-3-Clause
//
// spool_worker SPOOL_FOLDER RUN_FOLDER LOG SEED: messages come (a segment of a dead dataplane) and agents work on them at
// random through the consumer, until it is killed or told to end. What was acknowledged is written to LOG.
// spool_worker --check SPOOL_FOLDER LOG: whether all that was acknowledged has happened, nothing was done by half, and every
// message is in one place. Prints `messages N acknowledged N settled N wrong N`; status 1 where something is wrong.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <unistd.h>

#include "controlplane/consumer.h"
#include "controlplane/spool_audit.h"
#include "controlplane/spool_look.h"
#include "tests/kit/segments.h"

enum { MESSAGES = 200, HELD = 64, UNDER_WAY = 16, ANSWER = 900 };
// An extension that nobody was told of may be in force: it only makes a lease longer. Clocks may step a little.
enum { CLAIMED_MS = 1000000, EXTENDED_MS = 2000000, STEP_MS = 1000 };

// One acknowledged operation; as long as makes a page a whole number of them, so that none is written by half.
struct entry {
	uint32_t kind, attempts;
	uint64_t id, until_ms;
	uint8_t token[SPOOL_TOKEN_SIZE];
	uint8_t answered, dead, reserved[22];
};
_Static_assert(sizeof(struct entry) == 64, "a part of a page");

// A lease that is held.
struct held {
	uint64_t id; // 0: free
	uint8_t token[SPOOL_TOKEN_SIZE];
	bool busy; // an operation on it is under way
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct held held[HELD]; // under the mutex, as are the next two
static unsigned under_way;
static uint64_t answered; // a message whose answer may be sent, 0: none
static volatile sig_atomic_t stopping;
static int log_fd;

static void on_stop(int number)
{
	(void)number;
	stopping = 1;
}

static int build(const struct spool_message *message, const struct spool_answer *answer, uint8_t *to, size_t room,
		 uint16_t *port)
{
	(void)room;
	(void)port;
	memset(to, (int)(message->arrival & 0xff), answer->length);
	return answer->length;
}

static const struct spool_answer answer = { .build = build, .length = ANSWER };

static void fail(const char *what, int err)
{
	fprintf(stderr, "spool_worker: %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(3);
}

static void put_entry(const struct entry *entry)
{
	if (write(log_fd, entry, sizeof(*entry)) != sizeof(*entry))
		fail("log", errno);
}

static struct held *find_held(uint64_t id)
{
	for (unsigned i = 0; i < HELD; i++)
		if (held[i].id == id)
			return &held[i];
	return NULL;
}

static void note_claimed(const struct spool_claimed *claimed)
{
	struct entry entry = { .kind = OP_CLAIM, .id = claimed->message.arrival, .until_ms = claimed->until_ms,
			       .attempts = claimed->message.attempts };
	struct held *lease = find_held(0);

	memcpy(entry.token, claimed->token, sizeof(entry.token));
	put_entry(&entry);
	if (!lease)
		return;
	lease->id = entry.id;
	lease->busy = false;
	memcpy(lease->token, entry.token, sizeof(lease->token));
}

static void note_done(const struct spool_op *op)
{
	struct entry entry = { .kind = op->kind, .id = op->id, .until_ms = op->until_ms,
			       .answered = op->kind == OP_SETTLE && op->answer, .dead = op->dead };
	struct held *lease = find_held(op->id);

	memcpy(entry.token, op->token, sizeof(entry.token));
	put_entry(&entry);
	if (op->kind == OP_SETTLE && op->answer && op->id % 3 == 0)
		answered = op->id;
	if (lease && op->kind != OP_SENT) {
		lease->busy = false;
		lease->id = op->kind == OP_EXTEND ? op->id : 0;
	}
}

// On the consumer's thread: it is durable.
static void done(struct spool_op *op)
{
	if (op->result && op->result != -ENOENT && op->result != -ECANCELED)
		fail("operation", op->result);
	pthread_mutex_lock(&mutex);
	if (op->result == 0 && op->kind != OP_CLAIM)
		note_done(op);
	for (const struct spool_claimed *c = op->claimed; c; c = c->next)
		note_claimed(c);
	under_way--;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&mutex);
	spool_claimed_free(op->claimed);
	free(op);
}

// An operation on a lease that is held and at rest, or a claim. Under the mutex.
static void choose(struct spool_op *op)
{
	struct held *lease = &held[rand() % HELD];
	int dice = rand() % 10;

	if (answered && dice == 0) {
		op->kind = OP_SENT;
		op->id = answered;
		answered = 0;
	} else if (lease->id && !lease->busy) {
		lease->busy = true;
		op->kind = dice < 6 ? OP_SETTLE : dice < 8 ? OP_RETURN : OP_EXTEND;
		op->id = lease->id;
		op->retries = 3;
		op->lease_ms = EXTENDED_MS;
		memcpy(op->token, lease->token, sizeof(op->token));
		if (op->kind == OP_SETTLE && dice % 2)
			op->answer = &answer;
	} else {
		op->kind = OP_CLAIM;
		op->queue = "desk";
		op->n = 1 + (uint32_t)rand() % 3;
		op->agent = "anna";
		op->lease_ms = CLAIMED_MS;
	}
}

static void work(struct consumer *consumer)
{
	while (!stopping) {
		struct spool_op *op = calloc(1, sizeof(*op));

		if (!op)
			fail("memory", ENOMEM);
		op->done = done;
		pthread_mutex_lock(&mutex);
		while (under_way == UNDER_WAY)
			pthread_cond_wait(&changed, &mutex);
		under_way++;
		choose(op);
		pthread_mutex_unlock(&mutex);
		consumer_submit(consumer, op);
	}
}

// What a dataplane leaves that was killed.
static void make_segment(const char *folder)
{
	static const struct segment_shape shape = { 1, 1, 8, 1024 };
	static uint8_t payload[3000];
	struct segment_file file;

	if (segment_file_make(&file, folder, &shape) < 0)
		fail("segment", EIO);
	segment_name(file.segment, 2, WEIR_NAME_QUEUE, 0, "desk");
	segment_name(file.segment, 3, WEIR_NAME_RULE, 0, "fraud");
	for (unsigned i = 0; i < MESSAGES; i++) {
		struct weir_record record = record_make((uint16_t)(rand() % 20 ? rand() % 300 : 3000));

		record.queue = 2;
		record.rule = 3;
		record.priority = (uint8_t)(rand() % WEIR_N_PRIORITIES);
		if (record_push(file.segment, 0, &record, payload) < 0)
			break;
	}
	segment_file_close(&file);
}

static int hold(const struct spool_lease *lease, void *argument)
{
	struct held *at = find_held(0);

	(void)argument;
	if (!at)
		return 1;
	at->id = lease->message.arrival;
	memcpy(at->token, lease->token, sizeof(at->token));
	return 0;
}

static int run(char **arguments)
{
	int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct consumer *consumer;
	struct spool *spool;
	char why[300];

	srand((unsigned)atoi(arguments[3]));
	log_fd = open(arguments[2], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	signal(SIGTERM, on_stop);
	make_segment(arguments[1]);
	spool = spool_open(arguments[0], 64, false, why, sizeof(why));
	if (!spool) {
		fprintf(stderr, "spool_worker: %s\n", why);
		return 3;
	}
	if (spool_leases(spool, 0, HELD, hold, NULL) < 0)
		return 3;
	consumer = consumer_create(spool, arguments[1], 64, wake);
	if (!consumer)
		return 3;
	puts("up");
	fflush(stdout);
	work(consumer);
	consumer_destroy(consumer);
	spool_close(spool);
	return 0;
}

// What the log says of a message.
struct known {
	struct entry last; // but for EXTEND and SENT
	uint32_t attempts;
	uint64_t until_ms; // of the last lease
	bool answered, sent, found_answer;
};

struct check {
	struct spool *spool;
	struct known *known;
	uint64_t n, messages, acknowledged, settled, wrong;
};

static void wrong(struct check *check, uint64_t id, const char *what)
{
	fprintf(stderr, "spool_worker: message %llu: %s\n", (unsigned long long)id, what);
	check->wrong++;
}

static void learn(struct check *check, const struct entry *entry)
{
	struct known *known = entry->id < check->n ? &check->known[entry->id] : NULL;

	if (!known) {
		wrong(check, entry->id, "was acknowledged, and never came");
		return;
	}
	check->acknowledged++;
	if (entry->kind == OP_SENT)
		known->sent = true;
	if (entry->kind == OP_EXTEND || entry->kind == OP_CLAIM)
		known->until_ms = entry->until_ms;
	if (entry->kind == OP_CLAIM)
		known->attempts = entry->attempts;
	if (entry->kind == OP_SETTLE)
		known->answered = entry->answered;
	if (entry->kind != OP_SENT && entry->kind != OP_EXTEND)
		known->last = *entry;
}

static void read_log(struct check *check, const char *path)
{
	FILE *file = fopen(path, "re");
	struct entry entry;

	while (file && fread(&entry, sizeof(entry), 1, file) == 1)
		learn(check, &entry);
	if (file)
		fclose(file);
}

static int see_waiting(const struct spool_message *message, void *argument)
{
	struct check *check = argument;
	const struct known *known = &check->known[message->arrival];

	check->messages++;
	if (known->last.kind == OP_SETTLE)
		wrong(check, message->arrival, "waits, though it was settled");
	if (known->last.kind == OP_RETURN && known->last.dead)
		wrong(check, message->arrival, "waits, though it was dead");
	if (message->attempts < known->attempts)
		wrong(check, message->arrival, "has forgotten an attempt");
	return 0;
}

static int see_dead(const struct spool_dead_letter *letter, void *argument)
{
	struct check *check = argument;

	check->messages++;
	if (check->known[letter->message.arrival].last.kind == OP_SETTLE)
		wrong(check, letter->message.arrival, "is dead, though it was settled");
	return 0;
}

static int see_lease(const struct spool_lease *lease, void *argument)
{
	struct check *check = argument;
	const struct known *known = &check->known[lease->message.arrival];
	bool same = memcmp(known->last.token, lease->token, sizeof(lease->token)) == 0;

	check->messages++;
	if (known->last.kind == OP_SETTLE)
		wrong(check, lease->message.arrival, "is leased, though it was settled");
	if (same && known->last.kind == OP_RETURN)
		wrong(check, lease->message.arrival, "is leased as before, though it was returned");
	if (same && known->last.kind == OP_CLAIM && lease->until_ms + STEP_MS < known->until_ms)
		wrong(check, lease->message.arrival, "has a lease that ends too early");
	if (lease->message.attempts < known->attempts)
		wrong(check, lease->message.arrival, "has forgotten an attempt");
	return 0;
}

static int see_answer(const struct spool_outgoing *outgoing, void *argument)
{
	struct check *check = argument;
	struct known *known = &check->known[outgoing->arrival];
	const uint8_t *bytes = outgoing->payload;

	known->found_answer = true;
	if (known->sent)
		wrong(check, outgoing->arrival, "has an answer that was sent");
	if (outgoing->length != ANSWER || bytes[0] != (outgoing->arrival & 0xff) ||
	    bytes[ANSWER - 1] != (outgoing->arrival & 0xff))
		wrong(check, outgoing->arrival, "has another's answer");
	return 0;
}

// A settlement that is repeated is known, and its answer is there, but for those that may have been sent.
static void check_settled(struct check *check)
{
	for (uint64_t id = 1; id < check->n; id++) {
		const struct known *known = &check->known[id];
		struct spool_op op = { .kind = OP_SETTLE, .id = id };

		if (known->last.kind != OP_SETTLE)
			continue;
		check->settled++;
		memcpy(op.token, known->last.token, sizeof(op.token));
		if (spool_op_run(check->spool, &op, 1) < 0 || op.result != -EALREADY)
			wrong(check, id, "has no receipt");
		if (known->answered && id % 3 != 0 && !known->found_answer)
			wrong(check, id, "has lost its answer");
	}
}

static int run_check(const char *folder, const char *log)
{
	struct check check = { 0 };
	struct spool_since since = { 0 };
	struct spool_queue queue;
	unsigned mended;
	char why[300];

	check.spool = spool_open(folder, 64, false, why, sizeof(why));
	if (!check.spool || spool_since(check.spool, "desk", &since, 0, NULL, NULL) < 0 ||
	    spool_queue_get(check.spool, "desk", &queue) < 0)
		fail("spool", EIO);
	check.n = since.last + 1;
	check.known = calloc(check.n, sizeof(*check.known));
	if (!check.known)
		fail("memory", ENOMEM);
	read_log(&check, log);
	if (spool_audit(check.spool, true, &mended, why, sizeof(why)) < 0 || mended)
		wrong(&check, 0, "counts and tables differ");
	if (spool_walk(check.spool, "desk", see_waiting, &check) < 0 ||
	    spool_dead(check.spool, "desk", (struct spool_place){ 0 }, UINT32_MAX, see_dead, &check) < 0 ||
	    spool_leases(check.spool, 0, UINT32_MAX, see_lease, &check) < 0 ||
	    spool_outbox(check.spool, 0, UINT32_MAX, see_answer, &check) < 0)
		wrong(&check, 0, "a table cannot be read");
	if (check.messages + queue.acknowledged != since.last)
		wrong(&check, 0, "messages and settlements are not all that came");
	if (spool_begin(check.spool) < 0)
		fail("spool", EIO);
	check_settled(&check);
	spool_abort(check.spool);
	printf("messages %llu acknowledged %llu settled %llu wrong %llu\n", (unsigned long long)since.last,
	       (unsigned long long)check.acknowledged, (unsigned long long)check.settled,
	       (unsigned long long)check.wrong);
	spool_close(check.spool);
	free(check.known);
	return check.wrong > 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--check") == 0)
		return run_check(argv[2], argv[3]);
	if (argc == 5)
		return run(argv + 1);
	fputs("usage: spool_worker SPOOL_FOLDER RUN_FOLDER LOG SEED | --check SPOOL_FOLDER LOG\n", stderr);
	return 2;
}
