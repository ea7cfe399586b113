// SPDX-License-Identifier: BSD-3-Clause
//
// Messages on run_dir/NAME/dp.sock (SOCK_SEQPACKET), one struct a packet, host byte order. The
// dataplane listens and serves one control plane at a time; a second one gets BUSY and end of file.
// End of file means that the other died. A message of unknown kind, wrong length or wrong number of
// descriptors ends the connection (and is logged once). libc only.
//
//   dataplane → control plane                 control plane → dataplane
//   HELLO + fd segment [+ fd table]           (nothing before HELLO has arrived)
//   TABLE_ACK                                 TABLE + fd (sealed memfd) [+ fd routes], one at a time
//   ROUTES_ACK                                ROUTES + fd (sealed memfd), one at a time
//   STEER_ACK                                 STEER
//   UNREACHABLE                               CONSUMED
//   ANSWERED                                  ANSWER
//                                             QUEUES
#pragma once

#include <assert.h>
#include <stdint.h>

#include "dataplane/abi/segment.h"

#define WEIR_SOCKET_ABI 4u
// Answers under way at once for one port; a window that lets one port wait and holds up no other is so many a port.
enum { WEIR_WHY_MAX = 240, WEIR_STEER_BUCKETS = 4096, WEIR_ANSWER_MAX = 1472, WEIR_ANSWERS_A_PORT = 8,
       WEIR_QUEUES_MAX = 1024 };

enum weir_message_kind {
	WEIR_HELLO = 1,
	WEIR_BUSY,
	WEIR_TABLE,
	WEIR_TABLE_ACK,
	WEIR_CONSUMED,
	WEIR_ROUTES,
	WEIR_ROUTES_ACK,
	WEIR_STEER,
	WEIR_STEER_ACK,
	WEIR_ANSWER,
	WEIR_ANSWERED,
	WEIR_QUEUES,
	WEIR_UNREACHABLE,
};

// fds: [0] the segment (read-only), [1] where generation > 0 the table in use (sealed memfd).
struct weir_hello {
	uint32_t kind;
	uint32_t abi;
	uint8_t boot_id[WEIR_BOOT_ID_SIZE];
	uint64_t generation;   // of the table in use, 0: none
	uint64_t table_size;
	uint64_t segment_size;
	uint32_t n_workers;
	uint32_t table_crc;    // table_header.crc of the table in use
};

struct weir_busy {
	uint32_t kind;
	uint32_t pid; // of the control plane that is connected
};

// fds: [0] the image, sealed with F_SEAL_SEAL, _SHRINK, _GROW and _WRITE; [1] where routes_size > 0 the
// routes for it (rules/routes.h), sealed likewise: both take effect at the same moment. Without
// routes all members with a mac are taken to live.
struct weir_table_offer {
	uint32_t kind;
	uint32_t reserved;
	uint64_t generation;  // one more than the dataplane's
	uint64_t size;        // of the image
	uint64_t routes_size; // of the routes, 0: none
};

// status 0: every worker uses `generation`; else a positive errno and the reason; the running table stays.
struct weir_table_ack {
	uint32_t kind;
	int32_t status;
	uint64_t generation; // as offered
	char why[WEIR_WHY_MAX];
};

// Everything of `worker` below slot number `sequence` is durable. tail <= sequence <= head, else
// the connection ends.
struct weir_consumed {
	uint32_t kind;
	uint32_t worker;
	uint64_t sequence;
};

// fd: routes (rules/routes.h), sealed as a table, for the table in use or on offer.
struct weir_routes_offer {
	uint32_t kind;
	uint32_t reserved;
	uint64_t sequence; // the control plane's own, comes back in the acknowledgement
	uint64_t size;     // of the image
};

// status 0: every worker uses the routes; else a positive errno and the reason; those in use stay.
// ESTALE: they are for another table; EBUSY: a table or routes are being taken over.
struct weir_routes_ack {
	uint32_t kind;
	int32_t status;
	uint64_t sequence;
	char why[WEIR_WHY_MAX];
};

// What happens to the messages of each steering bucket: a worker takes them (its index), or a sibling
// gateway (WEIR_STEER_SIBLING | its index in gateway.conf).
enum { WEIR_STEER_SIBLING = 0x80 };
struct weir_steer {
	uint32_t kind;
	uint32_t reserved;
	uint64_t sequence; // comes back in the acknowledgement
	uint8_t bucket[WEIR_STEER_BUCKETS];
};

