// SPDX-License-Identifier: BSD-3-Clause
//
// Format of the compiled rule table: one position-independent image, the same bytes for the same
// rule file. The control plane writes it into a sealed memfd, weirctl into a file; the dataplane
// validates it once (table_open) and then looks up without checks (lookup.h).
//
//   tenant id ─hash─► bucket ─► tenant class ─┬► group block ─► row of (country class) ─► cell of (small class)
//                                             └► named block ─► row …                  ─► cell
//   cell ─► verdict index, or a leaf (steps over payload size) ─► verdict index;   verdict = the smaller index
//
// The rules that a tenant meets fall in two: those without a tenant key or by its groups (group
// block) and those that name it (named block). First match over the whole file is the smaller of the
// two first matches, since verdict indices are rule positions. That keeps the table from multiplying
// named tenants with generic rules. docs/rules.md has the reasons and the sizes.
//
// All integers are little-endian host order, all offsets are from the start of the image, every
// section starts on a 64-byte boundary, and all padding is zero.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/abi/names.h"

#define TABLE_MAGIC UINT64_C(0x31656c6261746877) // "whtable1"
#define TABLE_ABI 4u
#define TABLE_NONE 0xffffffffu   // "none" in a 32-bit index
#define TABLE_NONE16 0xffffu     // "none" in a 16-bit index
#define TABLE_LEAF 0x80000000u   // flag of a cell: the rest is a leaf index, not a verdict index
enum { TABLE_WAYS = 8, TABLE_WORD_WAYS = 4, TABLE_STEPS = 9, TABLE_SMALL = 256, TABLE_MAX_LEAF_DEPTH = 6,
       TABLE_GEO_WAYS = 8, TABLE_GEO_LEVELS = 12, TABLE_GEO_MAX_FILES = 16 };

// Sections; X(name, element type).
#define TABLE_SECTIONS(X)                            \
	X(STRINGS, char)                             \
	X(TENANT_BUCKETS, struct tenant_bucket)      \
	X(TENANT_NAMES, uint32_t)                    \
	X(DOMAINS, struct word_bucket)               \
	X(NAMES, struct word_bucket)                 \
	X(TENANT_CLASSES, struct tenant_class)       \
	X(KEYS, struct table_key)                    \
	X(BLOCKS, struct class_block)                \
	X(DIRS, uint16_t)                            \
	X(CELLS, uint32_t)                           \
	X(LEAVES, struct table_leaf)                 \
	X(VERDICTS, struct verdict)                  \
	X(RULE_NAMES, uint32_t)                      \
	X(METERS, struct table_meter)                \
	X(ZONES, struct table_zone)                  \
	X(POOLS, struct table_pool)                  \
	X(MEMBERS, struct table_member)              \
	X(HEALTH, struct table_health)               \
	X(MAGLEV, uint16_t)                          \
	X(QUEUES, struct table_queue)                \
	X(REPLIES, struct table_reply)               \
	X(REASONS, uint32_t)                         \
	X(BLOCKED4, struct blocked4_range)           \
	X(BLOCKED6, struct blocked6_range)           \
	X(GEO4_BLOCKS, struct geo_block)             \
	X(GEO4_COUNTRIES, uint16_t)                  \
	X(GEO4_ROWS, uint32_t)                       \
	X(GEO6_BLOCKS, struct geo_block)             \
	X(GEO6_COUNTRIES, uint16_t)                  \
	X(GEO6_ROWS, uint32_t)                       \
	X(GEO_SPLITS, struct geo_split)              \
	X(GEO_FILES, struct geo_source)

enum table_section_id {
#define X(name, type) TABLE_##name,
	TABLE_SECTIONS(X)
#undef X
	TABLE_N_SECTIONS
};

struct table_section {
	uint64_t offset; // from the start of the image, multiple of 64
	uint64_t n;      // elements
};

