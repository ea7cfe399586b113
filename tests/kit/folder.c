// SPDX-License-Identifier: BSD-3-Clause
//
// Test folders and waiting.
#include "tests/kit/folder.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

char *folder_make(void)
{
	const char *where = getenv("TMPDIR");
	char *folder = NULL;

	if (asprintf(&folder, "%s/weir-test-XXXXXX", where && *where ? where : "/tmp") < 0 || !mkdtemp(folder))
		abort();
	return folder;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
	(void)status;
	(void)kind;
	(void)at;
	remove(path);
	return 0;
}

void folder_remove(char *folder)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(folder);
}

bool wait_until(bool (*done)(void *argument), void *argument, unsigned seconds)
{
	const struct timespec moment = { 0, 1000000 };
	time_t end = time(NULL) + (time_t)seconds + 1;

	while (!done(argument)) {
		if (time(NULL) > end)
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}
