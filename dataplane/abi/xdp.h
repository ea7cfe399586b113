// SPDX-License-Identifier: BSD-3-Clause
//
// What the XDP program of a port does with each frame: one fate, one counter. They stand beside what
// the NIC counts (stats: ports[].xdp) and are no part of the books: only a frame of fate `socket`
// reaches weir. No includes: the BPF program is compiled with this too.
#pragma once

// X(name, what the program returns, text). Order of the program's decisions.
#define WEIR_XDP_FATES(X)                              \
	X(ETHERTYPE, PASS, "ethertype")                \
	X(NOT_UDP, PASS, "not-udp")                    \
	X(NO_LISTENER, PASS, "no-listener")            \
	X(BLOCKED_SOURCE, DROP, "blocked-source")      \
	X(FLOOD, DROP, "flood")                        \
	X(MOVED, TX, "moved")                          \
	X(TOO_LONG, PASS, "too-long")                  \
	X(NO_SOCKET, PASS, "no-socket")                \
	X(SOCKET, REDIRECT, "socket")

enum weir_xdp_fate {
#define X(name, action, text) WEIR_XDP_##name,
	WEIR_XDP_FATES(X)
#undef X
	WEIR_N_XDP_FATES
};
