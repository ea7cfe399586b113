// SPDX-License-Identifier: BSD-3-Clause
//
// weirctl classify: the dataplane's own parser and classifier over a capture, frame by frame, without
// rates and overload (DESIGN 1.5). A capture that ends in the middle of a frame is judged up to there.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/weirctl/capture.h"
#include "controlplane/weirctl/fragments.h"
#include "controlplane/weirctl/load.h"
#include "controlplane/weirctl/outcome.h"
#include "controlplane/weirctl/weirctl.h"

struct sums {
	uint64_t frames;
	uint64_t disposition[WEIR_N_DISPOSITIONS];
	uint64_t reason[WEIR_N_REASONS]; // of the code
	uint64_t *by_rule;               // drop reasons of the rule file, by index
};

struct classify {
	struct loaded loaded;
	struct listeners listeners;
	struct capture capture;
	struct sums sums;
	struct gateway_fragments limits;
	bool json, trust;
};

static void sums_add(struct sums *sums, const struct table *table, const struct triage *triage)
{
	sums->frames++;
	sums->disposition[triage->disposition]++;
	if (triage->packet.reason != WEIR_REASON_NONE)
		sums->reason[triage->packet.reason]++;
	else if (triage->disposition == WEIR_DROP)
		sums->by_rule[table->verdicts[triage->verdict].target]++;
}

static void print_sum(const char *indent, const char *name, uint64_t n)
{
	if (n)
		printf("%s%-*s %10" PRIu64 "\n", indent, 24 - (int)strlen(indent), name, n);
}

static void sums_print(const struct sums *sums, const struct table *table)
{
	printf("\n%-24s %10" PRIu64 "\n", "frames", sums->frames);
	for (unsigned d = 0; d < WEIR_N_DISPOSITIONS; d++) {
		print_sum("  ", weir_disposition_name(d), sums->disposition[d]);
		for (unsigned r = 1; r < WEIR_N_REASONS; r++)
			if (weir_reason_disposition(r) == d)
				print_sum("    ", weir_reason_name(r), sums->reason[r]);
		for (uint64_t r = 0; d == WEIR_DROP && r < table_count(table, TABLE_REASONS); r++)
			print_sum("    ", table_string(table, table->reasons[r]), sums->by_rule[r]);
	}
}

static void judge(void *context, const struct whole *whole, struct triage *triage)
{
	struct classify *classify = context;

	triage_whole(&classify->loaded.table, &classify->listeners, classify->trust, whole, triage);
}

static void print(void *context, const struct triage *triage)
{
	struct classify *classify = context;

	sums_add(&classify->sums, &classify->loaded.table, triage);
	if (classify->json)
		outcome_json(classify->sums.frames, triage, stdout);
	else
		outcome_line(classify->sums.frames, triage, stdout);
}

// Judges every frame. STATUS_REFUSED where the capture cannot be read to its end.
static int classify_frames(struct classify *classify)
{
	const struct fragments_out out = {print, classify};
	struct fragments *fragments = fragments_create(&classify->limits, &out);
	int got = 0, status = fragments ? STATUS_DONE : failure(STATUS_ENVIRONMENT, "out of memory");
	struct triage triage;
	const uint8_t *data;
	uint32_t length;

	while (status == STATUS_DONE && (got = capture_next(&classify->capture, &data, &length)) == 1) {
		triage_frame(&classify->loaded.table, &classify->listeners, classify->trust, data, length, &triage);
		status = fragments_take(fragments, &triage, judge, classify);
	}
	if (status == STATUS_DONE)
		fragments_end(fragments);
	fragments_destroy(fragments);
	if (status == STATUS_DONE && !classify->json)
		sums_print(&classify->sums, &classify->loaded.table);
	return got < 0 ? STATUS_REFUSED : status;
}

static int classify_capture(struct classify *classify, const char *path)
{
	int status = capture_open(&classify->capture, path);

	if (status != STATUS_DONE)
		return status;
	classify->sums.by_rule = calloc(table_count(&classify->loaded.table, TABLE_REASONS) + 1, sizeof(uint64_t));
	if (classify->sums.by_rule)
		status = classify_frames(classify);
	else
		status = failure(STATUS_ENVIRONMENT, "out of memory");
	free(classify->sums.by_rule);
	capture_close(&classify->capture);
	return status;
}

int command_classify(const struct command *command, const struct options *options, int n, char **words)
{
	static struct classify classify;
	const char *rules = NULL, *pcap = NULL, *checksum = "verify";
	const struct argument arguments[] = {
		{"--rules", &rules, true}, {"--pcap", &pcap, true}, {"--udp-checksum", &checksum, false}, {0}};
	int status = arguments_parse(command, n, words, arguments);

	if (status != STATUS_DONE)
		return status;
	if (strcmp(checksum, "verify") != 0 && strcmp(checksum, "trust") != 0)
		return usage_error(command, "--udp-checksum is verify or trust, not \"%s\"", checksum);
	classify.trust = strcmp(checksum, "trust") == 0;
	classify.json = options->json;
	status = listeners_load(&classify.listeners, &classify.limits, options->config);
	if (status == STATUS_DONE)
		status = loaded_open(&classify.loaded, rules, NULL);
	if (status == STATUS_DONE)
		status = classify_capture(&classify, pcap);
	loaded_close(&classify.loaded);
	return status;
}
