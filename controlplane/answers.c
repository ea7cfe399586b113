// SPDX-License-Identifier: BSD-3-Clause
//
// Answers of agents, see answers.h. Whenever there is news the outbox is read from its beginning (answers_pass.c); of
// what is in memory then (answers_set.c) a window is with the dataplane: as many for each port as it takes at once.
// Invariant: an answer that was said to have been sent is not sent again by this process, whatever becomes of its
// OP_SENT; one that was not is sent again after every reconnect.
#include "controlplane/answers.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/answers_parts.h"
#include "controlplane/clock.h"
#include "controlplane/consumer.h"
#include "controlplane/events.h"
#include "controlplane/link.h"
#include "controlplane/log.h"

enum { WINDOW = 128, LINES = 10 };
enum { RATE_PAUSE_MS = 20, FULL_PAUSE_MS = 5, BACKOFF_MIN_MS = 50, BACKOFF_MAX_MS = 2000,
       RETRY_MS = 1000, ASIDE_S = 3600 };

struct answers {
	struct answers_parts parts;
	struct answers_set set;
	struct answers_pass pass;
	struct event *on_news, *on_ended, *on_timer, *on_hour;
	int news, ended_news; // eventfds: answers came to the outbox; operations have ended
	pthread_mutex_t mutex;
	struct spool_op *ended; // under the mutex
	bool up, stopped;
	uint64_t paused_ms; // nothing leaves before
	uint64_t retry_ms;  // what failed in the spool is tried again, 0: nothing did
	unsigned lines;     // logged since the dataplane came up
	struct answers_status counts;
};

static int send_one(struct answers *answers, const struct outgoing *outgoing)
{
	const struct weir_record *record = &outgoing->record;
	struct weir_answer message = {
		.kind = WEIR_ANSWER,
		.port = record->port,
		.protocol = record->protocol,
		.ip_version = record->ip_version,
		.n_vlan = record->n_vlan,
		.sequence = outgoing->arrival,
		.port_tag = record->port_tag,
		.udp_source = record->udp_destination,
		.udp_destination = record->udp_source,
		.length = outgoing->length,
	};

	memcpy(message.vlan, record->vlan, sizeof(message.vlan));
	memcpy(message.mac_source, record->mac_destination, 6);
	memcpy(message.mac_destination, record->mac_source, 6);
	memcpy(message.ip_source, record->ip_destination, 16);
	memcpy(message.ip_destination, record->ip_source, 16);
	// One that is too long is the dataplane's to refuse.
	memcpy(message.payload, outgoing->payload,
	       outgoing->length < WEIR_ANSWER_MAX ? outgoing->length : WEIR_ANSWER_MAX);
	return link_answer(answers->parts.link, &message);
}

// What a way may send now. False: the link takes no more.
static bool send_way(struct answers *answers, unsigned number, uint64_t now_ms)
{
	struct way *way = &answers->set.way[number];

	while (way->n_waiting > 0 && way->paused_ms <= now_ms && way->n_on_way < WEIR_ANSWERS_A_PORT &&
	       answers->set.n_on_way < WINDOW) {
		struct outgoing *outgoing = answers_set_send(&answers->set, number);
		int err;

		if (way->n_on_way == 1)
			way->moved_ms = now_ms;
		err = send_one(answers, outgoing);
		if (!answers->up)
			return false; // the link broke, and all has been taken back
		if (err) {
			answers_set_return(&answers->set, outgoing);
			answers->paused_ms = now_ms + FULL_PAUSE_MS;
			return false;
		}
	}
	if (way->n_waiting == 0 && way->more) {
		way->more = false;
		answers_pass_begin(&answers->pass, way->more_at);
	}
	return true;
}

static void at_least(uint64_t *next, uint64_t time_ms)
{
	if (time_ms < *next)
		*next = time_ms;
}

// Sets the timer to when there is something to do again.
static void set_timer(struct answers *answers, uint64_t now_ms)
{
	uint64_t next = answers->retry_ms ? answers->retry_ms : UINT64_MAX, wait;
	struct timeval in;

	if (answers->up)
		at_least(&next, answers_pass_due(&answers->pass, now_ms));
	for (unsigned i = 0; answers->up && i < ANSWERS_WAYS; i++) {
		const struct way *way = &answers->set.way[i];

		if (way->n_waiting > 0 && way->n_on_way < WEIR_ANSWERS_A_PORT && answers->set.n_on_way < WINDOW)
			at_least(&next, way->paused_ms > answers->paused_ms ? way->paused_ms : answers->paused_ms);
	}
	if (next == UINT64_MAX) {
		event_del(answers->on_timer);
		return;
	}
	wait = next > now_ms ? next - now_ms : 0;
	in = (struct timeval){ (time_t)(wait / 1000), (suseconds_t)(wait % 1000 * 1000) };
	event_add(answers->on_timer, &in);
}

