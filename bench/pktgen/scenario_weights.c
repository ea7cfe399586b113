// SPDX-License-Identifier: BSD-3-Clause
//
// Shares, sizes and the rate of a scenario, see scenario_parts.h. Main thread.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/pktgen/frame.h"
#include "bench/pktgen/scenario_parts.h"

int scenario_country_find(const char *name)
{
	return strlen(name) == 2 ? weir_country_find(name) : -1;
}

// Only those that frame_spoil can make.
int scenario_reason_find(const char *name)
{
	for (unsigned reason = 0; reason < WEIR_N_REASONS; reason++)
		if (strcmp(name, weir_reason_name(reason)) == 0 && frame_can_spoil(reason))
			return (int)reason;
	return -1;
}

void scenario_weights(const struct conf *conf, config_setting_t *group, const char *key, int (*find)(const char *),
		      struct weights *to)
{
	config_setting_t *setting = config_setting_get_member(group, key);
	struct weights found = { 0 };
	double sum = 0;

	if (!setting)
		return;
	if (!config_setting_is_group(setting) || config_setting_length(setting) > WEIGHTS_MAX) {
		conf_error(conf, setting, NULL, "%s must be a group of at most %d shares, as { name = 1.5; }", key,
			   WEIGHTS_MAX);
		return;
	}
	for (int i = 0; i < config_setting_length(setting); i++) {
		config_setting_t *one = config_setting_get_elem(setting, (unsigned)i);
		int value = find(one->name);
		double share = 0;

		if (value < 0)
			conf_error(conf, one, NULL, "%s: there is no \"%s\" to choose", key, one->name);
		else if (scenario_number(conf, setting, one->name, (struct number_range){ 0, 1e9 }, &share) > 0)
			found.list[found.n++] = (struct weight){ (uint32_t)value, share };
		sum += share;
	}
	if (sum > 0)
		*to = found;
	else
		conf_error(conf, setting, NULL, "%s: no share is above 0", key);
}

static void read_size(const struct conf *conf, config_setting_t *element, struct weights *to)
{
	static const char *const keys[] = { "frame", "share", NULL };
	struct conf_range range = { SCENARIO_FRAME_MIN, SCENARIO_FRAME_MAX };
	struct weight weight = { .share = 1 };
	int64_t size = 0;

	if (!config_setting_is_group(element)) {
		conf_int_value(conf, element, "sizes", range, &size);
	} else if (conf_group(conf, element, keys)) {
		if (conf_int(conf, element, "frame", range, &size) == 0)
			conf_error(conf, element, NULL, "sizes: a size without its `frame`");
		scenario_number(conf, element, "share", (struct number_range){ 1e-9, 1e9 }, &weight.share);
	}
	weight.value = (uint32_t)size;
	if (size)
		to->list[to->n++] = weight;
}

void scenario_sizes(const struct conf *conf, config_setting_t *root, struct weights *to)
{
	struct conf_list list;
	struct weights found = { 0 };

	if (conf_list(conf, root, "sizes", &list) <= 0)
		return;
	if (list.n == 0 || list.n > WEIGHTS_MAX) {
		conf_error(conf, list.setting, NULL, "sizes: 1 to %d of them", WEIGHTS_MAX);
		return;
	}
	for (unsigned i = 0; i < list.n; i++)
		read_size(conf, conf_list_get(&list, i), &found);
	if (found.n)
		*to = found;
}

void scenario_rate(const struct conf *conf, config_setting_t *root, struct rate *rate)
{
	static const char *const keys[] = { "messages", "percent", "line_gbps", "shape", "factor", "depth",
					    "at",       "over",    "period",    "decay", NULL };
	static const char *const shapes[] = { "steady", "step", "ramp", "sine", "flash", NULL };
	config_setting_t *group = config_setting_get_member(root, "rate");
	double percent = 0, gbps = 10;
	int shape = SHAPE_STEADY;

	rate->factor = 1;
	rate->over = rate->decay = 1;
	if (!group || !conf_group(conf, group, keys))
		return;
	scenario_number(conf, group, "messages", (struct number_range){ 1, 1e9 }, &rate->messages);
	scenario_number(conf, group, "line_gbps", (struct number_range){ 0.001, 1e3 }, &gbps);
	if (scenario_number(conf, group, "percent", (struct number_range){ 0.001, 100 }, &percent) > 0) {
		if (rate->messages > 0)
			conf_error(conf, group, NULL, "rate: messages or percent, not both");
		rate->messages = percent / 100;
		rate->line_bps = gbps * 1e9;
	}
	if (conf_word(conf, group, "shape", shapes, &shape) > 0)
		rate->shape = (enum shape)shape;
	scenario_number(conf, group, "factor", (struct number_range){ 0.001, 1e6 }, &rate->factor);
	if (rate->shape == SHAPE_SINE)
		rate->factor = 0.5;
	scenario_number(conf, group, "depth", (struct number_range){ 0, 1 }, &rate->factor);
	scenario_number(conf, group, "at", (struct number_range){ 0, 1e6 }, &rate->at);
	scenario_number(conf, group, "over", (struct number_range){ 0, 1e6 }, &rate->over);
	scenario_number(conf, group, "period", (struct number_range){ 0.001, 1e6 }, &rate->over);
	scenario_number(conf, group, "decay", (struct number_range){ 0.001, 1e6 }, &rate->decay);
	if (rate->shape != SHAPE_STEADY && rate->messages <= 0)
		conf_error(conf, group, NULL, "rate: a shape needs `messages` or `percent` to start from");
}

// Share of a change that is done `since` seconds after it began.
static double done(double since, double over)
{
	return since <= 0 ? 0 : since >= over ? 1 : since / over;
}

double rate_at(const struct rate *rate, double base, double seconds)
{
	double since = seconds - rate->at, rise = rate->factor - 1, now = base;

	switch (rate->shape) {
	case SHAPE_STEADY:
		break;
	case SHAPE_STEP:
	case SHAPE_RAMP:
		now = base * (1 + rise * done(since, rate->over));
		break;
	case SHAPE_SINE:
		now = base * (1 + rate->factor * sin(2 * M_PI * since / rate->over));
		break;
	case SHAPE_FLASH:
		now = base * (1 + rise * done(since, rate->over) *
					  exp2(-fmax(0, since - rate->over) / rate->decay));
		break;
	}
	return fmax(now, 1);
}