struct table_header {
	uint64_t magic;
	uint32_t abi;
	uint32_t crc;    // CRC-32C of every byte of the image after this field
	uint64_t size;   // of the whole image in bytes
	uint32_t bucket_bits;       // 2^bucket_bits tenant buckets
	uint32_t n_tenants;
	uint32_t n_domains;         // of all tenants
	uint32_t n_rules;           // without the default; verdict n_rules is the default,
				    // verdict n_rules + 1 is "no rule": larger than any, never a result
	uint16_t n_country_classes;
	uint16_t n_small_classes;
	struct table_section section[TABLE_N_SECTIONS];
	uint16_t country_class[WEIR_N_COUNTRIES];
	uint8_t small_class[TABLE_SMALL]; // by small key: protocol << 6 | priority << 4 | channel
	uint64_t blocked4_any[1024]; // bit (address >> 16): some blocked range touches this /16
	uint64_t blocked6_any[1024]; // bit (first 16 address bits): likewise
};

// Slot of a tenant: bucket * TABLE_WAYS + way. A tenant is in bucket hash1(id), or, only where that
// one is full, in bucket hash2(id) (lookup.h). Empty ways have id 0, which no tenant has.
struct tenant_bucket {
	uint32_t id[TABLE_WAYS];
	uint32_t class[TABLE_WAYS]; // index into TENANT_CLASSES
};
static_assert(sizeof(struct tenant_bucket) == 64, "a bucket is one cache line");

// A domain or a name and the tenant that it belongs to. A word is in the bucket of its hash, or, only where that
// one is full, in its other bucket (lookup_words.h). Empty slots are zero; no word has length 0.
struct word_slot {
	uint32_t tag;    // high half of the word's hash
	uint32_t string; // offset into STRINGS; a domain is in lower case there
	uint32_t tenant; // id; a domain's is not checked to be in the table, and is that of an unknown tenant then
	uint16_t length; // bytes
	uint16_t reserved;
};

struct word_bucket { // 2^bits of them, at least one
	struct word_slot slot[TABLE_WORD_WAYS];
};
static_assert(sizeof(struct word_bucket) == 64, "a bucket is one cache line");

// Tenants that are alike to every rule, with the same rate, home and (for keyed tenants, which are
// never alike) key. Class 0 is the unknown tenant.
struct tenant_class {
	uint32_t group_block; // index into BLOCKS; decides always (ends in the default)
	uint32_t named_block; // index into BLOCKS; block 0 decides never
	uint32_t key;         // index into KEYS, or TABLE_NONE
	uint32_t meter;       // index into METERS, or TABLE_NONE
	uint16_t home;        // country index or WEIR_COUNTRY_NONE
	uint16_t reserved;
	uint32_t reserved2;
	uint64_t named_countries; // bit (country class % 64): named_block may decide there; where it is not set,
				  // look-ups leave named_block out
};
static_assert(sizeof(struct tenant_class) == 32, "two classes a cache line");

struct table_key {
	uint8_t bytes[16];
};

// cell of (country class c, small class s) = CELLS[(row + DIRS[dir + c]) * n_small_classes + s]
struct class_block {
	uint32_t dir; // index into DIRS of n_country_classes entries: row number within the block
	uint32_t row; // first row of the block
};

// Steps over payload size: cell[i] where i = number of bounds that are <= size; unused bounds are
// 0xffff with the last used cell repeated after them, so that size 0xffff still falls on it.
// A cell is a verdict index or TABLE_LEAF | leaf (with a larger index than this leaf's own).
struct table_leaf {
	uint16_t bound[TABLE_STEPS - 1];
	uint32_t cell[TABLE_STEPS];
	uint32_t reserved[3];
};
static_assert(sizeof(struct table_leaf) == 64, "a leaf is one cache line");

struct verdict {
	uint8_t action;       // enum weir_action
	uint8_t set_priority; // or 0xff
	uint8_t exceed;       // enum weir_action: DROP, REPLY or AGENTS
	uint8_t exceed_named; // 1: the rule says so itself, and it holds where its pool has no live member too
	uint16_t target;      // POOLS, QUEUES, REPLIES or REASONS index by action
	uint16_t exceed_target;
	uint16_t copy;        // QUEUES index or TABLE_NONE16
	uint16_t zone;        // zone of the pool forwarded to, or TABLE_NONE16
	uint32_t meter;       // index into METERS, or TABLE_NONE
};
static_assert(sizeof(struct verdict) == 16, "four verdicts a cache line");

