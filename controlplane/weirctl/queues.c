// SPDX-License-Identifier: BSD-3-Clause
//
// weirctl queues, queue and tail: what waits for agents, as the control plane sees it now.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "controlplane/weirctl/ask.h"
#include "controlplane/weirctl/weirctl.h"
#include "dataplane/abi/names.h"

enum { TAIL_PAUSE_MS = 300 };

// "-", "12 s", "3 min", "5.0 h", "2.1 d".
static const char *format_age(const json_t *object, char out[24])
{
	const json_t *age = json_object_get(object, "oldest_s");
	long long s = (long long)json_integer_value(age);

	if (!json_is_integer(age))
		snprintf(out, 24, "-");
	else if (s < 120)
		snprintf(out, 24, "%lld s", s);
	else if (s < 7200)
		snprintf(out, 24, "%lld min", s / 60);
	else if (s < 172800)
		snprintf(out, 24, "%.1f h", (double)s / 3600);
	else
		snprintf(out, 24, "%.1f d", (double)s / 86400);
	return out;
}

static void print_queues(const json_t *result)
{
	const json_t *queue;
	char age[24];
	size_t i;

	if (json_array_size(result) == 0)
		puts("no message came for agents yet");
	else
		printf("%-32s %10s %8s %8s %10s\n", "queue", "waiting", "leased", "dead", "oldest");
	json_array_foreach(result, i, queue)
		printf("%-32s %10lld %8lld %8lld %10s\n", answer_text(queue, "name"), answer_number(queue, "waiting"),
		       answer_number(queue, "leased"), answer_number(queue, "dead"), format_age(queue, age));
}

int command_queues(const struct command *command, const struct options *options, int n, char **words)
{
	static const struct argument none[] = {{0}};
	int status = arguments_parse(command, n, words, none);

	return status ? status : ask_and_print(options, json_pack("{s:s}", "command", "queues"), print_queues);
}

static void print_webhooks(const json_t *list)
{
	const json_t *hook;
	size_t i;

	if (json_array_size(list) > 0)
		printf("\n%-40s %-10s %9s %10s %10s\n", "webhook", "breaker", "in flight", "delivered", "failed");
	json_array_foreach(list, i, hook) {
		long long next_ms = answer_number(hook, "next_ms");

		printf("%-40s %-10s %9lld %10lld %10lld", answer_text(hook, "host"), answer_text(hook, "breaker"),
		       answer_number(hook, "in_flight"), answer_number(hook, "delivered"),
		       answer_number(hook, "failed"));
		if (next_ms > 0)
			printf("  again in %lld s", (next_ms + 999) / 1000);
		putchar('\n');
	}
}

static void print_queue(const json_t *result)
{
	const json_t *priorities = json_object_get(result, "priorities");
	char age[24];

	printf("%s: %lld wait, %lld are leased, %lld dead; the oldest waits for %s\n", answer_text(result, "name"),
	       answer_number(result, "waiting"), answer_number(result, "leased"), answer_number(result, "dead"),
	       format_age(result, age));
	printf("%lld came so far, %lld were acknowledged, %lld removed\n\n", answer_number(result, "stored"),
	       answer_number(result, "acknowledged"), answer_number(result, "removed"));
	printf("%-12s %10s %10s\n", "priority", "waiting", "oldest");
	for (unsigned p = 0; p < WEIR_N_PRIORITIES; p++) {
		const json_t *row = json_object_get(priorities, weir_priority_name(p));

		printf("%-12s %10lld %10s\n", weir_priority_name(p), answer_number(row, "waiting"),
		       format_age(row, age));
	}
	print_webhooks(json_object_get(result, "webhooks"));
}

int command_queue(const struct command *command, const struct options *options, int n, char **words)
{
	const char *name = NULL;
	const struct argument arguments[] = {{"NAME", &name, true}, {0}};
	int status = arguments_parse(command, n, words, arguments);

	return status ? status :
			ask_and_print(options, json_pack("{s:s, s:s}", "command", "queue", "queue", name), print_queue);
}

