// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/decode/sip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/kit/sip.h"

static struct sip_case one;

static void raw(const char *text)
{
	sip_case_set(&one, text, (unsigned)strlen(text));
}

static void a_plain_message_is_decoded(void **state)
{
	is_good("Max-Forwards: 70");
	assert_int_equal(one.message.kind, SIP_MESSAGE);
	assert_int_equal(one.message.priority, WEIR_URGENT);
	assert_int_equal(one.message.flags, SIP_ANSWERABLE | SIP_TO_GOOD | SIP_VIA_GOOD);
	says(one.message.method, "MESSAGE");
	says(one.message.host, "acme.example");
	says(one.message.number[0], "+4930123456");
	assert_int_equal(one.message.number[1].length, 0);
	says(one.message.call_id, "asd88asd77a@1.2.3.4");
	says(one.message.from, "\"Anna\" <sip:+4930123456@carrier.example;user=phone>;tag=49583");
	says(one.message.from_tag, "49583");
	says(one.message.to, "<sip:orders@acme.example>");
	assert_int_equal(one.message.to_tag.length, 0);
	says(one.message.cseq, "1 MESSAGE");
	says(one.message.type, "text/plain");
	says(one.message.body, "hello");
	says(one.message.via.value, "SIP/2.0/UDP pc33.example.com:5062;rport;branch=z9hG4bK776sgdkse");
	says(one.message.via.host, "pc33.example.com");
	says(one.message.via.branch, "z9hG4bK776sgdkse");
	says(one.message.via.rport, ";rport");
	assert_int_equal(one.message.via.port, 5062);
}

static void methods_are_told_apart_and_case_matters(void **state)
{
	static const struct {
		const char *name;
		enum sip_kind kind;
	} methods[] = { { "MESSAGE", SIP_MESSAGE }, { "OPTIONS", SIP_OPTIONS }, { "ACK", SIP_ACK }, { "INVITE", SIP_OTHER },
			{ "message", SIP_OTHER }, { "MESSAGES", SIP_OTHER } };
	char text[400];

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		snprintf(text, sizeof(text),
			 "%s sip:a.example SIP/2.0\r\nv:SIP/2.0/UDP a;branch=z\r\nf:<sip:a@b>;tag=1\r\nt:sip:c\r\n"
			 "i:x\r\nCSeq:2 %s\r\n\r\n", methods[i].name, methods[i].name);
		raw(text);
		assert_int_equal(one.reason, WEIR_REASON_NONE);
		assert_int_equal(one.message.kind, methods[i].kind);
		assert_int_equal(one.message.flags & SIP_ANSWERABLE, methods[i].kind == SIP_ACK ? 0 : SIP_ANSWERABLE);
	}
}

// Under the address sanitizer: nothing behind the datagram is held against a method that is longer than what is left.
static void a_method_may_be_longer_than_what_is_left_behind_cseq(void **state)
{
	char method[101], text[400];

	for (unsigned n = 1; n < sizeof(method); n++)
		for (unsigned body = 30; body < 40; body++) {
			memset(method, 'M', n);
			method[n] = '\0';
			snprintf(text, sizeof(text), "%s sip:a SIP/2.0\nCSeq: 1 M\n\n%.*s", method, (int)body,
				 "MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM");
			raw(text);
			says(one.message.cseq, "1 M");
			assert_int_equal(one.message.fault, n == 1 ? WEIR_REASON_SIP_MISSING : WEIR_REASON_SIP_CSEQ);
		}
}

static void names_of_headers_come_in_any_case_and_short(void **state)
{
	raw("MESSAGE sip:acme.example SIP/2.0\n"
	    "V: SIP/2.0/UDP [2001:db8::9]:5070;branch=z9hG4bKa\n"
	    "fROM: sip:+12125550100@a.example;tag=1\n"
	    "T  : <tel:+1-212-555-0199>\n"
	    "i\t: abc\n"
	    "cSEQ: 00099 MESSAGE\n"
	    "PRIORITY: Emergency\n"
	    "C: text/plain\n"
	    "L   : 2\n\nhi there");
	assert_int_equal(one.reason, WEIR_REASON_NONE);
	assert_int_equal(one.message.priority, WEIR_EMERGENCY);
	says(one.message.number[0], "+12125550100");
	says(one.message.number[1], "+1-212-555-0199");
	says(one.message.via.host, "[2001:db8::9]");
	says(one.message.type, "text/plain");
	says(one.message.body, "hi");
}

