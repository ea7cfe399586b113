// SPDX-License-Identifier: BSD-3-Clause
//
// What people read of a load, see load_outcome.h. Loop's thread. A history that cannot be written holds up nothing.
#include "controlplane/load_outcome.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/history.h"
#include "controlplane/load.h"
#include "controlplane/log.h"

static void append_history(const struct load_outcome *outcome, const char *history)
{
	static const char *const results[] = { "published", "refused", "failed" };
	const struct load *load = outcome->load;
	char time_text[32], crc[9];
	json_t *entry;
	int err;

	history_time(time_text);
	snprintf(crc, sizeof(crc), "%08x", load->crc);
	entry = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "time", time_text, "event",
			  load_kind_name(load->kind), "who", load->who, "file", load->path, "result",
			  results[outcome->result], "crc", crc, "tenants", (json_int_t)load->n_tenants, "rules",
			  (json_int_t)load->n_rules, "why", outcome->why);
	if (!entry)
		return;
	json_object_set_new(entry, "generation",
			    outcome->generation ? json_integer((json_int_t)outcome->generation) : json_null());
	if (load->change)
		json_object_set_new(entry, "change", json_string(load->change));
	err = history_append(history, entry);
	if (err)
		log_warning("%s: not written: %s", history, strerror(-err));
	json_decref(entry);
}

static void log_outcome(const struct load_outcome *outcome)
{
	const struct load *load = outcome->load;

	if (outcome->result == LOAD_PUBLISHED)
		log_info("%s is in use: generation %llu, %u rules, %u tenants, %zu KiB, compiled in %.2f s (%s)",
			 load->path, (unsigned long long)outcome->generation, load->n_rules, load->n_tenants,
			 load->size >> 10, load->seconds, load->who);
	else
		log_error("%s is not loaded: %s (%s)", load->path, outcome->why, load->who);
}

void load_outcome_note(const struct load_outcome *outcome, const char *history)
{
	log_outcome(outcome);
	append_history(outcome, history);
}

void load_diagnostics_log(const struct load *load)
{
	char line[1000];

	for (uint32_t i = 0; i < load->diags.n; i++)
		if (load->diags.list[i].kind == DIAG_ERROR)
			log_error("%s", diag_format(&load->diags.list[i], line, sizeof(line)));
		else
			log_warning("%s", diag_format(&load->diags.list[i], line, sizeof(line)));
	if (load->diags.suppressed)
		log_warning("and %u more", load->diags.suppressed);
}
