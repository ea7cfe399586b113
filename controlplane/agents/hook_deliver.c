// SPDX-License-Identifier: BSD-3-Clause
//
// One message and one webhook: leased, posted, then settled as the server said, or given back. A message is settled
// only after the server took it, so one whose settlement is not durable when the control plane ends is delivered again,
// under the same webhook-id. No byte of a message, of a response or of a URL's path is logged. Desk's thread.
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/agents/api_json.h"
#include "controlplane/agents/hooks_parts.h"
#include "controlplane/agents/reply.h"
#include "controlplane/log.h"

enum { AGAIN_MS = 1000 };

static struct delivery *delivery_create(struct hook *hook, struct spool_claimed *claimed)
{
	struct delivery *delivery = calloc(1, sizeof(*delivery));

	if (!delivery)
		return NULL;
	delivery->hook = hook;
	delivery->claimed = claimed;
	delivery->next = hook->hooks->deliveries;
	delivery->before = &hook->hooks->deliveries;
	if (delivery->next)
		delivery->next->before = &delivery->next;
	hook->hooks->deliveries = delivery;
	return delivery;
}

void delivery_destroy(struct delivery *delivery)
{
	*delivery->before = delivery->next;
	if (delivery->next)
		delivery->next->before = delivery->before;
	spool_claimed_free(delivery->claimed);
	free(delivery->reply.text);
	free(delivery);
}

static const char *queue_name(const struct hook *hook)
{
	return core_queue_name(hook->hooks->desk->core, hook->queue);
}

// The message waits again. `counts`: that was one of its `retries` attempts.
static void put_back(struct delivery *delivery, bool counts)
{
	const struct spool_claimed *claimed = delivery->claimed;
	struct desk *desk = delivery->hook->hooks->desk;

	desk_return(desk, claimed->message.arrival, delivery->hook->queue, claimed->token, counts);
	delivery_destroy(delivery);
}

static void fail(struct delivery *delivery, uint64_t asked_ms, bool counts)
{
	struct hook *hook = delivery->hook;
	uint32_t chance = 0;
	bool opens;

	(void)!gnutls_rnd(GNUTLS_RND_NONCE, &chance, sizeof(chance));
	opens = hook_breaker_failed(&hook->breaker, desk_now(), asked_ms, chance);
	if (opens)
		log_error("queue %s: webhook %s is left alone for a while after %u failures: %s", queue_name(hook),
			  hook->set->host, hook->breaker.failures, delivery->reply.why);
	else if (hook->breaker.failures == 1)
		log_warning("queue %s: webhook %s did not take message %llu: %s", queue_name(hook), hook->set->host,
			    (unsigned long long)delivery->claimed->message.arrival, delivery->reply.why);
	hook_publish(hook);
	put_back(delivery, counts);
}

static void disable(struct delivery *delivery)
{
	struct hook *hook = delivery->hook;

	if (hook->breaker.state != HOOK_DISABLED)
		log_error("queue %s: webhook %s is gone for good (status 410), and not used until weir-controlplane is "
			  "restarted", queue_name(hook), hook->set->host);
	hook_breaker_gone(&hook->breaker);
	hook_publish(hook);
	put_back(delivery, false);
}

// An answer that its sender cannot be given is a failure: the message stays.
static bool answer_is_bad(int err)
{
	return err == -EPROTONOSUPPORT || err == -EMSGSIZE || err == -EINVAL || err == -EBADMSG ||
	       err == -EILSEQ;
}

static void taken(struct delivery *delivery)
{
	struct hook *hook = delivery->hook;

	if (hook->breaker.failures > 0)
		log_info("queue %s: webhook %s takes messages again", queue_name(hook), hook->set->host);
	hook_breaker_taken(&hook->breaker);
	hook_publish(hook);
	delivery_destroy(delivery);
}

static void on_settled(struct desk *desk, struct desk_op *op)
{
	struct delivery *delivery = op->work;
	int err = op->op.result;

	if (!err || err == -EALREADY) {
		core_returned(desk->core, op->op.id);
		taken(delivery);
	} else if (err == -ENOENT || err == -ESTALE) { // it took longer than the lease: others have it by now
		taken(delivery);
	} else if (delivery->reply.verdict == HOOK_ANSWER && answer_is_bad(err)) {
		snprintf(delivery->reply.why, sizeof(delivery->reply.why),
			 "its answer cannot be sent in the protocol of the message");
		fail(delivery, 0, true);
	} else {
		delivery->again_ms = desk_now() + AGAIN_MS; // the disk, memory
	}
}

