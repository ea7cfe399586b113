// SPDX-License-Identifier: BSD-3-Clause
//
// What table_open refuses, and why it says so.

// cmocka.h needs these three before it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/lookup.h"
#include "tests/kit/tables.h"

struct fixture {
	struct kit_table kit;
	unsigned char *image; // a copy to spoil
	size_t size;
	struct table_header *header;
	char why[160];
};

static struct fixture fix;

static int set_up(void **state)
{
	const struct kit_rules_shape shape = {.n_rules = 30, .n_tenants = 40, .n_groups = 3, .n_zones = 2, .n_pools = 3,
					      .n_queues = 2, .named_percent = 40, .grouped_percent = 40,
					      .sized_percent = 90, .wide_percent = 50, .n_bounds = 40,
					      .names_a_rule = 5, .rare_percent = 20, .zone_percent = 50};

	kit_table_open(&fix.kit, &shape, 11);
	fix.size = fix.kit.image.size;
	fix.image = aligned_alloc(64, fix.size);
	assert_non_null(fix.image);
	memcpy(fix.image, fix.kit.image.data, fix.size);
	fix.header = (struct table_header *)(void *)fix.image;
	return 0;
}

static int tear_down(void **state)
{
	free(fix.image);
	kit_table_close(&fix.kit);
	return 0;
}

static int reopen(size_t size)
{
	struct table table;
	int err = table_open(&table, fix.image, size, fix.why, sizeof(fix.why));

	assert_true(err != 0 || table.header == fix.header);
	return err;
}

// Opens the spoilt image with a good checksum; then makes it whole again.
static void expect_refusal(const char *why)
{
	size_t crc_end = offsetof(struct table_header, crc) + sizeof(fix.header->crc);

	fix.header->crc = table_crc(0, fix.image + crc_end, fix.size - crc_end);
	assert_int_equal(reopen(fix.size), -EINVAL);
	if (strstr(fix.why, why) == NULL)
		fail_msg("refused for \"%s\", not for \"%s\"", fix.why, why);
	memcpy(fix.image, fix.kit.image.data, fix.size);
	assert_int_equal(reopen(fix.size), 0);
}

static void *section(enum table_section_id id)
{
	assert_true(fix.header->section[id].n > 0);
	return fix.image + fix.header->section[id].offset;
}

