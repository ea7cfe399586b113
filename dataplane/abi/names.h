// SPDX-License-Identifier: BSD-3-Clause
//
// The words of the contract that have a number inside weir: dispositions, reasons, protocols,
// priorities, channels, actions. One list each; enums, counters, JSON and tests are made from it.
// libc only.
#pragma once

#include <stddef.h>
#include <stdint.h>

// DESIGN 1.3: each received frame ends in exactly one of these. `held` is a gauge: frames taken in
// and not yet decided (awaiting fragments, staged for transmission).
#define WEIR_DISPOSITIONS(X)          \
	X(FORWARD, "forward")         \
	X(AGENTS, "agents")           \
	X(REPLY, "reply")             \
	X(DROP, "drop")               \
	X(POLICE, "police")           \
	X(SHED, "shed")               \
	X(MALFORMED, "malformed")     \
	X(EXCEPTION, "exception")     \
	X(FRAGMENT, "fragment")       \
	X(AGENTS_FULL, "agents_full") \
	X(TX_FULL, "tx_full")         \
	X(HELD, "held")

enum weir_disposition {
#define X(name, text) WEIR_##name,
	WEIR_DISPOSITIONS(X)
#undef X
	WEIR_N_DISPOSITIONS
};

// Tunnels that a listener may ask for, as bits.
enum weir_tunnel { WEIR_TUNNEL_IPIP = 1, WEIR_TUNNEL_GUE = 2, WEIR_TUNNEL_VXLAN = 4 };

// Reasons that the code itself gives; X(name, disposition, text). The reasons of `drop` by rule are
// named in the rule file and counted by name (segment.h). NONE is "no reason: goes on".
#define WEIR_REASONS(X)                                   \
	X(NONE, MALFORMED, "none")                        \
	X(TRUNCATED, MALFORMED, "truncated")              \
	X(IP_HEADER, MALFORMED, "ip-header")              \
	X(IP_CHECKSUM, MALFORMED, "ip-checksum")          \
	X(IPV6_EXTENSIONS, MALFORMED, "ipv6-extensions")  \
	X(FRAGMENT, MALFORMED, "fragment")                \
	X(UDP_CHECKSUM, MALFORMED, "udp-checksum")        \
	X(TUNNEL_HEADER, MALFORMED, "tunnel-header")      \
	X(NATIVE_SHORT, MALFORMED, "native-short")        \
	X(NATIVE_MAGIC, MALFORMED, "native-magic")        \
	X(NATIVE_VERSION, MALFORMED, "native-version")    \
	X(NATIVE_FLAGS, MALFORMED, "native-flags")        \
	X(NATIVE_PRIORITY, MALFORMED, "native-priority")  \
	X(NATIVE_CHANNEL, MALFORMED, "native-channel")    \
	X(NATIVE_TENANT, MALFORMED, "native-tenant")      \
	X(NATIVE_COUNTRY, MALFORMED, "native-country")    \
	X(NATIVE_LENGTH, MALFORMED, "native-length")      \
	X(NATIVE_AUTH, MALFORMED, "native-auth")          \
	X(COAP_SHORT, MALFORMED, "coap-short")            \
	X(COAP_VERSION, MALFORMED, "coap-version")        \
	X(COAP_TOKEN, MALFORMED, "coap-token")            \
	X(COAP_EMPTY, MALFORMED, "coap-empty")            \
	X(COAP_OPTION, MALFORMED, "coap-option")          \
	X(COAP_MARKER, MALFORMED, "coap-marker")          \
	X(COAP_CODE, MALFORMED, "coap-code")              \
	X(COAP_CRITICAL, MALFORMED, "coap-critical")      \
	X(COAP_PROXY, MALFORMED, "coap-proxy")            \
	X(COAP_METHOD, MALFORMED, "coap-method")          \
	X(COAP_PATH, MALFORMED, "coap-path")              \
	X(COAP_ACCEPT, MALFORMED, "coap-accept")          \
	X(COAP_CHANNEL, MALFORMED, "coap-channel")        \
	X(COAP_TENANT, MALFORMED, "coap-tenant")          \
	X(COAP_COUNTRY, MALFORMED, "coap-country")        \
	X(COAP_PRIORITY, MALFORMED, "coap-priority")      \
	X(COAP_AUTH, MALFORMED, "coap-auth")              \
	X(SIP_START_LINE, MALFORMED, "sip-start-line")    \
	X(SIP_VERSION, MALFORMED, "sip-version")          \
	X(SIP_URI, MALFORMED, "sip-uri")                  \
	X(SIP_SCHEME, MALFORMED, "sip-scheme")            \
	X(SIP_HEADER, MALFORMED, "sip-header")            \
	X(SIP_MISSING, MALFORMED, "sip-missing")          \
	X(SIP_REPEATED, MALFORMED, "sip-repeated")        \
	X(SIP_VIA, MALFORMED, "sip-via")                  \
	X(SIP_FROM, MALFORMED, "sip-from")                \
	X(SIP_TO, MALFORMED, "sip-to")                    \
	X(SIP_CALL_ID, MALFORMED, "sip-call-id")          \
	X(SIP_CSEQ, MALFORMED, "sip-cseq")                \
	X(SIP_LENGTH, MALFORMED, "sip-length")            \
	X(SIP_AUTH, MALFORMED, "sip-auth")                \
	X(ETHERTYPE, EXCEPTION, "ethertype")              \
	X(NOT_UDP, EXCEPTION, "not-udp")                  \
	X(NO_LISTENER, EXCEPTION, "no-listener")          \
	X(COAP_MESSAGE, EXCEPTION, "coap-message")        \
	X(SIP_RESPONSE, EXCEPTION, "sip-response")        \
	X(SIP_ACK, EXCEPTION, "sip-ack")                  \
	X(SIP_OPTIONS, REPLY, "sip-options")              \
	X(SIP_METHOD, REPLY, "sip-method")                \
	X(COAP_PING, REPLY, "coap-ping")                  \
	X(COAP_CORE, REPLY, "coap-core")                  \
	X(REPEAT, REPLY, "repeat")                        \
	X(REPEAT_WAITS, DROP, "repeat-waits")             \
	X(BLOCKED_SOURCE, DROP, "blocked-source")         \
	X(NO_ROOM, TX_FULL, "no-room")                    \
	X(NO_MEMBER, TX_FULL, "no-member")                \
	X(NO_NEXT_HOP, TX_FULL, "no-next-hop")            \
	X(MTU, TX_FULL, "mtu")                            \
	X(CHANNEL_FULL, AGENTS_FULL, "channel-full")      \
	X(QUEUE_DEPTH, AGENTS_FULL, "queue-depth")

