// SPDX-License-Identifier: BSD-3-Clause
//
// The image while it is written; private to image.c (counts and lays out) and image_fill.c (fills).
#pragma once

#include "rules/build.h"

struct image_work {
	struct build *build;
	const struct rule_set *rules;
	unsigned char *image;
	struct table_header *header; // at the start of the image
	size_t size, string_at;
	uint32_t *slots; // placement of the tenants
	unsigned bucket_bits;
	struct blocked4_range *blocked4;
	struct blocked6_range *blocked6;
	uint64_t n[TABLE_N_SECTIONS];
};

// Fills every section of an image that is laid out; `meter` has the number of each rule's meter. Returns 0
// or -ENOMEM.
int image_fill(struct image_work *work, const uint32_t *meter);
