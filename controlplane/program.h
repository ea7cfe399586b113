// SPDX-License-Identifier: BSD-3-Clause
//
// A program that is run beside us and watched through a descriptor: no shell, no descriptor of ours, a
// process group of its own, standard streams at /dev/null. Loop's thread only.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Starts words[0] (a path) with the NULL-terminated `words`. A pidfd, readable when it has ended, which
// the caller closes; or -errno.
int program_start(const char *const *words, pid_t *pid);

// Takes the exit status of a program that has ended. Whether it was 0; else `why` says what it was.
bool program_wait(pid_t pid, char *why, size_t size);

// Kills the program and what it started in its process group. Its status is taken when there is one.
void program_kill(pid_t pid);
