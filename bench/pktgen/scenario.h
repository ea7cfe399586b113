// SPDX-License-Identifier: BSD-3-Clause
//
// A scenario: what message traffic looks like and how much of it comes when (bench/scenarios, format in
// bench/pktgen/README.md). Read once, before the EAL starts; read-only afterwards.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/abi/names.h"
#include "rules/diag.h"

// Values and how often each comes, relative to the others.
enum { WEIGHTS_MAX = 64 };
struct weights {
	unsigned n;
	struct weight {
		uint32_t value;
		double share;
	} list[WEIGHTS_MAX];
};

enum shape { SHAPE_STEADY, SHAPE_STEP, SHAPE_RAMP, SHAPE_SINE, SHAPE_FLASH };

// Messages a second over time. All times in seconds from the start.
struct rate {
	double messages; // a second, at the start; 0: as fast as the port takes them
	double line_bps; // > 0: `messages` is a share (0 to 1) of what this line carries of the deck's frames
	enum shape shape;
	double factor; // of step, ramp and flash: the highest rate over the one at the start; of sine: depth, 0 to 1
	double at, over; // when the change begins and how long it takes; the period of a sine
	double decay;    // of a flash: time in which what is above the first rate halves
};

struct addresses {
	uint8_t mac[6];
	uint8_t ipv4[4], ipv6[16]; // of sources the first one of the prefix
	uint32_t n_ipv4, n_ipv6;   // addresses of the prefix that are used
};

struct scenario {
	char name[64];
	char about[256];
	uint64_t seed;
	uint32_t frames; // in the deck, which is sent round and round
	double seconds;
	struct addresses gateway, sources;
	double ipv6_share, acknowledged_share, malformed_share;
	double source_zipf; // exponent; 0: all alike
	struct {
		uint32_t first, n;
		double zipf;
		double noisy_share; // of all messages: the first tenant's alone
	} tenants;
	struct weights protocols, countries, priorities, channels; // numbers of names.h
	struct weights sizes;                                      // bytes of a frame with its FCS
	struct weights malformed;                                  // enum weir_reason
	struct rate rate;
};

enum {
	SCENARIO_FRAMES_MAX = 4 << 20,
	SCENARIO_FRAME_MIN = 64,
	SCENARIO_FRAME_MAX = 9018,
	SCENARIO_TENANTS_MAX = 16 << 20
};

// Reads `path`; what is wrong goes to `diags`, all of it. 0, -EINVAL, -ENOMEM.
int scenario_read(struct scenario *scenario, const char *path, struct diags *diags);

// The same of text in memory, which diagnostics call `path`.
int scenario_read_text(struct scenario *scenario, const char *path, const char *text, struct diags *diags);

// Messages a second at `seconds` from the start, `base` at the start; at least 1.
double rate_at(const struct rate *rate, double base, double seconds);

// The domain that SIP messages for a tenant go to; `out` ends in NUL.
void scenario_domain(uint32_t tenant, char out[32]);

// Writes the scenario's tenants as a tenant file of the rule language (docs/rules.md): id, name `tID`, domain
// `tID.example`. 0 or -errno.
int scenario_write_tenants(const struct scenario *scenario, const char *path);
