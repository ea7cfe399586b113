// SPDX-License-Identifier: BSD-3-Clause
//
// MESSAGEs of ours, see sip_reply.h. What strangers wrote of one are two URIs and a Call-ID; each has passed its
// grammar, which knows neither white space nor line ends. Builder and check share the words between them. Pure; any
// thread.
#include "dataplane/decode/sip_reply.h"

#include <errno.h>

#include "dataplane/decode/sip_scan.h"

// What stands between the parts, in this order.
#define AT_START "MESSAGE "
#define BEFORE_VIA " SIP/2.0\r\nVia: SIP/2.0/UDP "
#define BEFORE_BRANCH ";branch=z9hG4bK"
#define BEFORE_FROM ";rport\r\nMax-Forwards: 70\r\nFrom: <"
#define BEFORE_TAG ">;tag="
#define BEFORE_TO "\r\nTo: <"
#define BEFORE_CALL_ID ">\r\nCall-ID: "
#define BEFORE_REFERENCE "\r\nCSeq: 1 MESSAGE\r\nIn-Reply-To: "
#define BEFORE_LENGTH "\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: "
#define BEFORE_BODY "\r\n\r\n"

enum { NUMBER_MAX = 16, PEER_MAX = 64 }; // room for what is held against a payload

// sent-by of our end.
static void put_peer(struct sip_text *text, const struct sip_peer *peer)
{
	sip_text_put(text, peer->family == 6 ? "[" : "");
	sip_text_put_address(text, peer);
	sip_text_put(text, peer->family == 6 ? "]:" : ":");
	sip_text_put_number(text, peer->port);
}

static void put_span(struct sip_text *text, const uint8_t *at, struct span span)
{
	sip_text_put_bytes(text, at + span.at, span.length);
}

// Whether a URI may stand where a MESSAGE goes to or comes from: of a scheme of SIP, without header fields (RFC 3261,
// 19.1.1, table 1).
static bool uri_is_good(const uint8_t *at, unsigned from, unsigned to)
{
	struct sip_uri uri;

	return sip_uri_parse(at, from, to, &uri) && uri.scheme != SIP_SCHEME_OTHER &&
	       !memchr(at + from, '?', to - from);
}

// The URI of a From or To, without header fields. Length 0 where it is not good.
static struct span uri_of(const uint8_t *at, struct span value)
{
	struct sip_address address;
	const uint8_t *mark;

	if (!sip_address_parse(at, value.at, (unsigned)value.at + value.length, &address))
		return (struct span){ 0 };
	mark = memchr(at + address.uri.at, '?', address.uri.length);
	if (mark)
		address.uri = sip_span(address.uri.at, (unsigned)(mark - at));
	if (!uri_is_good(at, address.uri.at, (unsigned)address.uri.at + address.uri.length))
		return (struct span){ 0 };
	return address.uri;
}

// Whether a MESSAGE over UDP can be sent there at all.
static bool leads_somewhere(const uint8_t *at, struct span span)
{
	static const char nowhere[] = "invalid";
	const unsigned n = sizeof(nowhere) - 1;
	struct sip_uri uri;

	if (span.length == 0 || (span.length > 5 && sip_same(at + span.at, 5, "sips:")))
		return false;
	sip_uri_parse(at, span.at, (unsigned)span.at + span.length, &uri);
	return uri.host.length < n || !sip_same(at + uri.host.at + uri.host.length - n, n, nowhere) ||
	       (uri.host.length > n && at[uri.host.at + uri.host.length - n - 1] != '.');
}

// A message in the spool was well formed when it came; of one that was handed on elsewhere the body is not here. That
// is its first fault then and hides others, so what is copied is looked at once more.
static bool is_answerable(const uint8_t *at, const struct sip_message *message)
{
	const struct span *id = &message->call_id;

	return message->kind == SIP_MESSAGE && (message->flags & SIP_ANSWERABLE) &&
	       (message->fault == WEIR_REASON_NONE || message->fault == WEIR_REASON_SIP_LENGTH) &&
	       sip_call_id_check(at, id->at, (unsigned)id->at + id->length);
}

