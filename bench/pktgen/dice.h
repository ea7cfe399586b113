// SPDX-License-Identifier: BSD-3-Clause
//
// Draws from unequal shares, by bisection of their running sums.
#pragma once

#include "bench/pktgen/random.h"
#include "bench/pktgen/scenario.h"

struct dice {
	uint32_t n;
	double *upto; // share of all that falls on 0 to i
};

// A die of the shares of `weights`, whose faces are their indices; or of `n` faces of which the k-th has the share
// 1 / (k + 1)^exponent. -ENOMEM. dice_fini in every case.
int dice_of_weights(struct dice *dice, const struct weights *weights);
int dice_of_zipf(struct dice *dice, uint32_t n, double exponent);
void dice_fini(struct dice *dice);

// A face.
uint32_t dice_draw(const struct dice *dice, struct random *random);
