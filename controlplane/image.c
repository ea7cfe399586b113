// SPDX-License-Identifier: BSD-3-Clause
//
// Sealed memory files. The writable mapping is gone before the seals are set: with it the kernel
// refuses F_SEAL_WRITE (EBUSY).
#include "controlplane/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_PAGE = 2 << 20 };

static int fill(int fd, const void *data, size_t size, size_t file_size)
{
	void *to;

	if (ftruncate(fd, (off_t)file_size) < 0)
		return -errno;
	to = mmap(NULL, file_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (to == MAP_FAILED)
		return -errno;
	memcpy(to, data, size);
	munmap(to, file_size);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	return 0;
}

static int seal(const void *data, size_t size, unsigned flags, size_t page)
{
	int fd = memfd_create("weir-table", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags), err;

	if (fd < 0)
		return -errno;
	err = fill(fd, data, size, (size + page - 1) / page * page);
	if (!err)
		return fd;
	close(fd);
	return err;
}

int image_seal(const void *data, size_t size, bool huge)
{
	int fd = !huge || size < HUGE_PAGE ? -ENOMEM : seal(data, size, MFD_HUGETLB | MFD_HUGE_2MB, HUGE_PAGE);

	return fd >= 0 ? fd : seal(data, size, 0, 1);
}
