// SPDX-License-Identifier: BSD-3-Clause
//
// weirctl rules compile: a rule file to a table image on disk. Written beside and renamed, so that a
// reader never sees half of one.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/weirctl/load.h"
#include "controlplane/weirctl/weirctl.h"

static int write_all(int file, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(file, data, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
	return fsync(file) < 0 ? -errno : 0;
}

// Fills the temporary file and gives it its name. On failure `beside` is left to the caller.
static int image_write(int file, const struct table_image *image, const char *beside, const char *path)
{
	mode_t mask = umask(0);
	int error = 0;

	umask(mask);
	error = write_all(file, image->data, image->size);
	if (error == 0 && fchmod(file, 0666 & ~mask) < 0)
		error = -errno;
	if (error == 0 && rename(beside, path) < 0)
		error = -errno;
	return error;
}

static int image_save(const struct table_image *image, const char *path)
{
	char beside[PATH_MAX];
	int file, error;

	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	file = mkostemp(beside, O_CLOEXEC);
	if (file < 0)
		return -errno;
	error = image_write(file, image, beside, path);
	close(file);
	if (error < 0)
		unlink(beside);
	return error;
}

int command_compile(const struct command *command, const struct options *options, int n, char **words)
{
	const char *rules = NULL, *path = NULL;
	const struct argument arguments[] = {{"RULES", &rules, true}, {"-o", &path, true}, {0}};
	struct loaded loaded;
	int status = arguments_parse(command, n, words, arguments), error;

	if (status == STATUS_DONE)
		status = loaded_open(&loaded, rules, NULL);
	if (status != STATUS_DONE)
		return status;
	error = image_save(&loaded.image, path);
	if (error < 0) {
		errno = -error;
		status = failure(STATUS_ENVIRONMENT, "%s: cannot write the image: %m", path);
	} else if (options->json) {
		printf("{\"bytes\":%zu,\"crc\":\"%08x\"}\n", loaded.image.size, loaded.table.header->crc);
	} else {
		printf("%s: %zu bytes, CRC-32C %08x\n", path, loaded.image.size, loaded.table.header->crc);
	}
	loaded_close(&loaded);
	return status;
}
