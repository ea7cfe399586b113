// SPDX-License-Identifier: BSD-3-Clause
//
// Files written beside, synced and renamed; the folder is synced too, so that the new name is durable.
#include "controlplane/file_put.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t written = write(fd, text, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		n -= (size_t)written;
	}
	return 0;
}

static int write_aside(const char *aside, const char *text, size_t n)
{
	int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640), err;

	if (fd < 0)
		return -errno;
	err = write_all(fd, text, n);
	if (!err)
		err = write_all(fd, "\n", 1);
	if (!err && fsync(fd) < 0)
		err = -errno;
	close(fd);
	return err;
}

static void sync_folder(const char *path)
{
	char folder[4096];
	char *slash;
	int fd;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash)
		return;
	*slash = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int file_put(const char *path, const char *text, size_t n)
{
	char aside[4096];
	int err;

	if ((size_t)snprintf(aside, sizeof(aside), "%s.new", path) >= sizeof(aside))
		return -ENAMETOOLONG;
	err = write_aside(aside, text, n);
	if (!err && rename(aside, path) < 0)
		err = -errno;
	if (err)
		unlink(aside);
	else
		sync_folder(path);
	return err;
}
