// SPDX-License-Identifier: BSD-3-Clause
//
// An XDP port's life, see xdp.h. Main thread. The order of the start matters: what a dead dataplane left
// goes first, then the program is attached with empty maps (every frame to the kernel), then come
// settings, listeners and, by DPDK's driver, the sockets; so that no frame is taken that cannot be judged.
#include "dataplane/xdp.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <steer.skel.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "dataplane/log.h"
#include "dataplane/xdp_parts.h"

enum { CHECK_NS = 250000000 };

int xdp_fail(const struct xdp_why *why, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why->text, why->size, format, arguments);
	va_end(arguments);
	return -error;
}

// What of the interface does not fit the port, said once for each state.
static void say_fit(const struct xdp *xdp)
{
	unsigned queues = xdp->seen.rx_queues, longest = xdp->seen.mtu + 14 + 8;

	if (queues > xdp->parts.port->queues)
		log_line(
			"port \"%s\": %s has %u receive queues, the port polls %u: messages of the others go to the "
			"kernel (ethtool -L, or queues)",
			xdp->name, xdp->device, queues, xdp->parts.port->queues);
	if (longest > xdp->parts.frame_max)
		log_line(
			"port \"%s\": %s has an MTU of %u: messages in frames above %u bytes go to the kernel (lower "
			"the MTU)",
			xdp->name, xdp->device, xdp->seen.mtu, xdp->parts.frame_max);
}

static int find_interface(struct xdp *xdp, const struct xdp_why *why)
{
	interface_get(&xdp->seen, xdp->device);
	if (xdp->seen.index == 0)
		return xdp_fail(
			why, ENODEV,
			"port \"%s\": there is no interface %s (ip link shows those that are)",
			xdp->name, xdp->device);
	if (xdp->seen.rx_queues && xdp->parts.port->queues > xdp->seen.rx_queues)
		return xdp_fail(
			why, EINVAL,
			"port \"%s\": %u receive queues wanted, interface %s has %u (ethtool -L %s)",
			xdp->name, xdp->parts.port->queues, xdp->device, xdp->seen.rx_queues,
			xdp->device);
	return 0;
}

static int start(struct xdp *xdp, const struct xdp_why *why)
{
	int err;

	xdp_said_begin();
	err = find_interface(xdp, why);
	if (err == 0)
		err = xdp_pins_open(xdp, why);
	if (err == 0)
		err = xdp_leftover_remove(xdp, why);
	if (err == 0)
		err = xdp_attach(xdp, why);
	if (err)
		return err;
	err = xdp_pins_put(xdp);
	if (err)
		return xdp_fail(why, -err, "port \"%s\": maps cannot be pinned in %s: %s",
				xdp->name, xdp->folder, strerror(-err));
	err = interface_mac(xdp->device, xdp->mac);
	if (err == 0)
		err = xdp_maps_fill(xdp);
	if (err)
		return xdp_fail(why, -err,
				"port \"%s\": the XDP program's maps cannot be filled: %s",
				xdp->name, strerror(-err));
	say_fit(xdp);
	if (!xdp->seen.up)
		log_line("port \"%s\": %s is down", xdp->name, xdp->device);
	return 0;
}

struct xdp *xdp_open(const struct xdp_parts *parts, char *why, size_t why_size)
{
	struct xdp *xdp = calloc(1, sizeof(*xdp));
	struct xdp_why text = { why, why_size };
	int err = xdp ? 0 : xdp_fail(&text, ENOMEM, "no memory for port \"%s\"", parts->port->name);

	if (xdp) {
		*xdp = (struct xdp){ .parts = *parts,
				     .name = parts->port->name,
				     .device = parts->port->device,
				     .link = -1,
				     .lock = -1 };
		err = start(xdp, &text);
	}
	if (err == 0)
		return xdp;
	xdp_close(xdp);
	errno = -err;
	return NULL;
}

void xdp_detach(struct xdp *xdp)
{
	if (!xdp->attached)
		return;
	xdp->attached = false;
	xdp_said_begin();
	if (xdp->program)
		xdp_program__detach(xdp->program, (int)xdp->seen.index, XDP_MODE_UNSPEC, 0);
	else if (xdp->link >= 0)
		bpf_link_detach(xdp->link);
}

void xdp_close(struct xdp *xdp)
{
	if (!xdp)
		return;
	xdp_detach(xdp);
	xdp_pins_remove(xdp);
	xdp_pins_close(xdp);
	if (xdp->link >= 0)
		close(xdp->link);
	xdp_program__close(xdp->program);
	steer__destroy(xdp->skeleton);
	free(xdp);
}

// Takes the program off and attaches it again: drivers (veth) do not give new queues the program that the others run.
static void attach_anew(struct xdp *xdp)
{
	char text[512];
	struct xdp_why why = { text, sizeof(text) };

	xdp_detach(xdp);
	if (xdp_attach_again(xdp, &why) < 0)
		log_line("%s", text);
	xdp->attached = true; // or to be tried again
}

// Says what has become of the interface, and does what that needs.
static void compare(struct xdp *xdp, const struct interface *now)
{
	struct interface before = xdp->seen;

	xdp->seen = *now;
	if (now->up != before.up)
		log_line("port \"%s\": %s is %s", xdp->name, xdp->device,
			 now->up ? "up again" : "down");
	if (now->mtu != before.mtu)
		log_line("port \"%s\": the MTU of %s changed from %u to %u", xdp->name, xdp->device,
			 before.mtu, now->mtu);
	if (now->rx_queues != before.rx_queues) {
		attach_anew(xdp);
		log_line("port \"%s\": the receive queues of %s changed from %u to %u", xdp->name,
			 xdp->device, before.rx_queues, now->rx_queues);
	}
	if (now->mtu != before.mtu || now->rx_queues != before.rx_queues)
		say_fit(xdp);
}

// The interface itself went, or another has its name: our sockets are of the old one.
static bool is_gone(struct xdp *xdp, const struct interface *now)
{
	if (now->index == xdp->seen.index)
		return false;
	if (!xdp->trouble_said)
		log_line(
			"port \"%s\": interface %s was removed (restart weir-dataplane when it is back)",
			xdp->name, xdp->device);
	xdp->trouble_said = true;
	xdp->seen.up = false;
	return true;
}

// Somebody took the program off.
static void attach_again(struct xdp *xdp)
{
	char text[512];
	struct xdp_why why = { text, sizeof(text) };
	int err = xdp_attach_again(xdp, &why);

	if (err == 0)
		log_line(
			"port \"%s\": the XDP program was taken off %s by someone else: attached it again",
			xdp->name, xdp->device);
	else if (!xdp->trouble_said)
		log_line(
			"port \"%s\": the XDP program was taken off %s by someone else, and messages go to the kernel: "
			"%s",
			xdp->name, xdp->device, text);
	xdp->trouble_said = err != 0;
}

void xdp_poll(struct xdp *xdp, uint64_t now_ns)
{
	struct interface now;
	uint32_t id;

	if (!xdp->attached || now_ns - xdp->checked_ns < CHECK_NS)
		return;
	xdp->checked_ns = now_ns;
	interface_get(&now, xdp->device);
	if (is_gone(xdp, &now))
		return;
	compare(xdp, &now);
	if (!xdp_is_attached(xdp, &id)) {
		attach_again(xdp);
	} else if (id != xdp->attached_id) {
		xdp->attached_id = id;
		log_line("port \"%s\": other XDP programs on %s changed, ours stays", xdp->name,
			 xdp->device);
	}
}
