// SPDX-License-Identifier: BSD-3-Clause
//
// Steering of XDP programs, see steering_xdp.h. Main thread. A program sends from the interface that it stands on, so
// it gets only the siblings behind its own port; what is moved to others stays here.
#include "dataplane/steering_xdp.h"

#include <string.h>

#include "dataplane/log.h"
#include "dataplane/port_xdp.h"
#include "dataplane/xdp.h"
#include "ebpf/maps.h"

static_assert((int)GATEWAY_MAX_SIBLINGS <= (int)XDP_SIBLINGS, "the program knows all");

static struct xdp *xdp_of(const struct steering_xdp *to, unsigned port)
{
	return port_xdp_get(&to->ports[port]);
}

void steering_xdp_seed(const struct steering_xdp *to, uint64_t seed)
{
	for (unsigned i = 0; i < to->n_ports; i++)
		if (xdp_of(to, i) && xdp_seed_put(xdp_of(to, i), seed) < 0)
			log_line("port \"%s\": the program keeps another seed than the dispatcher",
				 to->ports[i].name);
}

static int port_put(const struct steering_xdp *to, unsigned port,
		    const struct steering_table *table)
{
	const struct gateway_sibling *siblings = to->gateway->siblings;
	uint8_t bucket[WEIR_STEER_BUCKETS], mac[GATEWAY_MAX_SIBLINGS][6] = { 0 };

	for (unsigned b = 0; b < WEIR_STEER_BUCKETS; b++) {
		uint8_t wanted = table->to[b];
		bool leads = (wanted & WEIR_STEER_SIBLING) &&
			     siblings[wanted ^ WEIR_STEER_SIBLING].port == port;

		bucket[b] = leads ? wanted : table->local[b];
	}
	for (unsigned i = 0; i < to->gateway->n_siblings; i++)
		memcpy(mac[i], siblings[i].mac, sizeof(mac[i]));
	return xdp_steer_put(xdp_of(to, port), bucket, mac, to->gateway->n_siblings);
}

void steering_xdp_put(void *argument, const struct steering_table *table)
{
	const struct steering_xdp *to = argument;

	for (unsigned i = 0; i < to->n_ports; i++) {
		int err = xdp_of(to, i) ? port_put(to, i, table) : 0;

		if (err)
			log_line("port \"%s\": the steering table cannot be put: %s",
				 to->ports[i].name, strerror(-err));
	}
}
