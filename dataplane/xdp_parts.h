// SPDX-License-Identifier: BSD-3-Clause
//
// What the files xdp*.c share, and nobody else uses. Main thread.
#pragma once

#include <net/if.h>
#include <stdbool.h>

#include "dataplane/interface.h"
#include "dataplane/xdp.h"

struct steer;       // the skeleton
struct xdp_program; // of libxdp

enum { XDP_FOLDER_MAX = 160 };

struct xdp {
	struct xdp_parts parts;
	const char *name;   // of the port
	const char *device; // of the interface
	struct steer *skeleton;
	uint8_t mac[6];              // of the interface
	struct xdp_program *program; // attached through the dispatcher, else NULL
	int link;                    // the bpf_link, where there is no dispatcher, else -1
	bool native, attached;
	uint32_t attached_id; // of the program that the interface shows: the dispatcher or ours
	char folder[XDP_FOLDER_MAX]; // of our pins
	int lock;                    // of that folder, -1: not ours
	// blocked sources
	uint32_t half; // of the maps, in use
	uint64_t left_out;
	// what was seen last (xdp_poll)
	struct interface seen;
	uint64_t checked_ns;
	bool trouble_said;
};

struct xdp_why {
	char *text;
	size_t size;
};

// Writes the line and returns -error.
int xdp_fail(const struct xdp_why *why, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// xdp_pins.c: the folder of our pins in bpffs, made and locked; bpffs is mounted where it is missing.
// 0 or -errno with `why`.
int xdp_pins_open(struct xdp *xdp, const struct xdp_why *why);

// Pins every map. 0 or -errno.
int xdp_pins_put(struct xdp *xdp);

// Removes every pin, and the folder where it is ours.
void xdp_pins_remove(struct xdp *xdp);

// Gives the folder back.
void xdp_pins_close(struct xdp *xdp);

// Whose weir program `fd` is: writes "GATEWAY/PORT" into `owner`. false: no gateway's.
bool xdp_pins_owner(int fd, char *owner, size_t size);

// xdp_attach.c: loads and attaches, see xdp_open. 0 or -errno with `why`.
int xdp_attach(struct xdp *xdp, const struct xdp_why *why);

// Attaches the loaded program again. 0 or -errno with `why`.
int xdp_attach_again(struct xdp *xdp, const struct xdp_why *why);

// Whether the interface runs our program; `id` is that of the program it shows, 0 for none.
bool xdp_is_attached(const struct xdp *xdp, uint32_t *id);

// xdp_leftover.c: takes away what a dead dataplane of our name left on the interface, and says so. 0;
// -EBUSY with `why` where the interface is another's.
int xdp_leftover_remove(struct xdp *xdp, const struct xdp_why *why);

// xdp_maps.c: the settings and listeners. 0 or -errno.
int xdp_maps_fill(struct xdp *xdp);

// xdp_said.c: keeps what libbpf and libxdp say from here on, instead of printing it.
void xdp_said_begin(void);

// What they said that tells most: the line where the verifier stopped, else the first warning; ""
// where there was none. Static.
const char *xdp_said(void);
