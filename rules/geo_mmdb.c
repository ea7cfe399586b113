// SPDX-License-Identifier: BSD-3-Clause
//
// MaxMind DB files (https://maxmind.github.io/MaxMind-DB/, format 2.0): metadata, search tree, data. Read as if an
// enemy wrote them: every offset is checked, nothing recurses but by address bits, no node is visited twice, and what
// values there are to be passed over is bounded. docs/decisions/040-country-by-address.md says why not by libmaxminddb.

#include <stdlib.h>
#include <string.h>

#include "rules/geo.h"

enum { METADATA_MAX = 128 << 10, SEPARATOR = 16, MAX_WORK = 1000000000, MAX_WALK_BITS = 128, CACHE = 1 << 16 };
enum mmdb_type { MMDB_EXTENDED, MMDB_POINTER, MMDB_TEXT, MMDB_UINT16 = 5, MMDB_UINT32, MMDB_MAP, MMDB_UINT64 = 9,
		 MMDB_ARRAY = 11, MMDB_BOOLEAN = 14 };

static const char marker[] = "\xab\xcd\xef" "MaxMind.com";
enum { MARKER = sizeof(marker) - 1 };

struct data { // a section of values
	const uint8_t *bytes;
	size_t size;
	uint64_t *work; // values that may still be passed over
};

struct value {
	enum mmdb_type type;
	uint32_t size; // bytes of a text or number, elements of a map or array, the target of a pointer
	size_t at;     // of what it holds
};

struct mmdb {
	struct geo_reader *geo;
	const uint8_t *tree;
	struct data data;
	uint32_t n_nodes, record_bits, bits, four; // `four`: the node of ::/96, or n_nodes
	uint64_t *visited;                         // a bit for each node
	uint64_t work;
	struct {
		size_t at; // offset + 1, 0: empty
		int country;
	} cache[CACHE];
	const char *why; // of what was refused
};

static const uint8_t *find_marker(const uint8_t *data, size_t length)
{
	size_t window = length < METADATA_MAX ? length : METADATA_MAX;
	const uint8_t *from = data + (length - window), *found = NULL, *next;

	while ((next = memmem(from, (size_t)(data + length - from), marker, MARKER)) != NULL) {
		found = next;
		from = next + 1;
	}
	return found;
}

bool geo_is_mmdb(const uint8_t *data, size_t length)
{
	return find_marker(data, length) != NULL;
}

// Big-endian number of `n` bytes at `at`, which is passed over. False past the end.
static bool take_number(const struct data *data, size_t *at, unsigned n, uint64_t *number)
{
	if (n > 8 || *at > data->size || data->size - *at < n)
		return false;
	for (*number = 0; n > 0; n--)
		*number = *number << 8 | data->bytes[(*at)++];
	return true;
}

static bool take_pointer(const struct data *data, uint8_t control, size_t *at, uint32_t *target)
{
	static const uint32_t base[] = {0, 2048, 526336, 0};
	unsigned size = control >> 3 & 3;
	uint64_t number;

	if (!take_number(data, at, size + 1, &number))
		return false;
	if (size < 3)
		number |= (uint64_t)(control & 7) << 8 * (size + 1);
	number += base[size];
	*target = (uint32_t)number;
	return number < data->size;
}

// The value at `*at`, which moves behind its head. False where there is none.
static bool take_value(const struct data *data, size_t *at, struct value *value)
{
	static const uint32_t base[] = {29, 285, 65821};
	uint64_t control, number = 0;

	if (*data->work == 0 || !take_number(data, at, 1, &control))
		return false;
	--*data->work;
	*value = (struct value){.type = (enum mmdb_type)(control >> 5), .size = control & 31};
	if (value->type == MMDB_POINTER)
		return take_pointer(data, (uint8_t)control, at, &value->size);
	if (value->type == MMDB_EXTENDED) {
		if (!take_number(data, at, 1, &number) || number == 0 || number > 8)
			return false;
		value->type = (enum mmdb_type)(number + 7);
	}
	if (value->size >= 29) {
		unsigned n = value->size - 28;

		if (!take_number(data, at, n, &number))
			return false;
		value->size = base[n - 1] + (uint32_t)number;
	}
	value->at = *at;
	if (value->type == MMDB_MAP || value->type == MMDB_ARRAY || value->type == MMDB_BOOLEAN)
		return true;
	if (value->size > data->size - *at)
		return false;
	*at += value->size;
	return true;
}

