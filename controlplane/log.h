// SPDX-License-Identifier: BSD-3-Clause
//
// One line an event on stderr, for a terminal or systemd (which gets the level as a prefix). No
// message content is ever logged. Any thread.
#pragma once

// Names the program at the start of each line; without it there is no name. Call once, before threads.
void log_open(const char *program);

// printf's format, no newline; longer lines than about 1,000 bytes are cut.
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
