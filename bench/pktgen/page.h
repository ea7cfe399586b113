// SPDX-License-Identifier: BSD-3-Clause
//
// The report's page (page.html) before and after its JSON; made by page.py.
#pragma once

#include <stddef.h>

extern const unsigned char page_before[], page_after[];
extern const size_t page_before_size, page_after_size;