// Names that are like others in their beginning, their end, their length, or but for the bit of letters' case.
static void names_that_only_look_like_headers_are_not_taken(void **state)
{
	static const char *const others[] = { "Fro", "Froms", "From-", "To-", "Vi", "Vias", "Call-I", "Call-IDs", "CSeq2", "CSe",
		"Call*ID", "Priorit", "Priorityy", "Priority-of-it", "Requir", "Requires", "Content-Lengt", "Content-Lengths",
		"Content-ent-Type", "Content-Xt-Length", "Contact", "Contac", "Content", "Co", "Contacts",
		"Subject", "Subjec", "Su", "Supported", "Supporter", "Support", "k", "s", "m", "Route", "Record-Route",
		"Content-Lengthy", "Content-Language", "Content-Typ", "Content-Types", "Context-Type", "Xontent-Length", "x",
		"From~", "q", "Content-Length-Content-Length-xx", "Content-Length-Content-Length-Contents" };
	static const char *const broken[] = { "Call\rID: a", "Content\rType: a", "Content\rLength: 3", "\x16ia: SIP/2.0/UDP b",
		"\x14o: sip:b", "To\x01: sip:b", ": sip:b", "Cont ent-Length: 5", "@o: sip:b" };
	static const char nul[] = "MESSAGE sip:a SIP/2.0\nv:SIP/2.0/UDP a\nf:sip:a\nTo\0:sip:c\ni:x\nCSeq:2 MESSAGE\n\n";
	char line[200];

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(line, sizeof(line), "Max-Forwards: 70\r\n%s: 3", others[i]);
		is_good(line);
		says(one.message.body, "hello");
		says(one.message.type, "text/plain");
		assert_int_equal(one.message.priority, WEIR_URGENT);
		assert_int_equal(one.message.flags & SIP_REQUIRES, 0);
	}
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		snprintf(line, sizeof(line), "Max-Forwards: 70\r\n%s", broken[i]);
		is_fault(line, WEIR_REASON_SIP_HEADER);
	}
	sip_case_set(&one, nul, sizeof(nul) - 1);
	assert_int_equal(one.reason, WEIR_REASON_SIP_HEADER);
	assert_int_equal(one.message.to.length, 0);
}

static void the_first_fault_is_told_in_whatever_order_headers_come(void **state)
{
	static const struct {
		const char *line;
		enum weir_reason reason;
	} wrong[] = { { "Via: x", WEIR_REASON_SIP_VIA }, { "From: x", WEIR_REASON_SIP_FROM }, { "To: x", WEIR_REASON_SIP_TO },
		      { "Call-ID: a b", WEIR_REASON_SIP_CALL_ID }, { "CSeq: x", WEIR_REASON_SIP_CSEQ },
		      { "Content-Length: x", WEIR_REASON_SIP_LENGTH }, { "no colon", WEIR_REASON_SIP_HEADER },
		      { "l: 65536", WEIR_REASON_SIP_LENGTH } };
	char text[600];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++) {
			if (k == i)
				continue;
			snprintf(text, sizeof(text), "MESSAGE sip:a.example SIP/2.0\r\n%s\r\n%s\r\n\r\n", wrong[i].line, wrong[k].line);
			raw(text);
			if (one.reason != wrong[i].reason)
				fail_msg("%s, then %s: %s", wrong[i].line, wrong[k].line, weir_reason_name(one.reason));
			snprintf(text, sizeof(text), "MESSAGE sip:a.example SIP/2.0\r\nf: sip:a\r\nf: sip:a\r\n%s\r\n\r\n", wrong[k].line);
			raw(text);
			assert_int_equal(one.reason, WEIR_REASON_SIP_REPEATED);
		}
}

