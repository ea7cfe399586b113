// SPDX-License-Identifier: BSD-3-Clause
//
// Writes MaxMind DB files: a binary tree in memory, then its nodes, the records, the metadata.

#include "tests/kit/mmdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NODES = 400000, MAX_CODES = 700, EMPTY = -1 };

struct maker {
	int (*node)[2]; // a node, EMPTY, or -2 - number of a code
	int n_nodes;
	char code[MAX_CODES][3];
	size_t offset[MAX_CODES]; // of the records in the data
	int n_codes;
	FILE *out;
};

static int code_number(struct maker *make, const char *country)
{
	for (int i = 0; i < make->n_codes; i++)
		if (strcmp(make->code[i], country) == 0)
			return i;
	snprintf(make->code[make->n_codes], sizeof(make->code[0]), "%s", country);
	return make->n_codes++;
}

// A new node whose sides both are what was there.
static int add_node(struct maker *make, int was)
{
	if (make->n_nodes == MAX_NODES)
		abort();
	make->node[make->n_nodes][0] = make->node[make->n_nodes][1] = was;
	return make->n_nodes++;
}

static void put(struct maker *make, const uint8_t *bits, unsigned length, int what)
{
	int at = 0;

	for (unsigned i = 0; i < length; i++) {
		int *side = &make->node[at][bits[i / 8] >> (7 - i % 8) & 1];

		if (i + 1 == length) {
			*side = what;
			return;
		}
		if (*side < 0)
			*side = add_node(make, *side);
		at = *side;
	}
}

static void put_network(struct maker *make, const struct kit_mmdb *shape, const struct kit_network *network)
{
	uint8_t bits[16] = {0};
	int what = -2 - code_number(make, network->country);

	if (network->version == 6) {
		if (shape->ip_version == 6)
			put(make, network->address, network->length, what);
		return;
	}
	memcpy(bits + (shape->ip_version == 6 ? 12 : 0), network->address, 4);
	put(make, bits, network->length + (shape->ip_version == 6 ? 96 : 0), what);
}

static int four_node(const struct maker *make)
{
	int at = 0;

	for (unsigned i = 0; i < 96 && at >= 0; i++)
		at = make->node[at][0];
	return at;
}

static void head(FILE *out, unsigned type, unsigned size)
{
	unsigned small = size < 29 ? size : size < 285 ? 29 : 30;

	if (type < 8)
		fputc((int)(type << 5 | small), out);
	else {
		fputc((int)small, out);
		fputc((int)type - 7, out);
	}
	if (small == 29)
		fputc((int)size - 29, out);
	if (small == 30) {
		fputc((int)(size - 285) >> 8, out);
		fputc((int)(size - 285) & 255, out);
	}
}

static void text(FILE *out, const char *what)
{
	head(out, 2, (unsigned)strlen(what));
	fputs(what, out);
}

static void number(FILE *out, unsigned type, unsigned bytes, uint32_t value)
{
	head(out, type, bytes);
	while (bytes-- > 0)
		fputc((int)(value >> 8 * bytes & 255), out);
}

// To the first 2,047 bytes of the data.
static void pointer(FILE *out, size_t to)
{
	fputc((int)(1 << 5 | to >> 8), out);
	fputc((int)(to & 255), out);
}

// What stands before "country" in the files there are: to be passed over.
static void continent(FILE *out)
{
	text(out, "continent");
	head(out, 7, 3);
	text(out, "code");
	text(out, "EU");
	text(out, "geoname_id");
	number(out, 6, 4, 6255148);
	text(out, "names");
	head(out, 11, 2);
	text(out, "a name of some length, so that its head has a byte more");
	head(out, 14, 1);
}

