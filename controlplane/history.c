// SPDX-License-Identifier: BSD-3-Clause
//
// The history file. A line is appended with one write; the file is rewritten beside and renamed when
// it has twice the lines that are kept.
#include "controlplane/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/log.h"

static size_t count_lines(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t n = 0;
	int c;

	if (!file)
		return 0;
	while ((c = getc(file)) != EOF)
		n += c == '\n';
	fclose(file);
	return n;
}

// Calls `each` for the lines after the first `skip`.
static void each_line(const char *path, size_t skip, void (*each)(const char *line, void *argument), void *argument)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	if (!file)
		return;
	while (getline(&line, &room, file) > 0)
		if (skip > 0)
			skip--;
		else
			each(line, argument);
	free(line);
	fclose(file);
}

static void copy_line(const char *line, void *argument)
{
	fputs(line, argument);
}

// Drops all but the last lines.
static int shorten(const char *path, size_t lines)
{
	char aside[4096];
	FILE *file;
	int err = 0;

	if (lines < 2 * HISTORY_KEPT)
		return 0;
	if ((size_t)snprintf(aside, sizeof(aside), "%s.new", path) >= sizeof(aside))
		return -ENAMETOOLONG;
	file = fopen(aside, "we");
	if (!file)
		return -errno;
	each_line(path, lines - HISTORY_KEPT, copy_line, file);
	if (fflush(file) != 0 || fsync(fileno(file)) < 0)
		err = -errno;
	fclose(file);
	if (!err && rename(aside, path) < 0)
		err = -errno;
	if (err)
		unlink(aside);
	return err;
}

// Whether the last line was cut off before its end, by a full disk or a loss of power.
static bool is_torn(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char last;

	return end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
}

// `text` begins with the line end that a torn line lacks.
static int append_line(const char *path, const char *text)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640), err = 0;
	size_t n;
	ssize_t written;

	if (fd < 0)
		return -errno;
	text += !is_torn(fd);
	n = strlen(text);
	written = write(fd, text, n);
	if (written < 0)
		err = -errno;
	else if ((size_t)written < n)
		err = -ENOSPC;
	if (!err && fsync(fd) < 0)
		err = -errno;
	close(fd);
	return err;
}

int history_append(const char *path, const json_t *entry)
{
	char *text = json_dumps(entry, JSON_COMPACT), *line = NULL;
	int err = -ENOMEM;

	if (text && asprintf(&line, "\n%s\n", text) > 0) {
		err = append_line(path, line);
		free(line);
	}
	free(text);
	return err ? err : shorten(path, count_lines(path));
}

static void read_line(const char *line, void *argument)
{
	json_t *entry = json_loads(line, 0, NULL);

	if (json_is_object(entry))
		json_array_append(argument, entry);
	json_decref(entry);
}

json_t *history_read(const char *path, size_t most)
{
	size_t lines = count_lines(path);
	json_t *array = json_array();

	each_line(path, lines > most ? lines - most : 0, read_line, array);
	return array;
}

void history_time(char out[32])
{
	time_t now = time(NULL);
	struct tm utc;

	out[0] = '\0';
	if (gmtime_r(&now, &utc))
		strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

void history_note(const char *path, const char *event, const char *what, const char *who)
{
	char now[32];
	json_t *entry;
	int err;

	history_time(now);
	log_info("%s: %s (%s)", what, event, who);
	entry = json_pack("{s:s, s:s, s:s, s:s, s:s}", "time", now, "event", event, "who", who, "file", what, "result",
			  "done");
	err = entry ? history_append(path, entry) : -ENOMEM;
	if (err)
		log_warning("%s: not written: %s", path, strerror(-err));
	json_decref(entry);
}
