// SPDX-License-Identifier: BSD-3-Clause
//
// Routes images: checked as if an enemy wrote them, and made from a table and what is known of its
// members. The sections lie one after the other: pools, members, slots, neighbours.
#include "rules/routes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/maglev.h"
#include "rules/table_check.h"

enum { ALIGN = 64, MTU_MIN = 68 }; // RFC 791: every link takes 68 bytes

static const size_t crc_end = offsetof(struct routes_header, crc) + sizeof(uint32_t);

static uint64_t aligned(uint64_t n)
{
	return (n + ALIGN - 1) & ~(uint64_t)(ALIGN - 1);
}

// Fills in where the sections are, and the size, from the counts.
static void lay_out(struct routes_header *header)
{
	header->pools = aligned(sizeof(*header));
	header->members = aligned(header->pools + header->n_pools * sizeof(struct route_pool));
	header->slots = aligned(header->members + header->n_members * sizeof(struct route_member));
	header->neighbours = aligned(header->slots + header->n_slots * sizeof(uint16_t));
	header->size =
		aligned(header->neighbours + header->n_neighbours * sizeof(struct route_neighbour));
}

static void attach(struct routes *routes, const void *image)
{
	const struct routes_header *header = image;
	const char *base = image;

	*routes = (struct routes){
		.header = header,
		.pools = (const void *)(base + header->pools),
		.members = (const void *)(base + header->members),
		.slots = (const void *)(base + header->slots),
		.neighbours = (const void *)(base + header->neighbours),
	};
}

struct check {
	const struct routes *routes;
	const struct table *table;
	char *why;
	size_t size;
};

