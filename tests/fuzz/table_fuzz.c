// SPDX-License-Identifier: BSD-3-Clause
//
// Fuzzes table_open and what it lets through: an image that opens must be safe for every look-up.
//
// Input: one byte that chooses the rule set that a sound image is compiled from, and how much of its end
// is cut off; then patches of nine bytes: how (a byte), where and what (32 bits each). The checksum is mended before the image is opened,
// so that the checks behind it are met. A first byte of 0xff means that a whole image follows.

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rules/compile.h"
#include "rules/lookup.h"
#include "rules/lookup_geo.h"
#include "rules/lookup_words.h"
#include "tests/kit/rules.h"

enum { N_IMAGES = 32, PATCH_BYTES = 9, MAX_PATCHES = 64, N_KEYS = 256, RAW = 0xff };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t word_at(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

// A sound image, made once for each choice.
static const struct table_image *sound_image(unsigned choice)
{
	static struct table_image images[N_IMAGES];
	struct kit_rules_shape shape = kit_rules_shape_random(choice);
	struct rule_set *rules;
	struct diags diags;

	if (images[choice].data != NULL)
		return &images[choice];
	shape.n_tenants %= 40;
	diags_init(&diags);
	rules = kit_rules_random(&shape, choice);
	if (rules == NULL || rules_compile(rules, &images[choice], &diags) != 0)
		abort();
	diags_fini(&diags);
	kit_rules_destroy(rules);
	return &images[choice];
}

// Where a patch goes: anywhere, or among the sections' places, or into one section.
static size_t patch_place(const struct table_header *header, size_t size, uint8_t how, uint32_t where)
{
	const struct table_section *section = &header->section[where % TABLE_N_SECTIONS];

	if (how % 4 == 0)
		return where % size;
	if (how % 4 == 1)
		return where % (offsetof(struct table_header, section) + sizeof(header->section));
	if (section->offset >= size)
		return where % size;
	return section->offset + where / TABLE_N_SECTIONS % (size - section->offset);
}

static void patch(uint8_t *image, size_t size, const uint8_t *data, const struct table_header *sound)
{
	uint8_t how = data[0];
	size_t place = patch_place(sound, size, how, word_at(data + 1));
	uint32_t what = word_at(data + 5), word;
	size_t n = how & 0x40 ? 1 : how & 0x80 ? 2 : 4;

	place -= place % n;
	n = n < size - place ? n : size - place;
	memcpy(&word, image + place, n);
	switch (how >> 2 & 3) {
	case 0:
		word = what;
		break;
	case 1:
		word ^= 1u << (what % 32);
		break;
	default:
		word += what % 65 - 32;
	}
	memcpy(image + place, &word, n);
}

// Mends what must be right for the image to be looked into at all.
static void mend(uint8_t *image, size_t size)
{
	struct table_header header;
	size_t crc_end = offsetof(struct table_header, crc) + sizeof(header.crc);

	if (size < sizeof(header))
		return;
	memcpy(&header, image, sizeof(header));
	header.magic = TABLE_MAGIC;
	header.abi = TABLE_ABI;
	header.size = size;
	memcpy(image, &header, sizeof(header));
	header.crc = table_crc(0, image + crc_end, size - crc_end);
	memcpy(image + offsetof(struct table_header, crc), &header.crc, sizeof(header.crc));
}

static void need(bool good)
{
	if (!good)
		abort();
}

static void look_up_burst(const struct table *table, uint64_t *random)
{
	uint32_t id[64], slot[64], class[64], verdict[64];
	uint16_t country[64], size[64], kind[64];
	struct triage_keys keys = {class, country, size, kind};
	struct triage_key key[64];

	for (unsigned i = 0; i < 64; i++) {
		uint32_t at = (uint32_t)(uint32_t)kit_random(random) & table->bucket_mask;

		id[i] = i % 4 == 0 ? (uint32_t)kit_random(random) : table->buckets[at].id[i % TABLE_WAYS];
	}
	table_find_tenants(table, id, 64, slot, class);
	for (unsigned i = 0; i < 64; i++) {
		key[i] = (struct triage_key){.class = class[i],
					     .country = (uint16_t)kit_random_below(random, WEIR_N_COUNTRIES),
					     .size = (uint16_t)kit_random(random), .small = (uint8_t)kit_random(random)};
		country[i] = key[i].country;
		size[i] = key[i].size;
		kind[i] = key[i].small;
	}
	table_find_verdicts(table, &keys, 64, verdict);
	for (unsigned i = 0; i < 64; i++) {
		need(verdict[i] <= table->header->n_rules && verdict[i] == table_find_verdict(table, &key[i]));
		need(slot[i] == TENANT_SLOT_NONE || slot[i] < table_count(table, TABLE_TENANT_NAMES));
		need(slot[i] == TENANT_SLOT_NONE ? class[i] == 0 : id[i] != 0);
		if (slot[i] != TENANT_SLOT_NONE)
			need(strlen(table_string(table, table->tenant_names[slot[i]])) < table_count(table, TABLE_STRINGS));
		(void)table_blocks4(table, (uint32_t)kit_random(random));
		(void)table_blocks6(table, kit_random(random), kit_random(random));
	}
}

// Every domain and name that is there is found, by the text that stands there; others are looked for.
static void look_up_words(const struct table *table, uint64_t *random)
{
	struct word word[WORD_BURST];
	uint32_t domain[WORD_BURST], name[WORD_BURST], class;
	uint8_t bytes[300];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)kit_random(random);
	for (unsigned i = 0; i < WORD_BURST; i++) {
		const struct word_bucket *buckets = i % 2 == 0 ? table->domains : table->names;
		uint32_t at = (uint32_t)kit_random(random) & (i % 2 == 0 ? table->domain_mask : table->name_mask);
		const struct word_slot *slot = &buckets[at].slot[i / 2 % TABLE_WORD_WAYS];
		uint32_t random_length = kit_random_below(random, sizeof(bytes) + 1);

		word[i] = i % 8 < 6 ? (struct word){table_string(table, slot->string), slot->length} :
				      (struct word){bytes, random_length};
		if (i % 8 < 6 && slot->length != 0)
			need((i % 2 == 0 ? table_find_domain(table, word[i].bytes, word[i].length) :
					   table_find_tenant_name(table, word[i].bytes, word[i].length)) == slot->tenant);
	}
	table_find_domains(table, word, WORD_BURST, domain);
	table_find_tenant_names(table, word, WORD_BURST, name);
	for (unsigned i = 0; i < WORD_BURST; i++) {
		need(domain[i] == table_find_domain(table, word[i].bytes, word[i].length));
		need(name[i] == table_find_tenant_name(table, word[i].bytes, word[i].length));
		need(name[i] == 0 || table_find_tenant(table, name[i], &class) != TENANT_SLOT_NONE);
	}
}

