// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/kit/folder.h"

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

static struct gateway *gateway;
static char *folder, own[256]; // state_dir, and the gateway's folder in it
static char path[4096], why[300];

static int setup(void **state)
{
	folder = folder_make();
	gateway = gateway_default();
	free(gateway->state_dir);
	gateway->state_dir = strdup(folder);
	snprintf(own, sizeof(own), "%s/gw1", folder);
	return mkdir(own, 0700);
}

static int teardown(void **state)
{
	gateway_destroy(gateway);
	folder_remove(folder);
	return 0;
}

static void write_file(const char *name, const char *text)
{
	char full[400];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", own, name);
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

// The files that are there, in one string.
static const char *files(void)
{
	static char text[512];
	struct dirent *entry;
	DIR *dir = opendir(own);

	text[0] = '\0';
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ",
				 entry->d_name);
	closedir(dir);
	return text;
}

// What store_open gives for `name`: sealed memory that begins with `text`.
static void opens_as(const char *name, const char *text)
{
	size_t size = 0;
	int fd = store_open(name, &size, why, sizeof(why));
	char *map;

	assert_true(fd >= 0);
	assert_int_equal(size, strlen(text));
	assert_int_equal(fcntl(fd, F_GET_SEALS) & SEALS, SEALS);
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	assert_memory_equal(map, text, size);
	munmap(map, size);
	assert_int_equal(write(fd, "x", 1), -1);
	close(fd);
}

static void what_was_put_is_found_and_opens(void **state)
{
	assert_int_equal(store_find(gateway, UINT64_MAX, path, sizeof(path)), 0);
	assert_int_equal(store_put(gateway, 3, "three", 5), 0);
	assert_int_equal(store_find(gateway, UINT64_MAX, path, sizeof(path)), 3);
	opens_as(path, "three");
}

static void a_newer_table_takes_the_place_of_older_ones(void **state)
{
	write_file("table.1", "one");
	write_file("table.9", "nine");
	assert_int_equal(store_put(gateway, 10, "ten", 3), 0);
	assert_string_equal(files(), "table.10 ");
	assert_int_equal(store_put(gateway, 11, "eleven", 6), 0);
	assert_string_equal(files(), "table.11 ");
}

static void the_newest_is_found_by_number_and_then_the_one_before(void **state)
{
	write_file("table.9", "nine");
	write_file("table.10", "ten");
	write_file("table.2", "two");
	assert_int_equal(store_find(gateway, UINT64_MAX, path, sizeof(path)), 10);
	opens_as(path, "ten");
	assert_int_equal(store_find(gateway, 10, path, sizeof(path)), 9);
	opens_as(path, "nine");
	assert_int_equal(store_find(gateway, 2, path, sizeof(path)), 0);
}

static void what_is_no_whole_table_is_never_found(void **state)
{
	static const char *const names[] = { "table.aside", "table.", "table.7x", "table.-1", "table.07",
					     "table.99999999999999999999", "tables.5", "xtable.5",
					     "table. 5", "table.+5" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		write_file(names[i], "half");
	assert_int_equal(store_find(gateway, UINT64_MAX, path, sizeof(path)), 0);
	assert_int_equal(store_put(gateway, 4, "four", 4), 0);
	assert_int_equal(store_find(gateway, UINT64_MAX, path, sizeof(path)), 4);
	opens_as(path, "four");
}

static void what_cannot_be_read_is_refused_with_its_name(void **state)
{
	size_t size;

	write_file("table.5", "");
	snprintf(path, sizeof(path), "%s/table.5", own);
	assert_int_equal(store_open(path, &size, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, path));
	assert_int_equal(store_open(own, &size, why, sizeof(why)), -EINVAL);
	assert_int_equal(store_open("/nonexistent", &size, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "/nonexistent: "));
	assert_int_equal(store_open("/dev/zero", &size, why, sizeof(why)), -EINVAL);
}

static void a_large_image_opens_in_pages_of_either_size(void **state)
{
	size_t large = ((size_t)5 << 20) + 123;
	char *text = malloc(large + 1);

	memset(text, 'L', large);
	text[large] = '\0';
	assert_int_equal(store_put(gateway, 1, text, large), 0);
	store_find(gateway, UINT64_MAX, path, sizeof(path));
	opens_as(path, text);
	free(text);
}

static void put_fails_and_the_old_one_stays(int error)
{
	static char image[1 << 20];

	assert_int_equal(store_put(gateway, 2, image, sizeof(image)), error);
	assert_string_equal(files(), "table.1 ");
	assert_int_equal(store_find(gateway, UINT64_MAX, path, sizeof(path)), 1);
	opens_as(path, "one");
}

static void a_limit_on_file_sizes_costs_the_new_table_only(void **state)
{
	struct rlimit before, small;

	write_file("table.1", "one");
	getrlimit(RLIMIT_FSIZE, &before);
	small = (struct rlimit){ 64 << 10, before.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	put_fails_and_the_old_one_stays(-EFBIG);
	setrlimit(RLIMIT_FSIZE, &before);
}

static void a_full_disk_costs_the_new_table_only(void **state)
{
	if (mount("none", own, "tmpfs", 0, "size=256k") < 0)
		skip(); // not allowed to mount
	write_file("table.1", "one");
	put_fails_and_the_old_one_stays(-ENOSPC);
	umount2(own, MNT_DETACH);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
	rmdir(own);
	assert_int_equal(store_put(gateway, 2, "two", 3), -ENOENT);
	assert_int_equal(store_find(gateway, UINT64_MAX, path, sizeof(path)), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_put_is_found_and_opens),
		TEST(a_newer_table_takes_the_place_of_older_ones),
		TEST(the_newest_is_found_by_number_and_then_the_one_before),
		TEST(what_is_no_whole_table_is_never_found),
		TEST(what_cannot_be_read_is_refused_with_its_name),
		TEST(a_large_image_opens_in_pages_of_either_size),
		TEST(a_limit_on_file_sizes_costs_the_new_table_only),
		TEST(a_full_disk_costs_the_new_table_only),
		TEST(a_folder_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
