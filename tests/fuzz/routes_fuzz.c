// SPDX-License-Identifier: BSD-3-Clause
//
// Fuzzes routes_open and what it lets through: in routes that open, every slot leads to a member with a
// next hop, and every neighbour is a prefix.
//
// Input: a byte that chooses the table, a byte that says who lives; then patches of nine bytes: how (a byte), where
// and what (32 bits each). The checksum is mended before the image is opened. A first byte of 0xff: a whole image follows.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"
#include "rules/routes.h"
#include "tests/kit/rules.h"

enum { N_TABLES = 8, PATCH_BYTES = 9, MAX_PATCHES = 64, MAX_MEMBERS = 64, RAW = 0xff };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool good)
{
	if (!good)
		abort();
}

static uint32_t word_at(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

// A table with pools, made once for each choice.
static const struct table *sound_table(unsigned choice)
{
	static struct table tables[N_TABLES];
	struct kit_rules_shape shape = kit_rules_shape_random(choice);
	struct table_image image;
	struct rule_set *rules;
	struct diags diags;
	char why[160];

	if (tables[choice].header != NULL)
		return &tables[choice];
	shape.n_tenants = 3;
	shape.n_pools = (uint16_t)(choice + 1);
	diags_init(&diags);
	rules = kit_rules_random(&shape, choice);
	need(rules != NULL && rules_compile(rules, &image, &diags) == 0);
	need(table_open(&tables[choice], image.data, image.size, why, sizeof(why)) == 0);
	diags_fini(&diags);
	kit_rules_destroy(rules);
	return &tables[choice];
}

static struct routes_image make_image(const struct table *table, uint8_t alive)
{
	static const struct route_neighbour neighbours[] = {
		{.family = 4, .length = 0, .mac = {2, 0, 0, 0, 0, 1}},
		{.address = {10, 1}, .family = 4, .length = 16, .mac = {2, 0, 0, 0, 0, 2}},
		{.address = {0x20, 1}, .family = 6, .length = 16, .mac = {2, 0, 0, 0, 0, 4}},
	};
	struct routes_input input[MAX_MEMBERS] = {0};
	struct routes_image image;

	need(table_count(table, TABLE_MEMBERS) <= MAX_MEMBERS);
	for (uint32_t i = 0; i < table_count(table, TABLE_MEMBERS); i++) {
		memcpy(input[i].member.mac, table->members[i].mac, 6);
		input[i].member.state = alive >> (i % 8) & 1 ? ROUTE_UP : ROUTE_DOWN;
		input[i].weight = table->members[i].weight;
	}
	need(routes_make(table, input, neighbours, 3, &image) == 0);
	return image;
}

// Anywhere, or in the header, or in a section.
static size_t patch_place(const struct routes_header *header, uint8_t how, uint32_t where)
{
	const uint64_t start[] = {0, header->pools, header->members, header->slots, header->neighbours};

	if (how % 8 >= 5)
		return where % header->size;
	return (start[how % 8] + where % 256) % header->size;
}

static void patch(uint8_t *image, const struct routes_header *sound, const uint8_t *data)
{
	size_t place = patch_place(sound, data[0], word_at(data + 1));
	size_t n = data[0] & 0x40 ? 1 : data[0] & 0x80 ? 2 : 4;
	uint32_t what = word_at(data + 5), word;

	place -= place % n;
	memcpy(&word, image + place, n);
	word = data[0] & 0x08 ? word ^ 1u << (what % 32) : data[0] & 0x10 ? word + what % 65 - 32 : what;
	memcpy(image + place, &word, n);
}

static void mend(uint8_t *image, size_t size)
{
	const size_t end = offsetof(struct routes_header, crc) + sizeof(uint32_t);
	uint32_t crc;

	if (size < sizeof(struct routes_header))
		return;
	crc = table_crc(0, image + end, size - end);
	memcpy(image + offsetof(struct routes_header, crc), &crc, sizeof(crc));
}

static void follow(const struct routes *routes, const struct table *table)
{
	for (uint32_t i = 0; i < routes->header->n_pools; i++) {
		const struct route_pool *pool = &routes->pools[i];

		for (uint32_t s = pool->slot; s < pool->slot + pool->n_slots; s++) {
			need(routes->slots[s] < table->pools[i].n_members);
			need((routes->members[table->pools[i].member + routes->slots[s]].mac[0] & 1) == 0);
		}
	}
	for (uint32_t i = 0; i < routes->header->n_neighbours; i++) {
		need(routes->neighbours[i].length <= 128);
		need(i == 0 || route_neighbour_compare(&routes->neighbours[i - 1], &routes->neighbours[i]) < 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct table *table;
	struct routes_image sound;
	struct routes routes;
	size_t image_size;
	char why[160];
	void *room = NULL;

	if (size < 2)
		return 0;
	table = sound_table(data[0] % N_TABLES);
	sound = make_image(table, data[1]);
	image_size = data[0] == RAW ? size - 1 : sound.size;
	need(posix_memalign(&room, 64, image_size) == 0); // to the byte, so that ASan sees a step too far
	memcpy(room, data[0] == RAW ? (const void *)(data + 1) : sound.data, image_size);
	for (size_t i = 0; data[0] != RAW && i < (size - 2) / PATCH_BYTES && i < MAX_PATCHES; i++)
		patch(room, sound.data, data + 2 + i * PATCH_BYTES);
	mend(room, image_size);
	if (routes_open(&routes, table, room, image_size, why, sizeof(why)) == 0)
		follow(&routes, table);
	free(room);
	free(sound.data);
	return 0;
}
