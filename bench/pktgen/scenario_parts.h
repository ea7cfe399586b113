// SPDX-License-Identifier: BSD-3-Clause
//
// What the parts of scenario_read share. Internal to scenario*.c.
#pragma once

#include <libconfig.h>

#include "bench/pktgen/scenario.h"
#include "rules/conf.h"

struct number_range {
	double min, max;
};

// A whole or broken number. 1, 0 absent, -1 wrong and reported.
int scenario_number(const struct conf *conf, config_setting_t *group, const char *key, struct number_range range,
		    double *value);

// A group of `NAME = share;`, NAME by `find` (-1: none such). Untouched where it is absent or wrong.
void scenario_weights(const struct conf *conf, config_setting_t *group, const char *key, int (*find)(const char *),
		      struct weights *to);
int scenario_country_find(const char *name);
int scenario_reason_find(const char *name);

// `sizes`: a number, a list of numbers, or groups { frame, share }.
void scenario_sizes(const struct conf *conf, config_setting_t *root, struct weights *to);

void scenario_rate(const struct conf *conf, config_setting_t *root, struct rate *rate);
