// SPDX-License-Identifier: BSD-3-Clause
//
// gateway.conf (DESIGN 1.7) as data: the appliance. Read by both daemons and weirctl.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/abi/names.h"
#include "rules/diag.h"

enum { GATEWAY_MAX_PORTS = 16, GATEWAY_MAX_WORKERS = 32, GATEWAY_MAX_LISTENERS = 64, GATEWAY_MAX_SIBLINGS = 16,
       GATEWAY_MAX_QUEUES = 1024, GATEWAY_MAX_WEBHOOKS = 16 };

enum gateway_hugepages { HUGEPAGES_AUTO, HUGEPAGES_REQUIRED, HUGEPAGES_NEVER };

enum gateway_port_type { GATEWAY_PORT_DPDK, GATEWAY_PORT_XDP };

// Whether the dispatching lcore spreads a port's frames over the workers: where its queues are fewer, always, never.
enum gateway_dispatch { GATEWAY_DISPATCH_AUTO, GATEWAY_DISPATCH_ON, GATEWAY_DISPATCH_OFF };

struct gateway_port {
	char *name;
	char *device;     // DPDK device string ("net_pcap0,…") or PCI address; of type xdp: an interface's name
	enum gateway_port_type type;
	uint16_t queues;  // receive queues; queue i is worker i's
	bool trust_udp_checksum;
	bool promiscuous; // takes frames for other stations too, where the device has a filter. Type dpdk
	uint32_t flood_rate, flood_burst; // of one source, messages a second and at once; 0: no limit. Type xdp
	uint32_t blocked_max; // prefixes of blocked sources that the kernel holds. Type xdp
	enum gateway_dispatch dispatch;
	uint16_t mtu;     // largest IP datagram that it is to take and send, 0: as the device has it. Type dpdk
	char *kernel;     // kernel interface beside it, NULL: none
	bool emergency_queue; // the last queue is for native emergencies alone, where the NIC can do it
	uint32_t line;
};

struct gateway_listener {
	uint8_t address[16]; // network order; IPv4 in the first four bytes
	uint8_t family;      // 4, 6, or 0 for any address
	uint8_t protocol;    // enum weir_protocol
	uint16_t port;       // host order
	uint8_t tunnels;     // enum weir_tunnel: those that end here
	uint32_t line;
};

// A gateway that takes what an operator moves to it.
struct gateway_sibling {
	char *name;
	uint16_t port;  // index of ours that leads to it
	uint8_t mac[6]; // of its port
};

// Where agents connect to by TCP.
struct gateway_listen {
	uint8_t address[16]; // network order; IPv4 in the first four bytes
	uint8_t family;      // 4, 6, or 0: not at all
	uint16_t port;       // host order
};

// What is not set for a queue.
enum { GATEWAY_LEASE_S = 300, GATEWAY_RING_S = 20, GATEWAY_RETRIES = 5, GATEWAY_MAX_ORDER = 1024 };

// A URL that a queue's messages are delivered to.
struct gateway_webhook {
	char *url;            // https, or http to this machine itself; no user, no fragment
	char *host;           // of it, with the port where one is given: what may be shown
	char *secret_file;    // joined to the folder of gateway.conf, as ca_file
	char *ca_file;        // PEM: who its certificate must be signed by; NULL: those that the system trusts
	uint32_t timeout_s;   // of one delivery, 1 to 120, default 10
	uint32_t max;         // deliveries at a time, 1 to 64, default 4
	uint32_t retry_s;     // before the next delivery after one that failed; twice as much after each more.
			      // 1 to 60, default 1
	uint32_t break_after; // failures in a row that open its breaker, 1 to 1,000, default 5
	uint32_t break_s;     // how long, 1 to 3,600, default 30
	uint32_t line;
};

// What is set for a queue of agents, beside its routing, which the rule file has.
struct gateway_queue {
	char *name;
	uint32_t depth; // messages that may wait in it, 0: any number
	uint32_t lease_s;  // how long a message is one agent's
	uint32_t ring_s;   // how long an offer is one agent's
	uint32_t retries;  // leases of a message, before it is a dead letter; 0: any number
	uint32_t alarm_s;  // age of the oldest message that is to be said; 0: none
	char **order;      // of agents, for serial routing; n_order names
	unsigned n_order;
	struct gateway_webhook *webhooks; // n_webhooks; NULL: none
	unsigned n_webhooks;
	uint32_t line;
};

enum gateway_backend { GATEWAY_BACKEND_LOCAL, GATEWAY_BACKEND_NATS };

