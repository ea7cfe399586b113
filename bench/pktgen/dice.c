// SPDX-License-Identifier: BSD-3-Clause
//
// See dice.h. Any thread.
#include "bench/pktgen/dice.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static int create(struct dice *dice, uint32_t n)
{
	*dice = (struct dice){ n, malloc(n * sizeof(double)) };
	return dice->upto ? 0 : -ENOMEM;
}

// Shares to running sums that end at 1.
static void finish(struct dice *dice)
{
	double sum = 0;

	for (uint32_t i = 0; i < dice->n; i++)
		dice->upto[i] = sum += dice->upto[i];
	for (uint32_t i = 0; i < dice->n; i++)
		dice->upto[i] /= sum;
}

int dice_of_weights(struct dice *dice, const struct weights *weights)
{
	if (create(dice, weights->n))
		return -ENOMEM;
	for (uint32_t i = 0; i < weights->n; i++)
		dice->upto[i] = weights->list[i].share;
	finish(dice);
	return 0;
}

int dice_of_zipf(struct dice *dice, uint32_t n, double exponent)
{
	if (create(dice, n))
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		dice->upto[i] = exponent == 0 ? 1 : pow(i + 1.0, -exponent);
	finish(dice);
	return 0;
}

void dice_fini(struct dice *dice)
{
	free(dice->upto);
	dice->upto = NULL;
}

uint32_t dice_draw(const struct dice *dice, struct random *random)
{
	double share = random_share(random);
	uint32_t low = 0, high = dice->n - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (dice->upto[middle] > share)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}
