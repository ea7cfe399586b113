// SPDX-License-Identifier: BSD-3-Clause
//
// Run folder and lock, see instance.h. Main thread.
#include "dataplane/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "dataplane/log.h"

enum { TMPFS = 0x01021994, RAMFS = (int)0x858458f6 };

// mkdir -p; the last folder gets `mode` when it is made here.
static int folders_make(const char *path, mode_t mode)
{
	char part[4096];

	if (snprintf(part, sizeof(part), "%s", path) >= (int)sizeof(part))
		return -ENAMETOOLONG;
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	if (mkdir(part, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	return chmod(part, mode) < 0 ? -errno : 0;
}

static void warn_unless_memory(const char *folder)
{
	struct statfs info;

	if (statfs(folder, &info) == 0 && (int)info.f_type != TMPFS && (int)info.f_type != RAMFS)
		log_line(
			"%s is not on tmpfs: counters and agent channel will cost disk writes "
			 "(set run_dir to a folder in /run)",
			folder);
}

static int lock_file(const char *path, char *why, size_t why_size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	char pid[16] = "?";

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		ssize_t n = read(fd, pid, sizeof(pid) - 1);

		pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
		snprintf(why, why_size, "%s: another weir-dataplane runs this gateway (pid %s)",
			 path, pid);
		close(fd);
		return -EBUSY;
	}
	if (ftruncate(fd, 0) == 0)
		dprintf(fd, "%d\n", (int)getpid());
	return fd;
}

int instance_lock(const struct gateway *gateway, char *why, size_t why_size)
{
	char path[4096];
	int result = gateway_run_path(gateway, "dataplane.lock", path, sizeof(path));

	if (result == 0) {
		*strrchr(path, '/') = '\0';
		result = folders_make(path, 0770);
	}
	if (result == 0) {
		warn_unless_memory(path);
		path[strlen(path)] = '/';
		result = lock_file(path, why, why_size);
	}
	if (result < 0 && result != -EBUSY)
		snprintf(why, why_size, "%s/%s: cannot be used: %s (run as root, or set run_dir)",
			 gateway->run_dir, gateway->name, strerror(-result));
	return result;
}

int instance_state_folder(const struct gateway *gateway)
{
	char path[4096];
	int err = gateway_state_path(gateway, "x", path, sizeof(path));

	if (err)
		return err;
	*strrchr(path, '/') = '\0';
	return folders_make(path, 0770);
}
