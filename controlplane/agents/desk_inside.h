// SPDX-License-Identifier: BSD-3-Clause
//
// Inside of the desk, shared by desk.c (thread), desk_orders.c (what other threads want), desk_queues.c (settings),
// desk_work.c (operations on messages), desk_claim.c (claims that wait), stream.c (offers) and api*.c (requests).
// Nobody else.
#pragma once

#include <event2/event.h>
#include <pthread.h>

#include "controlplane/agents/desk.h"
#include "controlplane/agents/desk_core.h"
#include "controlplane/agents/http.h"
#include "controlplane/spool_look.h"
#include "controlplane/spool_ops.h"
#include "rules/gateway.h"

struct claim;
struct hooks;
struct picture;
struct registry_agent;
struct stream;
struct table_map;

// Who waits in the core: the first member of what its cookie is.
struct desk_op;
struct waiter {
	void (*took)(struct desk *desk, struct desk_op *op);                        // what a take came to
	void (*waited)(struct desk *desk, struct waiter *waiter, unsigned n_taken); // never calls the core
};

// An operation of the desk's, on its way to the writer and back.
struct desk_op {
	struct spool_op op; // first: what the writer hands back
	struct desk *desk;
	struct desk_op *next_done;
	// What to do when it is done; frees nothing of it.
	void (*settle)(struct desk *desk, struct desk_op *op);
	void *work;   // settle's: the request, batch or claim that waits, or NULL
	unsigned index; // settle's: which of a batch
	uint32_t queue;
	char agent[CORE_NAME + 1];
	struct spool_answer answer; // of a SETTLE
	void *payload;              // of the answer: freed with the operation
};

// What the desk knows of a queue, by its index in the core.
struct desk_queue {
	bool dirty;   // its front may be another one
	bool alarmed; // its oldest message is too old, and that was said
	uint64_t lease_ms;
	uint32_t retries, alarm_s;
};

struct desk_order {
	struct desk_order *next;
	enum { DESK_RULES, DESK_MAP, DESK_REVOKED } kind;
	struct mapping *map;
	char agent[CORE_NAME + 1];
	struct table_map *table; // of DESK_RULES
	unsigned n; // queues
	struct desk_order_queue {
		char name[WEIR_NAME_MAX + 1];
		enum core_routing routing;
	} queue[];
};

struct desk {
	const struct gateway *gateway;
	struct spool *spool;
	struct consumer *consumer;
	struct registry *registry;
	pthread_t thread;
	bool started;
	struct event_base *base;
	struct event *on_wake, *on_news, *tick, *later;
	int wake, news; // eventfds: of `done` and `orders`; of new messages
	char *socket;   // path, to be removed
	pthread_mutex_t mutex;
	// under the mutex
	struct desk_op *done, **done_end;
	struct desk_order *orders, **orders_end;
	bool stop;
	// the thread's own
	struct core *core;
	struct guard *guard;
	struct http *http;
	struct mapping *map;
	struct table_map *table; // in use by the dataplane, NULL: not known yet
	struct picture *picture;
	struct desk_queue *queues;
	uint32_t n_queues;
	struct spool_op *ops, **ops_end; // to be handed over
	struct claim *claims;
	struct stream *streams;
	struct hooks *hooks;
	uint64_t pumped_ms, second_ms;
};

uint64_t desk_now(void);      // CLOCK_MONOTONIC, ms: the core's clock
uint64_t desk_real_now(void); // CLOCK_REALTIME, ms: the spool's
// The core's time of a time of the spool's.
uint64_t desk_core_time(uint64_t real_ms);

// desk_queues.c: the index of a queue, which is made where it is not there. -ENOMEM.
int desk_queue_get(struct desk *desk, const char *name);
// How its messages go to agents from now on, with what gateway.conf says of it.
void desk_queue_route(struct desk *desk, uint32_t index, enum core_routing routing);
// Says once when a queue's oldest message is too old, and once when it is not any more.
void desk_queue_watch(struct desk *desk, uint32_t index);

// desk_orders.c: does what was ordered, one after the other; frees the chain. And frees one that nobody will obey.
void desk_obey(struct desk *desk, struct desk_order *orders);
void desk_orders_free(struct desk_order *orders);

// A new operation; -> desk_op_put. NULL when memory is out.
struct desk_op *desk_op_create(struct desk *desk, enum spool_op_kind kind, uint64_t id);
// Puts it into the list that desk_pump hands over.
void desk_op_put(struct desk *desk, struct desk_op *op);

// Looks at the fronts of queues that somebody waits for, gives messages out, hands operations over.
void desk_pump(struct desk *desk);
// Hands over what desk_op_put collected.
void desk_hand_over(struct desk *desk);
// What the writer is through with.
void desk_settle(struct desk *desk, struct desk_op *done);

// The core's decisions about messages; `argument` is the desk.
bool desk_take(void *argument, const struct core_take *take);
void desk_expire(void *argument, uint64_t id);
void desk_waited(void *argument, void *cookie, unsigned n_taken);

// Gives a lease back for an agent that never heard of it.
void desk_give_back(struct desk *desk, uint64_t id, uint32_t queue, const uint8_t token[SPOOL_TOKEN_SIZE]);

// Gives a lease back. `counts`: as one of the attempts that its queue's `retries` speaks of, so it may be dead by that.
void desk_return(struct desk *desk, uint64_t id, uint32_t queue, const uint8_t token[SPOOL_TOKEN_SIZE], bool counts);

// All leases of the spool into the core, at the start. 0 or -errno.
int desk_leases_load(struct desk *desk);

// Whether an agent's scope can be made of these names: 0; -ENOENT: there is no such queue, -EACCES: it may not see it
// (`at` says which); -EINVAL: no names; -E2BIG: too many. Without names (NULL) all that the agent may see.
int desk_scope(struct desk *desk, const struct registry_agent *agent, const json_t *names, struct core_scope *scope,
	       const char **at);

// desk_names.c: puts the name of a tenant, whose number the object has, into it: what the table in use calls it, or
// null. Returns the object; NULL (freed) when memory is out, and for NULL.
json_t *desk_put_tenant(const struct desk *desk, json_t *object, const char *number_key, const char *name_key);

// desk_claim.c
void claim_begin(struct desk *desk, struct http_request *request, const struct core_scope *scope, unsigned max,
		 uint64_t wait_ms);
void claim_by_id(struct desk *desk, struct http_request *request, uint32_t queue);
void claim_took(struct desk *desk, struct desk_op *op);
void claims_revoke(struct desk *desk, const char *agent);

// stream.c
void stream_begin(struct desk *desk, struct http_request *request, const struct core_scope *scope, unsigned capacity);
void stream_offer(void *argument, void *cookie, const struct core_offer *offer);
void stream_withdraw(void *argument, void *cookie, uint64_t id);
void streams_revoke(struct desk *desk, const char *agent);
void streams_tick(struct desk *desk, uint64_t now);
void streams_end(struct desk *desk);

// api.c
extern const struct http_route api_routes[];

// listen.c: listening sockets, or -1 with one line in `why` and errno. A Unix socket that nobody listens on is
// replaced.
int listen_unix(const char *path, char *why, size_t why_size);
int listen_tcp(const struct gateway *gateway, char *why, size_t why_size);

// tls.c: the files of gateway.conf, checked: both texts, to be freed by the caller. 0, or -EINVAL with one line in
// `why`.
int tls_read(const struct gateway *gateway, char **certificate, char **key, char *why, size_t why_size);
