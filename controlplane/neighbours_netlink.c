// SPDX-License-Identifier: BSD-3-Clause
//
// How next hops are learned: one netlink socket that hears of every change and takes the dumps, and one that
// asks for the way to single addresses, which the kernel answers before the question returns. A socket that was
// overrun, or a dump that was torn by changes, makes all be dumped again; what was known stays until then.
// Loop's thread.
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "controlplane/events.h"
#include "controlplane/log.h"
#include "controlplane/neighbours_parts.h"

// The macros of libmnl and rtnetlink.h cast const away, which clang sees through them.
#pragma GCC diagnostic ignored "-Wcast-qual"

enum { RECEIVE_ROOM = 65536, RECEIVES = 16 };

static int socket_open(struct mnl_socket **socket, unsigned groups)
{
	*socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!*socket || mnl_socket_bind(*socket, groups, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	return 0;
}

static void look_soon(struct neighbours *n)
{
	const struct timeval soon = { n->look_ms / 1000, n->look_ms % 1000 * 1000 };

	if (n->n_hops > 0 && !event_pending(n->look, EV_TIMEOUT, NULL))
		event_add(n->look, &soon);
}

static void request(struct neighbours *n, uint16_t type)
{
	char room[MNL_NLMSG_HDRLEN + sizeof(struct ifinfomsg)];
	struct nlmsghdr *header = mnl_nlmsg_put_header(room);

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = ++n->sequence;
	mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg)); // zero: of all families
	if (mnl_socket_sendto(n->events, header, header->nlmsg_len) < 0) {
		n->dump = DUMP_NONE;
		n->dump_again = true; // with the next message, or the next solicitation
	}
}

static void dump_next(struct neighbours *n)
{
	static const uint16_t types[] = { [DUMP_LINKS] = RTM_GETLINK,
					  [DUMP_NEIGHBOURS] = RTM_GETNEIGH,
					  [DUMP_ROUTES] = RTM_GETROUTE };

	if (n->dump != DUMP_NONE) {
		request(n, types[n->dump]);
		return;
	}
	if (n->dump_again) {
		netlink_dump(n);
		return;
	}
	n->overrun_said = false;
	neighbours_sweep(n);
	look_soon(n);
}

void netlink_dump(struct neighbours *n)
{
	if (!n->events)
		return;
	if (n->dump != DUMP_NONE) {
		n->dump_again = true;
		return;
	}
	n->dump_again = false;
	n->dump = DUMP_LINKS;
	neighbours_round(n);
	dump_next(n);
}

static void on_message(struct neighbours *n, const struct nlmsghdr *header)
{
	bool ours = header->nlmsg_seq == n->sequence && header->nlmsg_pid != 0;
	bool ends = header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR;

	if (header->nlmsg_flags & NLM_F_DUMP_INTR)
		n->dump_again = true;
	if (ends && ours && n->dump != DUMP_NONE) {
		n->dump_again |= header->nlmsg_type == NLMSG_ERROR;
		n->dump++;
		dump_next(n);
	} else if (netlink_take(n, header)) {
		look_soon(n);
	}
}

static void on_overrun(struct neighbours *n)
{
	if (!n->overrun_said)
		log_warning("netlink: changes of routes and neighbours were lost: reading them all again");
	n->overrun_said = true;
	n->dump = DUMP_NONE; // its end may be among what was lost
	n->dump_again = true;
}

// Not before all is read: the answer to a request, that an older dump still runs, has no room in a full socket.
static void on_drained(struct neighbours *n)
{
	if (n->dump == DUMP_NONE && n->dump_again)
		netlink_dump(n);
}

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
	static char room[RECEIVE_ROOM];
	struct neighbours *n = argument;

	(void)fd;
	(void)what;
	for (int i = 0; i < RECEIVES; i++) {
		ssize_t got = mnl_socket_recvfrom(n->events, room, sizeof(room));
		const struct nlmsghdr *header = (const void *)room;
		int left = (int)got;

		if (got < 0 && (errno == ENOBUFS || errno == ENOSPC))
			on_overrun(n);
		else if (got <= 0)
			on_drained(n);
		if (got <= 0)
			return;
		for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left))
			on_message(n, header);
	}
	if (n->dump == DUMP_NONE && n->dump_again)
		event_active(n->readable, EV_READ, 0); // there may be no more to read
}

int netlink_open(struct neighbours *n)
{
	const unsigned groups = RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
	int err = socket_open(&n->events, groups);

	if (!err)
		err = socket_open(&n->queries, 0);
	if (err)
		return err;
	n->readable = event_new(n->base, mnl_socket_get_fd(n->events), EV_READ | EV_PERSIST,
				on_readable, n);
	if (!n->readable || event_add(n->readable, NULL) < 0)
		return -ENOMEM;
	netlink_dump(n);
	return 0;
}

void netlink_close(struct neighbours *n)
{
	event_destroy(n->readable);
	if (n->events)
		mnl_socket_close(n->events);
	if (n->queries)
		mnl_socket_close(n->queries);
}

struct answer_room {
	_Alignas(struct nlmsghdr) char bytes[4096];
};

// Asks for the way to an address, out of one interface or (0) any. The answer, or NULL.
static const struct nlmsghdr *ask(struct neighbours *n, const struct hop_key *want, uint32_t index,
				  struct answer_room *room)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(room->bytes);
	struct rtmsg *message;
	ssize_t got;

	header->nlmsg_type = RTM_GETROUTE;
	header->nlmsg_flags = NLM_F_REQUEST;
	message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->rtm_family = want->family == 4 ? AF_INET : AF_INET6;
	message->rtm_dst_len = want->family == 4 ? 32 : 128;
	mnl_attr_put(header, RTA_DST, want->family == 4 ? 4 : 16, want->address);
	if (index)
		mnl_attr_put_u32(header, RTA_OIF, index);
	if (mnl_socket_sendto(n->queries, header, header->nlmsg_len) < 0)
		return NULL;
	got = mnl_socket_recvfrom(n->queries, room->bytes, sizeof(room->bytes));
	header = (struct nlmsghdr *)(void *)room->bytes;
	if (got < 0 || !mnl_nlmsg_ok(header, (int)got) || header->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(header) < sizeof(struct rtmsg))
		return NULL;
	return header;
}

// The unicast route that the kernel takes; false: none.
static bool find_route(struct neighbours *n, const struct hop_key *want, uint32_t index, struct route *route)
{
	struct answer_room room;
	const struct nlmsghdr *answer = ask(n, want, index, &room);

	if (!answer || ((const struct rtmsg *)mnl_nlmsg_get_payload(answer))->rtm_type != RTN_UNICAST)
		return false;
	netlink_read_route(n, answer, route);
	return true;
}

// Asked for an interface at once, the kernel takes every address to be on its link that it has no route to.
void netlink_look(struct neighbours *n, struct hop *hop)
{
	uint32_t index = n->interface[hop->want.port].index;
	struct route route;

	hop->gateway = (struct hop_key){ 0 };
	if (!index || !find_route(n, &hop->want, 0, &route))
		return;
	if (route.oif != index && (!find_route(n, &hop->want, index, &route) || route.oif != index))
		return;
	hop->gateway = route.gateway.family ? route.gateway : hop->want;
	hop->gateway.port = hop->want.port;
	hop->mtu = route.mtu;
}
