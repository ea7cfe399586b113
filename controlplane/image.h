// SPDX-License-Identifier: BSD-3-Clause
//
// A compiled table, or routes, as a sealed memory file: what is handed to the dataplane. Any thread.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct sealed {
	int fd;
	size_t size; // of the image; 0: none
};

// Copies `size` bytes into a memory file (on huge pages where `huge` and there are some) and seals it against
// writing, growing, shrinking and more seals. Returns a close-on-exec descriptor or -errno. The file may
// be longer than `size`: huge pages are whole.
int image_seal(const void *data, size_t size, bool huge);