static void checksum_is_crc32c(void **state)
{
	// RFC 3720, appendix B.4
	unsigned char zeros[32] = {0}, ones[32], rising[32];

	for (unsigned i = 0; i < 32; i++) {
		ones[i] = 0xff;
		rising[i] = (unsigned char)i;
	}
	assert_int_equal(table_crc(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(table_crc(0, ones, 32), 0x62a8ab43);
	assert_int_equal(table_crc(table_crc(0, rising, 13), rising + 13, 19), 0x46dd794e);
}

static void truncated_image_is_refused(void **state)
{
	for (size_t size = 0; size < fix.size; size += 61)
		assert_int_equal(reopen(size), -EINVAL);
	fix.header->size = fix.size - 64;
	assert_int_equal(reopen(fix.size - 64), -EINVAL);
	memcpy(fix.image, fix.kit.image.data, fix.size);
}

static void flipped_bit_is_refused(void **state)
{
	uint64_t random = kit_seed();

	for (unsigned i = 0; i < 500; i++) {
		uint32_t at = kit_random_below(&random, (uint32_t)fix.size);
		unsigned char bit = (unsigned char)(1u << kit_random_below(&random, 8));

		fix.image[at] ^= bit;
		assert_int_equal(reopen(fix.size), -EINVAL);
		fix.image[at] ^= bit;
	}
	assert_int_equal(reopen(fix.size), 0);
}

static void other_format_is_refused(void **state)
{
	fix.header->magic++;
	expect_refusal("no rule table");
	fix.header->abi++;
	expect_refusal("table format");
	fix.header->section[TABLE_CELLS].offset += 64;
	expect_refusal("section CELLS is out of place");
	fix.header->section[TABLE_LEAVES].n = UINT64_MAX / 2;
	expect_refusal("section LEAVES passes the end");
	fix.header->bucket_bits = 40;
	expect_refusal("tenant buckets");
	fix.header->n_rules++;
	expect_refusal("VERDICTS");
}

static void path_that_leads_nowhere_is_refused(void **state)
{
	uint32_t n_rules = fix.header->n_rules, n_leaves = (uint32_t)fix.header->section[TABLE_LEAVES].n;

	((uint32_t *)section(TABLE_CELLS))[0] = n_rules + 2;
	expect_refusal("leads nowhere");
	((uint32_t *)section(TABLE_CELLS))[0] = TABLE_LEAF | n_leaves;
	expect_refusal("leads nowhere");
	((struct table_leaf *)section(TABLE_LEAVES))[0].cell[3] = TABLE_LEAF;
	expect_refusal("leads nowhere");
	((struct table_leaf *)section(TABLE_LEAVES))[0].bound[7] = 0;
	expect_refusal("bounds out of order");
	((uint16_t *)section(TABLE_DIRS))[0] = 0xffff;
	expect_refusal("no such row");
	((struct class_block *)section(TABLE_BLOCKS))[1].dir++;
	expect_refusal("no such dir");
	fix.header->country_class[17] = fix.header->n_country_classes;
	expect_refusal("country 17");
	fix.header->small_class[255] = (uint8_t)fix.header->n_small_classes;
	expect_refusal("small key 255");
}

static void group_block_that_does_not_decide_is_refused(void **state)
{
	struct tenant_class *class = section(TABLE_TENANT_CLASSES);

	class[1].group_block = 0;
	expect_refusal("does not decide");
}

static void chain_of_leaves_that_is_too_long_is_refused(void **state)
{
	struct table_leaf *leaf = section(TABLE_LEAVES);

	assert_true(fix.header->section[TABLE_LEAVES].n > TABLE_MAX_LEAF_DEPTH + 1);
	for (uint32_t i = 0; i <= TABLE_MAX_LEAF_DEPTH; i++)
		leaf[i].cell[0] = TABLE_LEAF | (i + 1);
	expect_refusal("too deep");
}

static unsigned taken_bucket(const struct tenant_bucket *bucket)
{
	unsigned at = 0;

	while (bucket[at].id[0] == 0)
		at++;
	return at;
}

static void tenant_where_no_look_up_finds_it_is_refused(void **state)
{
	struct tenant_bucket *bucket = section(TABLE_TENANT_BUCKETS);
	unsigned at = taken_bucket(bucket), to = at;

	do
		to = (to + 1) & ((1u << fix.header->bucket_bits) - 1);
	while (bucket[to].id[TABLE_WAYS - 1] != 0);
	for (unsigned way = 0; way < TABLE_WAYS; way++)
		if (bucket[to].id[way] == 0) {
			bucket[to].id[way] = bucket[at].id[0];
			bucket[to].class[way] = bucket[at].class[0];
			break;
		}
	expect_refusal("none looks");
	bucket[at].id[0] = 0;
	expect_refusal("an empty way has a class");
	fix.header->n_tenants--;
	expect_refusal("tenants, the header says");
}

static struct word_slot *taken_slot(enum table_section_id id)
{
	struct word_slot *slot = section(id);

	while (slot->length == 0)
		slot++;
	return slot;
}

// What a look-up would not find, or would find twice, is refused for `lost`.
static void spoil_words(enum table_section_id id, const char *lost)
{
	struct word_bucket *bucket = section(id);
	struct word_slot *slot = taken_slot(id);
	uint64_t n = fix.header->section[id].n, to = 0;

	slot->tag++;
	expect_refusal(lost);
	slot->length--;
	expect_refusal(lost);
	slot->length = 0;
	expect_refusal("a way is empty in part");
	slot->length = id == TABLE_NAMES ? 64 : 254;
	expect_refusal("text out of range");
	slot->string = (uint32_t)fix.header->section[TABLE_STRINGS].n - slot->length;
	expect_refusal("text out of range");
	slot->string = UINT32_MAX;
	expect_refusal("text out of range");
	slot->string = 0;
	expect_refusal("text out of range");
	slot->string++;
	expect_refusal(lost);
	slot->reserved = 1;
	expect_refusal("text out of range");
	slot->tenant = 0;
	expect_refusal("text out of range");
	while (bucket[to].slot[0].length != 0)
		to++;
	assert_true(to < n);
	bucket[to].slot[1] = *slot;
	expect_refusal("a gap before way 1");
	bucket[to].slot[0] = *slot; // and gone from where it was
	for (; slot[1].length != 0 && (size_t)(slot - bucket->slot) % TABLE_WORD_WAYS < TABLE_WORD_WAYS - 1; slot++)
		slot[0] = slot[1];
	memset(slot, 0, sizeof(*slot));
	expect_refusal(lost);
}

static void domain_where_no_look_up_finds_it_is_refused(void **state)
{
	struct word_bucket *bucket = section(TABLE_DOMAINS);
	unsigned to = 1;

	spoil_words(TABLE_DOMAINS, "twice in the table or where none looks");
	fix.header->n_domains++;
	expect_refusal("domains, the header says");
	((char *)section(TABLE_STRINGS))[taken_slot(TABLE_DOMAINS)->string] ^= 0x20;
	expect_refusal("where none looks");
	while (bucket->slot[0].length == 0 || bucket->slot[TABLE_WORD_WAYS - 1].length != 0)
		bucket++;
	while (bucket->slot[to].length != 0)
		to++;
	bucket->slot[to] = bucket->slot[0];
	fix.header->n_domains++;
	expect_refusal("twice in the table");
}

static void name_that_does_not_lead_to_its_tenant_is_refused(void **state)
{
	struct word_slot *slot = taken_slot(TABLE_NAMES), *other = slot + 1;
	uint32_t tenant = slot->tenant;

	spoil_words(TABLE_NAMES, "its name does not lead to it");
	while (other->length == 0)
		other++;
	slot->tenant = other->tenant;
	other->tenant = tenant;
	expect_refusal("its name does not lead to it");
	memset(section(TABLE_NAMES), 0, fix.header->section[TABLE_NAMES].n * sizeof(struct word_bucket));
	expect_refusal("0 names, the header says 40");
	fix.header->section[TABLE_NAMES].n--;
	expect_refusal("out of place");
}

static void spoil_tree(enum table_section_id blocks, const char *what)
{
	struct geo_block *block = section(blocks);
	uint16_t *country = section(blocks + 1);
	uint32_t *row = section(blocks + 2);
	uint64_t leaves = (fix.header->section[blocks + 1].n + TABLE_GEO_WAYS - 1) / TABLE_GEO_WAYS;

	assert_true(fix.header->section[blocks].n > leaves + 1); // two levels over the leaves
	block[0].key[0] = 1;
	expect_refusal("the first bound is not 0");
	block[0].key[3] = block[0].key[2];
	expect_refusal("bound 3 is out of order");
	block[leaves].key[2]++;
	expect_refusal("a branch of level 1 is wrong");
	block[fix.header->section[blocks].n - 1].key[TABLE_GEO_WAYS - 1] = 0;
	expect_refusal("is wrong");
	country[2] = WEIR_N_COUNTRIES;
	expect_refusal("the country of bound 2 is wrong");
	country[1] = TABLE_GEO_SPLIT;
	expect_refusal("the country of bound 1 is wrong");
	row[0] = TABLE_GEO_ROW(1, 1);
	expect_refusal("the country of bound 0 is wrong");
	assert_non_null(strstr(fix.why, what));
}

static void country_by_address_that_leads_nowhere_is_refused(void **state)
{
	struct geo_split *split = section(TABLE_GEO_SPLITS);
	uint64_t n = fix.header->section[TABLE_GEO_SPLITS].n;

	spoil_tree(TABLE_GEO4_BLOCKS, "IPv4");
	((struct geo_block *)section(TABLE_GEO4_BLOCKS))[0].key[2]++; // half an address
	expect_refusal("IPv4 addresses: bound 2 is out of order");
	spoil_tree(TABLE_GEO6_BLOCKS, "IPv6");
	split[0].low = 1;
	expect_refusal("IPv6 addresses: the country of bound");
	split[0].high++;
	expect_refusal("IPv6 addresses: the country of bound");
	split[1].low = 0;
	expect_refusal("IPv6 addresses: the country of bound");
	split[1].reserved = 1;
	expect_refusal("IPv6 addresses: the country of bound");
	split[1].country = TABLE_GEO_SPLIT;
	expect_refusal("IPv6 addresses: the country of bound");
	split[n - 1].high++;
	expect_refusal("a /64 that is not split");
	((struct geo_source *)section(TABLE_GEO_FILES))[0].path = UINT32_MAX;
	expect_refusal("path or kind out of range");
	((struct geo_source *)section(TABLE_GEO_FILES))[0].kind = 2;
	expect_refusal("path or kind out of range");
}

static void index_out_of_range_is_refused(void **state)
{
	struct verdict *verdict = section(TABLE_VERDICTS);
	struct table_pool *pool = section(TABLE_POOLS);

	((struct tenant_class *)section(TABLE_TENANT_CLASSES))[0].key = 0;
	expect_refusal("unknown tenant");
	((struct tenant_class *)section(TABLE_TENANT_CLASSES))[1].home = 676;
	expect_refusal("no such home");
	verdict[0].action = WEIR_N_ACTIONS;
	expect_refusal("rule 0");
	verdict[2].target = 1000;
	expect_refusal("rule 2");
	verdict[3].meter = 1000;
	expect_refusal("rule 3");
	pool[0].n_members = 0;
	expect_refusal("pool 0: members");
	pool[1].maglev++;
	expect_refusal("pool 1: maglev");
	pool[0].n_slots = 250;
	expect_refusal("pool 0: 250 slots are no prime");
	pool[0].mode = WEIR_MODE_IPIP;
	expect_refusal("pool 0: mode, source or redundancy");
	pool[0].health = 0;
	expect_refusal("pool 0: no such health check");
	pool[0].eject_errors = 1; // of mode l2
	expect_refusal("pool 0: ejection out of range");
	pool[1].eject_base = 1; // that never ejects
	expect_refusal("pool 1: ejection out of range");
	((uint16_t *)section(TABLE_MAGLEV))[0] = 500;
	expect_refusal("maglev slot has no member");
	memset(((struct table_member *)section(TABLE_MEMBERS))[0].mac, 0, 6);
	expect_refusal("maglev slot has a member without next hop");
	((struct table_member *)section(TABLE_MEMBERS))[0].mac[0] |= 1;
	expect_refusal("maglev slot has a member without next hop");
	verdict[1].exceed_named = 2;
	expect_refusal("rule 1: its verdict");
	((char *)section(TABLE_STRINGS))[0] = 'x';
	expect_refusal("strings");
	((uint32_t *)section(TABLE_RULE_NAMES))[1] = UINT32_MAX;
	expect_refusal("rule 1: name");
	((struct table_reply *)section(TABLE_REPLIES))[0].text_length = 513;
	expect_refusal("reply 0");
	fix.header->blocked4_any[3] = 1;
	expect_refusal("map of blocked IPv4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksum_is_crc32c),
		cmocka_unit_test(truncated_image_is_refused),
		cmocka_unit_test(flipped_bit_is_refused),
		cmocka_unit_test(other_format_is_refused),
		cmocka_unit_test(path_that_leads_nowhere_is_refused),
		cmocka_unit_test(group_block_that_does_not_decide_is_refused),
		cmocka_unit_test(chain_of_leaves_that_is_too_long_is_refused),
		cmocka_unit_test(tenant_where_no_look_up_finds_it_is_refused),
		cmocka_unit_test(domain_where_no_look_up_finds_it_is_refused),
		cmocka_unit_test(name_that_does_not_lead_to_its_tenant_is_refused),
		cmocka_unit_test(country_by_address_that_leads_nowhere_is_refused),
		cmocka_unit_test(index_out_of_range_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
