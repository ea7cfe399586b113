// SPDX-License-Identifier: BSD-3-Clause
//
// See deck.h. Main thread, before the run.
#include "bench/pktgen/deck.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/pktgen/deck_parts.h"
#include "bench/pktgen/dice.h"
#include "bench/pktgen/frame.h"

enum { LINE = 64, LINE_GAP = 20 /* preamble and gap */, FIRST_PORT = 20000, PORTS = 40000 };

int deck_push(struct deck *deck, const uint8_t *bytes, struct deck_frame frame)
{
	size_t room = (frame.length + LINE - 1u) / LINE * LINE;

	if (deck->used + room > deck->capacity) {
		size_t capacity = deck->capacity ? 2 * deck->capacity : 1 << 20;
		uint8_t *more;

		if (capacity > (size_t)DECK_MB_MAX << 20)
			return -E2BIG;
		more = aligned_alloc(LINE, capacity);
		if (!more)
			return -ENOMEM;
		memcpy(more, deck->bytes ? deck->bytes : more, deck->used);
		free(deck->bytes);
		deck->bytes = more;
		deck->capacity = capacity;
	}
	if (deck->n == deck->room) {
		uint32_t more = deck->room ? 2 * deck->room : 1024;
		struct deck_frame *frames = realloc(deck->frames, more * sizeof(*frames));

		if (!frames)
			return -ENOMEM;
		deck->frames = frames;
		deck->room = more;
	}
	frame.at = deck->used;
	memset(deck->bytes + deck->used, 0, room);
	memcpy(deck->bytes + deck->used, bytes, frame.length);
	deck->used += room;
	deck->frames[deck->n++] = frame;
	deck->total += frame.length;
	deck->longest = frame.length > deck->longest ? frame.length : deck->longest;
	return 0;
}

// What messages are drawn from.
struct maker {
	const struct scenario *scenario;
	struct random random;
	struct battery_ends ends;
	struct dice tenants, sources, protocols, countries, priorities, channels, sizes, malformed;
	char (*numbers)[BATTERY_NUMBER_SIZE]; // of each country
	char domain[32];
	uint32_t serial;
};

static void maker_fini(struct maker *maker)
{
	struct dice *dice[] = { &maker->tenants, &maker->sources, &maker->protocols, &maker->countries,
				&maker->priorities, &maker->channels, &maker->sizes, &maker->malformed };

	for (unsigned i = 0; i < sizeof(dice) / sizeof(dice[0]); i++)
		dice_fini(dice[i]);
	free(maker->numbers);
}

static int maker_init(struct maker *maker, const struct scenario *s)
{
	uint32_t sources = s->sources.n_ipv4 > s->sources.n_ipv6 ? s->sources.n_ipv4 : s->sources.n_ipv6;

	*maker = (struct maker){ .scenario = s, .random = { s->seed } };
	memcpy(maker->ends.to_mac, s->gateway.mac, 6);
	memcpy(maker->ends.from_mac, s->sources.mac, 6);
	memcpy(maker->ends.ipv4, s->gateway.ipv4, 4);
	memcpy(maker->ends.ipv6, s->gateway.ipv6, 16);
	if (dice_of_zipf(&maker->tenants, s->tenants.n, s->tenants.zipf) ||
	    dice_of_zipf(&maker->sources, sources, s->source_zipf) ||
	    dice_of_weights(&maker->protocols, &s->protocols) || dice_of_weights(&maker->countries, &s->countries) ||
	    dice_of_weights(&maker->priorities, &s->priorities) || dice_of_weights(&maker->channels, &s->channels) ||
	    dice_of_weights(&maker->sizes, &s->sizes) || dice_of_weights(&maker->malformed, &s->malformed))
		return -ENOMEM;
	maker->numbers = calloc(s->countries.n, sizeof(maker->numbers[0]));
	for (unsigned i = 0; maker->numbers && i < s->countries.n; i++)
		if (!battery_number((uint16_t)s->countries.list[i].value, maker->numbers[i]))
			maker->numbers[i][0] = '\0';
	return maker->numbers ? 0 : -ENOMEM;
}

static uint32_t draw(struct maker *maker, const struct dice *dice, const struct weights *weights)
{
	return weights->list[dice_draw(dice, &maker->random)].value;
}

