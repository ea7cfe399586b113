// SPDX-License-Identifier: BSD-3-Clause
//
// How next hops are learned: one netlink socket that hears of every change and takes the dumps, and one that
// asks for the way to single addresses, which the kernel answers before the question returns. A socket that was
// overrun, or a dump that was torn by changes, makes all be dumped again; what was known stays until then.
// Loop's thread.
#include "controlplane/events.h"
#include "controlplane/neighbours_parts.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "controlplane/log.h"

// The macros of libmnl and rtnetlink.h cast const away, which clang sees through them.
#pragma GCC diagnostic ignored "-Wcast-qual"

enum { RECEIVE_ROOM = 65536, RECEIVES = 16, MTU_MIN = 68 };
enum {
	VALID_STATES = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY
};

static int socket_open(struct mnl_socket **socket, unsigned groups)
{
	*socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!*socket || mnl_socket_bind(*socket, groups, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	return 0;
}

static size_t address_size(unsigned family)
{
	return family == AF_INET ? 4 : 16;
}

// An address of the family's length; false for anything else.
static bool get_address(const struct nlattr *attribute, unsigned family, uint8_t out[16])
{
	if (mnl_attr_get_payload_len(attribute) != address_size(family))
		return false;
	memset(out, 0, 16);
	memcpy(out, mnl_attr_get_payload(attribute), address_size(family));
	return true;
}

static void on_link(struct neighbours *n, const struct nlmsghdr *header)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(header);
	const unsigned needed = IFF_UP | IFF_RUNNING;
	const struct nlattr *attribute;
	char name[IF_NAMESIZE] = "";

	mnl_attr_for_each(attribute, header,
			  sizeof(*link)) if (mnl_attr_get_type(attribute) == IFLA_IFNAME &&
					     mnl_attr_validate(attribute, MNL_TYPE_STRING) == 0)
		snprintf(name, sizeof(name), "%.*s", (int)mnl_attr_get_payload_len(attribute),
			 mnl_attr_get_str(attribute));
	if (header->nlmsg_type == RTM_DELLINK)
		neighbours_link(n, name, 0, false);
	else
		neighbours_link(n, name, (uint32_t)link->ifi_index,
				(link->ifi_flags & needed) == needed);
}

static void on_neighbour(struct neighbours *n, const struct nlmsghdr *header)
{
	const struct ndmsg *message = mnl_nlmsg_get_payload(header);
	struct neighbour neighbour = { .valid = message->ndm_state & VALID_STATES,
				       .stale = message->ndm_state & NUD_STALE };
	int port = neighbours_port(n, (uint32_t)message->ndm_ifindex);
	static const uint8_t none[6];
	const struct nlattr *attribute;
	bool has_address = false;

	if (port < 0 || (message->ndm_family != AF_INET && message->ndm_family != AF_INET6))
		return;
	neighbour.key = (struct hop_key){ .port = (uint16_t)port,
					  .family = message->ndm_family == AF_INET ? 4 : 6 };
	mnl_attr_for_each(attribute, header,
			  sizeof(*message)) if (mnl_attr_get_type(attribute) == NDA_DST)
		has_address = get_address(attribute, message->ndm_family, neighbour.key.address);
	else if (mnl_attr_get_type(attribute) == NDA_LLADDR &&
		 mnl_attr_get_payload_len(attribute) == 6)
		memcpy(neighbour.mac, mnl_attr_get_payload(attribute), 6);
	if (header->nlmsg_type == RTM_DELNEIGH || memcmp(neighbour.mac, none, 6) == 0 ||
	    neighbour.mac[0] & 1)
		neighbour.valid = false;
	if (has_address)
		neighbours_put(n, &neighbour);
}

// Of a route: what we use of it.
struct route {
	struct hop_key gateway; // family 0: none
	uint32_t oif, metric, table;
	uint8_t address[16];
	uint16_t mtu;
};

static void read_via(const struct nlattr *attribute, struct route *route)
{
	const struct rtvia *via = mnl_attr_get_payload(attribute);
	size_t n = mnl_attr_get_payload_len(attribute);

	if (n < sizeof(*via) || (via->rtvia_family != AF_INET && via->rtvia_family != AF_INET6) ||
	    n - sizeof(*via) != address_size(via->rtvia_family))
		return;
	route->gateway.family = via->rtvia_family == AF_INET ? 4 : 6;
	memcpy(route->gateway.address, via->rtvia_addr, n - sizeof(*via));
}

static void read_metrics(const struct nlattr *nest, struct route *route)
{
	const struct nlattr *attribute;

	mnl_attr_for_each_nested(attribute,
				 nest) if (mnl_attr_get_type(attribute) == RTAX_MTU &&
					   mnl_attr_validate(attribute, MNL_TYPE_U32) == 0 &&
					   mnl_attr_get_u32(attribute) >= MTU_MIN &&
					   mnl_attr_get_u32(attribute) <= UINT16_MAX) route->mtu =
		(uint16_t)mnl_attr_get_u32(attribute);
}

