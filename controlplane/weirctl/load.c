// SPDX-License-Identifier: BSD-3-Clause
//
// Loads rule files and gateway.conf for the offline commands: what is wrong with them is printed here.
#include "controlplane/weirctl/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controlplane/images.h"
#include "controlplane/weirctl/ask.h"
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

bool generation_parse(const char *text, json_int_t *generation)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	*generation = number;
	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && number > 0;
}

static bool is_image(const char *path)
{
	uint64_t magic = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, &magic, sizeof(magic));

	if (fd >= 0)
		close(fd);
	return n == sizeof(magic) && magic == TABLE_MAGIC;
}

static int image_load(struct loaded *loaded, const char *path)
{
	char why[240];
	int err = images_read(path, &loaded->image, why, sizeof(why));

	if (err == -ENOMEM)
		return failure(STATUS_ENVIRONMENT, "%s: out of memory", path);
	if (!err)
		err = table_open(&loaded->table, loaded->image.data, loaded->image.size, why, sizeof(why));
	return err ? failure(STATUS_REFUSED, "%s: %s", path, why) : STATUS_DONE;
}

static int generation_load(struct loaded *loaded, const struct options *options, json_int_t generation)
{
	json_t *answer;
	const char *path;
	int status = ask(options, json_pack("{s:s, s:I}", "command", "table", "generation", generation), NULL, &answer);

	if (status)
		return status;
	path = json_string_value(json_object_get(json_object_get(answer, "result"), "path"));
	status = path ? image_load(loaded, path) : failure(STATUS_ENVIRONMENT, "the control plane names no table");
	json_decref(answer);
	return status;
}

int table_load(struct loaded *loaded, const struct options *options, const char *what)
{
	json_int_t generation;

	*loaded = (struct loaded){0};
	if (generation_parse(what, &generation) && access(what, F_OK) < 0)
		return generation_load(loaded, options, generation);
	return is_image(what) ? image_load(loaded, what) : loaded_open(loaded, what, NULL);
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
		list[i].tunnels = from->tunnels;
	}
	return listeners_init(listeners, list, gateway->n_listeners);
}

int listeners_load(struct listeners *listeners, struct gateway_fragments *fragments, const char *path)
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
	if (fragments)
		*fragments = gateway->fragments;
	gateway_destroy(gateway);
	return status;
}