// The value at `*at` or, where it is a pointer, what that points to.
static bool take_target(const struct data *data, size_t *at, struct value *value)
{
	size_t target;

	if (!take_value(data, at, value))
		return false;
	if (value->type != MMDB_POINTER)
		return true;
	target = value->size;
	return take_value(data, &target, value) && value->type != MMDB_POINTER; // a pointer to a pointer is none
}

// Moves `*at` behind the value there, with all that is in it.
static bool pass_value(const struct data *data, size_t *at)
{
	struct value value;

	for (uint64_t left = 1; left > 0; left--) {
		if (!take_value(data, at, &value))
			return false;
		if (value.type == MMDB_MAP)
			left += 2 * (uint64_t)value.size;
		if (value.type == MMDB_ARRAY)
			left += value.size;
	}
	return true;
}

// The value of `key` in a map: 1, 0 where it is not there, -1 for a map that is none.
static int find_key(const struct data *data, const struct value *map, const char *key, struct value *found)
{
	size_t at = map->at;
	struct value name;

	if (map->type != MMDB_MAP)
		return -1;
	for (uint32_t i = 0; i < map->size; i++) {
		if (!take_target(data, &at, &name) || name.type != MMDB_TEXT)
			return -1;
		if (name.size == strlen(key) && memcmp(data->bytes + name.at, key, name.size) == 0)
			return take_target(data, &at, found) ? 1 : -1;
		if (!pass_value(data, &at))
			return -1;
	}
	return 0;
}

static bool find_number(const struct data *data, const struct value *map, const char *key, uint32_t *number)
{
	struct value value;
	uint64_t wide;

	if (find_key(data, map, key, &value) != 1 || value.size > 4 ||
	    (value.type != MMDB_UINT16 && value.type != MMDB_UINT32))
		return false;
	if (!take_number(data, &value.at, value.size, &wide))
		return false;
	*number = (uint32_t)wide;
	return true;
}

// Country of a record: country.iso_code, as in the files of MaxMind and DB-IP, or country_code. A record without
// either is of no country.
static int record_country(struct mmdb *mmdb, size_t at)
{
	struct value record, country, code;
	int found;

	if (!take_target(&mmdb->data, &at, &record) || record.type != MMDB_MAP)
		return -1;
	found = find_key(&mmdb->data, &record, "country", &country);
	if (found == 1)
		found = country.type == MMDB_TEXT ? (code = country, 1) :
						    find_key(&mmdb->data, &country, "iso_code", &code);
	else if (found == 0)
		found = find_key(&mmdb->data, &record, "country_code", &code);
	if (found <= 0)
		return found == 0 ? WEIR_COUNTRY_NONE : -1;
	return code.type == MMDB_TEXT ?
		       geo_country(mmdb->geo, 0, (const char *)mmdb->data.bytes + code.at, code.size) :
		       -1;
}

// Many networks share one record, so what was found of the last ones is kept.
static int find_country(struct mmdb *mmdb, size_t at)
{
	size_t place = at * 0x9e3779b1u % CACHE;

	if (mmdb->cache[place].at != at + 1) {
		mmdb->cache[place].country = record_country(mmdb, at);
		mmdb->cache[place].at = at + 1;
	}
	return mmdb->cache[place].country;
}

