// SPDX-License-Identifier: BSD-3-Clause
//
// What a webhook's server says, from any bytes, and secrets of any bytes: the first two bytes are the status, the third
// the rest of what came of the delivery.
#include <stdlib.h>
#include <string.h>

#include "controlplane/agents/hook_event.h"
#include "controlplane/agents/hook_sign.h"
#include "dataplane/abi/names.h"
#include "dataplane/abi/socket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void check_reply(const struct hook_result *result)
{
	struct hook_reply reply;

	hook_reply_read(result, &reply);
	must((reply.text != NULL) == (reply.verdict == HOOK_ANSWER));
	must((reply.why[0] != '\0') == (reply.verdict == HOOK_FAILED || reply.verdict == HOOK_GONE));
	must((reply.verdict == HOOK_GONE) == (result->status == 410 && !result->error));
	if (result->error || result->status < 200 || result->status > 299)
		must(reply.verdict == HOOK_FAILED || reply.verdict == HOOK_GONE);
	if (reply.verdict == HOOK_ANSWER) {
		must(reply.status < WEIR_N_STATUSES && reply.length <= WEIR_ANSWER_MAX);
		must(strlen(reply.text) == reply.length);
	}
	free(reply.text);
}

static void check_secrets(const char *text, size_t length)
{
	char why[200], signatures[HOOK_SIGNATURES + 1];
	struct hook_secrets secrets;
	int err = hook_secrets_parse(text, length, &secrets, why, sizeof(why));

	must(err ? secrets.n == 0 : secrets.n >= 1 && secrets.n <= HOOK_SECRETS);
	if (err)
		return;
	must(hook_sign(&secrets, "id", 1, text, length, signatures) == 0);
	must(strlen(signatures) == secrets.n * HOOK_SIGNATURE - 1);
	hook_secrets_fini(&secrets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hook_result result = { 0 };

	if (size < 3)
		return 0;
	result.status = data[0] << 8 | data[1];
	result.too_long = data[2] & 1;
	result.error = data[2] & 2 ? "an error" : NULL;
	result.body = (const char *)data + 3;
	result.length = size - 3;
	check_reply(&result);
	check_secrets(result.body, result.length);
	return 0;
}
