// SPDX-License-Identifier: BSD-3-Clause
//
// Posts to webhooks: libcurl in the loop of an event base. Certificates are verified, redirects not followed, proxies
// and other settings of the environment not looked at; a delivery is bounded in time, a response in size. One thread.
#pragma once

#include <stdint.h>

#include "controlplane/agents/hook_event.h"
#include "controlplane/agents/hook_sign.h"

struct event_base;
struct hook_sender;
struct hook_transfer;

enum { HOOK_RESPONSE = 16384 }; // bytes of a response that are read

struct hook_post {
	const char *url, *ca_file;  // as struct gateway_webhook has them; outlive the post
	const struct hook_secrets *secrets;
	char id[HOOK_ID + 1];
	char *body;                 // an event; taken over, freed with free()
	uint32_t timeout_ms;
	// Called once, never before hook_send has returned; `result` is gone when it returns. It may send again.
	void (*done)(void *cookie, const struct hook_result *result);
	void *cookie;
};

// NULL when memory is out, or libcurl cannot.
struct hook_sender *hook_sender_create(struct event_base *base);
// Ends all transfers; their `done` is not called.
void hook_sender_destroy(struct hook_sender *sender);

// Begins a post, signed with the time of now. 0, or -ENOMEM, -EIO; the body is freed then too.
int hook_send(struct hook_sender *sender, const struct hook_post *post);

// The file of certificates that one must be signed by: 0, or -EINVAL with one line in `why`.
int hook_ca_check(const char *path, char *why, size_t why_size);
