// SPDX-License-Identifier: BSD-3-Clause
//
// Inside of the webhooks, shared by hooks.c (who they are) and hook_deliver.c (one message). Nobody else.
#pragma once

#include <pthread.h>

#include "controlplane/agents/desk_inside.h"
#include "controlplane/agents/hook_breaker.h"
#include "controlplane/agents/hook_event.h"
#include "controlplane/agents/hook_send.h"
#include "controlplane/agents/hook_sign.h"
#include "controlplane/agents/hooks.h"

// One URL.
struct hook {
	struct waiter waiter;          // first: the core's cookie
	struct hooks *hooks;
	const struct gateway_webhook *set;
	uint32_t queue;
	char agent[CORE_NAME + 1];
	struct hook_secrets secrets;
	struct hook_breaker breaker;
	struct hook_breaker shown;     // under the mutex: a copy for other threads
	struct core_wait *wait;        // for `asked` messages; NULL: does not wait
	unsigned asked;
};

// One message on its way, from the lease until it is settled or given back.
struct delivery {
	struct delivery *next, **before;
	struct hook *hook;
	struct spool_claimed *claimed;
	struct hook_reply reply;
	struct spool_answer answer;
	uint64_t again_ms;             // when the settlement is tried again; 0: it is under way
};

struct hooks {
	struct desk *desk;
	struct hook_sender *sender;    // NULL where there are no hooks
	struct hook *hook;
	unsigned n;
	struct delivery *deliveries;
	pthread_mutex_t mutex;
};

// hook_deliver.c: what the core's take of a message for a webhook came to.
void hook_took(struct desk *desk, struct desk_op *op);
void delivery_destroy(struct delivery *delivery);

// hooks.c: the breaker has changed.
void hook_publish(struct hook *hook);
