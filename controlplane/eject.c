// SPDX-License-Identifier: BSD-3-Clause
//
// The judgement over ICMP errors. Any thread.
#include "controlplane/eject.h"

// The base time, doubled for each ejection before this one, up to the most.
static uint64_t time_out_ms(const struct table_pool *pool, unsigned times_before)
{
	uint64_t seconds = pool->eject_base;

	for (unsigned i = 0; i < times_before && seconds < pool->eject_max; i++)
		seconds *= 2;
	return (seconds < pool->eject_max ? seconds : pool->eject_max) * 1000;
}

bool eject_note(struct ejection *ejection, const struct table_pool *pool, unsigned cause,
		uint64_t now_ms)
{
	if (ejection->out || pool->eject_errors == 0)
		return false;
	if (ejection->errors == 0 || now_ms - ejection->since_ms >= pool->eject_interval_ms) {
		ejection->errors = 0;
		ejection->since_ms = now_ms;
	}
	ejection->errors++;
	ejection->cause = (uint8_t)cause;
	if (ejection->errors < pool->eject_errors)
		return false;
	if (now_ms - ejection->back_ms > (uint64_t)pool->eject_max * 1000)
		ejection->times = 0; // it has been well for long
	ejection->for_ms = time_out_ms(pool, ejection->times);
	if (ejection->times < UINT8_MAX)
		ejection->times++;
	ejection->out = true;
	ejection->since_ms = now_ms;
	ejection->good = 0;
	return true;
}

static bool come_back(struct ejection *ejection, uint64_t now_ms)
{
	ejection->out = false;
	ejection->errors = 0;
	ejection->back_ms = now_ms;
	return true;
}

bool eject_settle(struct ejection *ejection, uint64_t now_ms)
{
	return ejection->out && !eject_holds(ejection, now_ms) && come_back(ejection, now_ms);
}

bool eject_probed(struct ejection *ejection, bool good, uint8_t up, uint64_t now_ms)
{
	if (!ejection->out)
		return false;
	ejection->good = good ? (uint8_t)(ejection->good + 1) : 0;
	return ejection->good >= up && come_back(ejection, now_ms);
}
