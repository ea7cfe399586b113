// SPDX-License-Identifier: BSD-3-Clause
//
// control.sock: the input is what a client sends, cut into pieces. Every whole line is answered by one
// JSON object, and nothing else happens.
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/agents/desk.h"
#include "controlplane/agents/nats.h"
#include "controlplane/answers.h"
#include "controlplane/commands.h"
#include "controlplane/consumer.h"
#include "controlplane/control.h"
#include "controlplane/depth.h"
#include "controlplane/file_put.h"
#include "controlplane/image.h"
#include "controlplane/link.h"
#include "controlplane/pools.h"
#include "controlplane/publisher.h"
#include "controlplane/spool_commands.h"
#include "controlplane/spool_look.h"
#include "controlplane/steer.h"
#include "controlplane/switches.h"
#include "rules/compile.h"
#include "tests/fuzz/quiet.h"
#include "tests/kit/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static load_done done;
static void *done_argument;
static struct steer *steer;
static uint64_t steered; // sequence to be acknowledged, 0: none

// In the place of the rest of the control plane.
struct mapping *link_mapping(const struct link *link)
{
	(void)link;
	return NULL;
}

bool link_is_up(const struct link *link)
{
	(void)link;
	return true;
}

uint64_t link_generation(const struct link *link)
{
	(void)link;
	return 7;
}

int link_steer(struct link *link, uint64_t sequence, const uint8_t bucket[WEIR_STEER_BUCKETS])
{
	(void)link;
	for (unsigned b = 0; b < WEIR_STEER_BUCKETS; b++)
		assert(bucket[b] < 2 || bucket[b] == WEIR_STEER_SIBLING);
	assert(steered == 0);
	steered = sequence;
	return 0;
}

void link_break(struct link *link, const char *why)
{
	(void)link;
	(void)why;
	abort(); // what is acknowledged was sent
}

int file_put(const char *path, const char *text, size_t n)
{
	(void)path;
	assert(strlen(text) == n);
	return 0;
}

int publisher_load(struct publisher *publisher, enum load_kind kind, const char *path, const char *who)
{
	(void)publisher;
	(void)kind;
	assert(path[0] == '/' && who[0]);
	return done ? -EBUSY : 0;
}

int publisher_switch(struct publisher *publisher, struct switch_set *set, const char *change, const char *who)
{
	(void)publisher;
	assert(set->uses > 0 && set->n <= SWITCHES_MAX && strncmp(change, "route ", 6) == 0 && who[0]);
	return done ? -EBUSY : 0;
}

void publisher_tell(struct publisher *publisher, load_done tell, void *argument)
{
	(void)publisher;
	done = tell;
	done_argument = argument;
}

void publisher_forget(struct publisher *publisher, const void *argument)
{
	(void)publisher;
	if (argument == done_argument)
		done = NULL;
}

const struct load *publisher_running(const struct publisher *publisher)
{
	(void)publisher;
	return NULL;
}

const char *publisher_file(const struct publisher *publisher)
{
	(void)publisher;
	return NULL;
}

void desk_revoked(struct desk *desk, const char *agent)
{
	(void)desk;
	(void)agent;
}

void consumer_status(struct consumer *consumer, struct consumer_status *status)
{
	(void)consumer;
	*status = (struct consumer_status){ .stored = 3, .stalled = -EDQUOT };
}

json_t *nats_status(struct nats *nats)
{
	(void)nats;
	return NULL;
}

int spool_queues(struct spool *spool, void (*each)(const struct spool_queue *queue, void *argument), void *argument)
{
	const struct spool_queue queue = { .name = "desk", .waiting = 1, .stored = 2 };

	(void)spool;
	each(&queue, argument);
	return 0;
}

json_t *desk_webhooks(struct desk *desk, const char *queue)
{
	(void)desk;
	(void)queue;
	return json_array();
}

bool depth_is_closed(const struct depth *depth, const char *queue)
{
	(void)depth;
	return queue[0] == 'd';
}

void answers_status(const struct answers *answers, struct answers_status *status)
{
	(void)answers;
	*status = (struct answers_status){ .sent = 3, .aside = 1 };
}

int spool_queue_get(struct spool *spool, const char *name, struct spool_queue *queue)
{
	(void)spool;
	*queue = (struct spool_queue){ .waiting = 1, .stored = 2 };
	snprintf(queue->name, sizeof(queue->name), "%s", name);
	return strlen(name) % 2 ? -ENOENT : 0;
}

int spool_oldest_by(struct spool *spool, const char *queue, uint64_t stored_ns[WEIR_N_PRIORITIES])
{
	(void)spool;
	memset(stored_ns, 0, WEIR_N_PRIORITIES * sizeof(stored_ns[0]));
	stored_ns[1] = strlen(queue);
	return 0;
}

int spool_since(struct spool *spool, const char *queue, struct spool_since *since, uint32_t n, spool_each_message *each,
		void *argument)
{
	const struct spool_message message = { .record = { .payload_length = 3, .body_offset = 1, .ip_version = 4 },
					       .queue = queue, .rule = "rule", .payload = "\0\377x", .arrival = 7 };

	(void)spool;
	since->last = 7;
	since->stored = 1;
	return n > 0 ? each(&message, argument) : -ENOENT;
}

