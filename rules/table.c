// SPDX-License-Identifier: BSD-3-Clause
//
// Opens a table image: everything that a look-up later takes for granted is checked here, once, as if
// an enemy had written the image. This file checks the frame (header, sections, checksum) and fills
// `struct table`; table_check.c checks what the sections say. Reads only; allocates only scratch space.

#include "rules/table.h"

#include <errno.h>
#include <nmmintrin.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rules/table_check.h"

enum { SECTION_ALIGN = 64, MAX_BUCKET_BITS = 28 };

static const char *const section_name[TABLE_N_SECTIONS] = {
#define X(name, type) #name,
	TABLE_SECTIONS(X)
#undef X
};

static const size_t section_element[TABLE_N_SECTIONS] = {
#define X(name, type) sizeof(type),
	TABLE_SECTIONS(X)
#undef X
};

uint32_t table_crc(uint32_t crc, const void *data, size_t n)
{
	const uint8_t *byte = data;
	uint64_t state = (uint32_t)~crc, word;

	for (; n >= sizeof(word); n -= sizeof(word), byte += sizeof(word)) {
		memcpy(&word, byte, sizeof(word));
		state = _mm_crc32_u64(state, word);
	}
	for (; n > 0; n--)
		state = _mm_crc32_u8((uint32_t)state, *byte++);
	return ~(uint32_t)state;
}

int table_refuse(struct table_check *check, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (check->why_size > 0)
		vsnprintf(check->why, check->why_size, format, args);
	va_end(args);
	return -EINVAL;
}

static int check_frame(struct table_check *check, const struct table_header *header, size_t image_size)
{
	size_t crc_end = offsetof(struct table_header, crc) + sizeof(header->crc);

	if ((uintptr_t)header % SECTION_ALIGN != 0)
		return table_refuse(check, "the image is not aligned to %d bytes", SECTION_ALIGN);
	if (image_size < sizeof(*header))
		return table_refuse(check, "%zu bytes are less than a table header", image_size);
	if (header->magic != TABLE_MAGIC)
		return table_refuse(check, "this is no rule table");
	if (header->abi != TABLE_ABI)
		return table_refuse(check, "table format %u, this program reads %u", header->abi, TABLE_ABI);
	if (header->size != image_size)
		return table_refuse(check, "%zu bytes, not as long as its header says", image_size);
	if (table_crc(0, (const char *)header + crc_end, image_size - crc_end) != header->crc)
		return table_refuse(check, "the checksum is wrong");
	return 0;
}

// Sections lie one after the other in the order of their ids, each on the next 64-byte boundary.
static int check_sections(struct table_check *check, const struct table_header *header)
{
	uint64_t at = (sizeof(*header) + SECTION_ALIGN - 1) & ~(uint64_t)(SECTION_ALIGN - 1);

	for (unsigned i = 0; i < TABLE_N_SECTIONS; i++) {
		const struct table_section *section = &header->section[i];

		if (section->offset != at || at > header->size)
			return table_refuse(check, "section %s is out of place", section_name[i]);
		if (section->n > (header->size - at) / section_element[i])
			return table_refuse(check, "section %s passes the end", section_name[i]);
		at += section->n * section_element[i];
		at = (at + SECTION_ALIGN - 1) & ~(uint64_t)(SECTION_ALIGN - 1);
	}
	if (at != header->size)
		return table_refuse(check, "the sections do not fill the image");
	return 0;
}

static const void *section_data(const struct table_header *header, enum table_section_id id)
{
	return (const char *)header + header->section[id].offset;
}

