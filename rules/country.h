// SPDX-License-Identifier: BSD-3-Clause
//
// Which country codes ISO 3166-1 assigns. libc only; pure; any thread.
#pragma once

#include <stdbool.h>

// Whether ISO 3166-1 assigns the code of a country index (249 of the 676 do; ZZ is none of them).
bool country_is_assigned(unsigned country);

// Writes `did you mean "GB"?` for a code that is often written in another's place (UK) into `out` and
// returns it; NULL where none is.
const char *country_hint(const char *code, char out[32]);
