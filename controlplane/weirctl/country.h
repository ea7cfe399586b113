// SPDX-License-Identifier: BSD-3-Clause
//
// `weirctl country` of an address.
#pragma once

#include <stdbool.h>

struct options;

// Whether `word` is an IPv4 or IPv6 address.
bool country_is_address(const char *word);

// Prints the country of an address in the table that `rules` calls (load.h), NULL: the running gateway's present one,
// and the row of the data that gave it. Returns an exit status, everything printed.
int country_print_address(const struct options *options, const char *word, const char *rules);
