// SPDX-License-Identifier: BSD-3-Clause
//
// What one part of the control plane has to hear of another, see plane.h. Loop's thread.
#include "controlplane/plane.h"

#include "controlplane/agents/desk.h"
#include "controlplane/answers.h"
#include "controlplane/depth.h"
#include "controlplane/pools.h"
#include "controlplane/publisher.h"
#include "controlplane/router.h"
#include "controlplane/steer.h"

// The desk routes by the queues of the table in use.
static void tell_desk(struct plane *plane)
{
	struct table_map *map = pools_table(plane->pools);

	if (!map || map == plane->desk_table || !plane->desk)
		return;
	table_map_put(plane->desk_table);
	plane->desk_table = table_map_get(map); // so that another one has another address
	desk_rules(plane->desk, map);
}

static void on_up(void *argument, const struct weir_hello *hello, int table_fd)
{
	struct plane *plane = argument;

	router_up(plane->router);
	publisher_up(plane->publisher, hello, table_fd);
	steer_up(plane->steer);
	depth_changed(plane->depth);
	answers_up(plane->answers);
	if (plane->desk)
		desk_attach(plane->desk, link_mapping(plane->link));
	tell_desk(plane);
}

static void on_down(void *argument)
{
	struct plane *plane = argument;

	router_down(plane->router);
	publisher_down(plane->publisher);
	steer_down(plane->steer);
	answers_down(plane->answers);
	if (plane->desk)
		desk_attach(plane->desk, NULL);
}

static void on_table_ack(void *argument, const struct weir_table_ack *ack)
{
	struct plane *plane = argument;

	publisher_ack(plane->publisher, ack);
	router_changed(plane->router); // what waited for the answer
	depth_changed(plane->depth);
	tell_desk(plane);
}

static void on_routes_ack(void *argument, const struct weir_routes_ack *ack)
{
	router_ack(((struct plane *)argument)->router, ack);
}

void plane_changed(void *argument)
{
	router_changed(((struct plane *)argument)->router);
}

void plane_settled(void *argument)
{
	struct plane *plane = argument;

	tell_desk(plane);
	commands_settled(&plane->commands);
}

static void on_steer_ack(void *argument, const struct weir_steer_ack *ack)
{
	steer_ack(((struct plane *)argument)->steer, ack);
}

static int on_answered(void *argument, const struct weir_answered *answered)
{
	return answers_answered(((struct plane *)argument)->answers, answered);
}

static bool on_unreachable(void *argument, const struct weir_unreachable *error)
{
	return pools_unreachable(((struct plane *)argument)->pools, error);
}

struct link_events plane_link_events(struct plane *plane)
{
	return (struct link_events){ .up = on_up, .down = on_down, .ack = on_table_ack, .routes_ack = on_routes_ack,
				     .steer_ack = on_steer_ack, .answered = on_answered,
				     .unreachable = on_unreachable, .argument = plane };
}