struct table_meter {
	uint32_t rate;  // messages a second, at least 1
	uint32_t burst; // messages, at least 1
};

struct table_zone {
	uint32_t name; // offset into STRINGS, here and below
};

// How a message reaches a pool's members (docs/decisions/013-forwarding-modes.md).
#define WEIR_FORWARD_MODES(X) X(MODE_L2, "l2") X(MODE_IPIP, "ipip") X(MODE_GUE, "gue") X(MODE_NAT, "nat")

enum weir_forward_mode {
#define X(name, text) WEIR_##name,
	WEIR_FORWARD_MODES(X)
#undef X
	WEIR_N_FORWARD_MODES
};

struct table_pool {
	uint32_t name;
	uint32_t port_name;  // offset, 0: by port_index
	uint16_t port_index;
	uint16_t zone;       // or TABLE_NONE16
	uint32_t member;     // first of n_members in MEMBERS
	uint32_t n_members;  // at least 1
	uint32_t maglev;     // first of n_maglev in MAGLEV: member number within the pool
	uint32_t n_maglev;   // 0: the table gives no member's mac; 1: one member; else n_slots
	uint32_t n_slots;    // size of its consistent hash, here and in routes.h: 1, or a prime
	uint8_t mode;        // enum weir_forward_mode
	uint8_t standby;     // 1: active-standby, members with `standby` get traffic only where no other lives
	uint16_t fail_back;  // seconds that a member that came back waits before it takes over again
	uint32_t health;     // index into HEALTH, or TABLE_NONE: members are taken to live
	uint8_t source[16];  // network order: outer source of ipip and gue, else the service address of
			     // nat that replies come from; zero: none
	uint8_t source_family; // 4, 6 or 0
	uint8_t eject_errors;  // a member is ejected at so many ICMP errors (docs/decisions/020-passive-ejection.md)
	uint16_t eject_base;   // seconds of the first time; it doubles up to eject_max. All four are 0: never
	uint32_t eject_interval_ms; // in which the errors come
	uint16_t eject_max;
	uint16_t reserved;
};
static_assert(sizeof(struct table_pool) == 68, "no padding");

struct table_member {
	uint32_t name;
	uint8_t address[16]; // network order
	uint8_t family;      // 4 or 6
	uint8_t standby;     // 1: see table_pool
	uint8_t mac[6];      // zero: the next hop to `address`, which the control plane finds (routes.h)
	uint16_t weight;
	uint16_t reserved;
};

#define WEIR_PROBES(X)                                                           \
	X(PROBE_NATIVE, "native") X(PROBE_SIP, "sip") X(PROBE_COAP, "coap") \
	X(PROBE_TCP, "tcp") X(PROBE_COMMAND, "command")

enum weir_probe {
#define X(name, text) WEIR_##name,
	WEIR_PROBES(X)
#undef X
	WEIR_N_PROBES
};

// How the control plane finds out whether a pool's members live.
struct table_health {
	uint8_t probe; // enum weir_probe
	uint8_t up;    // probes in a row that succeed before a member counts as up, 1 to 255
	uint8_t down;  // that fail, before it counts as down
	uint8_t jitter; // percent of the interval, 0 to 50
	uint16_t port; // destination of the probe; 0: command
	uint16_t reserved;
	uint32_t interval_ms, timeout_ms; // timeout < interval
	uint32_t command; // offset into STRINGS; 0: none
};
static_assert(sizeof(struct table_health) == 20, "no padding");

struct table_queue {
	uint32_t name;
	uint16_t zone;    // or TABLE_NONE16
	uint16_t routing; // enum queue_routing
};

struct table_reply {
	uint32_t name;
	uint32_t text;        // offset
	uint32_t text_length; // bytes, at most 512
	uint32_t retry_after; // seconds
	uint32_t status;      // enum weir_status
};

struct blocked4_range { // inclusive, host order, disjoint, sorted
	uint32_t first, last;
};