static void folded_lines_are_white_space(void **state)
{
	raw("MESSAGE sip:acme.example SIP/2.0\r\n"
	    "Via\r\n : x\r\n\r\n");
	assert_int_equal(one.reason, WEIR_REASON_SIP_HEADER); // not before the colon
	raw("MESSAGE sip:acme.example SIP/2.0\r\n"
	    "Via:\r\n SIP  /   2.0\r\n /UDP\r\n\t192.0.2.2 \r\n : \r\n 5070 ; \r\n branch \r\n = z9hG4bKx\r\n , SIP/2.0/TCP b\r\n"
	    "From: \"a\r\n b\"\r\n <sip:a@b>\r\n ;\r\n tag\r\n =\r\n 7\r\n"
	    "To:\r\n sip:c \r\n ; tag = 8\r\n"
	    "Call-ID:\r\n abc\r\n"
	    "CSeq: 9\r\n \r\n MESSAGE\r\n"
	    "Priority:\r\n non-urgent \r\n"
	    "Content-Length:\r\n 1\r\n"
	    "\r\nxy");
	assert_int_equal(one.reason, WEIR_REASON_NONE);
	assert_int_equal(one.message.priority, WEIR_NON_URGENT);
	says(one.message.via.host, "192.0.2.2");
	assert_int_equal(one.message.via.port, 5070);
	says(one.message.via.branch, "z9hG4bKx");
	says(one.message.from_tag, "7");
	says(one.message.to_tag, "8");
	says(one.message.call_id, "abc");
	says(one.message.body, "x");
}

static void a_line_that_is_cut_in_a_fold_is_none(void **state)
{
	static const char *const names[] = { "Via", "From", "To", "Call-ID", "CSeq", "Content-Type" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[300];

		snprintf(text, sizeof(text), "MESSAGE sip:a@b SIP/2.0\r\n%s: x\r\n\tmore", names[i]);
		raw(text);
		assert_int_equal(one.reason, WEIR_REASON_SIP_HEADER);
		says(one.message.via.value, "");
		says(one.message.from, "");
		says(one.message.to, "");
		says(one.message.call_id, "");
		says(one.message.cseq, "");
		says(one.message.type, "");
	}
	raw("MESSAGE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP a\r\nVia: b\r\nv: c\r\n d");
	assert_int_equal(one.message.more_vias, 1);
	says(span_make(one.message.next_via, 6), "Via: b");
	raw("MESSAGE sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP a\r\nVia: b\r\n d");
	assert_int_equal(one.message.more_vias, 0);
	assert_int_equal(one.message.next_via, 0);
}

static void start_lines_that_are_none_are_refused(void **state)
{
	static const char *const wrong[] = { "", "\r\n\r\n", "\n", "MESSAGE", "MESSAGE\r\n", " MESSAGE sip:a SIP/2.0\r\n\r\n",
		"MESSAGE sip:a\r\n\r\n", "MESSAGE sip:a SIP/2.0 \r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "MESSAGE sip:a SIP/2\r\n\r\n",
		"MES@SAGE sip:a SIP/2.0\r\n\r\n", "MESSAGE sip:a SIP/\x12.0\r\n\r\n", "SIP/2.0 20 OK\r\n\r\n", "SIP/2.0 2000 OK\r\n\r\n",
		"SIP/2.0 700 OK\r\n\r\n", "SIP/2.0\r\n\r\n", "SIP/2.0 200OK\r\n\r\n", "SIP/2.0 4294967301 OK\r\n\r\n", "\xff\xfe\xfd\n" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		raw(wrong[i]);
		if (one.reason != WEIR_REASON_SIP_START_LINE)
			fail_msg("\"%s\" is %s", wrong[i], weir_reason_name(one.reason));
		assert_int_equal(one.message.flags & SIP_ANSWERABLE, 0);
	}
	is_fault("MESSAGE sip:a.example SIP/2.1", WEIR_REASON_SIP_VERSION);
	is_fault("MESSAGE sip:a.example SIP/7.0", WEIR_REASON_SIP_VERSION);
	assert_int_equal(one.message.flags & SIP_ANSWERABLE, SIP_ANSWERABLE);
	is_fault("MESSAGE sip:a.example SIP/2.0  ", WEIR_REASON_SIP_START_LINE);
	assert_int_equal(one.message.flags & SIP_ANSWERABLE, SIP_ANSWERABLE);
	is_good("MESSAGE sip:a.example sIp/2.0");
}

static void empty_lines_before_the_start_line_are_skipped(void **state)
{
	raw("\r\n\r\n\nMESSAGE sip:a SIP/2.0\r\nv:SIP/2.0/UDP a\r\nf:sip:a\r\nt:sip:c\r\ni:x\r\nCSeq:2 MESSAGE\r\n\r\n");
	assert_int_equal(one.reason, WEIR_REASON_NONE);
	says(one.message.host, "a");
}