static void run(struct answers *answers)
{
	uint64_t now_ms = clock_ms(CLOCK_MONOTONIC);

	if (answers->stopped)
		return;
	if (answers->up && answers_pass_due(&answers->pass, now_ms) <= now_ms &&
	    answers_pass_step(&answers->pass, answers->parts.spool, &answers->set, now_ms) < 0)
		answers->retry_ms = now_ms + RETRY_MS;
	for (unsigned i = 0; answers->up && answers->paused_ms <= now_ms && i < ANSWERS_WAYS; i++)
		if (!send_way(answers, i, now_ms))
			break;
	set_timer(answers, now_ms);
}

// On the writer's thread.
static void op_done(struct spool_op *op)
{
	struct answers *answers = op->owner;

	pthread_mutex_lock(&answers->mutex);
	op->next = answers->ended;
	answers->ended = op;
	pthread_mutex_unlock(&answers->mutex);
	eventfd_write(answers->ended_news, 1);
}

// The outbox may forget it.
static void forget(struct answers *answers, struct outgoing *outgoing)
{
	answers_set_settle(&answers->set, outgoing, OUTGOING_SETTLES);
	outgoing->op = (struct spool_op){ .kind = OP_SENT, .id = outgoing->arrival, .done = op_done, .owner = answers };
	consumer_submit(answers->parts.consumer, &outgoing->op);
}

static void on_ended(evutil_socket_t fd, short what, void *argument)
{
	struct answers *answers = argument;
	struct spool_op *op, *next;
	eventfd_t n;

	(void)what;
	if (eventfd_read(fd, &n) < 0)
		return;
	pthread_mutex_lock(&answers->mutex);
	op = answers->ended;
	answers->ended = NULL;
	pthread_mutex_unlock(&answers->mutex);
	for (; op; op = next) {
		struct outgoing *outgoing = (struct outgoing *)((char *)op - offsetof(struct outgoing, op));

		next = op->next;
		if (op->result == 0 || op->result == -ENOENT) {
			answers_set_remove(&answers->set, outgoing);
			continue;
		}
		outgoing->state = OUTGOING_FAILED;
		answers->retry_ms = clock_ms(CLOCK_MONOTONIC) + RETRY_MS;
	}
	run(answers);
}

static void on_news(evutil_socket_t fd, short what, void *argument)
{
	struct answers *answers = argument;
	eventfd_t n;

	(void)what;
	if (eventfd_read(fd, &n) < 0)
		return;
	answers_pass_begin(&answers->pass, 0);
	run(answers);
}

static void retry_one(struct outgoing *outgoing, void *argument)
{
	if (outgoing->state == OUTGOING_FAILED)
		forget(argument, outgoing);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct answers *answers = argument;

	(void)fd;
	(void)what;
	if (answers->retry_ms && answers->retry_ms <= clock_ms(CLOCK_MONOTONIC)) {
		answers->retry_ms = 0;
		answers_set_each(&answers->set, retry_one, answers);
		answers_pass_begin(&answers->pass, 0);
	}
	run(answers);
}

static void drop_aside(struct outgoing *outgoing, void *argument)
{
	if (outgoing->state == OUTGOING_ASIDE)
		answers_set_remove(argument, outgoing);
}

// What was put aside is tried again, or given up where it is old.
static void on_hour(evutil_socket_t fd, short what, void *argument)
{
	struct answers *answers = argument;

	(void)fd;
	(void)what;
	answers_set_each(&answers->set, drop_aside, &answers->set);
	answers_pass_begin(&answers->pass, 0);
	run(answers);
}

static void take_back(struct outgoing *outgoing, void *argument)
{
	if (outgoing->state == OUTGOING_ON_WAY)
		answers_set_return(argument, outgoing);
}

void answers_up(struct answers *answers)
{
	answers->up = true;
	answers->lines = 0;
	answers->paused_ms = 0;
	for (unsigned i = 0; i < ANSWERS_WAYS; i++)
		answers->set.way[i].paused_ms = answers->set.way[i].backoff_ms = 0;
	answers_pass_begin(&answers->pass, 0);
	run(answers);
}

void answers_down(struct answers *answers)
{
	answers->up = false;
	answers_set_each(&answers->set, take_back, &answers->set);
	answers_set_each(&answers->set, drop_aside, &answers->set); // the next dataplane may have the port
}

