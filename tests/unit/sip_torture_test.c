// SPDX-License-Identifier: BSD-3-Clause
//
// The tables of docs/sip.md: what weir does with the torture messages of RFC 4475 and RFC 5118. Each row there is a row
// here, and the other way round. The messages are written after the RFCs' descriptions; the RFC's own bytes are held to
// the same rows where WEIR_DATA has them (sip/rfc4475/NAME.dat).
#include "dataplane/decode/sip.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/decode/sip_answer.h"
#include "tests/kit/sip.h"

#define WHOLE(text) text, sizeof(text) - 1
#define ADDRESSES "From: <sip:a@example.net>;tag=1\r\nTo: <sip:b@example.com>\r\n"
#define TOP "Via: SIP/2.0/UDP host.example.net;branch=z9hG4bKrow\r\n"
#define REST TOP ADDRESSES "Call-ID: row\r\n"
#define INVITE(uri) "INVITE " uri " SIP/2.0\r\n" REST "CSeq: 1 INVITE\r\n\r\n"
#define OPTIONS(uri) "OPTIONS " uri " SIP/2.0\r\n" REST "CSeq: 1 OPTIONS\r\n\r\n"
#define OPTIONS_VIA(via) \
	"OPTIONS sip:b@example.com SIP/2.0\r\nVia: " via "\r\n" ADDRESSES "Call-ID: row\r\nCSeq: 1 OPTIONS\r\n\r\n"
#define OPTIONS_FROM(from) \
	"OPTIONS sip:b@example.com SIP/2.0\r\nFrom: " from "\r\nTo: sip:b\r\n" TOP "Call-ID: row\r\nCSeq: 1 OPTIONS\r\n\r\n"
#define OPTIONS_TO(to) \
	"OPTIONS sip:b@example.com SIP/2.0\r\nTo: " to "\r\nFrom: sip:b\r\n" TOP "Call-ID: row\r\nCSeq: 1 OPTIONS\r\n\r\n"