static void responses_are_told_by_their_start_line(void **state)
{
	raw("SIP/2.0 202 Accepted\r\nVia: SIP/2.0/UDP h;branch=z\r\nFrom: sip:a;tag=1\r\nTo: sip:b;tag=2\r\nCall-ID: x\r\n"
	    "CSeq: 5 OPTIONS\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(one.reason, WEIR_REASON_SIP_RESPONSE);
	assert_int_equal(one.message.fault, WEIR_REASON_NONE);
	assert_int_equal(one.message.kind, SIP_RESPONSE);
	assert_int_equal(one.message.status, 202);
	assert_int_equal(one.message.flags & SIP_ANSWERABLE, 0);
	says(one.message.to_tag, "2");
	raw("SIP/2.0 202 Accepted\r\nCSeq: 5 \r\n\r\nSo many bytes that it could be read in the short way");
	assert_int_equal(one.message.fault, WEIR_REASON_SIP_CSEQ);
	raw("SIP/2.0 100 \r\n\r\n");
	assert_int_equal(one.reason, WEIR_REASON_SIP_RESPONSE);
	assert_int_equal(one.message.fault, WEIR_REASON_SIP_MISSING);
	raw("SIP/2.0 200\r\n\r\n");
	assert_int_equal(one.reason, WEIR_REASON_SIP_RESPONSE);
	assert_int_equal(weir_reason_disposition(one.reason), WEIR_EXCEPTION);
}

static void the_host_of_the_request_uri_is_found(void **state)
{
	static const struct {
		const char *uri, *host;
	} good[] = {
		{ "sip:a.example", "a.example" },
		{ "sip:u@A.Example:5061", "A.Example" },
		{ "SIPS:u:pass@a.example;transport=tcp?x=y", "a.example" },
		{ "im:u@a.example", "a.example" },
		{ "sip:[2001:db8::10]", "[2001:db8::10]" },
		{ "sip:u@[2001:db8::10]:5070;x", "[2001:db8::10]" },
		{ "sip:[2001:db8:::192.0.2.1]", "[2001:db8:::192.0.2.1]" },
		{ "sip:user;par=u%40example.net@a.example", "a.example" },
		{ "sip:%00%2f@a.example", "a.example" },
		{ "sip:a?b/c,d;e:f@a.example", "a.example" },
		{ "tel:+49-30-123", "" },
		{ "tel:*31#;phone-context=a.example", "" },
	};
	static const char *const bad[] = { "sip:", "sip:@a", "sip:a@", "sip:a@b@c", "sip:2001:db8::10", "sip:[2001:db8::10",
		"sip:[]", "sip:[1]", "sip:[2001:db8::g]", "sip:a:", "sip:a:65536", "sip:a:b", "sip:a%4@b", "sip:a%zz@b", "sip:a%@b",
		"<sip:a>", "sip:a b", "sip:u@a;x y", " sip:a", "sip:a ", "a", ":a", "sip:a^b@c", "sip:\"a\"@b", "sip:a#b", "1sip:a",
		"sip:a\xc3\xa4@b", "sip:a\x01", "sip:a,b", "sip:b%41" };
	char line[200];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(line, sizeof(line), "MESSAGE %s SIP/2.0", good[i].uri);
		is_good(line);
		says(one.message.host, good[i].host);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "MESSAGE %s SIP/2.0", bad[i]);
		is_fault(line, WEIR_REASON_SIP_URI);
	}
	is_fault("MESSAGE nobodyKnows:totallyopaque@%# SIP/2.0", WEIR_REASON_SIP_SCHEME);
	assert_int_equal(one.message.flags & SIP_ANSWERABLE, SIP_ANSWERABLE);
}