struct blocked6_range { // inclusive, disjoint, sorted; [0] the high half, host order
	uint64_t first[2], last[2];
};

// Country by source address, one tree a family. Bounds are addresses at which another country, or none, begins: the
// first is 0, and they ascend. A key is an IPv4 address in the high half of 64 bits, or the first half of an IPv6
// address. The blocks of level 0 hold all keys; a block of level k+1 holds the first keys of blocks 9b+1 to 9b+8 of
// level k. Level 0 comes first, unused keys are all ones, and the top level is one block.
//
// Countries and rows are by number of the bound: a country index, WEIR_COUNTRY_NONE, or TABLE_GEO_SPLIT where several
// countries share one /64 of IPv6, whose bounds stand in GEO_SPLITS.
struct geo_block {
	uint64_t key[TABLE_GEO_WAYS];
};
static_assert(sizeof(struct geo_block) == 64, "a block is one cache line");

#define TABLE_GEO_SPLIT 0xfffeu

struct geo_split { // ascending by (high, low); each /64 begins with low 0
	uint64_t high, low;
	uint16_t country; // index or WEIR_COUNTRY_NONE
	uint16_t reserved;
	uint32_t row;
};

// What gave a bound its country: TABLE_NONE for no country, else the file (top four bits) and, of CSV, the line,
// of a MaxMind DB, the prefix length of the network.
#define TABLE_GEO_ROW_BITS 28u
#define TABLE_GEO_ROW(file, place) ((uint32_t)(file) << TABLE_GEO_ROW_BITS | (uint32_t)(place))

enum geo_kind { GEO_CSV, GEO_MMDB };

struct geo_source {
	uint32_t path; // offset into STRINGS
	uint32_t kind; // enum geo_kind
};

// The tree of one family, opened.
struct geo_tree {
	const struct geo_block *blocks;
	const uint16_t *countries;
	const uint32_t *rows;
	uint32_t n;        // bounds, 0: no data
	uint32_t n_levels;
	uint32_t level[TABLE_GEO_LEVELS]; // its first block
};

// An image opened for look-ups: pointers into it. Private to a process.
struct table {
	const struct table_header *header;
	const char *strings;
	const struct tenant_bucket *buckets;
	const struct word_bucket *domains, *names;
	const struct tenant_class *tenant_classes;
	const struct table_key *keys;
	const struct class_block *blocks;
	const uint16_t *dirs;
	const uint32_t *cells;
	const struct table_leaf *leaves;
	const struct verdict *verdicts;
	const struct table_meter *meters;
	const struct table_zone *zones;
	const struct table_pool *pools;
	const struct table_member *members;
	const struct table_health *health;
	const uint16_t *maglev;
	const struct table_queue *queues;
	const struct table_reply *replies;
	const uint32_t *reasons;    // string offsets
	const uint32_t *rule_names; // string offsets, n_rules + 1 (the default's is "default")
	const uint32_t *tenant_names; // string offsets by slot, 0 in empty slots
	const struct blocked4_range *blocked4;
	const struct blocked6_range *blocked6;
	struct geo_tree geo4, geo6;
	const struct geo_split *geo_splits;
	const struct geo_source *geo_files;
	uint32_t bucket_mask, domain_mask, name_mask;
};

// Checks an image as if an enemy wrote it (sizes, alignment, magic, ABI, checksum, every offset and
// index, leaf chains, tenants in the bucket that a look-up probes) and fills `table`. `image` stays the
// caller's, aligned to 64 bytes, and must outlive `table`, unchanged. Returns 0, -EINVAL or, without memory
// for the check, -ENOMEM, with one line of reason in `why` (up to `size` bytes). Any thread.
int table_open(struct table *table, const void *image, size_t image_size, char *why, size_t size);

// CRC-32C (Castagnoli) of `n` bytes, continuing from `crc` (start with 0).
uint32_t table_crc(uint32_t crc, const void *data, size_t n);

static inline const char *table_string(const struct table *table, uint32_t offset)
{
	return table->strings + offset;
}

static inline uint64_t table_count(const struct table *table, enum table_section_id id)
{
	return table->header->section[id].n;
}
