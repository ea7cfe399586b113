// SPDX-License-Identifier: BSD-3-Clause
//
// Folders of a test's own, and waiting for what another thread or process does.
#pragma once

#include <stdbool.h>

// A new empty folder, in $TMPDIR or /tmp; aborts where none can be made.
char *folder_make(void);

// Removes it with everything in it, and frees the name.
void folder_remove(char *folder);

// Asks `done` again and again for up to `seconds`; whether it came true.
bool wait_until(bool (*done)(void *argument), void *argument, unsigned seconds);
