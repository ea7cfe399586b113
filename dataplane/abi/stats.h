// SPDX-License-Identifier: BSD-3-Clause
//
// One snapshot of a segment as the JSON object of `weirctl --json stats` (DESIGN 1.6), and as a page
// for people. Printed by weir-dataplane --exit-when-idle, the control plane and weirctl.
//
// The contract's keys: generation, uptime_s, rx, dispositions, reasons, rules, queues, answers,
// workers, ports. Beside them: bytes, answers_lost, copies_lost, agent_answers (of agents, sent),
// agent_answers_later and agent_answers_lost (by what was in the way), protocol_answers (replied by no rule, by kind),
// repeats_forgotten, replies, pools, members, countries, country_sources (how they were found), priorities,
// forward_by_zone, tenants (busiest, with their share of the samples).
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "dataplane/abi/segment.h"

// Takes one snapshot of a segment that passed segment_check. Each (worker, port) block is copied once
// and every sum is made from the copies, so rx equals the sum of the dispositions in every object.
// Counters by name are copied beside it and may be a housekeeping turn off. Returns a new
// reference, or NULL when memory is out. Any thread.
json_t *stats_json(const struct weir_segment *segment);

// Messages decoded of a priority, by all workers. Any thread.
uint64_t stats_priority(const struct weir_segment *segment, unsigned priority);

// What each entry of the segment's list of busiest tenants has been counted, into `samples`
// [n_workers * WEIR_TOP_TENANTS]. Any thread.
void stats_samples(const struct weir_segment *segment, uint32_t *samples);

// The busiest tenants: array of id and share of the samples since `before`, which is of stats_samples; NULL: since the
// start. A new reference, NULL when memory is out. Any thread.
json_t *stats_tenants(const struct weir_segment *segment, const uint32_t *before);

// Prints an object made by stats_json (or received from the control plane: whatever is missing or of
// another type is left out) as tables, ending with both sides of the book-keeping equation.
void stats_print(const json_t *stats, FILE *to);
