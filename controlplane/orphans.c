// SPDX-License-Identifier: BSD-3-Clause
//
// Finds, keeps and removes segments of dead dataplanes. Consumer's thread. Never removes a file that
// is no segment or holds a record that could not be read: that is for an operator to look at.
#include "controlplane/orphans.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/log.h"

enum { MAKING_S = 5 }; // a dataplane that starts has made its segment long before

static void orphan_free(struct orphan *orphan)
{
	source_destroy(orphan->source);
	close(orphan->fd);
	free(orphan->name);
	free(orphan);
}

static bool is_known(const struct orphans *orphans, const char *name)
{
	for (const struct orphan *o = orphans->list; o; o = o->next)
		if (strcmp(o->name, name) == 0)
			return true;
	return false;
}

// Keeps a locked file: as a source, or as what is no segment. Takes `fd` and `map`.
static void keep(struct orphans *orphans, const char *name, int fd, struct mapping *map)
{
	struct orphan *orphan = calloc(1, sizeof(*orphan));

	if (orphan)
		orphan->name = strdup(name);
	if (orphan && orphan->name && map)
		orphan->source = source_create(map);
	if (!orphan || !orphan->name || (map && !orphan->source)) {
		mapping_put(map);
		close(fd);
		if (orphan)
			free(orphan->name);
		free(orphan);
		return; // found again by a later scan
	}
	orphan->fd = fd;
	orphan->next = orphans->list;
	orphans->list = orphan;
}

static bool is_young(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 || time(NULL) - st.st_mtime < MAKING_S;
}

// Looks at one file. Whoever is still making a segment has not written its header: it is left alone.
static void look_at(struct orphans *orphans, int folder, const char *name, const struct mapping *live)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), err;
	struct mapping *map = NULL;
	char why[200];

	if (fd < 0)
		return;
	err = mapping_open(fd, &map, why, sizeof(why));
	if (err && (is_young(fd) || err == -ENOMEM)) {
		close(fd);
		return;
	}
	if ((map && live && mapping_same_boot(map, live)) || flock(fd, LOCK_EX | LOCK_NB) < 0) {
		mapping_put(map);
		close(fd);
		return;
	}
	if (map)
		log_info("%s/%s belongs to a dead dataplane: its messages go to the spool", orphans->folder, name);
	else
		log_error("%s/%s: no segment that can be read (%s): left where it is", orphans->folder, name, why);
	keep(orphans, name, fd, map);
}

void orphans_scan(struct orphans *orphans, const struct mapping *live)
{
	DIR *folder = opendir(orphans->folder);
	struct dirent *entry;

	if (!folder)
		return;
	while ((entry = readdir(folder)))
		if (strncmp(entry->d_name, "segment.", 8) == 0 && !is_known(orphans, entry->d_name))
			look_at(orphans, dirfd(folder), entry->d_name, live);
	closedir(folder);
}

static void retire(struct orphans *orphans, struct orphan *orphan, struct spool *spool)
{
	char path[4096];
	int err;

	snprintf(path, sizeof(path), "%s/%s", orphans->folder, orphan->name);
	if (unlink(path) < 0 && errno != ENOENT) {
		log_error("%s: drained, but cannot be removed: %s", path, strerror(errno));
		return;
	}
	log_info("%s drained and removed: %llu messages", path, (unsigned long long)orphan->source->n_messages);
	err = spool_cursors_drop(spool, orphan->source->map->segment->boot_id);
	if (err) // a few bytes that nobody asks for again
		log_warning("its cursors stay in the spool: %s", strerror(-err));
}

void orphans_retire(struct orphans *orphans, struct spool *spool)
{
	for (struct orphan **at = &orphans->list; *at;) {
		struct orphan *orphan = *at;

		if (orphan->source && source_drained(orphan->source)) {
			retire(orphans, orphan, spool);
			*at = orphan->next;
			orphan_free(orphan);
		} else {
			at = &orphan->next;
		}
	}
}

void orphans_forget(struct orphans *orphans, const struct mapping *boot)
{
	for (struct orphan **at = &orphans->list; *at;) {
		struct orphan *orphan = *at;

		if (!boot || (orphan->source && mapping_same_boot(orphan->source->map, boot))) {
			*at = orphan->next;
			orphan_free(orphan);
		} else {
			at = &orphan->next;
		}
	}
}
