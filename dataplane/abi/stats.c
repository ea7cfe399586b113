// SPDX-License-Identifier: BSD-3-Clause
//
// Snapshot of the counters as JSON: totals, workers, ports, reasons, countries, tenants. Any thread;
// reads the segment only. Every sum is made from one copy of each (worker, port) block.
#include "dataplane/abi/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/abi/stats_parts.h"

enum { TENANTS_SHOWN = 20 };

struct snapshot { // [0, n_workers) by worker, then [n_workers, + n_ports) by port, then all
	uint32_t n_workers, n_ports;
	struct weir_counters sum[];
};

json_t *stats_text(const char *text, size_t size)
{
	size_t n = strnlen(text, size);
	json_t *string = json_stringn(text, n);
	char *plain;

	if (string)
		return string;
	plain = strndup(text, n);
	for (size_t i = 0; plain && i < n; i++)
		if (plain[i] & 0x80)
			plain[i] = '?';
	string = plain ? json_stringn(plain, n) : NULL;
	free(plain);
	return string;
}

uint64_t stats_sum(const struct weir_segment *segment, uint64_t array, size_t n, size_t index)
{
	const uint64_t *counter = segment_at(segment, array);
	uint64_t sum = 0;

	for (size_t w = 0; w < segment->n_workers; w++)
		sum += __atomic_load_n(&counter[w * n + index], __ATOMIC_RELAXED);
	return sum;
}

static void counters_add(struct weir_counters *to, const struct weir_counters *from)
{
	to->rx += from->rx;
	to->bytes += from->bytes;
	to->answers += from->answers;
	to->answers_lost += from->answers_lost;
	to->copies_lost += from->copies_lost;
	to->country_number += from->country_number;
	to->country_address += from->country_address;
	to->repeats_forgotten += from->repeats_forgotten;
	for (unsigned d = 0; d < WEIR_N_DISPOSITIONS; d++)
		to->disposition[d] += from->disposition[d];
	for (unsigned r = 0; r < WEIR_N_REASONS; r++)
		to->reason[r] += from->reason[r];
}

static struct snapshot *snapshot_take(const struct weir_segment *segment)
{
	uint32_t workers = segment->n_workers, ports = segment->n_ports;
	struct snapshot *s = calloc(1, sizeof(*s) + (workers + ports + 1) * sizeof(s->sum[0]));

	if (!s)
		return NULL;
	s->n_workers = workers;
	s->n_ports = ports;
	for (uint32_t w = 0; w < workers; w++)
		for (uint32_t p = 0; p < ports; p++) {
			struct weir_counters block;

			segment_counters_get(segment, w, p, &block);
			counters_add(&s->sum[w], &block);
			counters_add(&s->sum[workers + p], &block);
			counters_add(&s->sum[workers + ports], &block);
		}
	return s;
}

static json_t *dispositions_json(const struct weir_counters *c)
{
	json_t *object = json_object();

	for (unsigned d = 0; d < WEIR_N_DISPOSITIONS; d++)
		json_object_set_new(object, weir_disposition_name(d), json_integer((json_int_t)c->disposition[d]));
	return object;
}

static json_t *reasons_json(const struct weir_counters *c, enum weir_disposition disposition)
{
	json_t *object = json_object();

	for (unsigned r = 1; r < WEIR_N_REASONS; r++)
		if (c->reason[r] && weir_reason_disposition(r) == disposition)
			json_object_set_new(object, weir_reason_name(r), json_integer((json_int_t)c->reason[r]));
	return object;
}

static json_int_t word(const _Atomic uint64_t *counter)
{
	return (json_int_t)atomic_load_explicit(counter, memory_order_relaxed);
}

// What only a worker has, and not the dispatcher.
static void put_worker(const struct weir_worker *worker, json_t *row)
{
	uint64_t head = atomic_load_explicit(&worker->head, memory_order_relaxed);
	uint64_t tail = atomic_load_explicit(&worker->tail, memory_order_relaxed);

	json_object_set_new(row, "generation", json_integer(word(&worker->generation)));
	json_object_set_new(row, "channel_slots", json_integer((json_int_t)(head > tail ? head - tail : 0)));
	json_object_set_new(row, "stalls", json_integer(word(&worker->stalls)));
	json_object_set_new(row, "stalled", json_boolean(word(&worker->out) != 0));
}