static void numbers_are_found(void **state)
{
	static const struct {
		const char *from, *number;
	} froms[] = {
		{ "<sip:+4930@x>", "+4930" },
		{ "sip:+4930@x", "+4930" },
		{ "<sip:%2B4930@x>", "" }, // reserved characters are not their escapes (RFC 3261, 19.1.4)
		{ "<sip:4930@x>", "" },
		{ "<sip:4930@x;user=phone>", "4930" },
		{ "<sip:4930@x;a=b;USER=Phone;c>", "4930" },
		{ "<sip:4930@x;user=phones>", "" },
		{ "<sip:4930@x;user=phone?a=b>", "4930" },
		{ "<sip:4930@x?;user=phone>", "" },
		{ "<sip:+1-(212).5@x>", "+1-(212).5" },
		{ "<sip:+1212;isub=12@x>", "+1212;isub=12" },
		{ "<sip:+1212;isub=12:secret@x>", "+1212;isub=12" },
		{ "<sip:+4930;user=phone@x>", "+4930;user=phone" },
		{ "<tel:+49-30>", "+49-30" },
		{ "<TEL:+4930;ext=5>;tag=x", "+4930;ext=5" },
		{ "tel:+4930;tag=x", "+4930" },
		{ "<tel:7042;phone-context=+1-914-555>", "7042;phone-context=+1-914-555" },
		{ "<sip:7042;phone-context=+1914@x;user=phone>", "7042;phone-context=+1914" },
		{ "<tel:*31#>", "*31#" },
		{ "<sips:+4930@x>", "+4930" },
		{ "<http://+4930@x>", "" },
	};
	char line[200];

	for (size_t i = 0; i < sizeof(froms) / sizeof(froms[0]); i++) {
		snprintf(line, sizeof(line), "From: %s", froms[i].from);
		is_good(line);
		says(one.message.number[0], froms[i].number);
		snprintf(line, sizeof(line), "To: %s", froms[i].from);
		is_good(line);
		says(one.message.number[1], froms[i].number);
	}
}

static void addresses_are_held_against_their_grammar(void **state)
{
	static const char *const good[] = { "sip:a", "<sip:a>", "a<sip:a>", "a b  c <sip:a>", "\"a, \\\" <b> ;x\" <sip:a>;tag=1",
		"\"\" <sip:a>", "\"a\"<sip:a>", "\xc3\xa4\xc3\xb6 <sip:a>", "\"\xe4\xbd\xa0\" <sip:a>", "sip:a;x;y=z;tag=1;w=\"; , \"",
		"<sip:a?b=c,d>", "<unknown:x>", "<sip:a>;x=[::1]", "sip:a ; tag = 7" };
	static const char *const bad[] = { "<sip:a", "sip:a>", "a", "\"a <sip:a>", "\"a\" sip:a", "\"a\"", "a, b <sip:a>", "<sip:a> x",
		"<sip:a>, <sip:b>", "sip:a?b=c", "sip:a,sip:b", "< sip:a>", "<sip:a >", "<>", "<sip:a>;", "<sip:a>;;x", "<sip:a>;tag",
		"<sip:a>;tag=", "<sip:a>;tag=\"x\"", "<sip:a>;tag=1;TAG=2", "<sip:a>;x=\"y", "<sip:a>;x=<", "\"a\x01\" <sip:a>", "\"a\\",
		"\"a\\\" <sip:a>", "a\x01 <sip:a>", "\"a\\\xc3\xa4\" <sip:a>", "\"a\x7f\" <sip:a>",
		"<sip:@bbbb>", "<sip:aaaa@>", "<sip:aa@bb", "<sip:a@b@c>" };
	char line[200];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(line, sizeof(line), "From: %s", good[i]);
		is_good(line);
		snprintf(line, sizeof(line), "To: %s", good[i]);
		is_good(line);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "From: %s", bad[i]);
		is_fault(line, WEIR_REASON_SIP_FROM);
		snprintf(line, sizeof(line), "To: %s", bad[i]);
		is_fault(line, WEIR_REASON_SIP_TO);
		assert_int_equal(one.message.flags & SIP_TO_GOOD, 0);
	}
}

