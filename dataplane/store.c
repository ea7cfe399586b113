// SPDX-License-Identifier: BSD-3-Clause
//
// Table images on disk, see store.h. Main thread. A file is state_dir/NAME/table.GENERATION, and beside it
// routes.GENERATION; the highest table that is whole counts. What is read back is checked like any other
// image.
#include "dataplane/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

// Reads `size` bytes of `file` to `to`.
static int read_all(int file, char *to, size_t size)
{
	while (size > 0) {
		ssize_t n = read(file, to, size);

		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; // shorter than it was
		to += n;
		size -= (size_t)n;
	}
	return 0;
}

// Memory for an image of `size` bytes: in huge pages where there are any, since look-ups go all over it.
static int memory_create(size_t size, size_t *mapped)
{
	const size_t huge = (size_t)2 << 20;
	int fd = memfd_create("weir-table", MFD_ALLOW_SEALING | MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	void *probe;

	*mapped = (size + huge - 1) & ~(huge - 1);
	if (fd >= 0 && ftruncate(fd, (off_t)*mapped) == 0) {
		probe = mmap(NULL, *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); // fails where too few are free
		if (probe != MAP_FAILED) {
			munmap(probe, *mapped);
			return fd;
		}
	}
	if (fd >= 0)
		close(fd);
	*mapped = size;
	fd = memfd_create("weir-table", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static int copy_sealed(int file, size_t size)
{
	size_t mapped;
	int fd = memory_create(size, &mapped), err;
	char *to;

	if (fd < 0)
		return fd;
	to = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	err = to == MAP_FAILED ? -errno : read_all(file, to, size);
	if (to != MAP_FAILED)
		munmap(to, mapped); // a writable mapping would forbid the seal
	if (err == 0 && fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		err = -errno;
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

int store_open(const char *path, size_t *size, char *why, size_t why_size)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), fd;
	struct stat status;

	if (file < 0) {
		fd = -errno;
	} else if (fstat(file, &status) < 0) {
		fd = -errno;
	} else if (!S_ISREG(status.st_mode) || status.st_size == 0) {
		fd = -EINVAL;
	} else {
		*size = (size_t)status.st_size;
		fd = copy_sealed(file, *size);
	}
	if (fd < 0)
		snprintf(why, why_size, "%s: cannot be read as an image: %s", path,
			 strerror(-fd));
	if (file >= 0)
		close(file);
	return fd;
}

// The generation in a file name "KIND.N", or 0.
static uint64_t generation_of(const char *name, const char *kind)
{
	size_t n = strlen(kind);
	unsigned long long generation;
	char *end;

	if (strncmp(name, kind, n) != 0 || name[n] != '.' || name[n + 1] < '1' || name[n + 1] > '9')
		return 0;
	errno = 0;
	generation = strtoull(name + n + 1, &end, 10);
	return *end || errno ? 0 : generation;
}

uint64_t store_find(const struct gateway *gateway, uint64_t below, char *path, size_t size)
{
	char folder[4096], leaf[32];
	uint64_t newest = 0;
	struct dirent *entry;
	DIR *dir;

	if (gateway_state_path(gateway, ".", folder, sizeof(folder)) < 0)
		return 0;
	dir = opendir(folder);
	while (dir && (entry = readdir(dir)) != NULL) {
		uint64_t generation = generation_of(entry->d_name, "table");

		if (generation > newest && generation < below)
			newest = generation;
	}
	if (dir)
		closedir(dir);
	snprintf(leaf, sizeof(leaf), "table.%llu", (unsigned long long)newest);
	if (newest && gateway_state_path(gateway, leaf, path, size) < 0)
		return 0;
	return newest;
}

// Only after the new table's name is on the disk as well.
static void remove_older(const struct gateway *gateway, uint64_t than)
{
	char folder[4096];
	struct dirent *entry;
	DIR *dir;

	if (gateway_state_path(gateway, ".", folder, sizeof(folder)) < 0)
		return;
	dir = opendir(folder);
	if (dir)
		fsync(dirfd(dir));
	while (dir && (entry = readdir(dir)) != NULL) {
		uint64_t generation = generation_of(entry->d_name, "table");

		if (generation == 0)
			generation = generation_of(entry->d_name, "routes");
		if (generation && generation < than)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

static int write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0)
			return -errno;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static int file_path(const struct gateway *gateway, const char *kind, uint64_t generation, char *path, size_t size)
{
	char leaf[32];

	snprintf(leaf, sizeof(leaf), "%s.%llu", kind, (unsigned long long)generation);
	return gateway_state_path(gateway, leaf, path, size);
}

struct file {
	const char *kind; // "table" or "routes"
	const void *data;
	size_t size;
	bool sync; // before it gets its name
};

static int put(const struct gateway *gateway, uint64_t generation, const struct file *file)
{
	char aside[4096], path[4096], leaf[32];
	int fd, err;

	snprintf(leaf, sizeof(leaf), "%s.aside", file->kind);
	if (file_path(gateway, file->kind, generation, path, sizeof(path)) < 0 ||
	    gateway_state_path(gateway, leaf, aside, sizeof(aside)) < 0)
		return -ENAMETOOLONG;
	fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	err = write_all(fd, file->data, file->size);
	if (err == 0 && file->sync && fsync(fd) < 0)
		err = -errno;
	close(fd);
	if (err == 0 && rename(aside, path) < 0)
		err = -errno;
	if (err)
		unlink(aside);
	return err;
}

int store_put(const struct gateway *gateway, uint64_t generation, const void *image, size_t size)
{
	const struct file file = { "table", image, size, true };
	int err = put(gateway, generation, &file);

	if (err == 0)
		remove_older(gateway, generation);
	return err;
}

int store_routes_path(const struct gateway *gateway, uint64_t generation, char *path, size_t size)
{
	return file_path(gateway, "routes", generation, path, size);
}

int store_put_routes(const struct gateway *gateway, uint64_t generation, const void *image, size_t size)
{
	const struct file file = { "routes", image, size, false };
	char path[4096];

	if (image)
		return put(gateway, generation, &file);
	if (store_routes_path(gateway, generation, path, sizeof(path)) < 0)
		return -ENAMETOOLONG;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}
