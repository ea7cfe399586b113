// SPDX-License-Identifier: BSD-3-Clause
//
// The kernel's messages about links, neighbours and routes (rtnetlink(7)): what is used of them. Attributes of another
// size than they should have are passed over. Loop's thread.
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "controlplane/neighbours_parts.h"

// The macros of libmnl and rtnetlink.h cast const away, which clang sees through them.
#pragma GCC diagnostic ignored "-Wcast-qual"

enum { MTU_MIN = 68 };
enum { VALID_STATES = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY };

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

	mnl_attr_for_each(attribute, header, sizeof(*link)) {
		if (mnl_attr_get_type(attribute) == IFLA_IFNAME && mnl_attr_validate(attribute, MNL_TYPE_STRING) == 0)
			snprintf(name, sizeof(name), "%.*s", (int)mnl_attr_get_payload_len(attribute),
				 mnl_attr_get_str(attribute));
	}
	if (header->nlmsg_type == RTM_DELLINK)
		neighbours_link(n, name, 0, false);
	else
		neighbours_link(n, name, (uint32_t)link->ifi_index, (link->ifi_flags & needed) == needed);
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
	mnl_attr_for_each(attribute, header, sizeof(*message)) {
		if (mnl_attr_get_type(attribute) == NDA_DST)
			has_address = get_address(attribute, message->ndm_family, neighbour.key.address);
		else if (mnl_attr_get_type(attribute) == NDA_LLADDR && mnl_attr_get_payload_len(attribute) == 6)
			memcpy(neighbour.mac, mnl_attr_get_payload(attribute), 6);
	}
	if (header->nlmsg_type == RTM_DELNEIGH || memcmp(neighbour.mac, none, 6) == 0 || neighbour.mac[0] & 1)
		neighbour.valid = false;
	if (has_address)
		neighbours_put(n, &neighbour);
}

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

	mnl_attr_for_each_nested(attribute, nest) {
		if (mnl_attr_get_type(attribute) == RTAX_MTU && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0 &&
		    mnl_attr_get_u32(attribute) >= MTU_MIN && mnl_attr_get_u32(attribute) <= UINT16_MAX)
			route->mtu = (uint16_t)mnl_attr_get_u32(attribute);
	}
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

static void read_attribute(const struct neighbours *n, const struct nlattr *attribute, unsigned family,
			   struct route *route)
{
	switch (mnl_attr_get_type(attribute)) {
	case RTA_DST:
		get_address(attribute, family, route->address);
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
		read_multipath(n, attribute, family, route);
		break;
	default:
		read_next_hop(attribute, family, route);
	}
}

void netlink_read_route(const struct neighbours *n, const struct nlmsghdr *header, struct route *route)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	const struct nlattr *attribute;

	*route = (struct route){ .table = message->rtm_table };
	mnl_attr_for_each(attribute, header, sizeof(*message))
		read_attribute(n, attribute, message->rtm_family, route);
}

static void on_route(struct neighbours *n, const struct nlmsghdr *header)
{
	const struct rtmsg *message = mnl_nlmsg_get_payload(header);
	struct route route;
	struct via via;
	int port;

	if ((message->rtm_family != AF_INET && message->rtm_family != AF_INET6) ||
	    message->rtm_flags & RTM_F_CLONED)
		return;
	netlink_read_route(n, header, &route);
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

bool netlink_take(struct neighbours *n, const struct nlmsghdr *header)
{
	size_t size = mnl_nlmsg_get_payload_len(header);

	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (size < sizeof(struct ifinfomsg))
			return false;
		on_link(n, header);
		return true;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		if (size >= sizeof(struct ndmsg))
			on_neighbour(n, header);
		return false;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (size < sizeof(struct rtmsg))
			return false;
		on_route(n, header);
		return true;
	default:
		return false;
	}
}