static const struct row {
	const char *name; // as in the document; of RFC 4475, section-name
	const char *message;
	unsigned length;
	enum weir_reason reason;
	unsigned status; // what it is answered with before any rule; 0: nothing
} rows[] = {
	{ "3.1.1.1-wsinv", WHOLE("INVITE sip:b@example.com;unknownparam SIP/2.0\r\nTO :\r\n sip:b@example.com ;   tag    = 19181n\r\n"
		"from   : \"A \\\\\\\"\"       <sip:a@example.net>\r\n  ;\r\n  tag = 98\r\n"
		"MaX-fOrWaRdS: 0068\r\nCall-ID: row\r\nContent-Length   : 3\r\ncseq: 0009\r\n"
		"  INVITE\r\nVia  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;rport;branch=oldstyle7\r\n"
		"s :\r\nInvented:   some\r\n more\r\nUnusual: ;;,,;;,;\r\nRoute:\r\n <sip:example.com;lr>\r\n"
		"v:  SIP  / 2.0  / TCP     hop.example.net   ;\r\n  branch  =   z9hG4bKhop1  ,\r\n"
		" SIP  /    2.0   / UDP  192.0.2.111   ; branch=\r\n z9hG4bKhop2\r\n"
		"m:\"Quoted \\\"\\\"\" <sip:a@example.net>\r\n\r\nv=0"), WEIR_REASON_NONE, 405 },
	{ "3.1.1.2-intmeth", WHOLE("~all-Of_a.Method!0123456789*+`%' sip:odd_User.(1)~!*'&=+$,;?/:and&=+$,its*pass!word~(_-.')@example.com "
		"SIP/2.0\r\nVia: SIP/2.0/UDP host.example.net;rport;branch=z9hG4bK!row-~.%*_+`'\r\n"
		"To: \"bell \\\x07, nothing \\\x00, delete \\\x7F\" <sip:odd_User.(1)~!*'&=+$,;?/@example.com>\r\n"
		"From: some~` of'+_ the*%!.- tokens <sip:a@example.net>;of''~+*_!.-%=\"\xd0\xb6\xe4\xbd\xa0\";tag=~1'+`*%!-._\r\n"
		"Call-ID: all.%ZK-!*_+'of@a~`word)(><:\\/\"][?}{\r\nCSeq: 139 ~all-Of_a.Method!0123456789*+`%'\r\n\r\n"),
	  WEIR_REASON_NONE, 405 },
	{ "3.1.1.3-esc01", WHOLE(INVITE("sip:sips%3Auser%40example.com@example.net")), WEIR_REASON_NONE, 405 },
	{ "3.1.1.4-escnull", WHOLE("REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKr\r\n"
		"From: <sip:null-%00-null@example.com>;tag=8\r\nTo: <sip:null-%00-null@example.com>\r\n"
		"Call-ID: row\r\nCSeq: 1 REGISTER\r\n\r\n"), WEIR_REASON_NONE, 405 },
	{ "3.1.1.5-esc02", WHOLE("RE%47IST%45R sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKr\r\n"
		"From: %Z%45 <sip:a@example.net>;tag=8\r\nTo: \"%Z%45\" <sip:b@example.com>\r\n"
		"Call-ID: row\r\nCSeq: 1 RE%47IST%45R\r\n\r\n"), WEIR_REASON_NONE, 405 },
	{ "3.1.1.6-lwsdisp", WHOLE(OPTIONS_FROM("caller<sip:caller@example.com>;tag=323")), WEIR_REASON_NONE, 200 },
	{ "3.1.1.7-longreq", NULL, 0, WEIR_REASON_NONE, 405 }, // long_request()
	{ "3.1.1.8-dblreq", WHOLE("REGISTER sip:example.com SIP/2.0\r\n" REST "CSeq: 1 REGISTER\r\nContent-Length: 0\r\n"
		"\r\nINVITE sip:x SIP/2.0\r\n\r\n"), WEIR_REASON_NONE, 405 },
	{ "3.1.1.9-semiuri", WHOLE(OPTIONS("sip:user;par=u%40example.net@example.com")), WEIR_REASON_NONE, 200 },
	{ "3.1.1.10-transports", WHOLE(OPTIONS_VIA("SIP/2.0/UDP t1.example.com;branch=z9hG4bKr\r\nVia: SIP/2.0/SCTP "
		"t2.example.com\r\nVia: SIP/2.0/UNKNOWN t4.example.com")), WEIR_REASON_NONE, 200 },
	{ "3.1.1.11-mpart01", WHOLE("MESSAGE sip:b@example.com SIP/2.0\r\n" REST "CSeq: 1 MESSAGE\r\n"
		"Content-Type: multipart/mixed;boundary=7a\r\n"
		"Content-Length: 16\r\n\r\n--7a\r\n\r\n\0\r\n\x82\xff\0\r\n"), WEIR_REASON_NONE, 0 },
	{ "3.1.1.12-unreason", WHOLE("SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe\r\n" REST "CSeq: 1 INVITE\r\n"
		"\r\n"), WEIR_REASON_SIP_RESPONSE, 0 },
	{ "3.1.1.13-noreason", WHOLE("SIP/2.0 100 \r\n" REST "CSeq: 1 INVITE\r\n\r\n"), WEIR_REASON_SIP_RESPONSE, 0 },
	{ "3.1.2.1-badinv01", WHOLE(OPTIONS_VIA("SIP/2.0/UDP 192.0.2.15;;,;,,")), WEIR_REASON_SIP_VIA, 400 },
	{ "3.1.2.2-clerr", WHOLE("INVITE sip:b@example.com SIP/2.0\r\n" REST "CSeq: 1 INVITE\r\nContent-Length: 9999\r\n"
		"\r\nv=0"), WEIR_REASON_SIP_LENGTH, 400 },
	{ "3.1.2.3-ncl", WHOLE("INVITE sip:b@example.com SIP/2.0\r\n" REST "CSeq: 1 INVITE\r\nContent-Length: -999\r\n"
		"\r\nv=0"), WEIR_REASON_SIP_LENGTH, 400 },
	{ "3.1.2.4-scalar02", WHOLE("REGISTER sip:example.com SIP/2.0\r\n" REST "CSeq: 36893488147419103232 REGISTER\r\n"
		"Max-Forwards: 300\r\n\r\n"), WEIR_REASON_SIP_CSEQ, 400 },
	{ "3.1.2.5-scalarlg", WHOLE("SIP/2.0 503 Service Unavailable\r\n" REST "CSeq: 9292394834772304023312 OPTIONS\r\n"
		"Retry-After: 949302838503028349304023988\r\n\r\n"), WEIR_REASON_SIP_RESPONSE, 0 },
	{ "3.1.2.6-quotbal", WHOLE(OPTIONS_TO("\"Mr. J. User <sip:j.user@example.com>")), WEIR_REASON_SIP_TO, 400 },
	{ "3.1.2.7-ltgtruri", WHOLE(INVITE("<sip:user@example.com>")), WEIR_REASON_SIP_URI, 400 },
	{ "3.1.2.8-lwsruri", WHOLE(INVITE("sip:user@example.com; lr")), WEIR_REASON_SIP_URI, 400 },
	{ "3.1.2.9-lwsstart", WHOLE(INVITE(" sip:user@example.com ")), WEIR_REASON_SIP_URI, 400 },
	{ "3.1.2.10-trws", WHOLE("OPTIONS sip:b@example.com SIP/2.0  \r\n" REST "CSeq: 1 OPTIONS\r\n"
		"\r\n"), WEIR_REASON_SIP_START_LINE, 400 },
	{ "3.1.2.11-escruri", WHOLE(INVITE("sip:user@example.com?Route=%3Csip:example.com%3E")), WEIR_REASON_NONE, 405 },
	{ "3.1.2.12-baddate", WHOLE("INVITE sip:b@example.com SIP/2.0\r\n" REST "CSeq: 1 INVITE\r\nDate: Fri, 01 Jan 2010 "
		"16:00:00 EST\r\n"
		"\r\n"), WEIR_REASON_NONE, 405 },
	{ "3.1.2.13-regbadct", WHOLE("REGISTER sip:example.com SIP/2.0\r\n" REST "CSeq: 1 REGISTER\r\n"
		"Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E\r\n"
		"\r\n"), WEIR_REASON_NONE, 405 },
	{ "3.1.2.14-badaspec", WHOLE(OPTIONS_TO("\"Watson, Thomas\" < sip:t.watson@example.org >")), WEIR_REASON_SIP_TO, 400 },
	{ "3.1.2.15-baddn", WHOLE(OPTIONS_FROM("Bell, Alexander <sip:a.g.bell@example.com>;tag=43")), WEIR_REASON_SIP_FROM, 400 },
	{ "3.1.2.16-badvers", WHOLE("OPTIONS sip:b@example.com SIP/7.0\r\n" REST "CSeq: 1 OPTIONS\r\n"
		"\r\n"), WEIR_REASON_SIP_VERSION, 505 },
	{ "3.1.2.17-mismatch01", WHOLE("OPTIONS sip:b@example.com SIP/2.0\r\n" REST "CSeq: 8 INVITE\r\n"
		"\r\n"), WEIR_REASON_SIP_CSEQ, 400 },
	{ "3.1.2.18-mismatch02", WHOLE("NEWMETHOD sip:b@example.com SIP/2.0\r\n" REST "CSeq: 8 INVITE\r\n"
		"\r\n"), WEIR_REASON_SIP_CSEQ, 400 },
	{ "3.1.2.19-bigcode", WHOLE("SIP/2.0 4294967301 better not break the receiver\r\n" REST "CSeq: 1 INVITE\r\n"
		"\r\n"), WEIR_REASON_SIP_START_LINE, 0 },
	{ "3.2.1-badbranch", WHOLE(OPTIONS_VIA("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK")), WEIR_REASON_NONE, 200 },
	{ "3.3.1-insuf", WHOLE("INVITE sip:b@example.com SIP/2.0\r\nCSeq: 1 INVITE\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n"
		"\r\n"), WEIR_REASON_SIP_MISSING, 0 },
	{ "3.3.2-unkscm", WHOLE(OPTIONS("nobodyKnowsThisScheme:totallyopaquecontent")), WEIR_REASON_SIP_SCHEME, 416 },
	{ "3.3.3-novelsc", WHOLE(OPTIONS("soap.beep://192.0.2.103:3002")), WEIR_REASON_SIP_SCHEME, 416 },
	{ "3.3.4-unksm2", WHOLE(OPTIONS_FROM("<http://www.example.com>;tag=3")), WEIR_REASON_NONE, 200 },
	{ "3.3.5-bext01", WHOLE("OPTIONS sip:b@example.com SIP/2.0\r\n" REST "CSeq: 1 OPTIONS\r\nRequire: nothingSupportsThis\r\n"
		"Require: nothingSupportsThisEither\r\nProxy-Require: noProxiesSupportThis\r\n"
		"\r\n"), WEIR_REASON_NONE, 420 },
	{ "3.3.6-invut", WHOLE("INVITE sip:b@example.com SIP/2.0\r\n" REST "CSeq: 1 INVITE\r\nContent-Type: application/unknownformat\r\n"
		"\r\n<x>"), WEIR_REASON_NONE, 405 },
	{ "3.3.7-regaut01", WHOLE("REGISTER sip:example.com SIP/2.0\r\n" REST "CSeq: 1 REGISTER\r\n"
		"Authorization: NoOneKnowsThisScheme opaque-data=here\r\n"
		"\r\n"), WEIR_REASON_NONE, 405 },
	{ "3.3.8-multi01", WHOLE("INVITE sip:b@example.com SIP/2.0\r\n" REST "CSeq: 1 INVITE\r\nCSeq: 59 INVITE\r\n"
		"From: <sip:c@d>\r\nTo: <sip:e@f>\r\nCall-ID: other\r\n\r\n"), WEIR_REASON_SIP_REPEATED, 400 },
	{ "3.3.9-mcl01", WHOLE("OPTIONS sip:b@example.com SIP/2.0\r\n" REST "CSeq: 1 OPTIONS\r\nContent-Length: 13\r\n"
		"Content-Length: 5\r\n\r\nThere's no way"), WEIR_REASON_SIP_REPEATED, 400 },
	{ "3.3.10-bcast", WHOLE("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 255.255.255.255\r\n" REST "CSeq: 1 INVITE\r\n"
		"\r\n"), WEIR_REASON_SIP_RESPONSE, 0 },
	{ "3.3.11-zeromf", WHOLE("OPTIONS sip:b@example.com SIP/2.0\r\n" REST "CSeq: 1 OPTIONS\r\nMax-Forwards: 0\r\n"
		"\r\n"), WEIR_REASON_NONE, 200 },
	{ "3.3.12-cparam01", WHOLE("REGISTER sip:example.com SIP/2.0\r\n" REST "CSeq: 1 REGISTER\r\n"
		"Contact: sip:+19725552222@gw1.example.net;unknownparam\r\n"
		"\r\n"), WEIR_REASON_NONE, 405 },
	{ "3.3.13-cparam02", WHOLE("REGISTER sip:example.com SIP/2.0\r\n" REST "CSeq: 1 REGISTER\r\n"
		"Contact: <sip:+19725552222@gw1.example.net;unknownparam>\r\n"
		"\r\n"), WEIR_REASON_NONE, 405 },
	{ "3.3.14-regescrt", WHOLE("REGISTER sip:example.com SIP/2.0\r\n" REST "CSeq: 1 REGISTER\r\n"
		"Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>\r\n"
		"\r\n"), WEIR_REASON_NONE, 405 },
	{ "3.3.15-sdp01", WHOLE("INVITE sip:b@example.com SIP/2.0\r\n" REST "CSeq: 1 INVITE\r\nAccept: text/nobodyKnowsThis\r\n"
		"\r\n"), WEIR_REASON_NONE, 405 },
	{ "3.4.1-inv2543", WHOLE("INVITE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP iftgw.example.com\r\n"
		"From: <sip:+13035551111@ift.example.net;user=phone>\r\nTo: sip:+16505552222@ss1.example.net;user=phone\r\n"
		"Call-ID: 1717@gw\r\nCSeq: 56 INVITE\r\n\r\n"), WEIR_REASON_NONE, 405 },
	{ "rfc5118-4.1", WHOLE(OPTIONS("sip:[2001:db8::10]")), WEIR_REASON_NONE, 200 },
	{ "rfc5118-4.2", WHOLE(OPTIONS("sip:2001:db8::10")), WEIR_REASON_SIP_URI, 400 },
	{ "rfc5118-4.3", WHOLE(OPTIONS("sip:[2001:db8::10:5070]")), WEIR_REASON_NONE, 200 },
	{ "rfc5118-4.4", WHOLE(OPTIONS("sip:[2001:db8::10]:5070")), WEIR_REASON_NONE, 200 },
	{ "rfc5118-4.5", WHOLE(OPTIONS_VIA("SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKr\r\n"
		"Via: SIP/2.0/UDP [2001:db8::9:2];received=2001:db8::9:255")), WEIR_REASON_NONE, 200 },
	{ "rfc5118-4.6", WHOLE("INVITE sip:user@[2001:db8::10] SIP/2.0\r\n" REST "CSeq: 1 INVITE\r\n\r\n"
		"c=IN IP6 2001:db8::20\r\n"), WEIR_REASON_NONE, 405 },
	{ "rfc5118-4.7", WHOLE("REGISTER sip:user@example.com SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKr\r\n"
		"Via: SIP/2.0/UDP 192.0.2.1;received=2001:db8::9:255\r\nFrom: <sip:a@[2001:db8::20]>;tag=8\r\n"
		"To: <sip:a@192.0.2.3>\r\nCall-ID: row\r\nCSeq: 1 REGISTER\r\n\r\n"), WEIR_REASON_NONE, 405 },
	{ "rfc5118-4.8", WHOLE("INVITE sip:user@[2001:db8::10] SIP/2.0\r\n" REST "CSeq: 1 INVITE\r\n\r\n"
		"c=IN IP6 2001:db8::1\r\nc=IN IP4 192.0.2.1\r\n"), WEIR_REASON_NONE, 405 },
	{ "rfc5118-4.9", WHOLE(OPTIONS_VIA("SIP/2.0/UDP [::ffff:192.0.2.2]:5080;branch=z9hG4bKr")), WEIR_REASON_NONE, 200 },
	{ "rfc5118-4.10", WHOLE(OPTIONS("sip:user@[2001:db8:::192.0.2.1]")), WEIR_REASON_NONE, 200 },
};

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static struct sip_case one;
static char text[70000];

