// SPDX-License-Identifier: BSD-3-Clause
//
// Builds ICMP errors for tests: what a member's kernel, or a router, sends about a datagram. The sums are made a
// byte pair at a time, by other code than the product's.
#pragma once

#include <stdint.h>

enum { ICMP_ERROR_MAX = 2048 };

struct icmp_error {
	uint8_t bytes[ICMP_ERROR_MAX]; // the frame
	uint32_t length, ip, icmp;     // offsets of the outer header and of the ICMP header
};

// An error of `type` and `code` that quotes the first `quoted` bytes of the IP datagram at `about`, sent by whom that
// was for to whom it was from. The frame is from 02:00:00:00:00:0b and has `n_vlan` tags.
void icmp_error_make(struct icmp_error *error, unsigned type, unsigned code, const uint8_t *about,
		     uint32_t quoted, unsigned n_vlan);

// Recomputes both checksums, over the lengths that the headers say, as far as they lie in the frame.
void icmp_error_mend(struct icmp_error *error);
