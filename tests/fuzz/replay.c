// SPDX-License-Identifier: BSD-3-Clause
//
// Runs a fuzz target over a folder without libFuzzer, so that every build replays the corpus: each file
// whole, then cut short at many places. Every input is an allocation of exactly its size, so that a
// sanitizer sees a read past its end. One thread; ends with status 1 when the folder cannot be read.
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CUTS = 64, PATH_SIZE = 4096, FILE_MAX = 1 << 24 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static unsigned long n_inputs;

static void run_copy(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy) {
		perror("replay");
		exit(1);
	}
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	n_inputs++;
}

// The whole, every length below CUTS, and CUTS lengths spread over the rest.
static void run_cuts(const uint8_t *data, size_t size)
{
	run_copy(data, size);
	for (size_t length = 0; length < size && length < CUTS; length++)
		run_copy(data, length);
	for (size_t i = 0; size > CUTS && i < CUTS; i++)
		run_copy(data, CUTS + (size - CUTS) * i / CUTS);
}

static int run_file(const char *path)
{
	struct stat status;
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	int err = 0;

	if (!file)
		return -errno;
	if (fstat(fileno(file), &status) || !S_ISREG(status.st_mode) || status.st_size > FILE_MAX)
		goto close;
	data = malloc((size_t)status.st_size + 1);
	if (!data || fread(data, 1, (size_t)status.st_size, file) != (size_t)status.st_size)
		err = -EIO;
	else
		run_cuts(data, (size_t)status.st_size);
	free(data);
close:
	fclose(file);
	return err;
}

static int by_name(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	char path[PATH_SIZE];
	struct dirent **list;
	int n, failed = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
		return 2;
	}
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	n = scandir(argv[1], &list, by_name, alphasort);
	if (n < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	run_copy((const uint8_t *)"", 0);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", argv[1], list[i]->d_name);
		failed |= run_file(path);
		free(list[i]);
	}
	free(list);
	printf("%d files, %lu inputs\n", n, n_inputs);
	return failed ? 1 : 0;
}
