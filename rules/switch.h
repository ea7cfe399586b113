// SPDX-License-Identifier: BSD-3-Clause
//
// Route switches (docs/decisions/014-route-switch.md): a rule_set in which what rules forward to one pool goes
// to another, for everybody or for one tenant. What comes of it is compiled and proven like any other.
#pragma once

#include "rules/diag.h"
#include "rules/model.h"

struct rule_switch {
	const char *from, *to; // pools
	const char *tenant;    // or NULL: all
};

// Fills `out` with the rules of `base` as the `n` switches make them; everything but the rules is base's own, which
// must outlive it. Switches follow each other: with a to b and b to c, a's messages go to c. A tenant's own switch of
// a pool goes before the one for all. A rule that sends one tenant elsewhere is preceded by a copy for that
// tenant, under its name; the copy's rate is one of its own. 0; -EINVAL with an error in `diags` (no such pool or
// tenant, a circle, too many rules) or -ENOMEM: then `out` is empty. Any thread.
int rules_switch(const struct rule_set *base, const struct rule_switch *list, unsigned n, struct rule_set *out,
		 struct diags *diags);

// Frees what rules_switch made; not `base`.
void rules_switch_fini(struct rule_set *out);
