// SPDX-License-Identifier: BSD-3-Clause
//
// Datagrams in the making (DESIGN 1.3, step 3; docs/decisions/042-reassembly.md): fragments are held until their
// datagram is whole, its time is over, or it breaks a limit. The dataplane's workers and weirctl classify run this.
// libc only; one thread each. Every fragment that is held leaves by `end`, once; nothing here allocates but
// reassembly_create. The cost of a fragment is bounded by limits.per_datagram, over time.
#pragma once

#include <stdint.h>

#include "dataplane/packet.h"

struct reassembly;

struct reassembly_limits {
	uint32_t datagrams;    // in the making at once; the oldest gives way
	uint32_t fragments;    // held at once; likewise
	uint32_t per_datagram; // fragments of one datagram, duplicates counted
	uint64_t timeout;      // from its first fragment to its last, in units of `now`
};

// What the holder of the frames does.
struct reassembly_frames {
	// Copies bytes of a frame that was taken to `out`.
	void (*copy)(const void *frame, uint32_t offset, uint32_t length, uint8_t *out);
	// A held frame is the caller's again: WEIR_FRAGMENT, its datagram is whole and another frame stands for it; or
	// WEIR_MALFORMED, it never will be.
	void (*end)(void *context, void *frame, enum weir_disposition disposition);
	void *context;
};

// `seed`: nobody outside may know it, where fragments come from outside. NULL: no memory. All limits are above 0.
struct reassembly *reassembly_create(const struct reassembly_limits *limits, const struct reassembly_frames *frames,
				     const uint8_t seed[16]);

// Ends all that is held (WEIR_MALFORMED); NULL is fine.
void reassembly_destroy(struct reassembly *reassembly);

enum reassembly_fate {
	REASSEMBLY_HELD,    // until `end`
	REASSEMBLY_WHOLE,   // its datagram is whole, in `whole`; the others have ended as WEIR_FRAGMENT
	REASSEMBLY_REFUSED, // malformed, as are those of its datagram; the frame stays the caller's, as with WHOLE
};

// Longest frame that a datagram makes: Ethernet with two tags, IPv6 header, 65,535 bytes.
enum { REASSEMBLY_MAX = 65536 + 64 };

struct whole {
	uint8_t *data;   // the caller's, REASSEMBLY_MAX bytes; packet->data may lie in it
	uint32_t length; // of the frame
	uint32_t id;     // identification of its fragments, as it lies there
	uint8_t tunnel;  // that its fragments came in (packet_tunnel)
};

// Takes `frame`, of which `packet` says that it is a fragment (parse_frame ended it with WEIR_REASON_FRAGMENT). `now`
// never goes back.
//
// Refused: what fragment_read refuses, by itself; and with it its datagram, and what comes of that later until its time
// is over (RFC 5722): a fragment that overlaps another but is not the very same, a second end, one behind the end, one
// more than per_datagram. An IPv6 fragment that is a whole datagram (RFC 6946) is whole at once, whatever is held.
enum reassembly_fate reassembly_take(struct reassembly *reassembly, const struct packet *packet, void *frame,
				     uint64_t now, struct whole *whole);

// Ends what is out of time.
void reassembly_expire(struct reassembly *reassembly, uint64_t now);

// Ends all that is held.
void reassembly_flush(struct reassembly *reassembly);
