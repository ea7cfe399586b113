// SPDX-License-Identifier: BSD-3-Clause
//
// Loads the XDP program and attaches it. First choice: libxdp's dispatcher, in which programs of several
// owners stand side by side. Where the kernel cannot do that (it replaces functions of a running program,
// which not every kernel permits), a bpf_link of our own, pinned, which nobody can push aside unasked.
// Either way natively in the driver, else in skb mode. DPDK's driver detaches by netlink whatever it finds
// when it closes a port, a dispatcher with everything in it included: so it is never let to (port.c).
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <steer.skel.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#include "dataplane/log.h"
#include "dataplane/xdp_parts.h"

static uint32_t mode_flag(bool native)
{
	return native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
}

static uint32_t shown_id(const struct xdp *xdp, bool native)
{
	uint32_t id = 0;

	return bpf_xdp_query_id((int)xdp->seen.index, (int)mode_flag(native), &id) == 0 ? id : 0;
}

static int skeleton_open(struct xdp *xdp)
{
	steer__destroy(xdp->skeleton);
	xdp_said_begin();
	xdp->skeleton = steer__open();
	return xdp->skeleton ? 0 : -errno;
}

static void program_drop(struct xdp *xdp)
{
	xdp_program__close(xdp->program);
	xdp->program = NULL;
}

// Loads and attaches by libxdp. 0 with program set: through the dispatcher; 0 without: libxdp loaded the
// program, but there can be no dispatcher, and it is not attached.
static int attach_dispatched(struct xdp *xdp, bool native)
{
	DECLARE_LIBXDP_OPTS(xdp_program_opts, options, .prog_name = "xsk_def_prog");
	int err = skeleton_open(xdp);

	if (err)
		return err;
	options.obj = xdp->skeleton->obj;
	xdp->program = xdp_program__create(&options);
	err = (int)libxdp_get_error(xdp->program);
	if (err) {
		xdp->program = NULL;
		return err;
	}
	err = xdp_program__attach(xdp->program, (int)xdp->seen.index,
				  native ? XDP_MODE_NATIVE : XDP_MODE_SKB, 0);
	if (err == 0 && shown_id(xdp, native) == xdp_program__id(xdp->program)) {
		LIBBPF_OPTS(bpf_xdp_attach_opts, ours,
			    .old_prog_fd = xdp_program__fd(xdp->program));
		err = bpf_xdp_detach((int)xdp->seen.index, mode_flag(native), &ours);
		program_drop(xdp);
	}
	if (err)
		program_drop(xdp);
	return err;
}

// Attaches the loaded program by a link.
static int attach_link(struct xdp *xdp, bool native)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = mode_flag(native));
	int fd = bpf_link_create(bpf_program__fd(xdp->skeleton->progs.xsk_def_prog),
				 (int)xdp->seen.index, BPF_XDP, &options);

	if (fd < 0)
		return -errno;
	xdp->link = fd;
	return 0;
}

// One try in one mode, through the dispatcher or else by a link.
static int attach_in(struct xdp *xdp, bool native)
{
	int err = attach_dispatched(xdp, native);
	bool loaded = err == 0;

	if (loaded && xdp->program)
		return 0;
	if (!loaded) {
		err = skeleton_open(xdp);
		if (err == 0)
			err = steer__load(xdp->skeleton);
	}
	return err ? err : attach_link(xdp, native);
}

static void attached(struct xdp *xdp, bool native)
{
	xdp->native = native;
	xdp->attached = true;
	xdp->attached_id = shown_id(xdp, native);
}

static int explain(const struct xdp *xdp, const struct xdp_why *why, int err)
{
	if (err == -EPERM)
		return xdp_fail(
			why, EPERM,
			"port \"%s\": not permitted to load or attach XDP programs (run as "
			"root, or with CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON and CAP_SYS_ADMIN)",
			xdp->name);
	return xdp_fail(why, -err, "port \"%s\": the XDP program cannot be attached to %s: %s: %s",
			xdp->name, xdp->device, strerror(-err), xdp_said());
}

int xdp_attach(struct xdp *xdp, const struct xdp_why *why)
{
	int err = attach_in(xdp, true), first = err;

	// Another mode helps where the driver is the reason.
	if (err && err != -EPERM && err != -EACCES && err != -EBUSY && err != -EEXIST)
		err = attach_in(xdp, false);
	if (err)
		return explain(xdp, why, first);
	attached(xdp, first == 0);
	if (!xdp->program)
		log_line(
			"port \"%s\": this kernel does not take libxdp's dispatcher: our program has %s to itself",
			xdp->name, xdp->device);
	if (first)
		log_line(
			"port \"%s\": the driver of %s does not take XDP programs (%s): skb mode, which is slower",
			xdp->name, xdp->device, strerror(-first));
	return 0;
}

int xdp_attach_again(struct xdp *xdp, const struct xdp_why *why)
{
	char path[XDP_FOLDER_MAX + 8];
	int err;

	xdp_said_begin();
	if (xdp->program) {
		err = xdp_program__attach(xdp->program, (int)xdp->seen.index,
					  xdp->native ? XDP_MODE_NATIVE : XDP_MODE_SKB, 0);
	} else {
		snprintf(path, sizeof(path), "%s/link", xdp->folder);
		unlink(path);
		close(xdp->link);
		xdp->link = -1;
		err = attach_link(xdp, xdp->native);
		if (err == 0)
			err = bpf_obj_pin(xdp->link, path) < 0 ? -errno : 0;
	}
	if (err)
		return explain(xdp, why, err);
	attached(xdp, xdp->native);
	return 0;
}

// Whether the dispatcher that the interface shows has our program.
static bool is_dispatched(const struct xdp *xdp)
{
	struct xdp_multiprog *all = xdp_multiprog__get_from_ifindex((int)xdp->seen.index);
	struct xdp_program *program = NULL;
	bool found = false;

	if (libxdp_get_error(all))
		return false;
	while (!found && (program = xdp_multiprog__next_prog(program, all)))
		found = xdp_program__id(program) == xdp_program__id(xdp->program);
	xdp_multiprog__close(all);
	return found;
}

bool xdp_is_attached(const struct xdp *xdp, uint32_t *id)
{
	*id = shown_id(xdp, xdp->native);
	if (*id == xdp->attached_id)
		return *id != 0;
	return *id != 0 && xdp->program && is_dispatched(xdp);
}
