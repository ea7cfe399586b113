// SPDX-License-Identifier: BSD-3-Clause
//
// Text of addresses, prefixes and MAC addresses.
#include "rules/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int address_parse(const char *text, uint8_t out[16])
{
	memset(out, 0, 16);
	if (inet_pton(AF_INET, text, out) == 1)
		return 4;
	memset(out, 0, 16);
	return inet_pton(AF_INET6, text, out) == 1 ? 6 : 0;
}

// One to three digits, no sign, no leading zero; -1 for anything else.
static int parse_length(const char *text)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 3 || text[n] != '\0' || (n > 1 && text[0] == '0'))
		return -1;
	return atoi(text);
}

static bool clear_behind(uint8_t address[16], unsigned length)
{
	bool was_set = false;

	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = i * 8 >= length ? 0 : length - i * 8 >= 8 ? 8 : length - i * 8;
		uint8_t mask = (uint8_t)(0xff00 >> keep);

		was_set = was_set || (address[i] & ~mask) != 0;
		address[i] &= mask;
	}
	return was_set;
}

int prefix_parse(const char *text, uint8_t address[16], uint8_t *length)
{
	const char *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char copy[PREFIX_TEXT];
	int family, bits, max;

	if (n >= sizeof(copy))
		return 0;
	memcpy(copy, text, n);
	copy[n] = '\0';
	family = address_parse(copy, address);
	max = family == 4 ? 32 : 128;
	bits = slash != NULL ? parse_length(slash + 1) : max;
	if (family == 0 || bits < 0 || bits > max)
		return 0;
	*length = (uint8_t)bits;
	return clear_behind(address, (unsigned)bits) ? -1 : family;
}

void prefix_format(const uint8_t address[16], int family, unsigned length, char out[PREFIX_TEXT])
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(family == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
	snprintf(out, PREFIX_TEXT, "%s/%u", text, length);
}

bool mac_parse(const char *text, uint8_t mac[6])
{
	char separator = text[0] != '\0' && text[1] != '\0' ? text[2] : '\0';

	if (strlen(text) != 17 || (separator != ':' && separator != '-'))
		return false;
	for (int i = 0; i < 6; i++) {
		char byte[3] = { text[3 * i], text[3 * i + 1], '\0' };

		if (strspn(byte, "0123456789abcdefABCDEF") != 2 ||
		    (i < 5 && text[3 * i + 2] != separator))
			return false;
		mac[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return true;
}