// Countries of addresses, at bounds of the tree and anywhere.
static void look_up_addresses(const struct table *table, uint64_t *random)
{
	struct geo_address address[GEO_BURST];
	uint16_t country[GEO_BURST];

	for (unsigned i = 0; i < GEO_BURST; i++) {
		const struct geo_tree *tree = i % 2 == 0 ? &table->geo4 : &table->geo6;
		uint64_t high = kit_random(random);

		if (tree->n > 0 && i % 8 < 6) {
			uint32_t bound = kit_random_below(random, tree->n);

			high = tree->blocks[bound / TABLE_GEO_WAYS].key[bound % TABLE_GEO_WAYS] - (i % 8 < 2);
		}
		if (i % 2 == 0)
			high = high >> 32 << 32;
		address[i] = (struct geo_address){.high = high, .low = kit_random(random), .version = i % 2 == 0 ? 4 : 6};
	}
	address[1].high = UINT64_MAX;
	table_find_address_countries(table, address, GEO_BURST, country);
	for (unsigned i = 0; i < GEO_BURST; i++) {
		uint64_t bytes[2] = {__builtin_bswap64(address[i].high), __builtin_bswap64(address[i].low)};
		uint32_t row = table_find_address_row(table, &address[i]);

		need(country[i] == table_find_address_country(table, address[i].version, bytes));
		need(country[i] < WEIR_N_COUNTRIES || country[i] == WEIR_COUNTRY_NONE);
		if (country[i] != WEIR_COUNTRY_NONE) {
			need(row >> TABLE_GEO_ROW_BITS < table_count(table, TABLE_GEO_FILES));
			need(strlen(table_string(table, table->geo_files[row >> TABLE_GEO_ROW_BITS].path)) <
			     table_count(table, TABLE_STRINGS));
		}
	}
}

// Follows every verdict to what it names.
static void follow_verdicts(const struct table *table, uint64_t *random)
{
	for (uint32_t i = 0; i <= table->header->n_rules; i++) {
		const struct verdict *verdict = &table->verdicts[i];
		size_t n = strlen(table_string(table, table->rule_names[i]));

		if (verdict->action == WEIR_ACT_FORWARD) {
			const struct table_pool *pool = &table->pools[verdict->target];

			for (unsigned k = 0; pool->n_maglev > 0 && k < 4; k++) {
				unsigned member = table_find_member(table, pool, (uint32_t)kit_random(random));

				need(member < pool->n_members);
				need(table->members[pool->member + member].mac[0] % 2 == 0);
				n = strlen(table_string(table, table->members[pool->member + member].name));
			}
			if (pool->health != TABLE_NONE)
				n += strlen(table_string(table, table->health[pool->health].command));
		} else if (verdict->action == WEIR_ACT_REPLY) {
			const struct table_reply *reply = &table->replies[verdict->target];

			n += (unsigned char)table_string(table, reply->text)[reply->text_length];
		} else if (verdict->action == WEIR_ACT_AGENTS) {
			n += strlen(table_string(table, table->queues[verdict->target].name));
		} else {
			n += strlen(table_string(table, table->reasons[verdict->target]));
		}
		if (verdict->meter != TABLE_NONE)
			need(table->meters[verdict->meter].rate > 0);
		need(n < table_count(table, TABLE_STRINGS) + 256);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct table_image *sound;
	size_t image_size, n_patches;
	uint64_t random = size;
	struct table table;
	char why[160];
	uint8_t *image;
	void *room = NULL;

	if (size == 0)
		return 0;
	sound = sound_image(data[0] % N_IMAGES);
	image_size = data[0] == RAW ? size - 1 : sound->size - data[0] / N_IMAGES * 32u;
	n_patches = data[0] == RAW ? 0 : (size - 1) / PATCH_BYTES;
	need(posix_memalign(&room, 64, image_size) == 0); // to the byte, so that ASan sees a step too far
	image = room;
	memcpy(image, data[0] == RAW ? data + 1 : sound->data, image_size);
	for (size_t i = 0; i < n_patches && i < MAX_PATCHES; i++)
		patch(image, image_size, data + 1 + i * PATCH_BYTES, sound->data);
	mend(image, image_size);
	if (table_open(&table, image, image_size, why, sizeof(why)) == 0) {
		for (unsigned i = 0; i < N_KEYS / 64; i++)
			look_up_burst(&table, &random);
		look_up_words(&table, &random);
		look_up_addresses(&table, &random);
		follow_verdicts(&table, &random);
	}
	free(image);
	return 0;
}