static void the_topmost_via_is_held_against_its_grammar(void **state)
{
	static const struct {
		const char *line;
		uint8_t flags;
	} answered[] = { { "SIP/2.0/UDP 192.0.2.15;;,;,,", SIP_ANSWERABLE }, { "SIP/2.0/UDP a b", SIP_ANSWERABLE },
			 { "SIP/2.0/UDP a:0", SIP_ANSWERABLE }, { "SIP/2.0/UDP ;a", 0 }, { "SIP/2.0/UDP a;\x01", 0 }, { "x", 0 } };
	static const char *const bad[] = { "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0 a", "SIP/2.0/UDPa;b", "SIP/2.0/UDP a:",
		"SIP/2.0/UDP a:0",
		"SIP/2.0/UDP a:65536", "SIP/2.0/UDP a:x", "SIP/2.0/UDP [::1", "SIP/2.0/UDP a;;b", "SIP/2.0/UDP a;", "SIP/2.0/UDP a;branch=",
		"SIP/2.0/UDP a;branch", "SIP/2.0/UDP a;maddr",
		"SIP/2.0/UDP a;branch=1;branch=2", "SIP/2.0/UDP a b", "SIP/2.0/UDP ;a", ", SIP/2.0/UDP a", "/2.0/UDP a",
		"SIP/2.0/UDP 2001:db8::9", "SIP/2.0/UDP a;;,;,,", "SIP/2.0/UDP a;rport;rport" };
	char line[200];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "Via: %s", bad[i]);
		is_fault(line, WEIR_REASON_SIP_VIA);
		assert_int_equal(one.message.flags & SIP_VIA_GOOD, 0);
	}
	for (size_t i = 0; i < sizeof(answered) / sizeof(answered[0]); i++) {
		snprintf(line, sizeof(line), "Via: %s", answered[i].line);
		is_fault(line, WEIR_REASON_SIP_VIA);
		assert_int_equal(one.message.flags & SIP_ANSWERABLE, answered[i].flags);
	}
	is_good("Via: SIP/2.0/UNKNOWN a ; RECEIVED = [2001:db8::9] ; maddr=224.2.0.1;ttl=16 ;x=\"a,b\", SIP/2.0/UDP ,,;;");
	says(one.message.via.value, "SIP/2.0/UNKNOWN a ; RECEIVED = [2001:db8::9] ; maddr=224.2.0.1;ttl=16 ;x=\"a,b\"");
	says(one.message.via.maddr, "224.2.0.1");
	says(one.message.via.received, "; RECEIVED = [2001:db8::9] ");
	is_good("Via: SIP/2.0/UDP a\r\nVia: what comes below is not looked at");
	is_fault("Via: SIP/2.0/UDP a\r\nVia: but it has \x02 no control characters", WEIR_REASON_SIP_VIA);
	is_fault("Via: SIP/2.0/UDP a\r\nVia: nor\r\n \x02 has its fold", WEIR_REASON_SIP_VIA);
	is_fault("Via: SIP/2.0/UDP a, nor has \x02 what comes below in its own line", WEIR_REASON_SIP_VIA);
}

static void the_others_are_held_against_their_grammar(void **state)
{
	static const char *const cseqs[] = { "1", "MESSAGE", "1MESSAGE", "1 INVITE", "-1 MESSAGE", "2147483648 MESSAGE", "1 MESSAGE x",
		"36893488147419103232 MESSAGE", "1 message", "1 MESSAGF", "1 NESSAGE", "1, MESSAGE", "1/MESSAGE" };
	static const char *const lengths[] = { "6", "-1", "+5", "5 5", "99999999999999999999", "a", "5,5", "0x5", "65536", "", " " };
	char line[200];

	for (size_t i = 0; i < sizeof(cseqs) / sizeof(cseqs[0]); i++) {
		snprintf(line, sizeof(line), "CSeq: %s", cseqs[i]);
		is_fault(line, WEIR_REASON_SIP_CSEQ);
		assert_int_equal(one.message.flags & SIP_ANSWERABLE, SIP_ANSWERABLE);
	}
	is_good("CSeq: 2147483647 \t MESSAGE");
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		snprintf(line, sizeof(line), "Content-Length: %s", lengths[i]);
		is_fault(line, WEIR_REASON_SIP_LENGTH);
	}
	is_fault("Call-ID: a b", WEIR_REASON_SIP_CALL_ID);
	is_fault("Call-ID: a,b", WEIR_REASON_SIP_CALL_ID);
	is_fault("Call-ID: a\xc3\xa4", WEIR_REASON_SIP_CALL_ID);
	is_good("Call-ID: (a)<b>\"c\"[d]?{e}@f~`'+/*%!_-:\\");
}

static void the_body_is_as_long_as_the_header_says(void **state)
{
	static const char zeros[] = "MESSAGE sip:a SIP/2.0\nv:SIP/2.0/UDP a\nf:sip:a\nt:sip:c\ni:x\nCSeq:2 MESSAGE\n\n\0\n\0";

	is_good("Content-Length:");
	says(one.message.body, "hello");
	is_good("Content-Length: 0");
	assert_int_equal(one.message.body.length, 0);
	is_good("Content-Length:  0");
	assert_int_equal(one.message.body.length, 0);
	is_good("Content-Length: 0004");
	says(one.message.body, "hell");
	sip_case_set(&one, zeros, sizeof(zeros) - 1);
	assert_int_equal(one.reason, WEIR_REASON_NONE);
	assert_int_equal(one.message.body.at + one.message.body.length, one.length);
	assert_memory_equal(one.bytes + one.message.body.at, "\0\n\0", 3);
}

