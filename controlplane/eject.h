// SPDX-License-Identifier: BSD-3-Clause
//
// Passive ejection (docs/decisions/020-passive-ejection.md): a member whose messages bring ICMP errors is
// taken out for a time that doubles each time that it happens again. Pure; any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rules/table.h"

// What ICMP errors have made of one member so far. All zero: nothing. Clocks are the caller's.
struct ejection {
	bool out;
	uint8_t times;     // in a row, this one included; the time doubles with each
	uint8_t cause;     // enum weir_unreachable_cause, of the last error
	uint8_t good;      // probes in a row that succeeded since
	uint16_t errors;   // within the interval that began at `since_ms`, while it is not out
	uint64_t since_ms; // that, or since when it is out
	uint64_t for_ms;   // how long it is out at most
	uint64_t back_ms;  // when it came back the last time
};

// Takes an error into account by the pool's settings; whether the member is ejected now. None counts while it is
// out, nor where the pool has no ejection.
bool eject_note(struct ejection *ejection, const struct table_pool *pool, unsigned cause,
		uint64_t now_ms);

// Whether it is still out.
static inline bool eject_holds(const struct ejection *ejection, uint64_t now_ms)
{
	return ejection->out && now_ms - ejection->since_ms < ejection->for_ms;
}

// Brings it back where its time is over; whether it came back.
bool eject_settle(struct ejection *ejection, uint64_t now_ms);

// A probe's result: `up` good ones in a row bring it back before its time; whether it came back.
bool eject_probed(struct ejection *ejection, bool good, uint8_t up, uint64_t now_ms);