int sip_reply_format(const struct sip_request *request, const struct sip_reply *reply, uint8_t *out, unsigned size)
{
	struct sip_text text = { .at = out, .size = size < SIP_REPLY_MAX ? size : SIP_REPLY_MAX };
	const struct sip_message *message = request->message;
	const uint8_t *at = request->at;
	struct span to, from;

	if (!is_answerable(at, message))
		return -EINVAL;
	to = uri_of(at, message->from);
	from = uri_of(at, message->to);
	if (!leads_somewhere(at, to) || from.length == 0)
		return -EINVAL;
	sip_text_put(&text, AT_START);
	put_span(&text, at, to);
	sip_text_put(&text, BEFORE_VIA);
	put_peer(&text, &reply->from);
	sip_text_put(&text, BEFORE_BRANCH);
	sip_text_put_hex(&text, reply->name[0]);
	sip_text_put(&text, BEFORE_FROM);
	put_span(&text, at, from);
	sip_text_put(&text, BEFORE_TAG);
	sip_text_put_hex(&text, reply->name[1]);
	sip_text_put(&text, BEFORE_TO);
	put_span(&text, at, to);
	sip_text_put(&text, BEFORE_CALL_ID);
	sip_text_put_hex(&text, reply->name[2]);
	sip_text_put_hex(&text, reply->name[3]);
	sip_text_put(&text, BEFORE_REFERENCE);
	put_span(&text, at, message->call_id);
	sip_text_put(&text, BEFORE_LENGTH);
	sip_text_put_number(&text, reply->length);
	sip_text_put(&text, BEFORE_BODY);
	sip_text_put_bytes(&text, reply->text, reply->length);
	return text.full ? -EMSGSIZE : (int)text.n;
}

// A payload being checked: what stands before `pos` is right.
struct walk {
	const uint8_t *at;
	unsigned pos, end;
};

static bool take_bytes(struct walk *walk, const void *bytes, unsigned n)
{
	if (walk->end - walk->pos < n || memcmp(walk->at + walk->pos, bytes, n) != 0)
		return false;
	walk->pos += n;
	return true;
}

static bool take(struct walk *walk, const char *words)
{
	return take_bytes(walk, words, (unsigned)strlen(words));
}

static bool take_hex(struct walk *walk, unsigned n)
{
	for (; n > 0; n--, walk->pos++) {
		if (walk->pos == walk->end ||
		    !(sip_digit(walk->at[walk->pos]) || (uint8_t)(walk->at[walk->pos] - 'a') < 6))
			return false;
	}
	return true;
}

static bool take_peer(struct walk *walk, const struct sip_peer *peer)
{
	uint8_t bytes[PEER_MAX];
	struct sip_text text = { .at = bytes, .size = sizeof(bytes) };

	put_peer(&text, peer);
	return take_bytes(walk, bytes, text.n);
}

// All up to the byte `last`; false where there is none.
static bool take_until(struct walk *walk, char last, struct span *span)
{
	const uint8_t *found = memchr(walk->at + walk->pos, last, walk->end - walk->pos);

	if (!found)
		return false;
	*span = sip_span(walk->pos, (unsigned)(found - walk->at));
	walk->pos += span->length;
	return true;
}

static bool take_uri(struct walk *walk, char last, struct span *span)
{
	return take_until(walk, last, span) && uri_is_good(walk->at, span->at, (unsigned)span->at + span->length);
}

static bool take_call_id(struct walk *walk)
{
	struct span span;

	return take_until(walk, '\r', &span) &&
	       sip_call_id_check(walk->at, span.at, (unsigned)span.at + span.length);
}

// Content-Length in its one spelling, the end of the head, and as many bytes.
static bool take_body(struct walk *walk)
{
	uint8_t digits[NUMBER_MAX];
	struct sip_text text = { .at = digits, .size = sizeof(digits) };
	struct span span;
	int64_t length;

	if (!take_until(walk, '\r', &span))
		return false;
	length = sip_number(walk->at, span.at, walk->pos, SIP_REPLY_MAX);
	if (length < 0)
		return false;
	sip_text_put_number(&text, (uint32_t)length);
	return span_equals(walk->at, span, (const char *)digits, text.n) && take(walk, BEFORE_BODY) &&
	       walk->end - walk->pos == (unsigned)length;
}

bool sip_reply_is_good(const uint8_t *payload, size_t length, const struct sip_peer *from)
{
	struct walk walk = { payload, 0, (unsigned)length };
	struct span to, ours;

	return length >= SIP_LEAST && length <= SIP_REPLY_MAX && take(&walk, AT_START) && take_uri(&walk, ' ', &to) &&
	       take(&walk, BEFORE_VIA) && take_peer(&walk, from) &&
	       take(&walk, BEFORE_BRANCH) && take_hex(&walk, SIP_TEXT_HEX) &&
	       take(&walk, BEFORE_FROM) && take_uri(&walk, '>', &ours) &&
	       take(&walk, BEFORE_TAG) && take_hex(&walk, SIP_TEXT_HEX) &&
	       take(&walk, BEFORE_TO) && take_bytes(&walk, payload + to.at, to.length) &&
	       take(&walk, BEFORE_CALL_ID) && take_hex(&walk, 2 * SIP_TEXT_HEX) &&
	       take(&walk, BEFORE_REFERENCE) && take_call_id(&walk) && take(&walk, BEFORE_LENGTH) && take_body(&walk);
}
