// SPDX-License-Identifier: BSD-3-Clause
//
// Where this control plane runs: its folders, its lock, its user.
#pragma once

#include "rules/gateway.h"

enum { PLACE_PATH = 512 };

struct place {
	char run[PLACE_PATH];     // run_dir/NAME
	char socket[PLACE_PATH];  // dp.sock in it
	char control[PLACE_PATH]; // control.sock in it
	char state[PLACE_PATH];   // state_dir/NAME
	char spool[PLACE_PATH];   // spool in it
	char history[PLACE_PATH]; // history in it
	char pools[PLACE_PATH];   // pools.json in it
	char switches[PLACE_PATH]; // switches.json in it
	char steer[PLACE_PATH];   // steer.json in it
	char agents[PLACE_PATH];  // agents.json in it
	char api[PLACE_PATH];     // run_dir/NAME/agents.sock
	char nats_key[PLACE_PATH]; // nats.key in it
	int lock;                 // run_dir/NAME/controlplane.lock
};

// Makes the folders that are missing, takes the lock, and, started by root with `user` in gateway.conf,
// gives the folders to that user's group and becomes it for good. Returns 0, or the exit status of DESIGN 1.1
// after saying on stderr what is wrong and how to mend it.
int place_open(struct place *place, const struct gateway *gateway);
void place_close(struct place *place);
