// SPDX-License-Identifier: BSD-3-Clause
//
// Which country codes ISO 3166-1 assigns. libc only; pure; any thread.
#pragma once

#include <stdbool.h>

// Whether ISO 3166-1 assigns the code of a country index (249 of the 676 do; ZZ is none of them).
bool country_is_assigned(unsigned country);

// The code that is meant by one often written in its place (UK is written for GB), or NULL.
const char *country_meant(const char *code);
