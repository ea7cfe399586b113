// SPDX-License-Identifier: BSD-3-Clause
//
// Requests and answers of health probes over UDP. An answer counts by what it carries back: a native member that
// answers "busy" lives, its load is not health's to judge; of SIP the status decides. Refuses what answers another
// request. Any thread.
#include "controlplane/ping.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/decode/sip.h"

enum { NATIVE_HEADER = 16, NATIVE_STATUSES = 3, COAP_HEADER = 4, COAP_ACKNOWLEDGED = 0x60, COAP_RESET = 0x70 };

#define SIP_BRANCH "z9hG4bK" // begins every branch (RFC 3261, 8.1.1.7)

static void put32(uint8_t *to, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static size_t native_format(const struct ping *ping, uint8_t *out)
{
	memset(out, 0, NATIVE_HEADER);
	out[0] = 0x57;
	out[1] = 0x11; // version 1, acknowledgement wanted
	out[2] = PING_PRIORITY;
	out[3] = PING_CHANNEL;
	put32(out + 4, PING_TENANT);
	put32(out + 12, (uint32_t)ping->token); // country unknown, no payload
	return NATIVE_HEADER;
}

static bool native_answers(const struct ping *ping, const uint8_t *data, size_t n)
{
	uint8_t sent[NATIVE_HEADER];

	native_format(ping, sent);
	return n >= NATIVE_HEADER && data[0] == sent[0] && data[1] == 0x12 &&
	       data[2] < NATIVE_STATUSES &&
	       memcmp(data + 3, sent + 3, 7) == 0 && // channel, tenant, country
	       (size_t)(data[10] << 8 | data[11]) == n - NATIVE_HEADER &&
	       memcmp(data + 12, sent + 12, 4) == 0;
}

static size_t coap_format(const struct ping *ping, uint8_t *out)
{
	out[0] = 0x40; // version 1, confirmable, no token
	out[1] = 0x00; // empty
	out[2] = (uint8_t)(ping->token >> 8);
	out[3] = (uint8_t)ping->token;
	return COAP_HEADER;
}

// A reset is empty (RFC 7252, 4.2), and so has to be what acknowledges an empty message; a stack that puts a response
// into it lives as well. There is no token, since none was sent.
static bool coap_answers(const struct ping *ping, const uint8_t *data, size_t n)
{
	bool is_empty = n == COAP_HEADER && data[1] == 0;
	uint8_t sent[COAP_HEADER];

	coap_format(ping, sent);
	if (n < COAP_HEADER || memcmp(data + 2, sent + 2, 2) != 0)
		return false;
	return data[0] == COAP_RESET ? is_empty : data[0] == COAP_ACKNOWLEDGED && (is_empty || data[1] != 0);
}

static uint32_t sip_number(const struct ping *ping)
{
	return (uint32_t)(ping->token >> 33); // CSeq is below 2^31 (RFC 3261, section 8.1.1.5)
}

static size_t sip_format(const struct ping *ping, uint8_t *out, size_t room)
{
	unsigned long long token = (unsigned long long)ping->token;
	int n = snprintf((char *)out, room,
			 "OPTIONS sip:%s SIP/2.0\r\n"
			 "Via: SIP/2.0/UDP %s;branch=" SIP_BRANCH "%016llx;rport\r\n"
			 "Max-Forwards: 70\r\n"
			 "From: <sip:weir@%s>;tag=%08llx\r\n"
			 "To: <sip:%s>\r\n"
			 "Call-ID: %016llx@weir\r\n"
			 "CSeq: %u OPTIONS\r\n"
			 "Accept: application/sdp\r\n"
			 "Content-Length: 0\r\n\r\n",
			 ping->there, ping->here, token, ping->here, token & 0xffffffff,
			 ping->there, token, sip_number(ping));

	return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

// Whether the value of a CSeq is `number`, white space and OPTIONS.
static bool is_sequence(const uint8_t *data, struct span value, uint32_t number)
{
	char digits[16];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%u", number), at = n;

	if (value.length <= n || memcmp(data + value.at, digits, n) != 0)
		return false;
	while (at < value.length && (data[value.at + at] == ' ' || data[value.at + at] == '\t'))
		at++;
	return at > n && span_equals(data, span_make(value.at + at, value.length - at), "OPTIONS", 7);
}

// Whether the member, or what stands before it, says by this status that it takes no messages now: a proxy that heard
// nothing (408, 504), a server that sends its callers elsewhere (503) or that is broken (500, 502, 505 and more). Who
// does not know OPTIONS (501) lives.
static bool is_away(unsigned status)
{
	return status == 408 || (status >= 500 && status < 600 && status != 501);
}

// A final response with the branch, Call-ID and CSeq of the request (RFC 3261, 17.1.3). What else is wrong with it does
// not matter.
static enum ping_answer sip_answers(const struct ping *ping, const uint8_t *data, size_t n, unsigned *status)
{
	struct sip_message message;
	char name[48];
	size_t length = (size_t)snprintf(name, sizeof(name), SIP_BRANCH "%016llx@weir",
					 (unsigned long long)ping->token);
	const size_t prefix = sizeof(SIP_BRANCH) - 1, suffix = sizeof("@weir") - 1;

	if (n > UINT16_MAX)
		return PING_NONE;
	sip_parse(data, (unsigned)n, &message);
	if (message.kind != SIP_RESPONSE || message.status < 200 || message.status > 699 ||
	    !span_equals(data, message.via.branch, name, length - suffix) ||
	    !span_equals(data, message.call_id, name + prefix, length - prefix) ||
	    !is_sequence(data, message.cseq, sip_number(ping)))
		return PING_NONE;
	*status = message.status;
	return is_away(message.status) ? PING_AWAY : PING_ALIVE;
}

size_t ping_format(const struct ping *ping, uint8_t *out, size_t room)
{
	switch (ping->probe) {
	case WEIR_PROBE_NATIVE:
		return room < NATIVE_HEADER ? 0 : native_format(ping, out);
	case WEIR_PROBE_COAP:
		return room < COAP_HEADER ? 0 : coap_format(ping, out);
	case WEIR_PROBE_SIP:
		return sip_format(ping, out, room);
	default:
		return 0;
	}
}

enum ping_answer ping_answers(const struct ping *ping, const uint8_t *data, size_t n, unsigned *status)
{
	switch (ping->probe) {
	case WEIR_PROBE_NATIVE:
		return native_answers(ping, data, n) ? PING_ALIVE : PING_NONE;
	case WEIR_PROBE_COAP:
		return coap_answers(ping, data, n) ? PING_ALIVE : PING_NONE;
	case WEIR_PROBE_SIP:
		return sip_answers(ping, data, n, status);
	default:
		return PING_NONE;
	}
}
