// SPDX-License-Identifier: BSD-3-Clause
//
// Next hops that are wanted. Whoever is wanted and not known, or known but not heard of for a while, gets an
// empty datagram to the discard port (RFC 863) now and then, which makes the kernel ask for its MAC. An
// interface that is down has no next hops. Loop's thread.
#include "controlplane/neighbours.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/clock.h"
#include "controlplane/events.h"
#include "controlplane/neighbours_parts.h"

enum { DISCARD_PORT = 9, LOOK_MIN_MS = 20 };

// Has the kernel ask for the MAC of the next hop.
static void solicit(const struct neighbours *n, const struct hop *hop)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_port = htons(DISCARD_PORT) };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(DISCARD_PORT) };
	int index = (int)n->interface[hop->want.port].index;
	bool is4 = hop->want.family == 4;
	struct in_pktinfo info4 = { .ipi_ifindex = index };
	struct in6_pktinfo info6 = { .ipi6_ifindex = (unsigned)index };
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(info6))] = { 0 };
	struct msghdr message = { .msg_name = is4 ? (void *)&to4 : (void *)&to6,
				  .msg_namelen = is4 ? sizeof(to4) : sizeof(to6),
				  .msg_control = room,
				  .msg_controllen = is4 ? CMSG_SPACE(sizeof(info4))
							: CMSG_SPACE(sizeof(info6)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = is4 ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = is4 ? IP_PKTINFO : IPV6_PKTINFO;
	c->cmsg_len = is4 ? CMSG_LEN(sizeof(info4)) : CMSG_LEN(sizeof(info6));
	if (is4) {
		memcpy(&to4.sin_addr, hop->want.address, 4);
		memcpy(CMSG_DATA(c), &info4, sizeof(info4));
	} else {
		memcpy(&to6.sin6_addr, hop->want.address, 16);
		memcpy(CMSG_DATA(c), &info6, sizeof(info6));
	}
	if (sendmsg(is4 ? n->udp4 : n->udp6, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return; // the next round comes
}

static bool needs_soliciting(const struct neighbours *n, const struct hop *hop)
{
	const struct neighbour *neighbour =
		hop->gateway.family ? neighbour_find(n, &hop->gateway) : NULL;

	return n->interface[hop->want.port].up && hop->gateway.family &&
	       (!neighbour || !neighbour->valid || neighbour->stale);
}

static void solicit_some(struct neighbours *n)
{
	uint32_t left = SOLICIT_BURST;

	for (uint32_t i = 0; i < n->n_hops && left > 0; i++) {
		struct hop *hop = &n->hop[n->next_solicit++ % n->n_hops];

		if (!needs_soliciting(n, hop))
			continue;
		solicit(n, hop);
		left--;
	}
}

static void on_solicit(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	solicit_some(argument);
}

// Looks up the way to all that are wanted. The next time is at least ten times as far off as this takes, so
// that a router that learns the world's routes does not keep us busy.
static void look(struct neighbours *n)
{
	uint64_t begun = clock_ms(CLOCK_MONOTONIC);

	event_del(n->look);
	for (uint32_t i = 0; i < n->n_hops; i++)
		netlink_look(n, &n->hop[i]);
	n->look_ms = (uint32_t)(clock_ms(CLOCK_MONOTONIC) - begun) * 10 + LOOK_MIN_MS;
	solicit_some(n);
	n->changed(n->argument);
}

static void on_look(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	look(argument);
}

static int prepare(struct neighbours *n)
{
	static const struct timeval pause = { SOLICIT_MS / 1000, SOLICIT_MS % 1000 * 1000 };

	n->neighbour = calloc(NEIGHBOURS_MAX, sizeof(*n->neighbour));
	n->via = calloc(VIAS_MAX, sizeof(*n->via));
	n->solicit = event_new(n->base, -1, EV_PERSIST, on_solicit, n);
	n->look = event_new(n->base, -1, 0, on_look, n);
	if (!n->neighbour || !n->via || !n->solicit || !n->look ||
	    event_add(n->solicit, &pause) < 0)
		return -ENOMEM;
	n->udp4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	n->udp6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); // -1 where there is no IPv6
	return netlink_open(n);
}

struct neighbours *neighbours_create(struct event_base *base, const struct gateway *gateway,
				     void (*changed)(void *argument), void *argument)
{
	struct neighbours *n = calloc(1, sizeof(*n));
	bool any = false;

	if (!n)
		return NULL;
	n->base = base;
	n->changed = changed;
	n->argument = argument;
	n->udp4 = n->udp6 = -1;
	n->dump = DUMP_NONE;
	n->look_ms = LOOK_MIN_MS;
	n->n_ports = gateway->n_ports;
	for (unsigned i = 0; i < gateway->n_ports; i++) {
		const struct gateway_port *port = &gateway->ports[i];

		n->interface[i].name = port->type == GATEWAY_PORT_XDP ? port->device : port->kernel;
		any |= n->interface[i].name != NULL;
	}
	if (!any || prepare(n) == 0)
		return n;
	neighbours_destroy(n);
	return NULL;
}

void neighbours_destroy(struct neighbours *n)
{
	if (!n)
		return;
	netlink_close(n);
	event_destroy(n->solicit);
	event_destroy(n->look);
	if (n->udp4 >= 0)
		close(n->udp4);
	if (n->udp6 >= 0)
		close(n->udp6);
	free(n->neighbour);
	free(n->via);
	free(n->hop);
	free(n);
}

int neighbours_want(struct neighbours *n, const struct next_hop_want *want, uint32_t n_want)
{
	struct hop *hop = calloc(n_want + 1, sizeof(*hop));
	uint32_t kept = 0;

	if (!hop)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_want; i++) {
		if (want[i].port >= n->n_ports || !n->interface[want[i].port].name)
			continue;
		hop[kept].want = (struct hop_key){ .port = want[i].port, .family = want[i].family };
		memcpy(hop[kept++].want.address, want[i].address, sizeof(want[i].address));
	}
	qsort(hop, kept, sizeof(*hop), hop_key_compare);
	n->n_hops = kept > 0;
	for (uint32_t i = 1; i < kept; i++) // each once
		if (hop_key_compare(&hop[i], &hop[n->n_hops - 1]) != 0)
			hop[n->n_hops++] = hop[i];
	free(n->hop);
	n->hop = hop;
	if (n->n_hops > 0)
		look(n);
	return 0;
}

bool neighbours_find(const struct neighbours *n, unsigned port, unsigned family,
		     const uint8_t address[16], uint8_t mac[6], uint16_t *mtu)
{
	struct hop_key key = { .port = (uint16_t)port, .family = (uint8_t)family };
	const struct neighbour *neighbour = NULL;
	const struct hop *hop;

	if (port >= n->n_ports || !n->interface[port].up || n->n_hops == 0)
		return false;
	memcpy(key.address, address, sizeof(key.address));
	hop = bsearch(&key, n->hop, n->n_hops, sizeof(*n->hop), hop_key_compare);
	if (hop && hop->gateway.family)
		neighbour = neighbour_find(n, &hop->gateway);
	if (!neighbour || !neighbour->valid)
		return false;
	memcpy(mac, neighbour->mac, sizeof(neighbour->mac));
	*mtu = hop->mtu;
	return true;
}
