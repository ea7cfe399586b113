// SPDX-License-Identifier: BSD-3-Clause
//
// A battery: messages with expected outcomes (docs/weirctl.md has the format). Each is built as real
// bytes, judged by the dataplane's own code, and compared.
#pragma once

#include <jansson.h>
#include <libconfig.h>
#include <stdint.h>

#include "controlplane/weirctl/load.h"
#include "dataplane/triage.h"
#include "rules/source.h"

enum { BATTERY_NUMBER_SIZE = 9 };

enum battery_tag { TAG_RIGHT, TAG_NONE, TAG_WRONG };

struct battery_expect {
	enum weir_disposition disposition;
	const char *what; // pool, queue, template or reason
	const char *rule; // NULL: any
};

struct battery_message {
	const char *name;
	const char *tenant;   // as shown: its name, or its number where it has none
	const uint8_t *key;   // of a keyed tenant, else NULL
	uint32_t tenant_id;
	uint16_t country;     // index
	uint16_t size;
	uint16_t source_port;
	uint8_t priority, channel, protocol;
	bool wants_ack;       // of native messages
	uint8_t family;       // of the source address
	uint8_t source[16];
	uint8_t tag;          // enum battery_tag; of keyed tenants
	const char *domain;   // of the tenant; for SIP
	char number[BATTERY_NUMBER_SIZE]; // begins as a telephone number of the country; empty: none; for SIP
	struct battery_expect expect;
	const char *file;
	uint32_t line;
};

struct battery {
	struct battery_message *messages;
	uint32_t n;
	struct loaded loaded; // the rules
	// what the strings above belong to
	struct source source;
	config_t conf;
	char (*labels)[11]; // numbers of tenants without a name
};

// Reads battery file `path` and its rule file. Status as of a program, everything wrong printed.
// battery_close in every case.
int battery_open(struct battery *battery, const char *path);
void battery_close(struct battery *battery);

enum { BATTERY_SIZE_MAX = 65535 - 20 - 8 - 16 - 8, BATTERY_REQUEST_SIZE_MAX = BATTERY_SIZE_MAX - 1024,
       BATTERY_FRAME_MAX = 14 + 40 + 65535 };

// Where frames go to and come from on the link, and the gateway's addresses.
struct battery_ends {
	uint8_t to_mac[6], from_mac[6], ipv4[4], ipv6[16];
};
extern const struct battery_ends battery_ends; // of a battery's messages

// Builds the frame of a message: Ethernet, IP of the source's family, UDP to the default port of its
// protocol, the message. Returns its length.
uint32_t battery_build(const struct battery_message *message, const struct battery_ends *ends,
		       uint8_t frame[BATTERY_FRAME_MAX]);

// Lengths and checksums of the headers at `ip` and `udp` of a datagram that ends at `end`.
void battery_seal(uint8_t *ip, uint8_t *udp, const uint8_t *end);

// Finds digits with which a telephone number of the country begins. False where no number has that country.
bool battery_number(uint16_t country, char number[BATTERY_NUMBER_SIZE]);

// Write the message as a UDP payload; return its end.
uint8_t *battery_put_sip(uint8_t *at, const struct battery_message *message);
uint8_t *battery_put_coap(uint8_t *at, const struct battery_message *message);

// Whether the outcome is the expected one.
bool battery_holds(const struct battery_message *message, const struct triage *triage);

// The report: outcomes by tenant, country, priority, pool, queue and reply, and the failures.
// NULL when memory is out.
json_t *report_create(void);
void report_push(json_t *report, const struct battery *battery, const struct battery_message *message,
		 const struct triage *triage);
void report_print(const json_t *report);
