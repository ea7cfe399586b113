// SPDX-License-Identifier: BSD-3-Clause
//
// What is wanted, as JSON: {"weights": {"0": 50}, "moves": {"gw2": 30}}; what is not there is as by default. Refuses
// nothing: what gateway.conf has no more, or never could be, is left out.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/steer.h"

json_t *steer_wish_json(const struct steer_wish *wish, const struct gateway *gateway)
{
	json_t *weights = json_object(), *moves = json_object();
	char name[16];

	for (unsigned w = 0; w < wish->n_workers; w++) {
		snprintf(name, sizeof(name), "%u", w);
		if (wish->weight[w] != STEER_WEIGHT_MAX)
			json_object_set_new(weights, name, json_integer(wish->weight[w]));
	}
	for (unsigned s = 0; s < wish->n_siblings; s++)
		if (wish->percent[s] > 0)
			json_object_set_new(moves, gateway->siblings[s].name,
					    json_integer(wish->percent[s]));
	return json_pack("{s:o, s:o}", "weights", weights, "moves", moves);
}

// Whether `value` is a whole number from 0 to `max`; it goes to `out`.
static bool number(const json_t *value, unsigned max, uint8_t *out)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < 0 || n > (json_int_t)max)
		return false;
	*out = (uint8_t)n;
	return true;
}

static bool read_weights(struct steer_wish *wish, json_t *weights)
{
	struct steer_wish read = *wish;
	const char *name;
	unsigned sum = 0;
	json_t *value;
	bool all = true;

	json_object_foreach (weights, name, value) {
		char *end;
		unsigned long w = strtoul(name, &end, 10);

		all &= *name && !*end && w < read.n_workers &&
		       number(value, STEER_WEIGHT_MAX, &read.weight[w]);
	}
	for (unsigned w = 0; w < read.n_workers; w++)
		sum += read.weight[w];
	if (sum == 0)
		return false;
	*wish = read;
	return all;
}

static bool read_moves(struct steer_wish *wish, const struct gateway *gateway, json_t *moves)
{
	size_t known = 0;
	unsigned left = 100;

	for (unsigned s = 0; s < wish->n_siblings; s++) {
		const json_t *value = json_object_get(moves, gateway->siblings[s].name);

		if (!value || !number(value, left, &wish->percent[s]))
			continue;
		left -= wish->percent[s];
		known++;
	}
	return known == json_object_size(moves);
}

bool steer_wish_read(struct steer_wish *wish, const struct gateway *gateway, const json_t *state)
{
	json_t *weights = json_object_get(state, "weights"),
	       *moves = json_object_get(state, "moves");
	bool all = json_is_object(weights) && json_is_object(moves);

	if (json_is_object(weights))
		all &= read_weights(wish, weights);
	if (json_is_object(moves))
		all &= read_moves(wish, gateway, moves);
	return all;
}
