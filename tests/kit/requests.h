// SPDX-License-Identifier: BSD-3-Clause
//
// Random SIP and CoAP messages as payloads of a frame (frame.h), most of them sound, many odd, some broken.
#pragma once

#include "tests/kit/frame.h"

// Any number below `n`.
typedef unsigned (*draw_fn)(unsigned n);

// Pushes one message behind the UDP header; frame_finish is the caller's.
void requests_sip(struct frame *frame, draw_fn draw);
void requests_coap(struct frame *frame, draw_fn draw);
