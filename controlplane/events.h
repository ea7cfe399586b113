// SPDX-License-Identifier: BSD-3-Clause
//
// Events of libevent that may not have come to be.
#pragma once

#include <event2/event.h>

// Takes the event out of its loop and frees it; NULL is nothing.
static inline void event_destroy(struct event *event)
{
	if (event)
		event_free(event);
}
