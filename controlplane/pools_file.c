// SPDX-License-Identifier: BSD-3-Clause
//
// state_dir/NAME/pools.json: what is known of members and pools, and what operators want of them, over a
// restart. Times in it are the wall's. It is written beside, synced and renamed, so that it is whole or the
// one before; what in it cannot be is left out, and said. Loop's thread.
#include "controlplane/pools_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controlplane/file_put.h"
#include "controlplane/log.h"

enum { FILE_VERSION = 1, EJECT_MAX_MS = 3600 * 1000 };

// A moment of our clock as one of the wall's, and back; what lies ahead is now.
static json_int_t to_wall(uint64_t at_ms)
{
	uint64_t now = pools_now_ms(), ago = now > at_ms ? now - at_ms : 0;

	return (json_int_t)(pools_wall_ms() - ago);
}

static uint64_t from_wall(json_int_t wall_ms)
{
	uint64_t now = pools_now_ms(), wall = pools_wall_ms(),
		 at = wall_ms > 0 ? (uint64_t)wall_ms : 0;
	uint64_t ago = wall > at ? wall - at : 0;

	return now > ago ? now - ago : 0;
}

static const char *text(const json_t *object, const char *key, size_t max)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value && strlen(value) <= max ? value : NULL;
}

static bool is_old(uint64_t seen_ms)
{
	return pools_now_ms() - seen_ms > (uint64_t)MEMBER_FORGET_S * 1000;
}

// An ejection that was written by ejection_json; what cannot be is none.
static void read_ejection(struct ejection *ejection, const json_t *object)
{
	json_int_t ms = json_integer_value(json_object_get(object, "for_ms")),
		   times = json_integer_value(json_object_get(object, "times")),
		   cause = json_integer_value(json_object_get(object, "cause"));

	if (ms <= 0 || ms > EJECT_MAX_MS || times <= 0 || times > UINT8_MAX || cause < 0 ||
	    cause >= WEIR_N_UNREACHABLE_CAUSES)
		return;
	*ejection = (struct ejection){
		.out = true,
		.times = (uint8_t)times,
		.cause = (uint8_t)cause,
		.since_ms = from_wall(json_integer_value(json_object_get(object, "since"))),
		.for_ms = (uint64_t)ms,
	};
}

static bool read_member(struct pools *pools, const json_t *object)
{
	const char *pool = text(object, "pool", WEIR_NAME_MAX),
		   *name = text(object, "member", WEIR_NAME_MAX);
	const char *error = text(object, "error", PROBE_WHY - 1);
	const json_t *weight = json_object_get(object, "weight"),
		     *live = json_object_get(object, "live_since");
	json_int_t n = json_is_integer(weight) ? json_integer_value(weight) : POOLS_WEIGHT_OF_FILE;
	struct member *member;

	if (!pool || !name || !*pool || !*name || !json_is_boolean(json_object_get(object, "up")) ||
	    n < POOLS_WEIGHT_OF_FILE || n > POOLS_WEIGHT_MAX)
		return false;
	member = pools_member_get(pools, pool, name);
	if (!member)
		return false;
	member->vitals.up = json_is_true(json_object_get(object, "up"));
	member->vitals.since_ms = from_wall(json_integer_value(json_object_get(object, "since")));
	snprintf(member->vitals.error, sizeof(member->vitals.error), "%s", error ? error : "");
	member->drained = json_is_true(json_object_get(object, "drained"));
	member->weight = (int)n;
	member->seen_ms = from_wall(json_integer_value(json_object_get(object, "seen")));
	read_ejection(&member->ejection, json_object_get(object, "ejected"));
	member->live = json_is_integer(live);
	member->live_ms = member->live ? from_wall(json_integer_value(live)) : 0;
	return true;
}

static bool read_pool(struct pools *pools, const json_t *object)
{
	const char *name = text(object, "pool", WEIR_NAME_MAX);
	struct pool_memory *memory = name && *name ? pools_memory_get(pools, name) : NULL;

	if (!memory)
		return false;
	memory->on_standby = json_is_true(json_object_get(object, "on_standby"));
	memory->seen_ms = from_wall(json_integer_value(json_object_get(object, "seen")));
	return true;
}

void pools_file_read(struct pools *pools)
{
	json_t *root, *object;
	json_error_t error;
	unsigned bad = 0;
	size_t i;

	if (access(pools->path, F_OK) < 0)
		return; // the first start
	root = json_load_file(pools->path, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(root) ||
	    json_integer_value(json_object_get(root, "version")) != FILE_VERSION) {
		log_error("%s:%d: %s: members count as up until they are probed", pools->path,
			  root ? 1 : error.line, root ? "not a file of this version" : error.text);
		json_decref(root);
		return;
	}
	json_array_foreach (json_object_get(root, "members"), i, object)
		bad += !read_member(pools, object);
	json_array_foreach (json_object_get(root, "pools"), i, object)
		bad += !read_pool(pools, object);
	if (bad)
		log_error("%s: %u entries cannot be and are left out", pools->path, bad);
	json_decref(root);
}

// What the walks over the trees fill.
struct writing {
	json_t *members, *pools;
};

static json_t *ejection_json(const struct ejection *ejection)
{
	return json_pack("{s:I, s:I, s:i, s:i}", "since", to_wall(ejection->since_ms), "for_ms",
			 (json_int_t)ejection->for_ms, "times", (int)ejection->times, "cause",
			 (int)ejection->cause);
}

static void put_member(const void *node, VISIT visit, void *argument)
{
	const struct member *member = *(struct member *const *)node;
	struct writing *writing = argument;
	json_t *object;

	if ((visit != postorder && visit != leaf) || (!member->present && is_old(member->seen_ms)))
		return;
	object = json_pack("{s:s, s:s, s:b, s:I, s:s, s:b, s:I}", "pool", member->pool, "member",
			   member->name, "up", (int)member->vitals.up, "since",
			   to_wall(member->vitals.since_ms), "error", member->vitals.error,
			   "drained", (int)member->drained, "seen",
			   to_wall(member->present ? pools_now_ms() : member->seen_ms));
	if (member->weight != POOLS_WEIGHT_OF_FILE)
		json_object_set_new(object, "weight", json_integer(member->weight));
	if (member->ejection.out)
		json_object_set_new(object, "ejected", ejection_json(&member->ejection));
	if (member->live)
		json_object_set_new(object, "live_since", json_integer(to_wall(member->live_ms)));
	json_array_append_new(writing->members, object);
}

static void put_pool(const void *node, VISIT visit, void *argument)
{
	const struct pool_memory *memory = *(struct pool_memory *const *)node;
	struct writing *writing = argument;

	if ((visit != postorder && visit != leaf) || is_old(memory->seen_ms) || !memory->on_standby)
		return;
	json_array_append_new(writing->pools,
			      json_pack("{s:s, s:b, s:I}", "pool", memory->name, "on_standby", 1,
					"seen", to_wall(memory->seen_ms)));
}

int pools_file_write(struct pools *pools)
{
	struct writing writing = { json_array(), json_array() };
	json_t *root;
	char *out;
	int err;

	twalk_r(pools->members, put_member, &writing);
	twalk_r(pools->memories, put_pool, &writing);
	root = json_pack("{s:i, s:I, s:o, s:o}", "version", FILE_VERSION, "written",
			 (json_int_t)pools_wall_ms(), "members", writing.members, "pools",
			 writing.pools);
	out = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	err = out ? file_put(pools->path, out, strlen(out)) : -ENOMEM;
	free(out);
	json_decref(root);
	return err;
}