static int refuse(const struct check *check, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(const struct check *check, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (check->size > 0)
		vsnprintf(check->why, check->size, format, args);
	va_end(args);
	return -err;
}

static int check_frame(const struct check *check, const struct routes_header *header, size_t size)
{
	if ((uintptr_t)header % ALIGN != 0)
		return refuse(check, EINVAL, "the image is not aligned to %d bytes", ALIGN);
	if (size < sizeof(*header))
		return refuse(check, EINVAL, "%zu bytes are less than a header of routes", size);
	if (header->magic != ROUTES_MAGIC)
		return refuse(check, EINVAL, "these are no routes");
	if (header->abi != ROUTES_ABI)
		return refuse(check, EINVAL, "routes format %u, this program reads %u", header->abi,
			      ROUTES_ABI);
	if (header->size != size)
		return refuse(check, EINVAL, "%zu bytes, not as long as its header says", size);
	if (table_crc(0, (const char *)header + crc_end, size - crc_end) != header->crc)
		return refuse(check, EINVAL, "the checksum is wrong");
	return 0;
}

static int check_layout(const struct check *check, const struct routes_header *header)
{
	struct routes_header right = *header;

	if (header->table_crc != check->table->header->crc)
		return refuse(check, ESTALE, "they are for table %08x, not for %08x",
			      header->table_crc, check->table->header->crc);
	if (header->n_pools != table_count(check->table, TABLE_POOLS) ||
	    header->n_members != table_count(check->table, TABLE_MEMBERS))
		return refuse(check, EINVAL, "%u pools and %u members, the table has others",
			      header->n_pools, header->n_members);
	if (header->n_neighbours > ROUTES_MAX_NEIGHBOURS)
		return refuse(check, EINVAL, "%u neighbours are too many", header->n_neighbours);
	lay_out(&right);
	if (memcmp(&right, header, sizeof(right)) != 0)
		return refuse(check, EINVAL, "a section is out of place");
	return 0;
}

static int check_members(const struct check *check)
{
	static const uint8_t none[6];

	for (uint32_t i = 0; i < check->routes->header->n_members; i++) {
		const struct route_member *member = &check->routes->members[i];

		if (!table_mac_good(member->mac) && memcmp(member->mac, none, sizeof(none)) != 0)
			return refuse(check, EINVAL, "member %u: its next hop is a group", i);
		if (member->state >= ROUTE_N_STATES || (member->mtu != 0 && member->mtu < MTU_MIN))
			return refuse(check, EINVAL, "member %u: state or MTU out of range", i);
	}
	return 0;
}

// The slots of pool `i` begin where those before end.
static int check_pool(const struct check *check, uint32_t i, uint64_t *slot)
{
	const struct table_pool *of = &check->table->pools[i];
	const struct route_pool *pool = &check->routes->pools[i];

	if (pool->slot != *slot || pool->n_slots > check->routes->header->n_slots - *slot)
		return refuse(check, EINVAL, "pool %u: slots out of range", i);
	if (pool->n_slots > 1 && pool->n_slots != of->n_slots)
		return refuse(check, EINVAL, "pool %u: %u slots, the table says %u", i,
			      pool->n_slots, of->n_slots);
	for (uint64_t end = *slot + pool->n_slots; *slot < end; ++*slot) {
		unsigned member = check->routes->slots[*slot];

		if (member >= of->n_members)
			return refuse(check, EINVAL, "pool %u: a slot has no member", i);
		if (!table_mac_good(check->routes->members[of->member + member].mac))
			return refuse(check, EINVAL,
				      "pool %u: a slot has a member without next hop", i);
	}
	return 0;
}

static int check_pools(const struct check *check)
{
	uint64_t slot = 0;
	int err = 0;

	for (uint32_t i = 0; err == 0 && i < check->routes->header->n_pools; i++)
		err = check_pool(check, i, &slot);
	if (err == 0 && slot != check->routes->header->n_slots)
		err = refuse(check, EINVAL, "%u slots, the pools have others",
			     check->routes->header->n_slots);
	return err;
}

int route_neighbour_compare(const struct route_neighbour *a, const struct route_neighbour *b)
{
	int order = (int)a->family - (int)b->family;

	if (order == 0)
		order = memcmp(a->address, b->address, sizeof(a->address));
	return order != 0 ? order : (int)a->length - (int)b->length;
}

static bool prefix_good(const struct route_neighbour *neighbour)
{
	if (neighbour->length > (neighbour->family == 4 ? 32 : 128))
		return false;
	for (unsigned bit = neighbour->length; bit < 128; bit++)
		if (neighbour->address[bit / 8] >> (7 - bit % 8) & 1)
			return false;
	return neighbour->family == 4 || neighbour->family == 6;
}

static int check_neighbours(const struct check *check)
{
	for (uint32_t i = 0; i < check->routes->header->n_neighbours; i++) {
		const struct route_neighbour *neighbour = &check->routes->neighbours[i];

		if (!prefix_good(neighbour) || !table_mac_good(neighbour->mac))
			return refuse(check, EINVAL,
				      "neighbour %u: prefix or MAC address out of range", i);
		if (i > 0 && route_neighbour_compare(neighbour - 1, neighbour) >= 0)
			return refuse(check, EINVAL, "neighbour %u is out of order", i);
	}
	return 0;
}

int routes_open(struct routes *routes, const struct table *table, const void *image, size_t size,
		char *why, size_t why_size)
{
	const struct check check = {
		.routes = routes, .table = table, .why = why, .size = why_size
	};
	int err = check_frame(&check, image, size);

	memset(routes, 0, sizeof(*routes));
	if (err == 0)
		err = check_layout(&check, image);
	if (err != 0)
		return err;
	attach(routes, image);
	err = check_members(&check);
	if (err == 0)
		err = check_pools(&check);
	if (err == 0)
		err = check_neighbours(&check);
	if (err != 0)
		memset(routes, 0, sizeof(*routes));
	return err;
}

// The members of a pool as they take slots: those that are up, with a next hop and a weight.
static void find_takers(const struct table *table, const struct table_pool *pool,
			const struct routes_input *input, struct maglev_member *taker)
{
	for (uint32_t i = 0; i < pool->n_members; i++) {
		const struct routes_input *of = &input[pool->member + i];
		bool takes = of->member.state == ROUTE_UP && table_mac_good(of->member.mac);

		taker[i].name = table_string(table, table->members[pool->member + i].name);
		taker[i].weight = takes ? of->weight : 0;
	}
}

// What routes_make works on: `taker` has room for the largest pool.
struct making {
	const struct table *table;
	const struct routes_input *input;
	struct maglev_member *taker;
	struct routes_header header;
};

static uint32_t count_slots(struct making *make, uint32_t pool)
{
	const struct table_pool *of = &make->table->pools[pool];

	find_takers(make->table, of, make->input, make->taker);
	return maglev_count(make->taker, of->n_members, of->n_slots);
}

static int make_taker(struct making *make)
{
	uint32_t largest = 1;

	for (uint32_t i = 0; i < make->header.n_pools; i++)
		if (make->table->pools[i].n_members > largest)
			largest = make->table->pools[i].n_members;
	make->taker = calloc(largest, sizeof(*make->taker));
	return make->taker == NULL ? -ENOMEM : 0;
}

static int fill(struct making *make, char *image, const struct route_neighbour *neighbours)
{
	struct routes_header *header = (void *)image;
	struct route_pool *pool = (void *)(image + make->header.pools);
	struct route_member *member = (void *)(image + make->header.members);
	uint16_t *slot = (void *)(image + make->header.slots);
	uint32_t at = 0;
	int err = 0;

	memset(image, 0, make->header.size);
	*header = make->header;
	for (uint32_t i = 0; i < header->n_members; i++)
		member[i] = make->input[i].member;
	for (uint32_t i = 0; err == 0 && i < header->n_pools; i++) {
		pool[i] = (struct route_pool){ .slot = at, .n_slots = count_slots(make, i) };
		if (pool[i].n_slots > 0)
			err = maglev_fill(make->taker, make->table->pools[i].n_members, slot + at,
					  pool[i].n_slots);
		at += pool[i].n_slots;
	}
	if (header->n_neighbours > 0)
		memcpy(image + header->neighbours, neighbours,
		       header->n_neighbours * sizeof(*neighbours));
	header->crc = table_crc(0, image + crc_end, header->size - crc_end);
	return err;
}

int routes_make(const struct table *table, const struct routes_input *input,
		const struct route_neighbour *neighbours, uint32_t n_neighbours,
		struct routes_image *image)
{
	struct making make = { .table = table, .input = input };
	char *data = NULL;
	int err;

	make.header =
		(struct routes_header){ .magic = ROUTES_MAGIC,
					.abi = ROUTES_ABI,
					.table_crc = table->header->crc,
					.n_pools = (uint32_t)table_count(table, TABLE_POOLS),
					.n_members = (uint32_t)table_count(table, TABLE_MEMBERS),
					.n_neighbours = n_neighbours };
	if (n_neighbours > ROUTES_MAX_NEIGHBOURS)
		return -E2BIG;
	err = make_taker(&make);
	for (uint32_t i = 0; err == 0 && i < make.header.n_pools; i++)
		make.header.n_slots += count_slots(&make, i);
	lay_out(&make.header);
	if (err == 0) {
		data = aligned_alloc(ALIGN, make.header.size);
		err = data == NULL ? -ENOMEM : fill(&make, data, neighbours);
	}
	free(make.taker);
	if (err == 0)
		*image = (struct routes_image){ data, make.header.size };
	else
		free(data);
	return err;
}
