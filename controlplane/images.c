// SPDX-License-Identifier: BSD-3-Clause
//
// Kept images, see images.h. The folder holds nothing else; a file that is no image is refused when it
// is read, and goes like any other when it is the oldest.
#include "controlplane/images.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/history.h"

enum { PATH_ROOM = 512 };

static int image_path(const struct gateway *gateway, const char *crc, char *out, size_t size)
{
	char leaf[64];

	snprintf(leaf, sizeof(leaf), "tables/%.8s.table", crc);
	return gateway_state_path(gateway, leaf, out, size);
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		data += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int write_aside(const char *path, const struct table_image *image)
{
	char aside[PATH_ROOM + 8];
	int fd, err;

	snprintf(aside, sizeof(aside), "%s.new", path);
	fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	err = write_all(fd, image->data, image->size);
	close(fd);
	if (err == 0 && rename(aside, path) < 0)
		err = -errno;
	if (err)
		unlink(aside);
	return err;
}

// Removes the file of `folder` that was written first, where there are more than are kept; whether there was one.
static bool remove_oldest(const char *folder)
{
	struct timespec oldest = { 0 };
	char name[256] = "";
	unsigned n = 0;
	DIR *dir = opendir(folder);

	for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
		struct stat st;

		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (n++ == 0 || st.st_mtim.tv_sec < oldest.tv_sec ||
		    (st.st_mtim.tv_sec == oldest.tv_sec && st.st_mtim.tv_nsec < oldest.tv_nsec)) {
			oldest = st.st_mtim;
			snprintf(name, sizeof(name), "%s", entry->d_name);
		}
	}
	if (n > IMAGES_KEPT && unlinkat(dirfd(dir), name, 0) < 0)
		n = 0;
	if (dir)
		closedir(dir);
	return n > IMAGES_KEPT;
}

int images_put(const struct gateway *gateway, const struct table_image *image)
{
	char folder[PATH_ROOM], path[PATH_ROOM], crc[9];
	int err = gateway_state_path(gateway, "tables", folder, sizeof(folder));

	snprintf(crc, sizeof(crc), "%08x", ((const struct table_header *)image->data)->crc);
	if (err == 0)
		err = image_path(gateway, crc, path, sizeof(path));
	if (err == 0 && mkdir(folder, 0750) < 0 && errno != EEXIST)
		err = -errno;
	if (err == 0)
		err = write_aside(path, image);
	while (err == 0 && remove_oldest(folder))
		;
	return err;
}

static int read_all(int fd, char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = read(fd, data, size);

		if (n == 0 || (n < 0 && errno != EINTR))
			return n == 0 ? -EINVAL : -errno;
		data += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int read_image(int fd, struct table_image *image, char *why, size_t why_size)
{
	struct table table;
	struct stat st;
	int err;

	snprintf(why, why_size, "it is no table image");
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t)st.st_size > TABLE_IMAGE_MAX)
		return -EINVAL;
	image->size = (size_t)st.st_size;
	image->data = aligned_alloc(64, (image->size + 63) & ~(size_t)63);
	if (!image->data)
		return -ENOMEM;
	err = read_all(fd, image->data, image->size);
	return err ? err : table_open(&table, image->data, image->size, why, why_size);
}

int images_read(const char *path, struct table_image *image, char *why, size_t why_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	*image = (struct table_image){ 0 };
	if (fd < 0) {
		err = -errno;
		snprintf(why, why_size, "%s", strerror(errno));
		return err;
	}
	err = read_image(fd, image, why, why_size);
	close(fd);
	if (err)
		table_image_fini(image);
	return err;
}

static const char *published_crc(const json_t *entry)
{
	const char *result = json_string_value(json_object_get(entry, "result"));

	return result && strcmp(result, "published") == 0 ? json_string_value(json_object_get(entry, "crc")) : NULL;
}

// The history's entry for `*generation`, from its end; for 0 the last one whose image is not the newest one's.
static const json_t *find_entry(const json_t *history, uint64_t generation)
{
	const char *newest = NULL;

	for (size_t i = json_array_size(history); i-- > 0;) {
		const json_t *entry = json_array_get(history, i);
		const char *crc = published_crc(entry);

		if (!crc)
			continue;
		if (!newest)
			newest = crc;
		if (generation ? (uint64_t)json_integer_value(json_object_get(entry, "generation")) == generation
			       : strcmp(crc, newest) != 0)
			return entry;
	}
	return NULL;
}

int images_find(const struct gateway *gateway, const char *history, uint64_t *generation, char *path, size_t size)
{
	json_t *entries = history_read(history, SIZE_MAX);
	const json_t *entry = find_entry(entries, *generation);
	int err = entry ? image_path(gateway, published_crc(entry), path, size) : -ENOENT;

	if (entry)
		*generation = (uint64_t)json_integer_value(json_object_get(entry, "generation"));
	json_decref(entries);
	return err == 0 && access(path, R_OK) < 0 ? -ENOENT : err;
}
