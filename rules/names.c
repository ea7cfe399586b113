// SPDX-License-Identifier: BSD-3-Clause
//
// Shapes of names, domains and keys.
#include "rules/names.h"

#include <string.h>

#include "dataplane/abi/names.h"
#include "rules/utf8.h"

const char *text_fault(const char *text, size_t length)
{
	for (size_t i = 0, step; i < length; i += step) {
		step = utf8_size(text + i, length - i);
		if (step == 0)
			return "is not valid UTF-8";
	}
	return NULL;
}

static bool has_control(const char *name, size_t length)
{
	const unsigned char *p = (const unsigned char *)name;

	for (size_t i = 0; i < length; i++)
		if (p[i] < 0x20 || p[i] == 0x7f ||
		    (p[i] == 0xc2 && i + 1 < length && p[i + 1] < 0xa0))
			return true;
	return false;
}

const char *name_fault(const char *name, size_t length)
{
	if (length == 0)
		return "is empty";
	if (length > WEIR_NAME_MAX)
		return "is longer than 63 bytes";
	if (text_fault(name, length) != NULL)
		return "is not valid UTF-8";
	return has_control(name, length) ? "has a control character" : NULL;
}

const char *referable_fault(const char *name, size_t length)
{
	const char *fault = name_fault(name, length);

	if (fault != NULL)
		return fault;
	if (name[0] == '@')
		return "begins with '@', which marks a reference";
	if (length == 7 && memcmp(name, "unknown", 7) == 0)
		return "is \"unknown\", which stands for ids that are not in the table";
	return NULL;
}

static bool is_ldh(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

const char *domain_parse(const char *text, size_t length, char out[254])
{
	size_t label = 0;

	if (length == 0 || length > 253)
		return length == 0 ? "is empty" : "is longer than 253 bytes";
	for (size_t i = 0; i < length; i++) {
		char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 0x20) : text[i];

		if (c == '.' ? label == 0 || text[i - 1] == '-'
			     : !is_ldh(c) || (c == '-' && label == 0))
			return "is not a domain name";
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return "has a label longer than 63 bytes";
		out[i] = c;
	}
	out[length] = '\0';
	return label == 0 || out[length - 1] == '-' ? "is not a domain name" : NULL;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool key_parse(const char *text, uint8_t key[16])
{
	if (strlen(text) != 32)
		return false;
	for (int i = 0; i < 16; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