static json_t *workers_json(const struct weir_segment *segment, const struct snapshot *s)
{
	json_t *array = json_array();

	for (uint32_t w = 0; w < s->n_workers; w++) {
		const struct weir_worker *worker = segment_worker(segment, w);
		json_int_t cycles = word(&worker->cycles), busy = word(&worker->busy_cycles);
		json_t *row = json_pack("{s:i, s:I, s:o, s:f, s:I}", "index", (int)w, "rx", (json_int_t)s->sum[w].rx,
			"dispositions", dispositions_json(&s->sum[w]),
			"busy", cycles ? (double)busy / (double)cycles : 0.0, "cycles", cycles);

		if (w >= s->n_workers - segment->n_dispatchers)
			json_object_set_new(row, "name", json_string("dispatch"));
		else
			put_worker(worker, row);
		json_array_append_new(array, row);
	}
	return array;
}

static json_t *xdp_json(const struct weir_port *port)
{
	static const char *const name[] = {
#define X(name, action, text) [WEIR_XDP_##name] = text,
		WEIR_XDP_FATES(X)
#undef X
	};
	json_t *fates = json_object();

	if (!atomic_load_explicit(&port->has_xdp, memory_order_acquire)) {
		json_decref(fates);
		return json_null();
	}
	for (unsigned f = 0; f < WEIR_N_XDP_FATES; f++)
		json_object_set_new(fates, name[f], json_integer(word(&port->xdp[f])));
	json_object_set_new(fates, "blocked_left_out", json_integer(word(&port->xdp_left_out)));
	return fates;
}

static json_t *ports_json(const struct weir_segment *segment, const struct snapshot *s)
{
	json_t *array = json_array();

	for (uint32_t p = 0; p < s->n_ports; p++) {
		const struct weir_port *port = &segment_ports(segment)[p];
		const struct weir_counters *sum = &s->sum[s->n_workers + p];
		_Alignas(8) char name[sizeof(port->name)], kernel[sizeof(port->kernel)];

		segment_copy(name, port->name, sizeof(name));
		segment_copy(kernel, port->kernel, sizeof(kernel));

		json_array_append_new(array, json_pack("{s:o, s:I, s:I, s:o, s:{s:I, s:I, s:I, s:I}, s:b,"
			"s:o, s:I, s:I, s:I, s:I, s:o}",
			"name", stats_text(name, sizeof(name)), "rx", (json_int_t)sum->rx,
			"bytes", (json_int_t)sum->bytes, "dispositions", dispositions_json(sum), "nic",
			"missed", word(&port->rx_missed), "errors", word(&port->rx_errors),
			"no_buffer", word(&port->rx_no_buffer), "tx_errors", word(&port->tx_errors),
			"link", (int)(atomic_load_explicit(&port->link_up, memory_order_relaxed) != 0),
			"kernel", kernel[0] ? stats_text(kernel, sizeof(kernel)) : json_null(),
			"kernel_rx", word(&port->kernel_rx), "kernel_lost", word(&port->kernel_lost),
			"kernel_tx", word(&port->kernel_tx),
			"kernel_tx_lost", word(&port->kernel_tx_lost), "xdp", xdp_json(port)));
	}
	return array;
}

struct tally { // what is ordered by count
	uint64_t count;
	uint32_t id;
};

