// SPDX-License-Identifier: BSD-3-Clause
//
// Bodies of agents' requests: whatever the bytes, a reader takes it within its limits, or says in one line why not.
#include <stdlib.h>
#include <string.h>

#include "controlplane/agents/api_json.h"
#include "controlplane/agents/api_read.h"
#include "controlplane/agents/desk_core.h"
#include "dataplane/abi/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_why(bool good, const char why[API_WHY])
{
	must(good || (why[0] && memchr(why, '\0', API_WHY) && !strchr(why, '\n')));
}

static void read_all(const json_t *body)
{
	static struct api_batch batch;
	static struct api_answer answer;
	struct api_claim claim;
	struct api_lease lease;
	const char *queue;
	char why[API_WHY] = "";
	bool good = api_read_claim(body, &claim, why);

	check_why(good, why);
	must(!good || (claim.max >= 1 && claim.max <= CORE_CLAIM_MAX && claim.wait_s <= API_WAIT_S));
	good = api_read_lease(body, true, &lease, why);
	check_why(good, why);
	must(!good || lease.extend_s <= API_EXTEND_S);
	check_why(api_read_lease(body, false, &lease, why), why);
	good = api_read_answer(body, &answer, why);
	check_why(good, why);
	must(!good || (answer.length <= API_ANSWER && answer.status < WEIR_N_STATUSES));
	good = api_read_batch(body, &batch, why);
	check_why(good, why);
	must(!good || (batch.n >= 1 && batch.n <= API_BATCH));
	check_why(api_read_queue(body, &queue, why), why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *body = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(body))
		read_all(body);
	json_decref(body);
	return 0;
}
