// SPDX-License-Identifier: BSD-3-Clause
//
// CoAP messages from a line of text, see coap.h. Written from RFC 7252, section 3; shares nothing with the decoder.
#include "tests/kit/coap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 1200 };

struct writer {
	uint8_t *out;
	size_t length;
	unsigned long number; // of the option before
};

static void fail(const char *word)
{
	fprintf(stderr, "kit_coap: cannot read \"%s\"\n", word);
	exit(3);
}

static void put(struct writer *writer, const void *bytes, size_t n)
{
	memcpy(writer->out + writer->length, bytes, n);
	writer->length += n;
}

static void put_hex(struct writer *writer, const char *text)
{
	for (unsigned byte; *text; text += 2) {
		if (sscanf(text, "%2x", &byte) != 1 || !text[1])
			fail(text);
		put(writer, &(uint8_t){ (uint8_t)byte }, 1);
	}
}

static unsigned nibble_of(unsigned long value)
{
	return value < 13 ? (unsigned)value : value < 269 ? 13 : 14;
}

static void put_extended(struct writer *writer, unsigned long value)
{
	if (value >= 269)
		put(writer, &(uint8_t){ (uint8_t)((value - 269) >> 8) }, 1);
	if (value >= 13)
		put(writer, &(uint8_t){ (uint8_t)(value - (value < 269 ? 13 : 269)) }, 1);
}

static void put_option(struct writer *writer, unsigned long number, const char *value, size_t length)
{
	unsigned long delta = number - writer->number;

	put(writer, &(uint8_t){ (uint8_t)(nibble_of(delta) << 4 | nibble_of(length)) }, 1);
	put_extended(writer, delta);
	put_extended(writer, length);
	put(writer, value, length);
	writer->number = number;
}

static void put_long_option(struct writer *writer, unsigned long number, size_t length)
{
	static char x[KIT_COAP_MAX];

	memset(x, 'x', length);
	put_option(writer, number, x, length);
}

static void put_word(struct writer *writer, const char *word)
{
	char *rest;
	unsigned long number;

	if (strncmp(word, "id:", 3) == 0) {
		number = strtoul(word + 3, NULL, 10);
		writer->out[2] = (uint8_t)(number >> 8);
		writer->out[3] = (uint8_t)number;
	} else if (strncmp(word, "token:", 6) == 0) {
		put_hex(writer, word + 6);
		writer->out[0] |= (uint8_t)(writer->length - 4);
	} else if (strncmp(word, "body:", 5) == 0) {
		put(writer, "\xff", 1);
		put(writer, word + 5, strlen(word + 5));
	} else if (strncmp(word, "hex:", 4) == 0) {
		put_hex(writer, word + 4);
	} else {
		number = strtoul(word, &rest, 10);
		if (rest == word || (*rest != ':' && *rest != '*'))
			fail(word);
		if (*rest == '*')
			put_long_option(writer, number, strtoul(rest + 1, NULL, 10));
		else
			put_option(writer, number, rest + 1, strlen(rest + 1));
	}
}

size_t kit_coap(uint8_t *out, const char *line)
{
	static const char types[][4] = { "CON", "NON", "ACK", "RST" };
	struct writer writer = { .out = out, .length = 4 };
	unsigned class, detail, type = 0;
	char word[WORD_MAX], name[4];
	int used;

	if (sscanf(line, "%3s %u.%u%n", name, &class, &detail, &used) != 3)
		fail(line);
	while (type < 4 && strcmp(types[type], name) != 0)
		type++;
	memcpy(out, (uint8_t[]){ (uint8_t)(1 << 6 | type << 4), (uint8_t)(class << 5 | detail), 0, 1 }, 4);
	for (line += used; sscanf(line, " %1199s%n", word, &used) == 1; line += used)
		put_word(&writer, word);
	return writer.length;
}
