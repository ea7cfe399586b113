// SPDX-License-Identifier: BSD-3-Clause
//
// Threads of the control plane. Signals are the loop's: no other thread gets any.
#pragma once

#include <pthread.h>

// Starts `run(argument)` with all signals blocked, as threads that it starts will have them. 0, or a positive errno
// as of pthread_create.
int thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument);