static void a_message_without_what_it_must_have_is_refused(void **state)
{
	static const char *const lines[] = { "Via:", "From:", "To:", "Call-ID:", "CSeq:" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		is_fault(lines[i], WEIR_REASON_SIP_MISSING);
		assert_int_equal(one.message.flags & SIP_ANSWERABLE, 0);
	}
	is_good("Max-Forwards:");
}

static void headers_that_stand_once_are_refused_twice(void **state)
{
	is_fault("From: sip:a\r\nf: sip:b", WEIR_REASON_SIP_REPEATED);
	says(one.message.from, "sip:a");
	assert_int_equal(one.message.flags & SIP_ANSWERABLE, SIP_ANSWERABLE);
	is_fault("From: sip:a\r\nf: sip:b\r\n ;tag=1", WEIR_REASON_SIP_REPEATED);
	says(one.message.from, "sip:a");
	is_fault("To: sip:a\r\nt: sip:b", WEIR_REASON_SIP_REPEATED);
	is_fault("Call-ID: a\r\nCall-ID: a", WEIR_REASON_SIP_REPEATED);
	is_fault("CSeq: 1 MESSAGE\r\nCSeq: 1 MESSAGE", WEIR_REASON_SIP_REPEATED);
	is_fault("Content-Length: 5\r\nl: 5", WEIR_REASON_SIP_REPEATED);
	is_good("Priority: emergency\r\nPriority: non-urgent");
	assert_int_equal(one.message.priority, WEIR_EMERGENCY);
}

static void any_other_priority_is_normal(void **state)
{
	static const struct {
		const char *line;
		uint8_t priority;
	} lines[] = { { "Priority: emergency", 0 }, { "Priority: URGENT", 1 }, { "Priority: normal", 2 }, { "Priority: non-urgent", 3 },
		      { "Priority: urgently", 2 }, { "Priority: \"urgent\"", 2 }, { "Priority: urgent;x", 2 }, { "Priority:", 2 },
		      { "Priority: ", 2 } };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		is_good(lines[i].line);
		assert_int_equal(one.message.priority, lines[i].priority);
	}
}

static void is_last_line(const char *line, const char *body, enum weir_reason reason)
{
	char text[300];

	snprintf(text, sizeof(text), "MESSAGE sip:a SIP/2.0\nv:SIP/2.0/UDP a\nf:sip:a\nt:sip:c\ni:x\nCSeq:2 MESSAGE\n%s\n%s", line, body);
	raw(text);
	assert_int_equal(one.reason, reason);
}

static void lines_that_are_no_headers_are_refused(void **state)
{
	is_fault("Max-Forwards: 70\r\nno colon", WEIR_REASON_SIP_HEADER);
	is_fault("Max-Forwards: 70\r\n: no name", WEIR_REASON_SIP_HEADER);
	is_fault("Max-Forwards: 70\r\na b: c", WEIR_REASON_SIP_HEADER);
	is_fault("Max-Forwards: 70\r\nX: a return\ralone", WEIR_REASON_SIP_HEADER);
	is_fault("Max-Forwards: 70\r\nX: two\r\r", WEIR_REASON_SIP_HEADER);
	is_last_line("X: a return\rx\n", "body", WEIR_REASON_SIP_HEADER);
	is_last_line("X: y\r\n", "\rbody\r", WEIR_REASON_NONE);
	is_fault("From: sip:a\r;tag=1", WEIR_REASON_SIP_HEADER);
	is_fault("MESSAGE sip:a SIP/2.0\r\n folded", WEIR_REASON_SIP_HEADER);
	raw("MESSAGE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nf:sip:a\r\nt:sip:c\r\ni:x\r\nCSeq:2 MESSAGE\r\n");
	assert_int_equal(one.reason, WEIR_REASON_SIP_HEADER); // no empty line
	assert_int_equal(one.message.flags & SIP_ANSWERABLE, SIP_ANSWERABLE);
	is_good("Max-Forwards: 70\r\nX-Any~Thing: ;;,,\x01\xff\"<");
	is_good("Max-Forwards: 70\r\nX:");
	raw("MESSAGE sip:a SIP/2.0\nVia: SIP/2.0/UDP a\nf:sip:a\nt:sip:c\ni:x\nCSeq:2 MESSAGE\nx\n\n");
	assert_int_equal(one.reason, WEIR_REASON_SIP_HEADER); // a line of one byte is not an empty one
	is_good("Max-Forwards: 70\nX: a line feed alone");
}

