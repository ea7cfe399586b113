// SPDX-License-Identifier: BSD-3-Clause
//
// Reading of whole files. It is read, not mapped: a file that shrinks under us must not kill us.
#include "rules/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, char *data, size_t size, size_t *length)
{
	ssize_t n = 1;

	*length = 0;
	while (*length < size && n != 0) {
		n = read(fd, data + *length, size - *length);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			*length += (size_t)n;
	}
	return 0;
}

static int check_kind(int fd, size_t max, size_t *size, char *why, size_t why_size)
{
	struct stat info;

	if (fstat(fd, &info) != 0) {
		snprintf(why, why_size, "%s", strerror(errno));
		return -errno;
	}
	if (!S_ISREG(info.st_mode)) {
		snprintf(why, why_size, "it is a %s, not a file",
			 S_ISDIR(info.st_mode) ? "folder" : "special file");
		return -EINVAL;
	}
	if (info.st_size < 0 || (unsigned long long)info.st_size > max) {
		snprintf(why, why_size, "it has %lld bytes, more than the %zu that are read",
			 (long long)info.st_size, max);
		return -EFBIG;
	}
	*size = (size_t)info.st_size;
	return 0;
}

int file_read(const char *path, size_t max, char **data, size_t *length, char *why, size_t why_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;
	size_t size = 0;

	*data = NULL;
	if (fd < 0) {
		err = -errno;
		snprintf(why, why_size, "%s", strerror(errno));
		return err;
	}
	err = check_kind(fd, max, &size, why, why_size);
	if (err != 0)
		goto out;
	*data = malloc(size + 1);
	err = *data != NULL ? read_all(fd, *data, size, length) : -ENOMEM;
	if (err == 0) {
		(*data)[*length] = '\0';
	} else {
		snprintf(why, why_size, "%s", strerror(-err));
		free(*data);
		*data = NULL;
	}
out:
	close(fd);
	return err;
}

char *file_join(const char *folder_of, const char *name)
{
	const char *slash = strrchr(folder_of, '/');
	char *path;

	if (name[0] == '/' || slash == NULL)
		return strdup(name);
	return asprintf(&path, "%.*s/%s", (int)(slash - folder_of), folder_of, name) >= 0 ? path
											  : NULL;
}
