// SPDX-License-Identifier: BSD-3-Clause
//
// What may become of an answer that an agent gave to a message (abi/socket.h: WEIR_ANSWER). One list; the
// acknowledgement, the counters and their names are made from it. libc only.
#pragma once

// X(name, course, text). SENT: a port has taken the frame. LATER: the same answer may be sent again in a while.
// LOST: it will never be right.
#define WEIR_ANSWER_FATES(X)             \
	X(SENT, SENT, "sent")            \
	X(RATE, LATER, "rate")           \
	X(NO_ROOM, LATER, "no-room")     \
	X(LINK_DOWN, LATER, "link-down") \
	X(SHAPE, LOST, "shape")          \
	X(PROTOCOL, LOST, "protocol")    \
	X(PORT, LOST, "port")            \
	X(ADDRESS, LOST, "address")      \
	X(LISTENER, LOST, "listener")    \
	X(PAYLOAD, LOST, "payload")      \
	X(MTU, LOST, "mtu")

enum weir_answer_course { WEIR_COURSE_SENT, WEIR_COURSE_LATER, WEIR_COURSE_LOST };

enum weir_answer_fate {
#define X(name, course, text) WEIR_ANSWER_##name,
	WEIR_ANSWER_FATES(X)
#undef X
	WEIR_N_ANSWER_FATES
};

// "?" and LOST for a number out of range. Static strings, any thread.
const char *weir_answer_fate_name(unsigned fate);
enum weir_answer_course weir_answer_fate_course(unsigned fate);