// Long tokens and display names, and 40 Vias.
static unsigned long_request(void)
{
	static char long_token[2000];
	int n;

	memset(long_token, 'a', sizeof(long_token) - 1);
	n = sprintf(text, "INVITE sip:b@example.com;x=%s SIP/2.0\r\n", long_token);
	for (unsigned i = 0; i < 40; i++)
		n += sprintf(text + n, "%s: SIP/2.0/UDP "
		"host%u.example.net;branch=z9hG4bK%.*s\r\n", i % 2 ? "v" : "Via", i, 300, long_token);
	n += sprintf(text + n, "From: \"%s\" <sip:a@example.net>;tag=%s\r\nTo: sip:b\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\n\r\n",
		     long_token, long_token, long_token);
	return (unsigned)n;
}

static bool holds(const struct row *row)
{
	static uint8_t out[70000];
	struct sip_request request = { .message = &one.message, .source = { { 192, 0, 2, 1 }, 4, 5060 } };
	struct sip_answer answer;
	unsigned status = sip_answer_status(&one.message);
	int n;

	if (one.reason != row->reason || status != row->status) {
		print_error("%s: %s, answered %u\n", row->name, weir_reason_name(one.reason), status);
		return false;
	}
	if (!status)
		return true;
	request.at = one.bytes;
	request.length = one.length;
	answer = (struct sip_answer){ .status = (uint16_t)status };
	n = sip_answer_format(&request, &answer, out, sizeof(out));
	if (n > 0 && sip_parse(out, (unsigned)n, &one.message) == WEIR_REASON_SIP_RESPONSE && one.message.status == status)
		return true;
	print_error("%s: its answer is none\n", row->name);
	return false;
}