static void read_gateway(const struct nlattr *attribute, unsigned family, struct route *route)
{
	if (get_address(attribute, family, route->gateway.address))
		route->gateway.family = family == AF_INET ? 4 : 6;
}

static void read_next_hop(const struct nlattr *attribute, unsigned family, struct route *route)
{
	if (mnl_attr_get_type(attribute) == RTA_GATEWAY)
		read_gateway(attribute, family, route);
	else if (mnl_attr_get_type(attribute) == RTA_VIA)
		read_via(attribute, route);
}

// The first next hop of several that goes out of a port of ours.
static void read_multipath(const struct neighbours *n, const struct nlattr *nest, unsigned family,
			   struct route *route)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(nest);
	int left = mnl_attr_get_payload_len(nest);

	while (RTNH_OK(hop, left)) {
		const char *at = (const char *)RTNH_DATA(hop),
			   *end = (const char *)hop + hop->rtnh_len;

		if (neighbours_port(n, (uint32_t)hop->rtnh_ifindex) >= 0) {
			route->oif = (uint32_t)hop->rtnh_ifindex;
			for (const struct nlattr *attribute = (const void *)at;
			     mnl_attr_ok(attribute, (int)(end - (const char *)attribute));
			     attribute = mnl_attr_next(attribute))
				read_next_hop(attribute, family, route);
			return;
		}
		left -= (int)RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
}

static void read_route(const struct neighbours *n, const struct nlmsghdr *header,
		       struct route *route)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *attribute;

	*route = (struct route){ .table = message->rtm_table };
	mnl_attr_for_each(attribute, header, sizeof(*message)) switch (mnl_attr_get_type(attribute))
	{
	case RTA_DST:
		get_address(attribute, message->rtm_family, route->address);
		break;
	case RTA_GATEWAY:
		read_gateway(attribute, message->rtm_family, route);
		break;
	case RTA_VIA:
		read_via(attribute, route);
		break;
	case RTA_OIF:
		route->oif = mnl_attr_get_u32(attribute);
		break;
	case RTA_PRIORITY:
		route->metric = mnl_attr_get_u32(attribute);
		break;
	case RTA_TABLE:
		route->table = mnl_attr_get_u32(attribute);
		break;
	case RTA_METRICS:
		read_metrics(attribute, route);
		break;
	case RTA_MULTIPATH:
		read_multipath(n, attribute, message->rtm_family, route);
		break;
	default:
		break;
	}
}

static void look_soon(struct neighbours *n)
{
	const struct timeval soon = { n->look_ms / 1000, n->look_ms % 1000 * 1000 };

	if (n->n_hops > 0 && !event_pending(n->look, EV_TIMEOUT, NULL))
		event_add(n->look, &soon);
}

static void on_route(struct neighbours *n, const struct nlmsghdr *header)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	struct route route;
	struct via via;
	int port;

	look_soon(n);
	if ((message->rtm_family != AF_INET && message->rtm_family != AF_INET6) ||
	    message->rtm_flags & RTM_F_CLONED)
		return;
	read_route(n, header, &route);
	port = neighbours_port(n, route.oif);
	if (port < 0 || route.table != RT_TABLE_MAIN || message->rtm_type != RTN_UNICAST ||
	    !route.gateway.family)
		return;
	via = (struct via){ .gateway = route.gateway,
			    .family = message->rtm_family == AF_INET ? 4 : 6,
			    .length = message->rtm_dst_len,
			    .metric = route.metric };
	via.gateway.port = (uint16_t)port;
	memcpy(via.address, route.address, sizeof(via.address));
	neighbours_via(n, &via, header->nlmsg_type == RTM_DELROUTE,
		       header->nlmsg_flags & NLM_F_REPLACE);
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
	size_t size = mnl_nlmsg_get_payload_len(header);
	bool ours = header->nlmsg_seq == n->sequence && header->nlmsg_pid != 0;

	if (header->nlmsg_flags & NLM_F_DUMP_INTR)
		n->dump_again = true;
	if ((header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) && ours &&
	    n->dump != DUMP_NONE) {
		n->dump_again |= header->nlmsg_type == NLMSG_ERROR;
		n->dump++;
		dump_next(n);
	} else if ((header->nlmsg_type == RTM_NEWLINK || header->nlmsg_type == RTM_DELLINK) &&
		   size >= sizeof(struct ifinfomsg)) {
		on_link(n, header);
		look_soon(n);
	} else if ((header->nlmsg_type == RTM_NEWNEIGH || header->nlmsg_type == RTM_DELNEIGH) &&
		   size >= sizeof(struct ndmsg)) {
		on_neighbour(n, header);
	} else if ((header->nlmsg_type == RTM_NEWROUTE || header->nlmsg_type == RTM_DELROUTE) &&
		   size >= sizeof(struct rtmsg)) {
		on_route(n, header);
	}
}

static void on_overrun(struct neighbours *n)
{
	if (!n->overrun_said)
		log_warning(
			"netlink: changes of routes and neighbours were lost: reading them all again");
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
	read_route(n, answer, route);
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