static void attach_sections(struct table *table, const struct table_header *header)
{
	*table = (struct table){
		.header = header,
		.strings = section_data(header, TABLE_STRINGS),
		.buckets = section_data(header, TABLE_TENANT_BUCKETS),
		.tenant_names = section_data(header, TABLE_TENANT_NAMES),
		.domains = section_data(header, TABLE_DOMAINS),
		.names = section_data(header, TABLE_NAMES),
		.tenant_classes = section_data(header, TABLE_TENANT_CLASSES),
		.keys = section_data(header, TABLE_KEYS),
		.blocks = section_data(header, TABLE_BLOCKS),
		.dirs = section_data(header, TABLE_DIRS),
		.cells = section_data(header, TABLE_CELLS),
		.leaves = section_data(header, TABLE_LEAVES),
		.verdicts = section_data(header, TABLE_VERDICTS),
		.rule_names = section_data(header, TABLE_RULE_NAMES),
		.meters = section_data(header, TABLE_METERS),
		.zones = section_data(header, TABLE_ZONES),
		.pools = section_data(header, TABLE_POOLS),
		.members = section_data(header, TABLE_MEMBERS),
		.health = section_data(header, TABLE_HEALTH),
		.maglev = section_data(header, TABLE_MAGLEV),
		.queues = section_data(header, TABLE_QUEUES),
		.replies = section_data(header, TABLE_REPLIES),
		.reasons = section_data(header, TABLE_REASONS),
		.blocked4 = section_data(header, TABLE_BLOCKED4),
		.blocked6 = section_data(header, TABLE_BLOCKED6),
		.geo4.blocks = section_data(header, TABLE_GEO4_BLOCKS),
		.geo4.countries = section_data(header, TABLE_GEO4_COUNTRIES),
		.geo4.rows = section_data(header, TABLE_GEO4_ROWS),
		.geo6.blocks = section_data(header, TABLE_GEO6_BLOCKS),
		.geo6.countries = section_data(header, TABLE_GEO6_COUNTRIES),
		.geo6.rows = section_data(header, TABLE_GEO6_ROWS),
		.geo_splits = section_data(header, TABLE_GEO_SPLITS),
		.geo_files = section_data(header, TABLE_GEO_FILES),
		.bucket_mask = (UINT32_C(1) << header->bucket_bits) - 1,
		.domain_mask = (uint32_t)header->section[TABLE_DOMAINS].n - 1,
		.name_mask = (uint32_t)header->section[TABLE_NAMES].n - 1,
	};
}

static bool bucket_count_good(uint64_t n)
{
	return n != 0 && n <= UINT64_C(1) << MAX_BUCKET_BITS && (n & (n - 1)) == 0;
}

// Counts that the header states twice.
static int check_counts(struct table_check *check, const struct table_header *header)
{
	const struct table_section *section = header->section;

	if (header->bucket_bits > MAX_BUCKET_BITS)
		return table_refuse(check, "2^%u tenant buckets are too many", header->bucket_bits);
	if (section[TABLE_TENANT_BUCKETS].n != UINT64_C(1) << header->bucket_bits)
		return table_refuse(check, "section TENANT_BUCKETS has not 2^%u buckets", header->bucket_bits);
	if (section[TABLE_TENANT_NAMES].n != section[TABLE_TENANT_BUCKETS].n * TABLE_WAYS)
		return table_refuse(check, "section TENANT_NAMES has not one name a slot");
	if (!bucket_count_good(section[TABLE_DOMAINS].n) || !bucket_count_good(section[TABLE_NAMES].n))
		return table_refuse(check, "section DOMAINS or NAMES has not 2^n buckets");
	if (header->n_rules >= TABLE_LEAF - 2)
		return table_refuse(check, "%u rules are too many", header->n_rules);
	if (section[TABLE_VERDICTS].n != (uint64_t)header->n_rules + 1)
		return table_refuse(check, "section VERDICTS has not one verdict a rule");
	if (section[TABLE_RULE_NAMES].n != (uint64_t)header->n_rules + 1)
		return table_refuse(check, "section RULE_NAMES has not one name a rule");
	return 0;
}

int table_open(struct table *table, const void *image, size_t image_size, char *why, size_t size)
{
	const struct table_header *header = image;
	struct table_check check = {.table = table, .why = why, .why_size = size};
	int err;

	memset(table, 0, sizeof(*table));
	err = check_frame(&check, header, image_size);
	if (err == 0)
		err = check_sections(&check, header);
	if (err == 0)
		err = check_counts(&check, header);
	if (err != 0)
		return err;
	attach_sections(table, header);
	err = table_check_targets(&check);
	if (err == 0)
		err = table_check_cells(&check);
	if (err == 0)
		err = table_check_tenants(&check);
	if (err == 0)
		err = table_check_words(&check);
	if (err == 0)
		err = table_check_geo(&check, table);
	if (err != 0)
		memset(table, 0, sizeof(*table));
	return err;
}