// status 0: every frame is steered so from here on; else a positive errno and the reason.
struct weir_steer_ack {
	uint32_t kind;
	int32_t status;
	uint64_t sequence;
	char why[WEIR_WHY_MAX];
};

// An agent's answer: a whole UDP payload, and where to. The fields say what the answer's frame will have.
struct weir_answer {
	uint32_t kind;
	uint8_t port;      // index, as in the message's record
	uint8_t protocol;  // enum weir_protocol
	uint8_t ip_version, n_vlan;
	uint64_t sequence; // the control plane's own, comes back in ANSWERED
	uint32_t port_tag; // of the port's name, goes before `port`; 0: not known
	uint16_t udp_source, udp_destination; // host order
	uint16_t vlan[4];  // tpid, tci, tpid, tci as on the wire (network order); 0 past n_vlan
	uint8_t mac_source[6], mac_destination[6];
	uint8_t ip_source[16], ip_destination[16]; // network order; IPv4 in the first four bytes, the others 0
	uint16_t length;   // bytes of payload
	uint16_t reserved;
	uint8_t payload[WEIR_ANSWER_MAX];
};
static_assert(sizeof(struct weir_answer) == 80 + WEIR_ANSWER_MAX, "no padding");

// What became of an answer. Answers for one port come to their end in the order in which they came.
struct weir_answered {
	uint32_t kind;
	uint32_t fate; // enum weir_answer_fate
	uint64_t sequence;
};

// Which agent queues take nothing at present, by index in the table of `generation`: bit i % 64 of word i / 64. Where
// the dataplane has another table, nothing happens. A queue keeps its state, by its name, over loads of tables.
struct weir_queues {
	uint32_t kind;
	uint32_t reserved;
	uint64_t generation;
	uint64_t closed[WEIR_QUEUES_MAX / 64];
};

// A message to a member brought an ICMP error: nobody is there (docs/decisions/020-passive-ejection.md). The
// dataplane has checked it, and sends at most some hundred a second; what does not fit into the socket is lost.
#define WEIR_UNREACHABLE_CAUSES(X) \
	X(HOST_UNREACHABLE, "host unreachable") X(PROTOCOL_UNREACHABLE, "protocol unreachable") \
	X(PORT_UNREACHABLE, "port unreachable")

enum weir_unreachable_cause {
#define X(name, text) WEIR_##name,
	WEIR_UNREACHABLE_CAUSES(X)
#undef X
	WEIR_N_UNREACHABLE_CAUSES
};

struct weir_unreachable {
	uint32_t kind;
	uint32_t table_crc; // table_header.crc of the table that `member` is an index in
	uint32_t member;    // index into MEMBERS
	uint32_t cause;     // enum weir_unreachable_cause
};

union weir_message {
	uint32_t kind;
	struct weir_hello hello;
	struct weir_busy busy;
	struct weir_table_offer table;
	struct weir_table_ack table_ack;
	struct weir_consumed consumed;
	struct weir_routes_offer routes;
	struct weir_routes_ack routes_ack;
	struct weir_steer steer;
	struct weir_steer_ack steer_ack;
	struct weir_answer answer;
	struct weir_answered answered;
	struct weir_queues queues;
	struct weir_unreachable unreachable;
};

// The exact length of a kind's message, 0 for an unknown kind.
size_t weir_message_size(uint32_t kind);

// Sends one message with the `n_fds` descriptors that its kind carries (else -EINVAL). Where the peer
// does not read, waits up to a second on a blocking socket and not at all on a non-blocking one, then
// -EAGAIN; never raises SIGPIPE. 0 or -errno. The descriptors stay the caller's.
int weir_message_send(int socket, const union weir_message *message, const int *fds, unsigned n_fds);

// Receives one message. Returns 1 and the message, with up to 2 descriptors in `fds` (close-on-exec; the
// caller's to close) and their number; 0 at end of file; -EAGAIN when a non-blocking socket has none;
// -EBADMSG for what is not a message of a known kind, length and number of descriptors (they are closed); -errno.
int weir_message_receive(int socket, union weir_message *message, int fds[2], unsigned *n_fds);