// Adds `n` to the host part of an address.
static void address_add(uint8_t *address, unsigned bytes, uint32_t n)
{
	for (unsigned i = bytes; i > 0 && n > 0; i--) {
		n += address[i - 1];
		address[i - 1] = (uint8_t)n;
		n >>= 8;
	}
}

static void draw_source(struct maker *maker, struct battery_message *message, unsigned reason)
{
	const struct scenario *s = maker->scenario;
	bool ipv6 = random_share(&maker->random) < s->ipv6_share;
	uint32_t n = dice_draw(&maker->sources, &maker->random);

	if (ipv6 && reason == WEIR_REASON_NONE) {
		message->family = 6;
		memcpy(message->source, s->sources.ipv6, 16);
		address_add(message->source, 16, n % s->sources.n_ipv6);
	} else {
		message->family = 4;
		memcpy(message->source, s->sources.ipv4, 4);
		address_add(message->source, 4, n % s->sources.n_ipv4);
	}
	// A sender keeps its port.
	message->source_port = (uint16_t)(FIRST_PORT + (n * 2654435761u >> 7) % PORTS);
}

static void draw_message(struct maker *maker, struct battery_message *message, unsigned reason)
{
	const struct scenario *s = maker->scenario;
	uint32_t country = dice_draw(&maker->countries, &maker->random);
	bool noisy = random_share(&maker->random) < s->tenants.noisy_share;
	uint32_t tenant = dice_draw(&maker->tenants, &maker->random);
	unsigned protocol = draw(maker, &maker->protocols, &s->protocols);

	if (frame_spoil_protocol(reason) != WEIR_N_PROTOCOLS)
		protocol = frame_spoil_protocol(reason);
	*message = (struct battery_message){
		.tenant_id = s->tenants.first + (noisy ? 0 : tenant),
		.country = (uint16_t)s->countries.list[country].value,
		.priority = (uint8_t)draw(maker, &maker->priorities, &s->priorities),
		.channel = (uint8_t)draw(maker, &maker->channels, &s->channels),
		.protocol = (uint8_t)protocol,
		.wants_ack = random_share(&maker->random) < s->acknowledged_share,
		.line = ++maker->serial,
		.domain = maker->domain,
	};
	memcpy(message->number, maker->numbers[country], sizeof(message->number));
	scenario_domain(message->tenant_id, maker->domain);
	draw_source(maker, message, reason);
}

static int push_next(struct maker *maker, struct deck *deck, uint8_t *bytes)
{
	const struct scenario *s = maker->scenario;
	unsigned reason = random_share(&maker->random) < s->malformed_share
				  ? draw(maker, &maker->malformed, &s->malformed)
				  : WEIR_REASON_NONE;
	uint32_t size = draw(maker, &maker->sizes, &s->sizes);
	struct battery_message message;
	struct frame_made made;

	draw_message(maker, &message, reason);
	made = frame_make(&message, &maker->ends, size, bytes);
	if (reason != WEIR_REASON_NONE)
		frame_spoil(bytes, &made, reason);
	return deck_push(deck, bytes,
			 (struct deck_frame){ .length = (uint16_t)made.length,
					      .stamp = made.stamp,
					      .udp = made.udp,
					      .asks = message.wants_ack && message.protocol == WEIR_NATIVE,
					      .reason = (uint16_t)reason });
}

int deck_make(struct deck *deck, const struct scenario *scenario)
{
	uint8_t *bytes = malloc(BATTERY_FRAME_MAX);
	struct maker maker;
	int err = maker_init(&maker, scenario);

	*deck = (struct deck){ 0 };
	if (!bytes)
		err = -ENOMEM;
	for (uint32_t i = 0; !err && i < scenario->frames; i++)
		err = push_next(&maker, deck, bytes);
	maker_fini(&maker);
	free(bytes);
	return err;
}

double deck_rate(const struct deck *deck, const struct rate *rate)
{
	double bits;

	if (rate->line_bps <= 0 || deck->n == 0)
		return rate->messages;
	bits = 8 * ((double)deck->total / deck->n + FRAME_FCS + LINE_GAP);
	return rate->messages * rate->line_bps / bits;
}

void deck_fini(struct deck *deck)
{
	free(deck->frames);
	free(deck->bytes);
	*deck = (struct deck){ 0 };
}
