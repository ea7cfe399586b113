// SPDX-License-Identifier: BSD-3-Clause
//
// What a session found, for people and programs. Main thread.
#pragma once

#include <jansson.h>

#include "bench/pktgen/session.h"

// The table.
void report_print(const struct session *session);

// Everything, as JSON (bench/pktgen/README.md); NULL when memory is out.
json_t *report_json(const struct session *session);

// Writes JSON, or the page that shows it. 0 or -errno.
int report_write_json(const json_t *report, const char *path);
int report_write_html(const json_t *report, const char *path);
