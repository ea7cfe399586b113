// SPDX-License-Identifier: BSD-3-Clause
//
// Requests and answers of health probes over UDP. An answer counts by what it carries back, whatever
// it says: a member that answers "busy" or "503" lives, its load is not health's to judge. Refuses what
// is not well-formed and what answers another request. Any thread.
#include "controlplane/ping.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NATIVE_HEADER = 16, NATIVE_STATUSES = 3, COAP_HEADER = 4, COAP_ACK = 2, COAP_RST = 3 };

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

static bool coap_answers(const struct ping *ping, const uint8_t *data, size_t n)
{
	uint8_t sent[COAP_HEADER], type = n >= COAP_HEADER ? data[0] >> 4 & 3 : 0;

	coap_format(ping, sent);
	return n >= COAP_HEADER && data[0] >> 6 == 1 && (data[0] & 15) <= 8 &&
	       (type == COAP_ACK || type == COAP_RST) && memcmp(data + 2, sent + 2, 2) == 0;
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
			 "Via: SIP/2.0/UDP %s;branch=z9hG4bK%016llx;rport\r\n"
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

// One line of a SIP message: from `*at` to its end, which it moves behind. False where none is whole.
static bool next_line(const char **at, const char *end, const char **line, size_t *n)
{
	const char *stop = memchr(*at, '\n', (size_t)(end - *at));

	if (!stop)
		return false;
	*line = *at;
	*n = (size_t)(stop - *at);
	if (*n > 0 && stop[-1] == '\r')
		--*n;
	*at = stop + 1;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

// Whether a line is the header `name` (or its compact form), with exactly the value `value`.
static bool header_is(const char *line, size_t n, const char *name, const char *value)
{
	size_t length = strlen(name);

	if (n < length || strncasecmp(line, name, length) != 0)
		return false;
	line += length;
	n -= length;
	while (n > 0 && is_blank(*line))
		line++, n--;
	if (n == 0 || *line != ':')
		return false;
	line++, n--;
	while (n > 0 && is_blank(*line))
		line++, n--;
	while (n > 0 && is_blank(line[n - 1]))
		n--;
	return n == strlen(value) && memcmp(line, value, n) == 0;
}

// "SIP/2.0 200 OK": a final response.
static bool is_final(const char *line, size_t n)
{
	static const char version[] = "SIP/2.0 ";
	const char *code = line + sizeof(version) - 1;

	return n >= sizeof(version) + 2 && strncasecmp(line, version, sizeof(version) - 1) == 0 &&
	       code[0] >= '2' && code[0] <= '6' && code[1] >= '0' && code[1] <= '9' &&
	       code[2] >= '0' && code[2] <= '9' && (n == sizeof(version) + 2 || code[3] == ' ');
}

static bool sip_answers(const struct ping *ping, const uint8_t *data, size_t n)
{
	const char *at = (const char *)data, *end = at + n, *line;
	char call[48], sequence[32];
	bool has_call = false, has_sequence = false;
	size_t length;

	snprintf(call, sizeof(call), "%016llx@weir", (unsigned long long)ping->token);
	snprintf(sequence, sizeof(sequence), "%u OPTIONS", sip_number(ping));
	if (!next_line(&at, end, &line, &length) || !is_final(line, length))
		return false;
	while (next_line(&at, end, &line, &length) && length > 0) {
		has_call |= header_is(line, length, "Call-ID", call) ||
			    header_is(line, length, "i", call);
		has_sequence |= header_is(line, length, "CSeq", sequence);
	}
	return has_call && has_sequence;
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

bool ping_answers(const struct ping *ping, const uint8_t *data, size_t n)
{
	switch (ping->probe) {
	case WEIR_PROBE_NATIVE:
		return native_answers(ping, data, n);
	case WEIR_PROBE_COAP:
		return coap_answers(ping, data, n);
	case WEIR_PROBE_SIP:
		return sip_answers(ping, data, n);
	default:
		return false;
	}
}