static uint32_t record_at(const struct mmdb *mmdb, uint32_t node, unsigned side)
{
	const uint8_t *at = mmdb->tree + (size_t)node * mmdb->record_bits / 4;

	if (mmdb->record_bits == 24)
		return (uint32_t)at[3 * side] << 16 | (uint32_t)at[3 * side + 1] << 8 | at[3 * side + 2];
	if (mmdb->record_bits == 32)
		return (uint32_t)at[4 * side] << 24 | (uint32_t)at[4 * side + 1] << 16 |
		       (uint32_t)at[4 * side + 2] << 8 | at[4 * side + 3];
	if (side == 0)
		return (uint32_t)(at[3] >> 4) << 24 | (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
	return (uint32_t)(at[3] & 15) << 24 | (uint32_t)at[4] << 16 | (uint32_t)at[5] << 8 | at[6];
}

static bool refuse(struct mmdb *mmdb, const char *why)
{
	mmdb->why = why;
	return false;
}

static bool put_network(struct mmdb *mmdb, unsigned __int128 prefix, unsigned depth, uint32_t record)
{
	size_t at = (size_t)record - mmdb->n_nodes - SEPARATOR;
	unsigned host = mmdb->bits - depth;
	struct geo_range range = {.first = prefix};
	bool six = mmdb->bits == 128 && (depth < 96 || prefix >> 32 != 0);
	int country;

	if (record < mmdb->n_nodes + SEPARATOR || at >= mmdb->data.size)
		return refuse(mmdb, "a record lies outside the data");
	country = find_country(mmdb, at);
	if (country < 0)
		return refuse(mmdb, mmdb->work == 0 ? "its records are too many or too large" :
						      "a record is damaged, or its country is no country code");
	range.last = prefix | (host == 128 ? ~(unsigned __int128)0 : ((unsigned __int128)1 << host) - 1);
	range.country = (uint16_t)country;
	range.row = TABLE_GEO_ROW(mmdb->geo->number, six || mmdb->bits == 32 ? depth : depth - 96);
	return geo_put(mmdb->geo, six, &range);
}

// The networks under a record at `depth`. The tree of IPv4 is in that of IPv6 more than once (6to4, Teredo,
// ::ffff:0:0/96): it is read where it comes first, at ::/96.
static bool walk(struct mmdb *mmdb, uint32_t record, unsigned __int128 prefix, unsigned depth)
{
	unsigned __int128 one;

	if (record == mmdb->n_nodes)
		return true;
	if (record > mmdb->n_nodes)
		return put_network(mmdb, prefix, depth, record);
	if (mmdb->visited[record / 64] >> record % 64 & 1)
		return record == mmdb->four ? true : refuse(mmdb, "its search tree is no tree");
	if (depth == mmdb->bits)
		return refuse(mmdb, "its search tree is deeper than an address is long");
	mmdb->visited[record / 64] |= UINT64_C(1) << record % 64;
	if (depth == 96 && prefix == 0)
		mmdb->four = record;
	one = prefix | (unsigned __int128)1 << (mmdb->bits - depth - 1);
	return walk(mmdb, record_at(mmdb, record, 0), prefix, depth + 1) &&
	       walk(mmdb, record_at(mmdb, record, 1), one, depth + 1);
}

static bool open_metadata(struct mmdb *mmdb, const uint8_t *file, const uint8_t *end, size_t length)
{
	const uint8_t *start = find_marker(file, length) + MARKER;
	struct data metadata = {.bytes = start, .size = (size_t)(file + length - start), .work = &mmdb->work};
	uint32_t version = 0, ip_version = 0;
	struct value map;
	size_t at = 0;

	if (!take_value(&metadata, &at, &map) ||
	    !find_number(&metadata, &map, "binary_format_major_version", &version) ||
	    !find_number(&metadata, &map, "node_count", &mmdb->n_nodes) ||
	    !find_number(&metadata, &map, "record_size", &mmdb->record_bits) ||
	    !find_number(&metadata, &map, "ip_version", &ip_version))
		return refuse(mmdb, "its metadata is damaged");
	if (version != 2 || (ip_version != 4 && ip_version != 6) || mmdb->n_nodes == 0 ||
	    (mmdb->record_bits != 24 && mmdb->record_bits != 28 && mmdb->record_bits != 32))
		return refuse(mmdb, "its metadata says what no version 2.0 of the format has");
	mmdb->bits = ip_version == 4 ? 32 : MAX_WALK_BITS;
	mmdb->tree = file;
	at = (size_t)mmdb->n_nodes * mmdb->record_bits / 4 + SEPARATOR;
	if (at > (size_t)(end - file))
		return refuse(mmdb, "its search tree is larger than the file");
	mmdb->data = (struct data){.bytes = file + at, .size = (size_t)(end - file) - at, .work = &mmdb->work};
	mmdb->four = mmdb->n_nodes;
	return true;
}

void geo_read_mmdb(struct geo_reader *geo, const uint8_t *data, size_t length)
{
	struct mmdb *mmdb = calloc(1, sizeof(*mmdb));
	bool good;

	if (mmdb == NULL) {
		reader_out_of_memory(geo->reader);
		return;
	}
	mmdb->geo = geo;
	mmdb->work = MAX_WORK;
	good = open_metadata(mmdb, data, find_marker(data, length), length);
	if (good) {
		mmdb->visited = calloc((size_t)mmdb->n_nodes / 64 + 1, sizeof(*mmdb->visited));
		good = mmdb->visited != NULL ? walk(mmdb, 0, 0, 0) : reader_out_of_memory(geo->reader);
	}
	if (!good && mmdb->why != NULL)
		geo_report(geo, DIAG_ERROR, 0, "is it whole?", "this MaxMind DB cannot be read: %s", mmdb->why);
	free(mmdb->visited);
	free(mmdb);
}
