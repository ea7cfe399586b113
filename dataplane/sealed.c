// SPDX-License-Identifier: BSD-3-Clause
//
// Sealed memory, see sealed.h. Main thread.
#include "dataplane/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };
enum { HUGE_PAGE = 2 << 20 }; // memory may end in one that the image does not fill

// What is wrong with the memory, or NULL; errno says so too.
static const char *memory_fault(const struct sealed *memory, size_t *mapped)
{
	int seals = fcntl(memory->fd, F_GET_SEALS);
	struct stat status;

	errno = EPERM;
	if (seals < 0 || (seals & SEALS) != SEALS)
		return "memory is not sealed";
	if (fstat(memory->fd, &status) < 0)
		return "memory cannot be looked at";
	errno = EINVAL;
	*mapped = (size_t)status.st_size;
	if (memory->size == 0 || *mapped < memory->size)
		return "image is larger than its memory";
	return *mapped - memory->size >= HUGE_PAGE ? "memory is larger than the image" : NULL;
}

void *sealed_map(const struct sealed *memory, const char *whose, size_t *mapped, char *why,
		 size_t why_size)
{
	const char *fault = memory_fault(memory, mapped);
	void *image;

	if (fault) {
		snprintf(why, why_size, "%s %s", whose, fault);
		return NULL;
	}
	image = mmap(NULL, *mapped, PROT_READ, MAP_SHARED | MAP_POPULATE, memory->fd, 0);
	if (image != MAP_FAILED)
		return image;
	snprintf(why, why_size, "no memory to map %s image", whose);
	errno = ENOMEM;
	return NULL;
}
