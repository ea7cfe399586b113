// SPDX-License-Identifier: BSD-3-Clause
//
// A battery's messages in SIP and CoAP: as a plain client would send them, with the tenant, country, priority and
// channel that the battery names (docs/sip.md, docs/coap.md).
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/weirctl/battery.h"
#include "dataplane/decode/number.h"

enum { NUMBER_TRIES = 9999999, COAP_NON_1 = 0x50, COAP_POST = 2, COAP_MARKER = 0xff, URI_PATH = 11, URI_QUERY = 15 };

bool battery_number(uint16_t country, char number[BATTERY_NUMBER_SIZE])
{
	for (unsigned digits = 1; country != WEIR_COUNTRY_ZZ && digits <= NUMBER_TRIES; digits++) {
		int length = snprintf(number, BATTERY_NUMBER_SIZE, "+%u", digits);

		if (number_country((const uint8_t *)number, (size_t)length).country == country)
			return true;
	}
	return false;
}

uint8_t *battery_put_sip(uint8_t *at, const struct battery_message *message)
{
	int head = sprintf((char *)at,
			   "MESSAGE sip:desk@%s SIP/2.0\r\n"
			   "Via: SIP/2.0/UDP client.invalid:40000;branch=z9hG4bK%" PRIx32 "\r\n"
			   "Max-Forwards: 70\r\n"
			   "From: <sip:%s@client.invalid>;tag=%" PRIx32 "\r\n"
			   "To: <sip:desk@%s>\r\n"
			   "Call-ID: %" PRIu32 "@client.invalid\r\n"
			   "CSeq: 1 MESSAGE\r\n"
			   "Priority: %s\r\n"
			   "Content-Type: text/plain\r\n"
			   "Content-Length: %u\r\n\r\n",
			   message->domain, message->line, message->number[0] ? message->number : "client",
			   message->line, message->domain, message->line, weir_priority_name(message->priority),
			   message->size);

	memset(at + head, 'x', message->size);
	return at + head + message->size;
}

// An option of at most 268 bytes.
static uint8_t *put_option(uint8_t *at, unsigned *number, unsigned next, const char *value)
{
	size_t length = strlen(value);

	*at++ = (uint8_t)((next - *number) << 4 | (length < 13 ? length : 13));
	if (length >= 13)
		*at++ = (uint8_t)(length - 13);
	*number = next;
	memcpy(at, value, length);
	return at + length;
}

uint8_t *battery_put_coap(uint8_t *at, const struct battery_message *message)
{
	char tenant[11], country[] = "country=??", priority[32];
	unsigned number = 0;

	snprintf(tenant, sizeof(tenant), "%" PRIu32, message->tenant_id);
	snprintf(priority, sizeof(priority), "priority=%s", weir_priority_name(message->priority));
	weir_country_format(message->country, country + 8);
	memcpy(at, (uint8_t[]){ COAP_NON_1, COAP_POST, (uint8_t)(message->line >> 8), (uint8_t)message->line }, 4);
	at = put_option(at + 4, &number, URI_PATH, "m");
	at = put_option(at, &number, URI_PATH, tenant);
	at = put_option(at, &number, URI_PATH, weir_channel_name(message->channel));
	if (message->country != WEIR_COUNTRY_ZZ)
		at = put_option(at, &number, URI_QUERY, country);
	at = put_option(at, &number, URI_QUERY, priority);
	if (message->size == 0)
		return at;
	*at++ = COAP_MARKER;
	memset(at, 'x', message->size);
	return at + message->size;
}
