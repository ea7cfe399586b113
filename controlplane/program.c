// SPDX-License-Identifier: BSD-3-Clause
//
// Programs beside us, by posix_spawn, which does not copy our memory. Every program is waited for by its
// own pid, so that no other child's status is taken. Loop's thread.
#include "controlplane/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

enum { MAX_KILLED = 64 };

// Killed and not yet gone: a program that hangs in the kernel must not hold up the loop.
static pid_t killed[MAX_KILLED];
static unsigned n_killed;

// What a program starts with: signals as a login gives them, a group of its own.
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	err = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
							   POSIX_SPAWN_SETSIGDEF);
	if (!err)
		err = posix_spawnattr_setpgroup(attributes, 0);
	if (!err)
		err = posix_spawnattr_setsigmask(attributes, &none);
	if (!err)
		err = posix_spawnattr_setsigdefault(attributes, &all);
	return err;
}

static int set_streams(posix_spawn_file_actions_t *actions)
{
	int err = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	for (int fd = 1; fd <= 2 && !err; fd++)
		err = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_WRONLY, 0);
	return err;
}

static int spawn(const char *const *words, pid_t *pid)
{
	static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", locale[] = "LC_ALL=C.UTF-8";
	char *const environment[] = { path, locale, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int err = posix_spawn_file_actions_init(&actions);

	if (err)
		return err;
	err = posix_spawnattr_init(&attributes);
	if (!err) {
		err = set_streams(&actions);
		if (!err)
			err = set_attributes(&attributes);
		if (!err)
			err = posix_spawn(pid, words[0], &actions, &attributes,
					  (char *const *)(uintptr_t)words, environment);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

// Takes what can be taken of the killed ones, without waiting.
static void reap(void)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n_killed; i++)
		if (waitpid(killed[i], NULL, WNOHANG) == 0)
			killed[kept++] = killed[i];
	n_killed = kept;
}

int program_start(const char *const *words, pid_t *pid)
{
	int err, fd;

	reap();
	err = spawn(words, pid);
	if (err) {
		*pid = 0;
		return -err;
	}
	fd = pidfd_open(*pid, 0);
	if (fd >= 0)
		return fd;
	err = -errno;
	program_kill(*pid);
	*pid = 0;
	return err;
}

static int wait_for(pid_t pid, int *status)
{
	pid_t got;

	do
		got = waitpid(pid, status, 0);
	while (got < 0 && errno == EINTR);
	return got == pid ? 0 : -errno;
}

bool program_wait(pid_t pid, char *why, size_t size)
{
	int status = 0, err = wait_for(pid, &status);

	if (err)
		snprintf(why, size, "its status is unknown: %s", strerror(-err));
	else if (WIFSIGNALED(status))
		snprintf(why, size, "the command was ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		snprintf(why, size, "the command ended with status %d", WEXITSTATUS(status));
	else
		return true;
	return false;
}

void program_kill(pid_t pid)
{
	int status;

	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	if (n_killed < MAX_KILLED)
		killed[n_killed++] = pid;
	else
		wait_for(pid, &status);
	reap();
}
