// SPDX-License-Identifier: BSD-3-Clause
//
// What a run counts. The sending lcore is the only writer; the main thread reads while it runs.
#pragma once

#include "bench/pktgen/histogram.h"

// What came back, by where it went to: messages that the gateway sent on keep their destination port, answers come from
// it, anything else (ARP, pings) is neither. X(name, text)
#define METER_COUNTS(X)                                    \
	X(sent, "sent")                                    \
	X(sent_bytes, "sent_bytes")                        \
	X(forwarded, "forwarded")                          \
	X(answered, "answered")                            \
	X(other, "other")                                  \
	X(back_bytes, "back_bytes")                        \
	X(asked, "asked")         /* sent that want an acknowledgement beside what becomes of them */ \
	X(stamped, "stamped")     /* sent with a stamp */  \
	X(timed, "timed")         /* came back with it */  \
	X(stalls, "stalls")       /* the port took less */ \
	X(no_mbufs, "no_mbufs")

struct meter {
#define X(name, text) uint64_t name;
	METER_COUNTS(X)
#undef X
	struct histogram latency; // TSC cycles, from when a message was due to when it was received
	struct histogram late;    // from when it was due to when it was given to the port
};

#define METER_ADD(meter, name, n) __atomic_store_n(&(meter)->name, (meter)->name + (n), __ATOMIC_RELAXED)
#define METER_GET(meter, name) __atomic_load_n(&(meter)->name, __ATOMIC_RELAXED)