// Not now: all wait for the rate, and those of its port for the port.
static void put_off(struct answers *answers, struct outgoing *outgoing, unsigned fate)
{
	uint64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	struct way *way = &answers->set.way[outgoing->way];

	answers_set_return(&answers->set, outgoing);
	if (fate == WEIR_ANSWER_RATE) {
		answers->paused_ms = now_ms + RATE_PAUSE_MS;
		return;
	}
	way->backoff_ms = way->backoff_ms ? way->backoff_ms * 2 : BACKOFF_MIN_MS;
	if (way->backoff_ms > BACKOFF_MAX_MS)
		way->backoff_ms = BACKOFF_MAX_MS;
	way->paused_ms = now_ms + way->backoff_ms;
}

// Never as it is. What it says is nobody's business here: its number is enough.
static void put_aside(struct answers *answers, struct outgoing *outgoing, unsigned fate)
{
	uint64_t now_ms = clock_ms(CLOCK_REALTIME);
	bool over = now_ms > outgoing->since_ms && now_ms - outgoing->since_ms > answers->parts.keep_ms;

	answers->counts.lost++;
	answers->counts.given_up += over;
	if (++answers->lines <= LINES)
		log_warning("the answer to message %llu cannot be sent (%s): %s%s",
			    (unsigned long long)outgoing->arrival, weir_answer_fate_name(fate),
			    over ? "given up" : "put aside, tried again every hour",
			    answers->lines == LINES ? "; more of them are only counted" : "");
	if (over)
		forget(answers, outgoing);
	else
		answers_set_settle(&answers->set, outgoing, OUTGOING_ASIDE);
}

int answers_answered(struct answers *answers, const struct weir_answered *answered)
{
	struct outgoing *outgoing = answers_set_find(&answers->set, answered->sequence);

	if (!outgoing || outgoing->state != OUTGOING_ON_WAY || answered->fate >= WEIR_N_ANSWER_FATES)
		return -EPROTO;
	answers->set.way[outgoing->way].moved_ms = clock_ms(CLOCK_MONOTONIC);
	switch (weir_answer_fate_course(answered->fate)) {
	case WEIR_COURSE_SENT:
		answers->counts.sent++;
		answers->set.way[outgoing->way].backoff_ms = 0;
		forget(answers, outgoing);
		break;
	case WEIR_COURSE_LATER:
		put_off(answers, outgoing, answered->fate);
		break;
	default:
		put_aside(answers, outgoing, answered->fate);
	}
	run(answers);
	return 0;
}

static int open_events(struct answers *answers)
{
	static const struct timeval hour = { ASIDE_S, 0 };
	struct event_base *base = answers->parts.base;

	answers->news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	answers->ended_news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (answers->news < 0 || answers->ended_news < 0)
		return -EMFILE;
	answers->on_news = event_new(base, answers->news, EV_READ | EV_PERSIST, on_news, answers);
	answers->on_ended = event_new(base, answers->ended_news, EV_READ | EV_PERSIST, on_ended, answers);
	answers->on_timer = event_new(base, -1, 0, on_timer, answers);
	answers->on_hour = event_new(base, -1, EV_PERSIST, on_hour, answers);
	if (!answers->on_news || !answers->on_ended || !answers->on_timer || !answers->on_hour ||
	    event_add(answers->on_news, NULL) < 0 || event_add(answers->on_ended, NULL) < 0 ||
	    event_add(answers->on_hour, &hour) < 0)
		return -ENOMEM;
	return consumer_watch(answers->parts.consumer, answers->news, CONSUMER_ANSWERS);
}

struct answers *answers_create(const struct answers_parts *parts)
{
	struct answers *answers = calloc(1, sizeof(*answers));

	if (!answers)
		return NULL;
	answers->parts = *parts;
	answers->news = answers->ended_news = -1;
	answers_set_init(&answers->set);
	pthread_mutex_init(&answers->mutex, NULL);
	if (open_events(answers) == 0)
		return answers;
	answers_stop(answers);
	answers_destroy(answers);
	return NULL;
}

void answers_stop(struct answers *answers)
{
	if (!answers)
		return;
	answers->stopped = true;
	if (answers->news >= 0)
		consumer_watch(answers->parts.consumer, answers->news, 0);
}

void answers_destroy(struct answers *answers)
{
	if (!answers)
		return;
	event_destroy(answers->on_news);
	event_destroy(answers->on_ended);
	event_destroy(answers->on_timer);
	event_destroy(answers->on_hour);
	if (answers->news >= 0)
		close(answers->news);
	if (answers->ended_news >= 0)
		close(answers->ended_news);
	answers_set_fini(&answers->set);
	pthread_mutex_destroy(&answers->mutex);
	free(answers);
}

void answers_status(const struct answers *answers, struct answers_status *status)
{
	*status = answers->counts;
	status->aside = answers->set.n_aside;
	status->waiting = answers->set.n - answers->set.n_aside;
}
