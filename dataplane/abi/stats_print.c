// SPDX-License-Identifier: BSD-3-Clause
//
// The page of `weirctl stats`: tables made from the JSON object, for a terminal of 100 columns. One
// thread; whatever the object lacks is left out.
#include "dataplane/abi/stats.h"

#include <string.h>

enum { ROWS_SHOWN = 12 };

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "?";
}

static double share(json_int_t part, json_int_t whole)
{
	return whole > 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

static json_int_t sum(const json_t *dispositions)
{
	json_int_t total = 0;

	for (unsigned d = 0; d < WEIR_N_DISPOSITIONS; d++)
		total += number(dispositions, weir_disposition_name(d));
	return total;
}

static void print_dispositions(const json_t *stats, FILE *to)
{
	const json_t *dispositions = json_object_get(stats, "dispositions");
	json_int_t rx = number(stats, "rx");

	fprintf(to, "\n%-24s %16s %8s\n", "disposition", "frames", "share");
	for (unsigned d = 0; d < WEIR_N_DISPOSITIONS; d++) {
		const char *name = weir_disposition_name(d);
		json_int_t count = number(dispositions, name);

		if (count)
			fprintf(to, "%-24s %16lld %7.2f%%\n", name, (long long)count, share(count, rx));
	}
}

static void print_reasons(const json_t *stats, FILE *to)
{
	json_t *reasons = json_object_get(stats, "reasons"), *names, *count;
	const char *disposition, *reason;

	if (json_object_size(reasons) == 0)
		return;
	fprintf(to, "\n%-24s %16s\n", "reason", "frames");
	json_object_foreach(reasons, disposition, names)
		json_object_foreach(names, reason, count) {
			int width = 23 - (int)strlen(disposition);

			fprintf(to, "%s %-*s %16lld\n", disposition, width > 0 ? width : 0, reason,
				(long long)json_integer_value(count));
		}
}

// The first rows of an array of {name, count}, in its order; rows of zero are left out.
static void print_counts(const json_t *stats, const char *key, const char *title, FILE *to)
{
	json_t *array = json_object_get(stats, key), *row;
	size_t i, shown = 0, more = 0;

	json_array_foreach(array, i, row) {
		if (number(row, "count") == 0)
			continue;
		if (shown == 0)
			fprintf(to, "\n%-24s %16s %8s\n", title, "messages", "share");
		if (shown < ROWS_SHOWN)
			fprintf(to, "%-24s %16lld %7.2f%%\n", text(row, "name"), (long long)number(row, "count"),
				share(number(row, "count"), number(stats, "rx")));
		if (++shown > ROWS_SHOWN)
			more++;
	}
	if (more)
		fprintf(to, "... and %zu more (weirctl --json stats has all)\n", more);
}

static void print_zones(const json_t *stats, FILE *to)
{
	json_t *array = json_object_get(stats, "forward_by_zone"), *row;
	size_t i;

	if (json_array_size(array) > 0)
		fprintf(to, "\n%-24s %16s\n", "forwarded, country zone", "messages");
	json_array_foreach(array, i, row) {
		if (i >= ROWS_SHOWN)
			break;
		fprintf(to, "%-3s %-20s %16lld\n", text(row, "country"), text(row, "zone"),
			(long long)number(row, "count"));
	}
}

static void print_tenants(const json_t *stats, FILE *to)
{
	json_t *array = json_object_get(stats, "tenants"), *row;
	size_t i;

	if (json_array_size(array) > 0)
		fprintf(to, "\n%-24s %25s\n", "busiest tenants", "share of samples");
	json_array_foreach(array, i, row) {
		if (i >= ROWS_SHOWN)
			break;
		fprintf(to, "%-24lld %24.2f%%\n", (long long)number(row, "id"),
			100 * json_real_value(json_object_get(row, "share")));
	}
}

static void print_workers(const json_t *stats, FILE *to)
{
	json_t *array = json_object_get(stats, "workers"), *row;
	size_t i;

	if (json_array_size(array) > 0)
		fprintf(to, "\n%-24s %16s %8s %11s %7s\n", "worker", "rx", "busy", "generation", "stalls");
	json_array_foreach(array, i, row) {
		const char *name = json_string_value(json_object_get(row, "name"));

		if (name)
			fprintf(to, "%-24.24s", name);
		else
			fprintf(to, "%-24lld", (long long)number(row, "index"));
		fprintf(to, " %16lld %7.1f%%", (long long)number(row, "rx"),
			100 * json_real_value(json_object_get(row, "busy")));
		if (!name)
			fprintf(to, " %11lld %7lld%s", (long long)number(row, "generation"),
				(long long)number(row, "stalls"),
				json_is_true(json_object_get(row, "stalled")) ? " STALLED" : "");
		fputs("\n", to);
	}
}

static void print_ports(const json_t *stats, FILE *to)
{
	json_t *array = json_object_get(stats, "ports"), *row;
	size_t i;

	if (json_array_size(array) > 0)
		fprintf(to, "\n%-24s %16s %6s   lost before weir: %s\n", "port", "rx", "link",
			"missed no_buffer errors");
	json_array_foreach(array, i, row) {
		const json_t *nic = json_object_get(row, "nic");

		fprintf(to, "%-24s %16lld %6s %26lld %9lld %6lld\n", text(row, "name"),
			(long long)number(row, "rx"), json_is_true(json_object_get(row, "link")) ? "up" : "down",
			(long long)number(nic, "missed"),
			(long long)number(nic, "no_buffer"), (long long)number(nic, "errors"));
	}
}

static void print_kernel(const json_t *stats, FILE *to)
{
	json_t *array = json_object_get(stats, "ports"), *row;
	size_t i, shown = 0;

	json_array_foreach(array, i, row) {
		if (!json_is_string(json_object_get(row, "kernel")))
			continue;
		if (shown++ == 0)
			fprintf(to, "\n%-24s %16s %9s %16s %9s\n", "kernel interface", "received", "lost",
				"sent", "lost");
		fprintf(to, "%-24s %16lld %9lld %16lld %9lld\n", text(row, "kernel"),
			(long long)number(row, "kernel_rx"), (long long)number(row, "kernel_lost"),
			(long long)number(row, "kernel_tx"), (long long)number(row, "kernel_tx_lost"));
	}
}

// Answers of agents, where there were any.
static void print_agent_answers(const json_t *stats, FILE *to)
{
	static const char *const keys[] = { "agent_answers_later", "agent_answers_lost" };
	static const char *const titles[] = { "put off", "lost" };
	json_t *count;
	const char *fate;

	if (number(stats, "agent_answers") == 0 && json_object_size(json_object_get(stats, keys[0])) == 0 &&
	    json_object_size(json_object_get(stats, keys[1])) == 0)
		return;
	fprintf(to, "\nagents' answers: %lld sent", (long long)number(stats, "agent_answers"));
	for (unsigned i = 0; i < 2; i++)
		json_object_foreach(json_object_get(stats, keys[i]), fate, count)
			fprintf(to, ", %lld %s (%s)", (long long)json_integer_value(count), titles[i], fate);
	fputs("\n", to);
}

// The numbers of an object that are not zero, on one line.
static void print_line(json_t *numbers, const char *title, FILE *to)
{
	json_t *count;
	const char *name;
	bool some = false;

	json_object_foreach(numbers, name, count) {
		if (json_integer_value(count) == 0)
			continue;
		fprintf(to, "%s%s %lld", some ? ", " : title, name, (long long)json_integer_value(count));
		some = true;
	}
	if (some)
		fputs("\n", to);
}

// Answers that no rule gave, and those that are no longer remembered, where there were any.
static void print_protocol_answers(const json_t *stats, FILE *to)
{
	json_int_t forgotten = number(stats, "repeats_forgotten");

	print_line(json_object_get(stats, "protocol_answers"), "\nanswered by the protocols alone: ", to);
	if (forgotten)
		fprintf(to, "\nforgotten before their time: %lld answers (dataplane.retransmissions)\n",
			(long long)forgotten);
}

// What the program in the kernel did with frames, where it is not zero.
static void print_xdp(const json_t *stats, FILE *to)
{
	json_t *array = json_object_get(stats, "ports"), *row, *count;
	const char *fate;
	size_t i;

	json_array_foreach(array, i, row) {
		json_t *fates = json_object_get(row, "xdp");

		if (!json_is_object(fates))
			continue;
		fprintf(to, "\nXDP program of %s:", text(row, "name"));
		json_object_foreach(fates, fate, count)
			if (json_integer_value(count))
				fprintf(to, " %s %lld", fate, (long long)json_integer_value(count));
		fputs("\n", to);
	}
}

void stats_print(const json_t *stats, FILE *to)
{
	const json_t *dispositions = json_object_get(stats, "dispositions");
	json_int_t rx = number(stats, "rx"), all = sum(dispositions);

	fprintf(to, "generation %lld, up %lld s, %lld frames received, %lld answers sent\n",
		(long long)number(stats, "generation"), (long long)number(stats, "uptime_s"), (long long)rx,
		(long long)number(stats, "answers"));
	print_dispositions(stats, to);
	print_reasons(stats, to);
	print_protocol_answers(stats, to);
	print_agent_answers(stats, to);
	print_counts(stats, "rules", "rule", to);
	print_counts(stats, "queues", "queue", to);
	print_counts(stats, "replies", "reply", to);
	print_counts(stats, "pools", "pool", to);
	print_counts(stats, "countries", "country", to);
	print_line(json_object_get(stats, "country_sources"), "country by: ", to);
	print_counts(stats, "priorities", "priority", to);
	print_zones(stats, to);
	print_tenants(stats, to);
	print_workers(stats, to);
	print_ports(stats, to);
	print_kernel(stats, to);
	print_xdp(stats, to);
	fprintf(to, "\nbooks: rx %lld %s sum of dispositions %lld\n", (long long)rx, rx == all ? "=" : "IS NOT",
		(long long)all);
}
