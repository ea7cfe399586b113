// SPDX-License-Identifier: BSD-3-Clause
//
// What the parts of the deck share. Internal to deck*.c.
#pragma once

#include "bench/pktgen/deck.h"

// Appends a copy of a frame. -ENOMEM, -E2BIG.
int deck_push(struct deck *deck, const uint8_t *bytes, struct deck_frame frame);
