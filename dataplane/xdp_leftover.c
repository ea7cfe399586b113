// SPDX-License-Identifier: BSD-3-Clause
//
// Who is on the interface before us. Programs that came through libxdp's dispatcher stay; what a dead
// dataplane of our name left is taken away; any other owner of the interface, or of its AF_XDP sockets,
// has it to himself, and we say so.
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "dataplane/log.h"
#include "dataplane/xdp_parts.h"

#define OUR_NAME "xsk_def_prog" // of every program that AF_XDP sockets can join

struct finding {
	int ours; // of a program that a dead dataplane of our name attached, -1: none
	bool dispatched;
};

static int refuse(const struct xdp *xdp, const struct xdp_why *why,
		  const struct xdp_program *program, const char *hint)
{
	return xdp_fail(
		why, EBUSY, "port \"%s\": interface %s has the XDP program %s (id %u) already (%s)",
		xdp->name, xdp->device, xdp_program__name(program), xdp_program__id(program), hint);
}

static int look_at(struct xdp *xdp, const struct xdp_why *why, struct xdp_program *program,
		   struct finding *finding)
{
	int fd = xdp_program__fd(program);
	char owner[WEIR_NAME_MAX * 2 + 2] = "";
	char own[sizeof(owner)], hint[XDP_FOLDER_MAX + 64];

	snprintf(own, sizeof(own), "%s/%s", xdp->parts.gateway->name, xdp->name);
	if (xdp_pins_owner(fd, owner, sizeof(owner))) {
		if (strcmp(owner, own) == 0) {
			finding->ours = dup(fd);
			return finding->ours < 0 ? xdp_fail(why, errno, "no file descriptor left")
						 : 0;
		}
		snprintf(hint, sizeof(hint),
			 "that of gateway and port %s: stop it, or choose another interface",
			 owner);
		return refuse(xdp, why, program, hint);
	}
	if (strcmp(xdp_program__name(program), OUR_NAME) == 0)
		return refuse(xdp, why, program,
			      "of other AF_XDP sockets: end what uses them, or "
			      "ip link set dev INTERFACE xdp off");
	if (!finding->dispatched)
		return refuse(xdp, why, program,
			      "attached without libxdp's dispatcher, which it would share "
			      "with us: xdp-loader load, or ip link set dev INTERFACE xdp off");
	return 0;
}

// Looks at every program on the interface.
static int look(struct xdp *xdp, const struct xdp_why *why, struct xdp_multiprog *all,
		struct finding *finding)
{
	struct xdp_program *program = NULL;
	int err = 0;

	finding->dispatched = !xdp_multiprog__is_legacy(all);
	if (!finding->dispatched)
		return look_at(xdp, why, xdp_multiprog__main_prog(all), finding);
	while (err == 0 && (program = xdp_multiprog__next_prog(program, all)))
		err = look_at(xdp, why, program, finding);
	return err;
}

static void detach_dispatched(const struct xdp *xdp, int fd)
{
	struct xdp_program *program = xdp_program__from_fd(fd);

	if (libxdp_get_error(program))
		return;
	xdp_program__detach(program, (int)xdp->seen.index, XDP_MODE_UNSPEC, 0);
	xdp_program__close(program);
}

// The pinned link, if there is one. Detached by hand: taking away its last pin does so some time later.
static void detach_link(const struct xdp *xdp)
{
	char path[XDP_FOLDER_MAX + 8];
	int fd;

	snprintf(path, sizeof(path), "%s/link", xdp->folder);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return;
	bpf_link_detach(fd);
	close(fd);
}

int xdp_leftover_remove(struct xdp *xdp, const struct xdp_why *why)
{
	struct xdp_multiprog *all = xdp_multiprog__get_from_ifindex((int)xdp->seen.index);
	struct finding finding = { .ours = -1 };
	int err = libxdp_get_error(all) ? 0 : look(xdp, why, all, &finding);

	if (!libxdp_get_error(all))
		xdp_multiprog__close(all);
	if (err == 0 && finding.ours >= 0) {
		log_line("port \"%s\": takes away the program that a dead dataplane left on %s",
			 xdp->name, xdp->device);
		if (finding.dispatched)
			detach_dispatched(xdp, finding.ours);
	}
	if (finding.ours >= 0)
		close(finding.ours);
	if (err)
		return err;
	detach_link(xdp);
	xdp_pins_remove(xdp);
	return 0;
}