// agents.url and agents.nats: how NATS is reached. What is not given is NULL; files as `rules`.
struct gateway_nats {
	char *url;           // nats://HOST:PORT or tls://HOST:PORT, several separated by ','; no secrets in it
	char *credentials;   // file of a user's JWT and key
	char *token_file;
	char *user, *password_file;    // both or neither
	char *ca, *cert, *key;         // TLS: PEM files; cert and key both or neither
	uint32_t replicas;     // of the streams: 1 to 5, default 1
	uint32_t duplicates_s; // how long the streams know a message id, default 600
	uint32_t max_messages; // of the streams where weir makes them; default 0: no limit
	bool exclusive;        // nobody else publishes to the stream of messages
	uint32_t timeout_ms;   // for a connection, an answer, an acknowledgement; default 5,000
};

// IP datagrams that come in fragments, each number a worker's.
struct gateway_fragments {
	uint32_t datagrams;    // in the making at once, 1 to 65,536, default 1,024
	uint32_t frames;       // fragments held at once, 1 to 65,536, default 4,096
	uint32_t per_datagram; // fragments of one datagram, 2 to 256, default 64
	uint32_t timeout_ms;   // from the first fragment of a datagram to its last, 1 to 60,000, default 1,000
};

struct gateway {
	char *file;       // gateway.conf itself
	char *name;       // default "gw1"; [A-Za-z0-9_-]{1,32}
	char *run_dir;    // default "/run/weir"
	char *state_dir;  // default "/var/lib/weir"
	char *rules;      // absolute or joined to the folder of `file`; default "rules.conf" there
	char *health_commands; // folder of the programs of command probes, as `rules`; default "health.d" there
	char *user;       // user that the control plane runs as when started by root; NULL: stays as started
	uint32_t memory_mb;                      // default 512
	enum gateway_hugepages hugepages;        // default auto
	uint16_t main_cpu;                       // default 0
	uint16_t worker_cpus[GATEWAY_MAX_WORKERS]; // default { 1 }
	uint16_t n_workers;
	int16_t dispatch_cpu;                    // of the dispatching lcore, default -1: none
	struct gateway_sibling siblings[GATEWAY_MAX_SIBLINGS];
	uint16_t n_siblings;
	struct gateway_port ports[GATEWAY_MAX_PORTS];
	uint16_t n_ports;
	struct gateway_listener listeners[GATEWAY_MAX_LISTENERS]; // default: 5700 native, 5060 sip, 5683 coap, any
	uint16_t n_listeners;
	uint32_t agent_slots;     // agents.slots: 256-byte slots of each worker's agent channel; power of two,
				  // 1,024 to 1,048,576, default 16,384
	uint32_t spool_mb;        // agents.spool_mb: largest size of the spool, default 4,096
	uint32_t answer_rate;     // agents.answer_rate: agents' answers sent a second, 1 to 1,000,000, default 10,000
	struct gateway_queue *queues; // agents.queues, n_queues; NULL: none
	unsigned n_queues;
	enum gateway_backend backend; // agents.backend, default local
	struct gateway_nats nats;
	struct gateway_listen agents_listen; // agents.listen, default none
	char *tls_cert, *tls_key; // files for it, relative to `file`; NULL: none
	uint32_t retention_h;     // agents.retention_h: a message that waits for longer is a dead letter, default 168
	uint32_t dead_h;          // agents.dead_h: dead letters are kept for so long, default 720
	uint32_t done_h;          // agents.done_h: receipts of settled messages are kept for so long, default 24
	struct gateway_fragments fragments;
	uint32_t tx_staging;      // dataplane.tx_staging: frames a worker may stage for one port, default 512
	uint32_t retransmissions; // dataplane.retransmissions: SIP, and CoAP, messages remembered, default 262,144
};

// Reads `path`; errors as rules_read. The caller owns the result. `ports` may be empty only where
// `need_ports` is false (weirctl classify wants the listeners alone).
struct gateway *gateway_read(const char *path, bool need_ports, struct diags *diags);

// A gateway of defaults with no ports: what weirctl classify uses without --config.
struct gateway *gateway_default(void);

void gateway_destroy(struct gateway *gateway);

// Whether the frames of a port go through the dispatching lcore, and whether those of any do.
bool gateway_dispatches(const struct gateway *gateway, unsigned port);
bool gateway_has_dispatcher(const struct gateway *gateway);

// Index of the port that a pool names (by name, else by index), or -1.
int gateway_port_find(const struct gateway *gateway, const char *name, unsigned index);

// What is set for the queue of that name, or NULL.
const struct gateway_queue *gateway_queue_find(const struct gateway *gateway, const char *name);

// Writes run_dir/NAME/leaf (or state_dir/NAME/leaf) into `out`; -ENAMETOOLONG when it does not fit.
int gateway_run_path(const struct gateway *gateway, const char *leaf, char *out, size_t size);
int gateway_state_path(const struct gateway *gateway, const char *leaf, char *out, size_t size);