static void every_row_of_the_table_holds(void **state)
{
	unsigned wrong = 0;

	for (const struct row *row = rows; row < rows + N_ROWS; row++) {
		if (row->message)
			sip_case_set(&one, row->message, row->length);
		else
			sip_case_set(&one, text, long_request());
		wrong += !holds(row);
	}
	assert_int_equal(wrong, 0);
}

// Reads the message of a row out of the RFC's archive. 0 where it is none of it, or is not there.
static unsigned read_own_bytes(const char *data, const struct row *row)
{
	const char *name = strrchr(row->name, '-') + 1;
	char path[4096];
	size_t n = 0;
	FILE *file;

	if (strncmp(row->name, "rfc", 3) == 0)
		return 0;
	snprintf(path, sizeof(path), "%s/sip/rfc4475/%s.dat", data, name);
	file = fopen(path, "rb");
	if (file) {
		n = fread(text, 1, sizeof(text), file);
		fclose(file);
	}
	return (unsigned)n;
}

static void the_bytes_of_the_rfc_fare_alike(void **state)
{
	const char *data = getenv("WEIR_DATA");
	unsigned wrong = 0, n_read = 0;

	for (const struct row *row = rows; data && row < rows + N_ROWS; row++) {
		unsigned length = read_own_bytes(data, row);

		if (!length)
			continue;
		n_read++;
		sip_case_set(&one, text, length);
		// From and To of unknown schemes come in an INVITE there
		wrong += strcmp(row->name, "3.3.4-unksm2") != 0 && !holds(row);
	}
	if (n_read == 0) {
		print_message("WEIR_DATA has no sip/rfc4475: the RFC's own bytes are not tried\n");
		skip();
	}
	assert_int_equal(wrong, 0);
}

static bool has_row(const char *name)
{
	for (const struct row *row = rows; row < rows + N_ROWS; row++)
		if (strcmp(row->name, name) == 0)
			return true;
	return false;
}

static void the_document_has_these_rows_and_no_others(void **state)
{
	FILE *document = fopen(WEIR_DOCS "/sip.md", "r");
	char line[1000], name[64];
	unsigned n = 0;

	assert_non_null(document);
	while (fgets(line, sizeof(line), document)) {
		if (sscanf(line, "| `%63[^`]`", name) != 1 || !(isdigit(name[0]) || strncmp(name, "rfc", 3) == 0))
			continue;
		if (!has_row(name))
			print_error("%s: in the document only\n", name);
		assert_true(has_row(name));
		n++;
	}
	fclose(document);
	assert_int_equal(n, N_ROWS);
	sip_case_clear(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_the_table_holds),
		cmocka_unit_test(the_bytes_of_the_rfc_fare_alike),
		cmocka_unit_test(the_document_has_these_rows_and_no_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