// Returns and feeds at each place of a block of 64 and over its edge, beside a slow reading of the same bytes.
static void ends_of_lines_are_found_anywhere(void **state)
{
	char text[600];
	int n;

	for (unsigned pad = 0; pad < 140; pad++) {
		for (unsigned kind = 0; kind < 4; kind++) {
			static const char *const ends[] = { "\r\n", "\n", "\r\n\t ", "\rx" };

			n = snprintf(text, sizeof(text),
				     "MESSAGE sip:a SIP/2.0\r\nX: %.*s%sv:SIP/2.0/UDP a\nf:sip:a\nt:sip:c\ni:x\nv:y\nCSeq:2 MESSAGE\n\nb",
				     (int)pad, "0123456789012345678901234567890123456789012345678901234567890123456789"
				     "01234567890123456789012345678901234567890123456789012345678901234567890123456789", ends[kind]);
			sip_case_set(&one, text, (unsigned)n);
			if (kind < 2)
				assert_int_equal(one.reason, WEIR_REASON_NONE);
			else // the first Via is part of X: the second, which is none, is taken
				assert_int_equal(one.reason, WEIR_REASON_SIP_VIA);
			if (kind == 3)
				assert_int_equal(one.message.flags & SIP_ANSWERABLE, 0);
		}
	}
}

static void every_cut_ends_well(void **state)
{
	struct sip_case whole = { 0 };

	sip_case_line(&whole, "Content-Length: 5");
	for (unsigned length = 0; length < whole.length; length++) {
		sip_case_set(&one, whole.bytes, length);
		assert_int_not_equal(one.reason, WEIR_REASON_NONE);
	}
	sip_case_clear(&whole);
}

static void the_longest_datagram_is_decoded(void **state)
{
	static char line[65536];

	memset(line, 'x', sizeof(line));
	memcpy(line, "Max-Forwards: ", 14);
	line[65535 - 440] = '\0';
	is_good(line);
	assert_true(one.length > 65400 && one.length <= 65535);
	says(one.message.body, "hello");
	sip_case_line(&one, "Content-Length:");
	sip_case_clear(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_message_is_decoded),
		cmocka_unit_test(methods_are_told_apart_and_case_matters),
		cmocka_unit_test(a_method_may_be_longer_than_what_is_left_behind_cseq),
		cmocka_unit_test(names_of_headers_come_in_any_case_and_short),
		cmocka_unit_test(names_that_only_look_like_headers_are_not_taken),
		cmocka_unit_test(the_first_fault_is_told_in_whatever_order_headers_come),
		cmocka_unit_test(folded_lines_are_white_space),
		cmocka_unit_test(a_line_that_is_cut_in_a_fold_is_none),
		cmocka_unit_test(start_lines_that_are_none_are_refused),
		cmocka_unit_test(empty_lines_before_the_start_line_are_skipped),
		cmocka_unit_test(responses_are_told_by_their_start_line),
		cmocka_unit_test(the_host_of_the_request_uri_is_found),
		cmocka_unit_test(numbers_are_found),
		cmocka_unit_test(addresses_are_held_against_their_grammar),
		cmocka_unit_test(the_topmost_via_is_held_against_its_grammar),
		cmocka_unit_test(the_others_are_held_against_their_grammar),
		cmocka_unit_test(the_body_is_as_long_as_the_header_says),
		cmocka_unit_test(a_message_without_what_it_must_have_is_refused),
		cmocka_unit_test(headers_that_stand_once_are_refused_twice),
		cmocka_unit_test(any_other_priority_is_normal),
		cmocka_unit_test(lines_that_are_no_headers_are_refused),
		cmocka_unit_test(ends_of_lines_are_found_anywhere),
		cmocka_unit_test(every_cut_ends_well),
		cmocka_unit_test(the_longest_datagram_is_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
