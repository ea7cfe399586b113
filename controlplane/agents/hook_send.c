// SPDX-License-Identifier: BSD-3-Clause
//
// libcurl's multi interface on libevent: its sockets are events of ours, its time-out a timer. Names are resolved by
// threads of libcurl's own, so nothing here waits. One thread.
#include "controlplane/agents/hook_send.h"

#include <curl/curl.h>
#include <errno.h>
#include <event2/event.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "controlplane/events.h"

struct hook_sender {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	struct hook_transfer *transfers;
};

struct hook_transfer {
	struct hook_transfer *next, **before;
	struct hook_sender *sender;
	CURL *easy;
	struct curl_slist *headers;
	char *body;
	void (*done)(void *cookie, const struct hook_result *result);
	void *cookie;
	size_t length;
	bool too_long;
	char response[HOOK_RESPONSE];
};

static void transfer_destroy(struct hook_transfer *transfer)
{
	if (transfer->before) {
		*transfer->before = transfer->next;
		if (transfer->next)
			transfer->next->before = transfer->before;
		curl_multi_remove_handle(transfer->sender->multi, transfer->easy);
	}
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	free(transfer->body);
	free(transfer);
}

// The transfer's response is a stranger's: what is behind the first bytes is not read, and the connection closed.
static size_t on_body(char *data, size_t one, size_t n, void *argument)
{
	struct hook_transfer *transfer = argument;
	size_t room = HOOK_RESPONSE - transfer->length;

	(void)one;
	if (n > room) {
		transfer->too_long = true;
		memcpy(transfer->response + transfer->length, data, room);
		transfer->length = HOOK_RESPONSE;
		return 0;
	}
	memcpy(transfer->response + transfer->length, data, n);
	transfer->length += n;
	return n;
}

static void tell(struct hook_transfer *transfer, CURLcode code)
{
	struct hook_result result = { .body = transfer->response, .length = transfer->length,
				      .too_long = transfer->too_long };
	curl_off_t retry_after_s = 0;
	long status = 0, sent = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
	result.reached = sent > 0;
	result.status = status > 0 ? (unsigned)status : 0;
	if (retry_after_s > 0)
		result.retry_after_ms = (uint64_t)retry_after_s * 1000;
	if (code != CURLE_OK && !transfer->too_long)
		result.error = curl_easy_strerror(code);
	transfer->done(transfer->cookie, &result);
}

static void finish_some(struct hook_sender *sender)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(sender->multi, &left)) != NULL) {
		struct hook_transfer *transfer = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		tell(transfer, code);
		transfer_destroy(transfer);
	}
}

static void on_ready(evutil_socket_t fd, short what, void *argument)
{
	struct hook_sender *sender = argument;
	int action = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
	int running;

	curl_multi_socket_action(sender->multi, fd, action, &running);
	finish_some(sender);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
	struct hook_sender *sender = argument;
	int running;

	(void)fd;
	(void)what;
	curl_multi_socket_action(sender->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finish_some(sender);
}

// libcurl wants to hear of a socket, or not any more. -1 fails its transfers.
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *argument, void *of_socket)
{
	struct hook_sender *sender = argument;
	struct event *event = of_socket;
	short events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);

	(void)easy;
	event_destroy(event);
	event = NULL;
	if (what != CURL_POLL_REMOVE) {
		event = event_new(sender->base, fd, (short)(events | EV_PERSIST), on_ready, sender);
		if (event && event_add(event, NULL) < 0) {
			event_free(event);
			event = NULL;
		}
	}
	curl_multi_assign(sender->multi, fd, event);
	return what != CURL_POLL_REMOVE && !event ? -1 : 0;
}

static int on_timeout(CURLM *multi, long ms, void *argument)
{
	struct hook_sender *sender = argument;
	struct timeval in = { ms / 1000, ms % 1000 * 1000 };

	(void)multi;
	if (ms < 0)
		event_del(sender->timer);
	else if (event_add(sender->timer, &in) < 0)
		return -1;
	return 0;
}

struct hook_sender *hook_sender_create(struct event_base *base)
{
	struct hook_sender *sender = calloc(1, sizeof(*sender));

	if (!sender)
		return NULL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(sender);
		return NULL;
	}
	sender->base = base;
	sender->timer = event_new(base, -1, 0, on_timer, sender);
	sender->multi = curl_multi_init();
	if (sender->timer && sender->multi &&
	    curl_multi_setopt(sender->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
	    curl_multi_setopt(sender->multi, CURLMOPT_SOCKETDATA, sender) == CURLM_OK &&
	    curl_multi_setopt(sender->multi, CURLMOPT_TIMERFUNCTION, on_timeout) == CURLM_OK &&
	    curl_multi_setopt(sender->multi, CURLMOPT_TIMERDATA, sender) == CURLM_OK)
		return sender;
	hook_sender_destroy(sender);
	return NULL;
}

