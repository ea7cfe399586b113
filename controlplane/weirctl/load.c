// SPDX-License-Identifier: BSD-3-Clause
//
// Loads rule files and gateway.conf for the offline commands: what is wrong with them is printed here.
#include "controlplane/weirctl/load.h"

#include <errno.h>
#include <string.h>

#include "controlplane/weirctl/weirctl.h"
#include "rules/gateway.h"
#include "rules/read.h"

static int loaded_compile(struct loaded *loaded, const char *path, struct diags *diags)
{
	char why[240];
	int error = rules_load(path, &loaded->image, &loaded->rules, diags);

	diags_print(diags, stderr);
	if (error == -ENOMEM)
		return failure(STATUS_ENVIRONMENT, "%s: out of memory while compiling", path);
	if (error < 0)
		return STATUS_REFUSED;
	error = table_open(&loaded->table, loaded->image.data, loaded->image.size, why, sizeof(why));
	if (error == -ENOMEM)
		return failure(STATUS_ENVIRONMENT, "%s: out of memory", path);
	return error < 0 ? failure(STATUS_REFUSED, "%s: the compiled table is refused: %s", path, why) : STATUS_DONE;
}

int loaded_open(struct loaded *loaded, const char *path, struct diags *diags)
{
	struct diags own;
	int status;

	*loaded = (struct loaded){0};
	if (!diags)
		diags_init(&own);
	status = loaded_compile(loaded, path, diags ? diags : &own);
	if (!diags)
		diags_fini(&own);
	if (status != STATUS_DONE)
		loaded_close(loaded);
	return status;
}

void loaded_close(struct loaded *loaded)
{
	table_image_fini(&loaded->image);
	rules_destroy(loaded->rules);
	*loaded = (struct loaded){0};
}

static int listeners_fill(struct listeners *listeners, const struct gateway *gateway)
{
	struct listener list[GATEWAY_MAX_LISTENERS] = {0};

	for (unsigned i = 0; i < gateway->n_listeners; i++) {
		const struct gateway_listener *from = &gateway->listeners[i];

		memcpy(list[i].address, from->address, sizeof(list[i].address));
		list[i].family = from->family;
		list[i].protocol = from->protocol;
		list[i].port = from->port;
	}
	return listeners_init(listeners, list, gateway->n_listeners);
}

int listeners_load(struct listeners *listeners, const char *path)
{
	struct gateway *gateway;
	struct diags diags;
	int status = STATUS_DONE;

	diags_init(&diags);
	gateway = path ? gateway_read(path, false, &diags) : gateway_default();
	if (!gateway) // warnings are the daemons' to give
		diags_print(&diags, stderr);
	diags_fini(&diags);
	if (!gateway)
		return path ? STATUS_REFUSED : failure(STATUS_ENVIRONMENT, "out of memory");
	if (listeners_fill(listeners, gateway) < 0)
		status = failure(STATUS_REFUSED, "%s: listeners: two are the same", path ? path : "default");
	gateway_destroy(gateway);
	return status;
}