void consumer_submit(struct consumer *consumer, struct spool_op *ops)
{
	(void)consumer;
	ops->n_removed = 1;
	ops->done(ops);
}

static void finish_steering(void)
{
	const struct weir_steer_ack ack = { .kind = WEIR_STEER_ACK, .status = steered % 3 ? 0 : EBUSY,
					    .sequence = steered, .why = "no" };

	if (steered == 0)
		return;
	steered = 0;
	steer_ack(steer, &ack);
}

static void finish_load(void)
{
	static char path[] = "/rules.conf", who[] = "me";
	struct load load = { .path = path, .who = who };
	struct load_outcome outcome = { .result = LOAD_REFUSED, .load = &load, .why = "no" };
	load_done tell = done;

	finish_steering();
	done = NULL;
	if (!tell)
		return;
	diags_init(&load.diags);
	diags_push(&load.diags, DIAG_ERROR, "rules.conf", 3, NULL, "something");
	tell(done_argument, &outcome);
	diags_fini(&load.diags);
}

static void read_answers(int fd)
{
	static char text[1 << 20];
	static size_t used;
	ssize_t n = recv(fd, text + used, sizeof(text) - used, MSG_DONTWAIT);
	char *line = text, *end;

	if (n <= 0) {
		used = 0;
		return;
	}
	used += (size_t)n;
	while ((end = memchr(line, '\n', used - (size_t)(line - text)))) {
		json_t *answer = json_loadb(line, (size_t)(end - line), 0, NULL);

		assert(json_is_object(answer) && json_is_boolean(json_object_get(answer, "ok")));
		json_decref(answer);
		line = end + 1;
	}
	used -= (size_t)(line - text);
	memmove(text, line, used);
}

// A table in use, with a pool "p" of a member "m".
static void adopt_table(struct pools *pools, const char *folder)
{
	static const char text[] = "version = 1; default = { drop = \"x\"; }; pools = ( { name = \"p\"; members = ( { "
				   "name = \"m\"; address = \"10.0.0.1\"; mac = \"02:00:00:00:00:01\"; } ); } );";
	struct table_image image;
	struct table_map *map;
	char path[600], why[200];
	struct diags diags;
	FILE *out;
	int fd;

	snprintf(path, sizeof(path), "%s/rules.conf", folder);
	out = fopen(path, "w");
	fputs(text, out);
	fclose(out);
	diags_init(&diags);
	if (rules_load(path, &image, NULL, &diags) != 0)
		abort();
	fd = image_seal(image.data, image.size, false);
	map = table_map_open(fd, image.size, why, sizeof(why));
	if (!map || pools_adopt(pools, map) != 0)
		abort();
	close(fd);
	table_map_put(map);
	table_image_fini(&image);
	diags_fini(&diags);
}

static void on_change(void *argument)
{
	(void)argument;
}

static struct control *make_control(struct event_base **base, struct commands *commands)
{
	const struct control_events events = { commands_request, commands_gone, commands };
	char *folder = folder_make(), path[600], why[200];
	struct control *control;

	*base = event_base_new();
	commands->pools = pools_create(*base, commands->gateway, "/dev/null/pools.json", on_change, NULL);
	commands->switches = switches_create(*base, "/dev/null/switches.json", on_change, NULL);
	if (!commands->pools || !commands->switches)
		abort();
	adopt_table(commands->pools, folder);
	snprintf(path, sizeof(path), "%s/control.sock", folder);
	control = control_create(*base, path, &events, why, sizeof(why));
	if (!control)
		abort();
	folder_remove(folder);
	return control;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[] = "fuzz", sibling[] = "gw2";
	static struct gateway gateway = { .n_workers = 2, .n_ports = 1, .n_siblings = 1 };
	static struct commands commands = { .gateway = &gateway, .history = "/nonexistent" };
	static struct event_base *base;
	static struct control *control;
	int pair[2];

	gateway.name = name;
	signal(SIGPIPE, SIG_IGN);
	gateway.siblings[0].name = sibling;
	if (!control) {
		control = make_control(&base, &commands);
		commands.purges = purges_create(base, "/nonexistent");
		commands.steer = steer = steer_create(&gateway, "/nonexistent", "/nonexistent");
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	control_adopt(control, pair[1]);
	while (size > 0) {
		size_t n = data[0] < size ? data[0] + 1u : size; // the first byte of a piece is its length

		send(pair[0], data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		data += n;
		size -= n;
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (data[-1] & 1)
			finish_load();
		commands_settled(&commands);
		event_base_loop(base, EVLOOP_NONBLOCK);
		read_answers(pair[0]);
	}
	close(pair[0]);
	finish_load();
	commands_settled(&commands);
	for (int i = 0; i < 4; i++) // the end of file, and what is still to be written
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert(!done);
	return 0;
}
