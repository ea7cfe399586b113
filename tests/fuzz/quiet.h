// SPDX-License-Identifier: BSD-3-Clause
//
// The control plane's log, silent: a fuzz target that includes this takes the place of controlplane/log.c.
#pragma once

#include "controlplane/log.h"

void log_info(const char *format, ...)
{
	(void)format;
}

void log_warning(const char *format, ...)
{
	(void)format;
}

void log_error(const char *format, ...)
{
	(void)format;
}