static int by_count(const void *left, const void *right)
{
	const struct tally *a = left, *b = right;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int by_id(const void *left, const void *right)
{
	const struct tally *a = left, *b = right;

	return a->id < b->id ? -1 : a->id > b->id;
}

// Messages decoded of a country and priority.
static uint64_t decoded(const struct weir_segment *segment, uint32_t country, unsigned priority)
{
	return stats_sum(segment, segment->countries, WEIR_N_COUNTRIES * WEIR_N_PRIORITIES,
			 country * WEIR_N_PRIORITIES + priority);
}

uint64_t stats_priority(const struct weir_segment *segment, unsigned priority)
{
	uint64_t sum = 0;

	for (uint32_t c = 0; c < WEIR_N_COUNTRIES; c++)
		sum += decoded(segment, c, priority);
	return sum;
}

static json_t *priorities_json(const struct weir_segment *segment)
{
	json_t *array = json_array();

	for (unsigned p = 0; p < WEIR_N_PRIORITIES; p++)
		json_array_append_new(array, json_pack("{s:s, s:I}", "name", weir_priority_name(p),
			"count", (json_int_t)stats_priority(segment, p)));
	return array;
}

static json_t *countries_json(const struct weir_segment *segment)
{
	struct tally tally[WEIR_N_COUNTRIES];
	json_t *array = json_array();

	for (uint32_t c = 0; c < WEIR_N_COUNTRIES; c++) {
		tally[c] = (struct tally){ .id = c };
		for (unsigned p = 0; p < WEIR_N_PRIORITIES; p++)
			tally[c].count += decoded(segment, c, p);
	}
	qsort(tally, WEIR_N_COUNTRIES, sizeof(tally[0]), by_count);
	for (uint32_t c = 0; c < WEIR_N_COUNTRIES && tally[c].count; c++) {
		char name[3];

		weir_country_format(tally[c].id, name);
		json_array_append_new(array, json_pack("{s:s, s:I}", "name", name,
			"count", (json_int_t)tally[c].count));
	}
	return array;
}

// How the messages' countries were found; the rest said theirs.
static json_t *country_sources_json(const struct weir_segment *segment, const struct weir_counters *all)
{
	uint64_t total = 0, unknown = 0, found = all->country_number + all->country_address;

	for (unsigned p = 0; p < WEIR_N_PRIORITIES; p++) {
		total += stats_priority(segment, p);
		unknown += decoded(segment, WEIR_COUNTRY_ZZ, p);
	}
	return json_pack("{s:I, s:I, s:I, s:I}", "message",
		(json_int_t)(total > unknown + found ? total - unknown - found : 0), "number",
		(json_int_t)all->country_number, "address", (json_int_t)all->country_address, "unknown",
		(json_int_t)unknown);
}

void stats_samples(const struct weir_segment *segment, uint32_t *samples)
{
	const struct weir_top *top = segment_at(segment, segment->tenants);

	for (size_t i = 0; i < (size_t)segment->n_workers * WEIR_TOP_TENANTS; i++)
		samples[i] = atomic_load_explicit(&top[i].samples, memory_order_relaxed);
}

// Reads all workers' samples since `before` into one list, a tenant once; returns its length and the samples' sum.
// What an entry counted before its tenant came to it is left out so, too: a newcomer inherits it.
static size_t tenants_tally(const struct weir_segment *segment, const uint32_t *before, struct tally *tally,
			    uint64_t *total)
{
	const struct weir_top *top = segment_at(segment, segment->tenants);
	size_t n = 0, kept = 0;

	*total = 0;
	for (size_t i = 0; i < (size_t)segment->n_workers * WEIR_TOP_TENANTS; i++) {
		tally[n].id = atomic_load_explicit(&top[i].tenant, memory_order_relaxed);
		tally[n].count = atomic_load_explicit(&top[i].samples, memory_order_relaxed) - (before ? before[i] : 0);
		*total += tally[n].count;
		n += tally[n].id != 0 && tally[n].count != 0;
	}
	qsort(tally, n, sizeof(tally[0]), by_id);
	for (size_t i = 0; i < n; i++)
		if (kept > 0 && tally[kept - 1].id == tally[i].id)
			tally[kept - 1].count += tally[i].count;
		else
			tally[kept++] = tally[i];
	qsort(tally, kept, sizeof(tally[0]), by_count);
	return kept;
}

json_t *stats_tenants(const struct weir_segment *segment, const uint32_t *before)
{
	struct tally *tally = calloc((size_t)segment->n_workers * WEIR_TOP_TENANTS + 1, sizeof(*tally));
	json_t *array = json_array();
	uint64_t total;
	size_t n;

	if (!tally)
		return array;
	n = tenants_tally(segment, before, tally, &total);
	for (size_t i = 0; i < n && i < TENANTS_SHOWN; i++)
		json_array_append_new(array, json_pack("{s:I, s:f}", "id", (json_int_t)tally[i].id,
			"share", (double)tally[i].count / (double)total));
	free(tally);
	return array;
}

// By disposition, those that have some; `drops` has the rule file's names as well. What is replied has a reason only
// where no rule did it, and stands apart: in `protocol_answers`.
static void put_reasons(json_t *root, const struct weir_counters *all, json_t *drops)
{
	json_t *reasons = json_object();

	for (unsigned d = 0; d < WEIR_N_DISPOSITIONS; d++) {
		json_t *names = d == WEIR_DROP ? json_incref(drops) : reasons_json(all, d);

		if (json_object_size(names) && d != WEIR_REPLY)
			json_object_set(reasons, weir_disposition_name(d), names);
		json_decref(names);
	}
	json_object_set_new(root, "reasons", reasons);
}

// Answers of agents: those sent, and beside them, each by name, those that must be tried again and those that are lost.
static void put_agent_answers(const struct weir_segment *segment, json_t *root)
{
	json_t *later = json_object(), *lost = json_object();

	for (unsigned f = 0; f < WEIR_N_ANSWER_FATES; f++) {
		json_int_t n = word(&segment_state(segment)->agent_answers[f]);

		if (weir_answer_fate_course(f) == WEIR_COURSE_SENT)
			json_object_set_new(root, "agent_answers", json_integer(n));
		else if (n)
			json_object_set_new(weir_answer_fate_course(f) == WEIR_COURSE_LATER ? later : lost,
					    weir_answer_fate_name(f), json_integer(n));
	}
	json_object_set_new(root, "agent_answers_later", later);
	json_object_set_new(root, "agent_answers_lost", lost);
}

static json_t *totals_json(const struct weir_segment *segment, const struct weir_counters *all)
{
	struct timespec now;
	uint64_t now_ns;

	clock_gettime(CLOCK_REALTIME, &now);
	now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	return json_pack("{s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I}", "generation",
		(json_int_t)atomic_load_explicit(&segment_state(segment)->generation, memory_order_acquire), "uptime_s",
		(json_int_t)(now_ns > segment->started_ns ? (now_ns - segment->started_ns) / 1000000000 : 0),
		"rx", (json_int_t)all->rx, "bytes", (json_int_t)all->bytes, "dispositions", dispositions_json(all),
		"answers", (json_int_t)all->answers, "answers_lost", (json_int_t)all->answers_lost,
		"copies_lost", (json_int_t)all->copies_lost, "tsc_hz", (json_int_t)segment->tsc_hz);
}

json_t *stats_json(const struct weir_segment *segment)
{
	struct snapshot *s = snapshot_take(segment);
	const struct weir_counters *all;
	json_t *root, *drops;

	if (!s)
		return NULL;
	all = &s->sum[s->n_workers + s->n_ports];
	root = totals_json(segment, all);
	drops = reasons_json(all, WEIR_DROP);
	if (root && stats_put_names(segment, root, drops) == 0) {
		put_reasons(root, all, drops);
		json_object_set_new(root, "protocol_answers", reasons_json(all, WEIR_REPLY));
		put_agent_answers(segment, root);
		json_object_set_new(root, "workers", workers_json(segment, s));
		json_object_set_new(root, "ports", ports_json(segment, s));
		json_object_set_new(root, "countries", countries_json(segment));
		json_object_set_new(root, "country_sources", country_sources_json(segment, all));
		json_object_set_new(root, "repeats_forgotten", json_integer((json_int_t)all->repeats_forgotten));
		json_object_set_new(root, "priorities", priorities_json(segment));
		json_object_set_new(root, "tenants", stats_tenants(segment, NULL));
	} else {
		json_decref(root);
		root = NULL;
	}
	json_decref(drops);
	free(s);
	return root;
}
