// SPDX-License-Identifier: BSD-3-Clause
//
// SIP messages for tests.
#include "tests/kit/sip.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const plain[] = {
	"MESSAGE sip:orders@acme.example SIP/2.0",
	"Via: SIP/2.0/UDP pc33.example.com:5062;rport;branch=z9hG4bK776sgdkse",
	"Max-Forwards: 70",
	"From: \"Anna\" <sip:+4930123456@carrier.example;user=phone>;tag=49583",
	"To: <sip:orders@acme.example>",
	"Call-ID: asd88asd77a@1.2.3.4",
	"CSeq: 1 MESSAGE",
	"Priority: urgent",
	"Content-Type: text/plain",
	"Content-Length: 5",
};

void sip_case_clear(struct sip_case *one)
{
	free(one->bytes);
	one->bytes = NULL;
}

void sip_case_set(struct sip_case *one, const void *bytes, unsigned length)
{
	sip_case_clear(one);
	one->bytes = malloc(length ? length : 1);
	assert(one->bytes);
	memcpy(one->bytes, bytes, length);
	one->length = length;
	one->reason = sip_parse(one->bytes, length, &one->message);
}

void sip_case_line(struct sip_case *one, const char *line)
{
	static char text[70000];
	size_t name = strcspn(line, ":"), n = 0;

	if (memchr(line, ' ', name))
		name = 0;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		bool mine = name == 0 ? i == 0 : strncmp(plain[i], line, name + 1) == 0;

		if (!mine)
			n += (size_t)sprintf(text + n, "%s\r\n", plain[i]);
		else if (name == 0 || line[name + 1] != '\0')
			n += (size_t)sprintf(text + n, "%s\r\n", line);
	}
	n += (size_t)sprintf(text + n, "\r\nhello");
	sip_case_set(one, text, (unsigned)n);
}

void sip_case_expect(struct sip_case *one, const char *line, enum weir_reason reason)
{
	sip_case_line(one, line);
	if (one->reason != reason)
		fail_msg("%s: %s instead of %s", line, weir_reason_name(one->reason), weir_reason_name(reason));
}

const char *sip_case_text(const struct sip_case *one, struct span span)
{
	static char texts[4][70000];
	static unsigned turn;
	char *text = texts[turn++ % 4];

	assert(span.at + span.length <= one->length);
	memcpy(text, one->bytes + span.at, span.length);
	text[span.length] = '\0';
	return text;
}