static void settle(struct delivery *delivery)
{
	struct desk *desk = delivery->hook->hooks->desk;
	struct desk_op *op = desk_op_create(desk, OP_SETTLE, delivery->claimed->message.arrival);

	delivery->again_ms = desk_now() + AGAIN_MS;
	if (!op)
		return;
	delivery->again_ms = 0;
	memcpy(op->op.token, delivery->claimed->token, SPOOL_TOKEN_SIZE);
	if (delivery->reply.verdict == HOOK_ANSWER) {
		delivery->answer = (struct spool_answer){ .build = reply_build, .status = delivery->reply.status,
							  .payload = delivery->reply.text,
							  .length = (uint16_t)delivery->reply.length };
		op->op.answer = &delivery->answer;
	}
	op->queue = delivery->hook->queue;
	op->op.queue = queue_name(delivery->hook);
	op->work = delivery;
	op->settle = on_settled;
	desk_op_put(desk, op);
}

void hooks_tick(struct hooks *hooks)
{
	uint64_t now = desk_now();

	for (struct delivery *delivery = hooks->deliveries; delivery; delivery = delivery->next)
		if (delivery->again_ms > 0 && delivery->again_ms <= now)
			settle(delivery);
}

static void on_posted(void *cookie, const struct hook_result *result)
{
	struct delivery *delivery = cookie;
	struct desk *desk = delivery->hook->hooks->desk;

	hook_reply_read(result, &delivery->reply);
	switch (delivery->reply.verdict) {
	case HOOK_TAKEN:
	case HOOK_ANSWER:
		settle(delivery);
		break;
	case HOOK_FAILED:
		fail(delivery, result->retry_after_ms, result->reached);
		break;
	case HOOK_GONE:
		disable(delivery);
		break;
	}
	desk_pump(desk);
}

// The event of a message: what the agents' API gives of it, without the lease, which is the desk's.
static char *event_of(const struct hook *hook, const struct spool_claimed *claimed)
{
	json_t *data = api_claimed_json(claimed);

	if (data) {
		json_object_del(data, "lease");
		json_object_del(data, "lease_until_ms");
	}
	return hook_event_format(hook->hooks->desk->gateway->name, &claimed->message, data);
}

// -ENOMEM, -EIO: nothing was sent.
static int post(struct delivery *delivery)
{
	struct hook *hook = delivery->hook;
	struct hook_post one = { .url = hook->set->url, .ca_file = hook->set->ca_file, .secrets = &hook->secrets,
				 .body = event_of(hook, delivery->claimed),
				 .timeout_ms = 1000 * hook->set->timeout_s, .done = on_posted, .cookie = delivery };

	if (!one.body)
		return -ENOMEM;
	hook_id_format(&delivery->claimed->message, one.id);
	return hook_send(hook->hooks->sender, &one);
}

// A reason of ours: it is tried again after a while.
static void drop(struct hook *hook)
{
	hook_breaker_dropped(&hook->breaker);
	hook->breaker.until_ms = desk_now() + AGAIN_MS;
	hook_publish(hook);
}

void hook_took(struct desk *desk, struct desk_op *op)
{
	struct hook *hook = op->work;
	struct spool_claimed *got = op->op.claimed;
	struct delivery *delivery;

	op->op.claimed = NULL;
	if (!got) { // another one was faster, or an error of the disk
		core_failed(desk->core, op->op.id, 0);
		desk->queues[op->queue].dirty = true;
		if (op->op.result == 0 || op->op.result == -ENOENT || op->op.result == -EBUSY)
			hook_breaker_dropped(&hook->breaker);
		else
			drop(hook);
		return;
	}
	delivery = core_leased(desk->core, op->agent, op->queue, op->op.id, desk_core_time(got->until_ms)) ?
			   NULL :
			   delivery_create(hook, got);
	if (!delivery) {
		desk_return(desk, op->op.id, op->queue, got->token, false);
		spool_claimed_free(got);
		drop(hook);
	} else if (post(delivery)) {
		put_back(delivery, false);
		drop(hook);
	}
}