enum weir_reason {
#define X(name, disposition, text) WEIR_REASON_##name,
	WEIR_REASONS(X)
#undef X
	WEIR_N_REASONS
};

#define WEIR_PROTOCOLS(X) X(NATIVE, "native") X(SIP, "sip") X(COAP, "coap")

enum weir_protocol {
#define X(name, text) WEIR_##name,
	WEIR_PROTOCOLS(X)
#undef X
	WEIR_N_PROTOCOLS
};

#define WEIR_PRIORITIES(X)        \
	X(EMERGENCY, "emergency") \
	X(URGENT, "urgent")       \
	X(NORMAL, "normal")       \
	X(NON_URGENT, "non-urgent")

enum weir_priority {
#define X(name, text) WEIR_##name,
	WEIR_PRIORITIES(X)
#undef X
	WEIR_N_PRIORITIES
};

// 8 to 15 are reserved and legal; their names are their numbers.
#define WEIR_N_CHANNELS 16
#define WEIR_N_NAMED_CHANNELS 8

#define WEIR_ACTIONS(X) X(ACT_FORWARD, "forward") X(ACT_AGENTS, "agents") X(ACT_REPLY, "reply") X(ACT_DROP, "drop")

enum weir_action {
#define X(name, text) WEIR_##name,
	WEIR_ACTIONS(X)
#undef X
	WEIR_N_ACTIONS
};

// Status byte of a native reply (DESIGN 1.2).
enum weir_status { WEIR_STATUS_ACCEPTED, WEIR_STATUS_REFUSED, WEIR_STATUS_BUSY, WEIR_N_STATUSES };

// A country is an index: (first letter - 'A') * 26 + (second letter - 'A').
#define WEIR_N_COUNTRIES 676
#define WEIR_COUNTRY_ZZ 675
#define WEIR_COUNTRY_NONE 0xffff

// Longest name (tenant, rule, queue, pool, zone, ...) in bytes, without the terminating NUL.
#define WEIR_NAME_MAX 63

// Names of the numbers above; "?" for a number out of range. Static strings, any thread.
const char *weir_disposition_name(unsigned disposition);
const char *weir_reason_name(unsigned reason);
enum weir_disposition weir_reason_disposition(unsigned reason);
const char *weir_protocol_name(unsigned protocol);
const char *weir_priority_name(unsigned priority);
const char *weir_channel_name(unsigned channel);
const char *weir_action_name(unsigned action);
const char *weir_status_name(unsigned status);

// Numbers of the names above; -1 where there is none. weir_channel_find also takes "8" to "15".
int weir_protocol_find(const char *name);
int weir_priority_find(const char *name);
int weir_channel_find(const char *name);
int weir_status_find(const char *name);

// Index of two upper-case letters, -1 for anything else; `letters` need not end in NUL.
static inline int weir_country_find(const char letters[2])
{
	unsigned a = (unsigned char)letters[0] - 'A', b = (unsigned char)letters[1] - 'A';

	return a < 26 && b < 26 ? (int)(a * 26 + b) : -1;
}

// Writes the two letters of a country index and a NUL.
void weir_country_format(unsigned country, char out[3]);