void hook_sender_destroy(struct hook_sender *sender)
{
	if (!sender)
		return;
	while (sender->transfers)
		transfer_destroy(sender->transfers);
	if (sender->multi)
		curl_multi_cleanup(sender->multi); // closes connections: on_socket is called
	event_destroy(sender->timer);
	curl_global_cleanup();
	free(sender);
}

static bool add_header(struct hook_transfer *transfer, const char *name, const char *value)
{
	char line[HOOK_SIGNATURES + 40];
	struct curl_slist *more;

	snprintf(line, sizeof(line), "%s: %s", name, value);
	more = curl_slist_append(transfer->headers, line);
	if (more)
		transfer->headers = more;
	return more != NULL;
}

static int set_headers(struct hook_transfer *transfer, const struct hook_post *post)
{
	char signatures[HOOK_SIGNATURES + 1], timestamp[24];
	uint64_t now_s = (uint64_t)time(NULL);
	int err = hook_sign(post->secrets, post->id, now_s, transfer->body, strlen(transfer->body), signatures);
	struct curl_slist *expect;

	if (err)
		return err;
	snprintf(timestamp, sizeof(timestamp), "%llu", (unsigned long long)now_s);
	expect = curl_slist_append(NULL, "Expect:"); // without waiting for a 100
	transfer->headers = expect;
	return expect && add_header(transfer, "Content-Type", "application/cloudevents+json; charset=utf-8") &&
		       add_header(transfer, "webhook-id", post->id) &&
		       add_header(transfer, "webhook-timestamp", timestamp) &&
		       add_header(transfer, "webhook-signature", signatures) ?
		       0 :
		       -ENOMEM;
}

#define set(option, value) (code == CURLE_OK ? (code = curl_easy_setopt(easy, option, value)) : code)

static int set_options(struct hook_transfer *transfer, const struct hook_post *post)
{
	bool plain = strncasecmp(post->url, "http:", 5) == 0;
	CURL *easy = transfer->easy;
	CURLcode code = CURLE_OK;

	set(CURLOPT_PRIVATE, transfer);
	set(CURLOPT_NOSIGNAL, 1L);
	set(CURLOPT_URL, post->url);
	set(CURLOPT_PROTOCOLS_STR, plain ? "http" : "https");
	set(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	set(CURLOPT_FOLLOWLOCATION, 0L);
	set(CURLOPT_PROXY, "");
	set(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	set(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	set(CURLOPT_SSL_VERIFYPEER, 1L);
	set(CURLOPT_SSL_VERIFYHOST, 2L);
	if (post->ca_file) {
		set(CURLOPT_CAINFO, post->ca_file);
		set(CURLOPT_CAPATH, NULL);
	}
	set(CURLOPT_TIMEOUT_MS, (long)post->timeout_ms);
	set(CURLOPT_CONNECTTIMEOUT_MS, (long)post->timeout_ms);
	set(CURLOPT_QUICK_EXIT, 1L);
	set(CURLOPT_USERAGENT, "weir");
	set(CURLOPT_HTTPHEADER, transfer->headers);
	set(CURLOPT_POST, 1L);
	set(CURLOPT_POSTFIELDS, transfer->body);
	set(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(transfer->body));
	set(CURLOPT_WRITEFUNCTION, on_body);
	set(CURLOPT_WRITEDATA, transfer);
	return code == CURLE_OK ? 0 : code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EIO;
}

#undef set

int hook_send(struct hook_sender *sender, const struct hook_post *post)
{
	struct hook_transfer *transfer = calloc(1, sizeof(*transfer));
	int err;

	if (!transfer) {
		free(post->body);
		return -ENOMEM;
	}
	transfer->sender = sender;
	transfer->body = post->body;
	transfer->done = post->done;
	transfer->cookie = post->cookie;
	transfer->easy = curl_easy_init();
	err = transfer->easy ? set_headers(transfer, post) : -ENOMEM;
	if (!err)
		err = set_options(transfer, post);
	if (!err && curl_multi_add_handle(sender->multi, transfer->easy) != CURLM_OK)
		err = -ENOMEM;
	if (err) {
		transfer_destroy(transfer);
		return err;
	}
	transfer->next = sender->transfers;
	transfer->before = &sender->transfers;
	if (transfer->next)
		transfer->next->before = &transfer->next;
	sender->transfers = transfer;
	return 0;
}

int hook_ca_check(const char *path, char *why, size_t why_size)
{
	gnutls_certificate_credentials_t trust;
	int n;

	if (gnutls_certificate_allocate_credentials(&trust) < 0) {
		snprintf(why, why_size, "out of memory");
		return -EINVAL;
	}
	n = gnutls_certificate_set_x509_trust_file(trust, path, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(trust);
	if (n > 0)
		return 0;
	snprintf(why, why_size, "%s", n == 0 ? "there is no certificate in it" : gnutls_strerror(n));
	return -EINVAL;
}