// "country" and "iso_code" stand at the start of the data, for KIT_MMDB_POINTERS.
static void record(struct maker *make, enum kit_mmdb_style style, int i)
{
	FILE *out = make->out;
	size_t code = (size_t)ftell(out);

	if (style == KIT_MMDB_POINTERS && i < 200)
		text(out, make->code[i]);
	make->offset[i] = (size_t)ftell(out);
	head(out, 7, make->code[i][0] == '\0' ? 1 : 2);
	continent(out);
	if (make->code[i][0] == '\0')
		return;
	if (style == KIT_MMDB_FLAT) {
		text(out, "country_code");
		text(out, make->code[i]);
		return;
	}
	if (style == KIT_MMDB_POINTERS)
		pointer(out, 0);
	else
		text(out, "country");
	head(out, 7, 2);
	text(out, "geoname_id");
	number(out, 6, 2, 1000);
	if (style == KIT_MMDB_POINTERS)
		pointer(out, 8);
	else
		text(out, "iso_code");
	if (style == KIT_MMDB_POINTERS && i < 200 && code < 2048)
		pointer(out, code);
	else
		text(out, make->code[i]);
}

static char *make_data(struct maker *make, enum kit_mmdb_style style, size_t *size)
{
	char *data;

	make->out = open_memstream(&data, size);
	text(make->out, "country");
	text(make->out, "iso_code");
	for (int i = 0; i < make->n_codes; i++)
		record(make, style, i);
	fclose(make->out);
	return data;
}

static uint32_t record_value(const struct maker *make, int side)
{
	if (side >= 0)
		return (uint32_t)side;
	return (uint32_t)make->n_nodes + (side == EMPTY ? 0 : 16 + (uint32_t)make->offset[-2 - side]);
}

static void write_node(const struct maker *make, unsigned bits, const int node[2])
{
	uint32_t left = record_value(make, node[0]), right = record_value(make, node[1]);

	for (int shift = bits == 32 ? 24 : 16; shift >= 0; shift -= 8)
		fputc((int)(left >> shift & 255), make->out);
	if (bits == 28)
		fputc((int)(left >> 24 << 4 | right >> 24), make->out);
	for (int shift = bits == 32 ? 24 : 16; shift >= 0; shift -= 8)
		fputc((int)(right >> shift & 255), make->out);
}

static void write_metadata(const struct maker *make, const struct kit_mmdb *shape)
{
	fputs("\xab\xcd\xefMaxMind.com", make->out);
	head(make->out, 7, 9);
	text(make->out, "binary_format_major_version");
	number(make->out, 5, 1, 2);
	text(make->out, "binary_format_minor_version");
	number(make->out, 5, 0, 0);
	text(make->out, "build_epoch");
	number(make->out, 9, 4, 1700000000);
	text(make->out, "database_type");
	text(make->out, "Test-Country");
	text(make->out, "description");
	head(make->out, 7, 1);
	text(make->out, "en");
	text(make->out, "Made for a test");
	text(make->out, "ip_version");
	number(make->out, 5, 1, shape->ip_version);
	text(make->out, "languages");
	head(make->out, 11, 1);
	text(make->out, "en");
	text(make->out, "node_count");
	number(make->out, 6, 4, (uint32_t)make->n_nodes);
	text(make->out, "record_size");
	number(make->out, 5, 1, shape->record_bits);
}

uint8_t *kit_mmdb_make(const struct kit_mmdb *shape, const struct kit_network *network, size_t n, size_t *size)
{
	static const uint8_t mapped[16] = {[10] = 0xff, 0xff}, six_to_four[16] = {0x20, 0x02}, four[16];
	struct maker *make = calloc(1, sizeof(*make));
	size_t data_size;
	char *data, *file;

	make->node = calloc(MAX_NODES, sizeof(*make->node));
	add_node(make, EMPTY);
	for (size_t i = 0; i < n; i++)
		put_network(make, shape, &network[i]);
	if (shape->ip_version == 6 && four_node(make) >= 0) {
		put(make, mapped, 96, four_node(make));
		put(make, six_to_four, 16, four_node(make));
	}
	data = make_data(make, shape->style, &data_size);
	make->out = open_memstream(&file, size);
	for (int i = 0; i < make->n_nodes; i++)
		write_node(make, shape->record_bits, make->node[i]);
	fwrite(four, 1, 16, make->out); // sixteen zeros
	fwrite(data, 1, data_size, make->out);
	write_metadata(make, shape);
	fclose(make->out);
	free(data);
	free(make->node);
	free(make);
	return (uint8_t *)file;
}
