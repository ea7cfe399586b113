// SPDX-License-Identifier: BSD-3-Clause
//
// The run folder and the lock that keeps a gateway's dataplane single. Main thread only.
#pragma once

#include <stddef.h>

#include "rules/gateway.h"

// Makes run_dir/NAME (mode 0770) where it is missing and locks dataplane.lock in it. The descriptor
// that holds the lock, or -errno with `why`: -EBUSY names the process that holds it.
int instance_lock(const struct gateway *gateway, char *why, size_t why_size);

// Makes state_dir/NAME where it is missing. 0 or -errno.
int instance_state_folder(const struct gateway *gateway);
