// SPDX-License-Identifier: BSD-3-Clause
//
// Log lines of the dataplane's main thread: one event, one line on stderr, for the journal. Never
// called by a worker.
#pragma once

// Writes "weir-dataplane: " and the line.
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
