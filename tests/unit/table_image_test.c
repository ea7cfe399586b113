// SPDX-License-Identifier: BSD-3-Clause
#include "controlplane/image.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

// Seals `size` bytes and checks that they are there and stay.
static void check(size_t size, bool huge)
{
	uint8_t *data = malloc(size), *map;
	int fd;

	memset(data, 0x5a, size);
	fd = image_seal(data, size, huge);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GET_SEALS), SEALS);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_memory_equal(map, data, size);
	assert_ptr_equal(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	if (munmap(map, size) < 0) // huge pages go as a whole
		assert_int_equal(munmap(map, (size + (2 << 20) - 1) & ~(size_t)((2 << 20) - 1)), 0);
	close(fd);
	free(data);
}

static void an_image_can_be_read_by_all_and_written_by_nobody(void **state)
{
	(void)state;
	check(1, false);
	check(100000, true);
	check((5 << 20) + 3, false);
}

static void a_large_one_takes_huge_pages_or_does_without(void **state)
{
	(void)state;
	check((5 << 20) + 3, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_can_be_read_by_all_and_written_by_nobody),
		cmocka_unit_test(a_large_one_takes_huge_pages_or_does_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
