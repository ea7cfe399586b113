// SPDX-License-Identifier: BSD-3-Clause
//
// The parts of the control plane, which main.c opens and closes in order, and what one has to hear of another. Loop's
// thread only.
#pragma once

#include "controlplane/commands.h"
#include "controlplane/link.h"
#include "controlplane/place.h"

struct plane {
	struct gateway *gateway;
	struct place place;
	struct event_base *base;
	struct event *on_term, *on_int, *on_hup, *on_news;
	int news; // eventfd of the consumer
	struct spool *spool;
	struct consumer *consumer;
	struct purges *purges;
	struct nats *nats; // NULL: queues are kept here
	struct pools *pools;
	struct neighbours *neighbours;
	struct router *router;
	struct switches *switches;
	struct publisher *publisher;
	struct steer *steer;
	struct registry *registry;
	struct desk *desk;
	struct table_map *desk_table; // that the desk knows
	struct link *link;
	struct answers *answers;
	struct depth *depth;
	struct control *control;
	struct commands commands;
};

// What the link says, told to all whom it concerns.
struct link_events plane_link_events(struct plane *plane);

// An answer about members or next hops may have become another; and routes are in use. `argument` is the plane.
void plane_changed(void *argument);
void plane_settled(void *argument);
