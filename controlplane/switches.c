// SPDX-License-Identifier: BSD-3-Clause
//
// Sets of route switches, and the file of the one in force. Refuses a file with an entry that cannot be: a switch that
// is half there would be worse than none.
#include "controlplane/switches.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/events.h"
#include "controlplane/file_put.h"
#include "controlplane/log.h"

enum { FILE_VERSION = 1, LOOK_S = 3600 };

struct switches {
	const char *path;
	struct switch_set *set;
	struct event *timer;
	void (*expired)(void *argument);
	void *argument;
};

static struct switch_set *set_make(unsigned n)
{
	struct switch_set *set = calloc(1, sizeof(*set) + n * sizeof(set->entry[0]));

	if (set)
		set->uses = 1;
	return set;
}

struct switch_set *switch_set_none(void)
{
	return set_make(0);
}

void switch_set_put(struct switch_set *set)
{
	if (set && --set->uses == 0)
		free(set);
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

json_t *switch_set_json(const struct switch_set *set)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < set->n; i++) {
		const struct switch_entry *e = &set->entry[i];

		json_array_append_new(
			array, json_pack("{s:s, s:s, s:o, s:s, s:I, s:o}", "from", e->from, "to",
					 e->to, "tenant", text_or_null(e->tenant), "who", e->who,
					 "since", (json_int_t)e->since_s, "until",
					 e->until_s ? json_integer(e->until_s) : json_null()));
	}
	return array;
}

static bool read_name(const json_t *object, const char *key, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text || strlen(text) >= size)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static bool read_entry(const json_t *object, struct switch_entry *e)
{
	const json_t *tenant = json_object_get(object, "tenant");

	e->since_s = json_integer_value(json_object_get(object, "since"));
	e->until_s = json_integer_value(json_object_get(object, "until"));
	return read_name(object, "from", e->from, sizeof(e->from)) &&
	       read_name(object, "to", e->to, sizeof(e->to)) &&
	       read_name(object, "who", e->who, sizeof(e->who)) && e->until_s >= 0 && *e->from &&
	       *e->to &&
	       (json_is_null(tenant) || read_name(object, "tenant", e->tenant, sizeof(e->tenant)));
}

// The set of a file; NULL where it is none.
static struct switch_set *read_set(const json_t *root)
{
	const json_t *list = json_object_get(root, "switches");
	size_t n = json_array_size(list);
	struct switch_set *set;

	if (json_integer_value(json_object_get(root, "version")) != FILE_VERSION ||
	    n > SWITCHES_MAX)
		return NULL;
	set = set_make((unsigned)n);
	for (size_t i = 0; set && i < n; i++)
		if (!read_entry(json_array_get(list, i), &set->entry[set->n++])) {
			switch_set_put(set);
			return NULL;
		}
	return set;
}

static struct switch_set *read_file(const char *path)
{
	struct switch_set *set = NULL;
	json_error_t error;
	json_t *root;

	if (access(path, F_OK) < 0)
		return set_make(0);
	root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (root)
		set = read_set(root);
	if (!set)
		log_error("%s: %s: no route switch is in force", path,
			  root ? "not a file of this version" : error.text);
	json_decref(root);
	return set ? set : set_make(0);
}

static int write_file(const char *path, const struct switch_set *set)
{
	json_t *root =
		json_pack("{s:i, s:o}", "version", FILE_VERSION, "switches", switch_set_json(set));
	char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	int err = text ? file_put(path, text, strlen(text)) : -ENOMEM;

	free(text);
	json_decref(root);
	return err;
}

// Looks again when the first time is over, and once an hour: the wall's clock may be set.
static void arm(struct switches *switches)
{
	int64_t now = time(NULL), after = LOOK_S;

	event_del(switches->timer);
	for (unsigned i = 0; i < switches->set->n; i++) {
		int64_t until = switches->set->entry[i].until_s;

		if (until && until - now < after)
			after = until > now ? until - now : 0;
	}
	if (switches->set->n > 0)
		switches_retry(switches, (unsigned)after);
}

void switches_retry(struct switches *switches, unsigned seconds)
{
	const struct timeval after = { seconds, 1000 }; // past the second, not just before it

	event_add(switches->timer, &after);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct switches *switches = argument;

	(void)fd;
	(void)what;
	arm(switches);
	switches->expired(switches->argument);
}

struct switches *switches_create(struct event_base *base, const char *path,
				 void (*expired)(void *argument), void *argument)
{
	struct switches *switches = calloc(1, sizeof(*switches));

	if (!switches)
		return NULL;
	switches->path = path;
	switches->expired = expired;
	switches->argument = argument;
	switches->timer = event_new(base, -1, 0, on_timer, switches);
	switches->set = read_file(path);
	if (!switches->timer || !switches->set) {
		switches_destroy(switches);
		return NULL;
	}
	arm(switches);
	return switches;
}

void switches_destroy(struct switches *switches)
{
	if (!switches)
		return;
	event_destroy(switches->timer);
	switch_set_put(switches->set);
	free(switches);
}

struct switch_set *switches_get(const struct switches *switches)
{
	switches->set->uses++;
	return switches->set;
}

struct switch_set *switches_with(const struct switches *switches, const struct switch_entry *entry)
{
	const struct switch_set *old = switches->set;
	struct switch_set *set = set_make(old->n + 1);
	bool back = strcmp(entry->from, entry->to) == 0;

	for (unsigned i = 0; set && i < old->n; i++)
		if (strcmp(old->entry[i].from, entry->from) != 0 ||
		    strcmp(old->entry[i].tenant, entry->tenant) != 0)
			set->entry[set->n++] = old->entry[i];
	if (set && !back)
		set->entry[set->n++] = *entry;
	errno = !set                       ? ENOMEM
		: back && set->n == old->n ? ENOENT
		: set->n > SWITCHES_MAX    ? E2BIG
					   : 0;
	if (errno == 0)
		return set;
	switch_set_put(set);
	return NULL;
}

struct switch_set *switches_without_old(const struct switches *switches)
{
	const struct switch_set *old = switches->set;
	struct switch_set *set = set_make(old->n);
	int64_t now = time(NULL);

	for (unsigned i = 0; set && i < old->n; i++)
		if (!old->entry[i].until_s || old->entry[i].until_s > now)
			set->entry[set->n++] = old->entry[i];
	if (set && set->n < old->n)
		return set;
	switch_set_put(set);
	return NULL;
}

void switches_adopt(struct switches *switches, struct switch_set *set)
{
	int err;

	if (set == switches->set)
		return;
	if (set->n == 0 && switches->set->n == 0)
		return;
	log_info("%u route switches are in force, %u were", set->n, switches->set->n);
	set->uses++;
	switch_set_put(switches->set);
	switches->set = set;
	arm(switches);
	err = write_file(switches->path, set);
	if (err)
		log_error(
			"%s: not written: %s: a restart of the control plane has the route switches of before",
			switches->path, strerror(-err));
}
