// SPDX-License-Identifier: BSD-3-Clause
//
// Images of the tables that were published, in state_dir/NAME/tables, each named by its checksum: what
// `weirctl rules rollback` publishes again, and `rules diff` compares with. The newest are kept.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "rules/compile.h"
#include "rules/gateway.h"

enum { IMAGES_KEPT = 10 };

// Keeps an image, and gives up the oldest past IMAGES_KEPT. Written aside and renamed. 0 or -errno. Any thread, one
// at a time.
int images_put(const struct gateway *gateway, const struct table_image *image);

// Reads the image in file `path` and checks it as if an enemy wrote it. 0; -EINVAL with one line in `why`;
// -ENOMEM; -errno of the file. `image` is the caller's. Any thread.
int images_read(const char *path, struct table_image *image, char *why, size_t why_size);

// Finds by the history which image was published as `generation`; 0: the last published one that is not the
// newest one's image. Writes its path into `path` and its generation back. 0; -ENOENT: nothing of that
// generation in the history, or its image is not kept any more.
int images_find(const struct gateway *gateway, const char *history, uint64_t *generation, char *path, size_t size);
