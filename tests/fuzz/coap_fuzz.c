// SPDX-License-Identifier: BSD-3-Clause
//
// CoAP datagrams: whatever the bytes, what is said of them holds together and lies inside of them; a second walk over
// the options, by the cursor alone, agrees, and so does the decoder without its short way.
#include "dataplane/decode/coap.h"

#include <stdlib.h>

#include "dataplane/decode/coap_option.h"
#include "dataplane/decode/coap_parts.h"
#include "tests/kit/coap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void look_at_span(struct span span, size_t size)
{
	must((size_t)span.at + span.length <= size);
}

static void look_at_triage(const struct coap_message *message)
{
	must(message->type <= COAP_NON && (message->code == COAP_CODE(0, 2) || message->code == COAP_CODE(0, 3)));
	must(message->channel < WEIR_N_CHANNELS && message->priority < WEIR_N_PRIORITIES);
	must(message->country < WEIR_N_COUNTRIES);
	must(message->tenant || message->name.length || message->host.length);
	must(!message->tenant || !message->name.length);
}

static void look_at_kind(const struct coap_message *message, enum weir_reason reason)
{
	bool going_on = message->kind == COAP_TRIAGE || message->kind == COAP_CORE || message->kind == COAP_PING;

	must(going_on == (reason == WEIR_REASON_NONE));
	must(reason == WEIR_REASON_NONE || weir_reason_disposition(reason) == WEIR_MALFORMED || reason == WEIR_REASON_COAP_MESSAGE);
	must((message->kind == COAP_REFUSED) <= (message->error >> 5 == 4 || message->error >> 5 == 5));
	must(message->type != COAP_ACK && message->type != COAP_RST ? true : message->kind == COAP_IGNORED);
	if (message->kind == COAP_TRIAGE)
		look_at_triage(message);
}

// The options between token and body, none left out.
static void walk(const uint8_t *data, size_t size, const struct coap_message *message)
{
	const uint8_t *at = data + COAP_HEADER + message->token.length;
	struct coap_option option = { 0 };
	uint32_t before = 0, critical = 0;
	enum coap_step step;

	while ((step = coap_option_next(&option, &at, data + size)) == COAP_STEP_OPTION) {
		must(option.number >= before && option.value + option.length == at);
		before = option.number;
		critical += coap_is_critical(option.number);
	}
	must(step == COAP_STEP_END || step == COAP_STEP_BODY);
	must(message->body.length == (size_t)(data + size - at));
	must(message->kind != COAP_TRIAGE || critical >= 2);
}

// What all but the short way says.
static void look_without_short_way(const uint8_t *data, size_t size, const struct coap_message *message,
				   enum weir_reason reason)
{
	struct coap_message other;

	must(coap_parse_any(data, (unsigned)size, &other) == reason);
	must(kit_coap_same(&other, message));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct coap_message message;
	enum weir_reason reason;

	if (size > UINT16_MAX)
		return 0;
	reason = coap_parse(data, (unsigned)size, &message);
	look_without_short_way(data, size, &message, reason);
	look_at_span(message.token, size);
	look_at_span(message.body, size);
	look_at_span(message.name, size);
	look_at_span(message.host, size);
	look_at_kind(&message, reason);
	if (reason == WEIR_REASON_NONE || reason >= WEIR_REASON_COAP_CODE)
		walk(data, size, &message);
	return 0;
}
