// SPDX-License-Identifier: BSD-3-Clause
//
// The image while it is written; private to image.c (counts and lays out), image_fill.c,
// image_words.c, image_geo.c and image_pools.c (fill).
#pragma once

#include "rules/build.h"
#include "rules/words.h"

struct geo_build { // bounds of a family
	uint64_t *key;
	uint16_t *country;
	uint32_t *row;
	struct geo_split *split;
	uint32_t n, n_splits;
	uint64_t n_blocks;
};

struct image_work {
	struct build *build;
	const struct rule_set *rules;
	unsigned char *image;
	struct table_header *header; // at the start of the image
	size_t size, string_at;
	uint32_t *slots; // placement of the tenants
	unsigned bucket_bits;
	struct word_list domains, names;
	uint32_t *name_at; // offset of each tenant's name into STRINGS
	struct blocked4_range *blocked4;
	struct blocked6_range *blocked6;
	struct geo_build geo4, geo6;
	uint64_t n[TABLE_N_SECTIONS];
};

// Fills every section of an image that is laid out; `meter` has the number of each rule's meter. Returns 0
// or -ENOMEM.
int image_fill(struct image_work *work, const uint32_t *meter);

// Where a section is.
void *image_section(const struct image_work *work, enum table_section_id id);

// Puts a string where the last one ended and returns its offset; NULL and "" are offset 0.
uint32_t image_put_string(struct image_work *work, const char *string);

// Size of a pool's consistent hash, and how many slots of it the table itself has.
uint32_t image_pool_slots(const struct pool_def *pool);
uint32_t image_count_maglev(const struct pool_def *pool);

// Fills POOLS, MEMBERS, HEALTH and MAGLEV. 0 or -ENOMEM.
int image_fill_pools(struct image_work *work);

// Fills DOMAINS and NAMES, after the tenants.
void image_fill_words(struct image_work *work);

// Bounds of the ranges of one family. 0 or -ENOMEM; geo_build_fini in either case.
int geo_build_init(struct geo_build *build, const struct geo_range *range, uint32_t n, bool six);
void geo_build_fini(struct geo_build *build);

// Fills the sections GEO*.
void image_fill_geo(struct image_work *work);
