// SPDX-License-Identifier: BSD-3-Clause
//
// ICMP errors about members, see icmp.h. Main thread. An error is believed where it comes in by the pool's port from
// the MAC address that the member is reached by, quotes a message of a flow that went to that very member in the
// last seconds, and says that a host is gone, or is the member's own word. A bounded number is looked at, so that
// whoever guesses flows guesses for long.
#include "dataplane/icmp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <rte_cycles.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/abi/socket.h"
#include "dataplane/log.h"
#include "dataplane/unreachable.h"

enum { LOOKS_A_SECOND = 100, FRAME_MAX = 2048, COPIES_A_TURN = 64 };

// Ethernet is 14 bytes: an IPv4 header of any length with ICMP type 3 behind it; IPv6 with ICMPv6 type 1 or 4.
static struct sock_filter filter4[] = {
	{ BPF_LD | BPF_B | BPF_ABS, 0, 0, 14 + 9 },
	{ BPF_JMP | BPF_JEQ | BPF_K, 0, 4, 1 },
	{ BPF_LDX | BPF_B | BPF_MSH, 0, 0, 14 },
	{ BPF_LD | BPF_B | BPF_IND, 0, 0, 14 },
	{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 3 },
	{ BPF_RET | BPF_K, 0, 0, FRAME_MAX },
	{ BPF_RET | BPF_K, 0, 0, 0 },
};
static struct sock_filter filter6[] = {
	{ BPF_LD | BPF_B | BPF_ABS, 0, 0, 14 + 6 },
	{ BPF_JMP | BPF_JEQ | BPF_K, 0, 4, 58 },
	{ BPF_LD | BPF_B | BPF_ABS, 0, 0, 14 + 40 },
	{ BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1 },
	{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 4 },
	{ BPF_RET | BPF_K, 0, 0, FRAME_MAX },
	{ BPF_RET | BPF_K, 0, 0, 0 },
};

// A socket that gets a copy of what the filter lets through of the frames that the kernel receives on the device.
static int copy_open(const char *device, unsigned type)
{
	struct sock_fprog program = { sizeof(filter4) / sizeof(filter4[0]),
				      type == ETH_P_IP ? filter4 : filter6 };
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons((uint16_t)type),
				       .sll_ifindex = (int)if_nametoindex(device) };
	int fd, err;

	static_assert(sizeof(filter4) == sizeof(filter6), "one length");
	if (address.sll_ifindex == 0)
		return -errno;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); // hears nothing yet
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0 &&
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

void icmp_open(struct icmp *icmp, const struct gateway *gateway)
{
	static const unsigned types[2] = { ETH_P_IP, ETH_P_IPV6 };

	icmp->n_ports = gateway->n_ports;
	memset(icmp->copy, 0xff, sizeof(icmp->copy));
	for (unsigned i = 0; i < 2 * gateway->n_ports; i++) {
		const struct gateway_port *port = &gateway->ports[i / 2];
		int fd = port->type == GATEWAY_PORT_XDP ? copy_open(port->device, types[i % 2]) : -1;

		icmp->copy[i / 2][i % 2] = fd < 0 ? -1 : fd;
		if (fd < 0 && port->type == GATEWAY_PORT_XDP)
			log_line("port \"%s\": ICMP errors about members are not heard: %s (it needs CAP_NET_RAW)",
				 port->name, strerror(-fd));
	}
}

void icmp_close(struct icmp *icmp)
{
	for (unsigned i = 0; i < 2 * icmp->n_ports; i++)
		if (icmp->copy[i / 2][i % 2] >= 0)
			close(icmp->copy[i / 2][i % 2]);
	icmp->n_ports = 0;
}

// Takes one look of those that a second has.
static bool may_look(struct icmp *icmp, uint64_t now)
{
	uint64_t second = rte_get_tsc_hz();

	if (icmp->looked_at + second < now)
		icmp->looked_at = now - second;
	if (icmp->looked_at > now)
		return false;
	icmp->looked_at += second / LOOKS_A_SECOND;
	return true;
}

static bool went_there(const struct icmp *icmp, uint32_t member, const struct message_flow *flow, uint64_t now)
{
	for (unsigned w = 0; w < icmp->n_workers; w++) {
		const struct trail *trail = &icmp->workers[w].trail;

		if (trail_find(trail, trail_mark(trail, member, flow), now))
			return true;
	}
	return false;
}

// Tells of each member of a pool that the error is about.
static void judge_pool(const struct icmp *icmp, const struct paths *paths, const struct table_pool *pool,
		       const struct unreachable *error)
{
	const struct table *table = &paths->live->table;
	uint64_t now = rte_rdtsc();
	struct message_flow flow;

	if (!unreachable_flow(error, pool->mode, &flow) ||
	    (pool->mode != WEIR_MODE_NAT && memcmp(pool->source, error->source, sizeof(pool->source)) != 0))
		return;
	for (uint32_t m = pool->member; m < pool->member + pool->n_members; m++) {
		const struct table_member *member = &table->members[m];

		if (member->family == error->family &&
		    memcmp(member->address, error->destination, sizeof(member->address)) == 0 &&
		    memcmp(paths->members[m].mac_destination, error->mac, sizeof(error->mac)) == 0 &&
		    went_there(icmp, m, &flow, now))
			control_unreachable(icmp->control, table->header->crc, m, error->cause);
	}
}

static void look(struct icmp *icmp, unsigned port, const uint8_t *frame, uint32_t length)
{
	const struct paths *paths = atomic_load_explicit(&icmp->handover->current, memory_order_relaxed);
	struct unreachable error;

	if (!paths || !paths->ejects || !unreachable_read(frame, length, &error) ||
	    (error.cause != WEIR_HOST_UNREACHABLE && !error.from_there) || !may_look(icmp, rte_rdtsc()))
		return;
	for (uint32_t p = 0; p < table_count(&paths->live->table, TABLE_POOLS); p++) {
		const struct table_pool *pool = &paths->live->table.pools[p];

		if (pool->eject_errors && paths->live->pool_ports[p] == port)
			judge_pool(icmp, paths, pool, &error);
	}
}

void icmp_look_mbuf(struct icmp *icmp, const struct rte_mbuf *mbuf)
{
	uint8_t room[FRAME_MAX];

	if (mbuf->pkt_len <= sizeof(room))
		look(icmp, mbuf->port, rte_pktmbuf_read(mbuf, 0, mbuf->pkt_len, room), mbuf->pkt_len);
}

void icmp_poll(struct icmp *icmp)
{
	uint8_t frame[FRAME_MAX];

	for (unsigned i = 0; i < 2 * icmp->n_ports; i++)
		for (unsigned n = 0; icmp->copy[i / 2][i % 2] >= 0 && n < COPIES_A_TURN; n++) {
			ssize_t length = recv(icmp->copy[i / 2][i % 2], frame, sizeof(frame), 0);

			if (length < 0)
				break;
			look(icmp, i / 2, frame, (uint32_t)length);
		}
}
