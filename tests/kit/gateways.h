// SPDX-License-Identifier: BSD-3-Clause
//
// For tests of gateway.conf's reader: texts that are good, and texts with the fault that is expected of them.
#pragma once

#include "rules/gateway_reader.h"
#include "tests/kit/faults.h"

// A port, on line 1, for texts that stand behind it.
#define GATEWAYS_PORT "ports = ( { name = \"in0\"; device = \"net_null0\"; } );\n"

// Reads a text that must be good, as etc/gateway.conf.
struct gateway *gateways_read(const char *text, bool need_ports);

// Checks that each snippet, behind `head`, gives exactly one error where ports are needed, and that it is the expected
// one.
void gateways_refuse(const char *head, const struct fault *faults, size_t n);
