// SPDX-License-Identifier: BSD-3-Clause
//
// Pins of an XDP port: /sys/fs/bpf/weir/GATEWAY/PORT holds each map, and the link where there is one. The
// folder's lock is held by the dataplane that made it: pins in a folder whose lock is free were left by
// a crash.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <steer.skel.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "dataplane/log.h"
#include "dataplane/xdp_parts.h"

#define BPFFS "/sys/fs/bpf"
#define PINS  BPFFS "/weir"
enum { BPFFS_MAGIC = (int)0xcafe4a11, MAPS_MAX = 32 };

static int bpffs_open(const struct xdp_why *why)
{
	struct statfs info;

	if (statfs(BPFFS, &info) == 0 && (int)info.f_type == BPFFS_MAGIC)
		return 0;
	if (mount("bpf", BPFFS, "bpf", 0, "mode=0700") == 0) {
		log_line("mounted bpffs on " BPFFS);
		return 0;
	}
	return xdp_fail(why, errno,
			"no bpffs on " BPFFS
			", and it cannot be mounted: %s (mount -t bpf bpf " BPFFS ")",
			strerror(errno));
}

static int folder_make(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int folder_lock(struct xdp *xdp, const struct xdp_why *why)
{
	xdp->lock = open(xdp->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (xdp->lock < 0)
		return xdp_fail(why, errno, "%s cannot be opened: %s", xdp->folder,
				strerror(errno));
	if (flock(xdp->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	close(xdp->lock);
	xdp->lock = -1;
	return xdp_fail(why, EBUSY,
			"another dataplane named \"%s\" runs this port (%s is locked; "
			"give this gateway another name)",
			xdp->parts.gateway->name, xdp->folder);
}

int xdp_pins_open(struct xdp *xdp, const struct xdp_why *why)
{
	char parent[XDP_FOLDER_MAX];
	int err = bpffs_open(why);

	if (err)
		return err;
	snprintf(parent, sizeof(parent), PINS "/%.32s", xdp->parts.gateway->name);
	snprintf(xdp->folder, sizeof(xdp->folder), PINS "/%.32s/%.32s", xdp->parts.gateway->name,
		 xdp->name);
	err = folder_make(PINS);
	if (err == 0)
		err = folder_make(parent);
	if (err == 0)
		err = folder_make(xdp->folder);
	if (err)
		return xdp_fail(why, -err, "%s cannot be made: %s (run as root)", xdp->folder,
				strerror(-err));
	return folder_lock(xdp, why);
}

int xdp_pins_put(struct xdp *xdp)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, xdp->skeleton->obj)
	{
		char path[XDP_FOLDER_MAX + 64];

		if (bpf_map__is_internal(map))
			continue;
		snprintf(path, sizeof(path), "%s/%s", xdp->folder, bpf_map__name(map));
		err = bpf_map__pin(map, path);
		if (err)
			break;
	}
	if (err == 0 && xdp->link >= 0) {
		char path[XDP_FOLDER_MAX + 64];

		snprintf(path, sizeof(path), "%s/link", xdp->folder);
		err = bpf_obj_pin(xdp->link, path) < 0 ? -errno : 0;
	}
	return err;
}

void xdp_pins_remove(struct xdp *xdp)
{
	DIR *folder = xdp->lock >= 0 ? opendir(xdp->folder) : NULL;

	if (!folder)
		return;
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(folder), entry->d_name, 0);
	closedir(folder);
}

void xdp_pins_close(struct xdp *xdp)
{
	if (xdp->lock < 0)
		return;
	rmdir(xdp->folder);
	*strrchr(xdp->folder, '/') = '\0';
	rmdir(xdp->folder); // holds other ports' perhaps
	rmdir(PINS);
	close(xdp->lock);
	xdp->lock = -1;
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.id : 0;
}

// Whether the pin `path` is one of the program's maps.
static bool pin_is_of(const char *path, const uint32_t *ids, uint32_t n)
{
	int fd = bpf_obj_get(path);
	uint32_t id = fd < 0 ? 0 : map_id(fd);
	bool found = false;

	if (fd >= 0)
		close(fd);
	for (uint32_t i = 0; id && i < n; i++)
		found |= ids[i] == id;
	return found;
}

static bool gateway_owns(const char *gateway, const uint32_t *ids, uint32_t n, char *owner,
			 size_t size)
{
	char path[XDP_FOLDER_MAX + 512];
	struct dirent *entry;
	bool found = false;
	DIR *folder;

	snprintf(path, sizeof(path), PINS "/%.255s", gateway);
	folder = opendir(path);
	while (folder && !found && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), PINS "/%.255s/%.255s/settings", gateway,
			 entry->d_name);
		found = pin_is_of(path, ids, n);
		if (found)
			snprintf(owner, size, "%s/%s", gateway, entry->d_name);
	}
	if (folder)
		closedir(folder);
	return found;
}

bool xdp_pins_owner(int fd, char *owner, size_t size)
{
	uint32_t ids[MAPS_MAX], info_size = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = { .nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)ids };
	struct dirent *entry;
	bool found = false;
	DIR *folder;

	if (bpf_obj_get_info_by_fd(fd, &info, &info_size) < 0)
		return false;
	if (info.nr_map_ids > MAPS_MAX)
		info.nr_map_ids = MAPS_MAX;
	folder = opendir(PINS);
	while (folder && !found && (entry = readdir(folder)))
		if (entry->d_name[0] != '.')
			found = gateway_owns(entry->d_name, ids, info.nr_map_ids, owner, size);
	if (folder)
		closedir(folder);
	return found;
}