static void print_message(const struct options *options, const json_t *message)
{
	const json_t *body = json_object_get(message, "body"), *base64 = json_object_get(message, "body_base64");

	if (options->json) {
		answer_print(message);
		return;
	}
	printf("%s  %-8s %-10s tenant %lld %s %s %s, %lld bytes from %s, rule %s", answer_text(message, "received"),
	       answer_text(message, "id"), answer_text(message, "priority"), answer_number(message, "tenant"),
	       answer_text(message, "country"), answer_text(message, "channel"), answer_text(message, "protocol"),
	       answer_number(message, "size"), answer_text(message, "sender"), answer_text(message, "rule"));
	if (body || base64) {
		fputs(body ? ": " : ", base64: ", stdout);
		json_dumpf(body ? body : base64, stdout, JSON_ENCODE_ANY); // quoted: it may hold anything
	}
	putchar('\n');
}

// Where a tail stands.
struct tail {
	const char *queue;
	bool bodies;
	long long last, stored, left;
};

// Prints what came since; what was settled meanwhile is counted. Whether there may be more at once.
static bool print_news(const struct options *options, struct tail *tail, const json_t *result)
{
	const json_t *messages = json_object_get(result, "messages"), *message;
	long long stored = answer_number(result, "stored"), missed;
	bool more = json_is_true(json_object_get(result, "more"));
	size_t i;

	json_array_foreach(messages, i, message)
		if (tail->left > 0) {
			print_message(options, message);
			tail->left--;
		}
	tail->last = answer_number(result, "last");
	tail->stored += (long long)json_array_size(messages);
	missed = stored - tail->stored;
	if (!more && missed > 0 && tail->left > 0)
		fprintf(stderr, "weirctl: %lld more came, and were settled before they could be shown\n", missed);
	if (!more)
		tail->stored = stored;
	fflush(stdout);
	return more;
}

// Asks for what came after `last`, or where it stands.
static int ask_tail(const struct options *options, const struct tail *tail, bool first, json_t **answer)
{
	json_t *request = json_pack("{s:s, s:s, s:b}", "command", "tail", "queue", tail->queue, "bodies",
				    (int)tail->bodies);

	if (!first)
		json_object_set_new(request, "after", json_integer(tail->last));
	return ask(options, request, NULL, answer);
}

int command_tail(const struct command *command, const struct options *options, int n, char **words)
{
	const char *count = NULL;
	struct tail tail = { .left = -1 };
	const struct argument arguments[] = {{"QUEUE", &tail.queue, true}, {"--bodies", .flag = &tail.bodies},
					     {"--max", &count, false}, {0}};
	const struct timespec pause = { 0, TAIL_PAUSE_MS * 1000000 };
	int status = arguments_parse(command, n, words, arguments);
	char *end = NULL;
	json_t *answer;

	tail.left = count ? strtoll(count, &end, 10) : INT64_MAX;
	if (!status && (tail.left < 1 || (end && *end)))
		return usage_error(command, "--max \"%s\" is no number of messages", count);
	if (!status)
		status = ask_tail(options, &tail, true, &answer);
	if (!status) {
		tail.last = answer_number(json_object_get(answer, "result"), "last");
		tail.stored = answer_number(json_object_get(answer, "result"), "stored");
		json_decref(answer);
		fprintf(stderr, "weirctl: waiting for messages for \"%s\"\n", tail.queue);
	}
	while (!status && tail.left > 0) {
		bool more = false;

		status = ask_tail(options, &tail, false, &answer);
		if (status)
			break;
		more = print_news(options, &tail, json_object_get(answer, "result"));
		json_decref(answer);
		if (ferror(stdout))
			break; // output_close says it
		if (!more && tail.left > 0)
			nanosleep(&pause, NULL);
	}
	return status;
}
