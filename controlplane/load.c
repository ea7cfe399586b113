// SPDX-License-Identifier: BSD-3-Clause
//
// Compiling a rule file into a sealed image. The thread touches its own struct load only, until it
// writes `wake`. Refuses what the rules refuse, and pools on ports that the appliance does not have.
#include "controlplane/load.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/clock.h"
#include "controlplane/image.h"
#include "controlplane/images.h"
#include "controlplane/log.h"
#include "controlplane/thread.h"
#include "rules/compile.h"
#include "rules/read.h"
#include "rules/switch.h"

const char *load_kind_name(enum load_kind kind)
{
	static const char *const names[] = { "start", "load", "reconnect", "rollback", "switch" };

	return names[kind];
}

static void check_pool(const struct gateway *gateway, const struct rule_set *rules, const struct pool_def *pool,
		       struct diags *diags)
{
	const char *file = pool->where.file < rules->n_files ? rules->files[pool->where.file] : rules->files[0];

	if (gateway_port_find(gateway, pool->port_name, pool->port_index) >= 0)
		return;
	if (pool->port_name)
		diags_push(diags, DIAG_ERROR, file, pool->where.line, "name a port of gateway.conf",
			   "pool \"%s\": %s has no port \"%s\"", pool->name, gateway->file, pool->port_name);
	else
		diags_push(diags, DIAG_ERROR, file, pool->where.line, "ports count from 0",
			   "pool \"%s\": %s has no port %u", pool->name, gateway->file, pool->port_index);
}

// The rules of the file; read where they were not given. 0, -EINVAL with errors in the diags, -ENOMEM.
static int read_rules(struct load *load)
{
	if (load->rules)
		return 0;
	load->rules = calloc(1, sizeof(*load->rules));
	if (!load->rules)
		return -ENOMEM;
	load->rules->uses = 1;
	load->rules->set = rules_read(load->path, &load->diags);
	return load->rules->set ? 0 : -EINVAL;
}

static int compile_switched(struct load *load, struct table_image *image)
{
	const struct switch_set *set = load->switches;
	struct rule_switch *list = calloc(set->n + 1, sizeof(*list));
	struct rule_set switched;
	int err = list ? 0 : -ENOMEM;

	for (unsigned i = 0; !err && i < set->n; i++)
		list[i] = (struct rule_switch){ set->entry[i].from, set->entry[i].to,
						*set->entry[i].tenant ? set->entry[i].tenant : NULL };
	if (!err)
		err = rules_switch(load->rules->set, list, set->n, &switched, &load->diags);
	if (!err) {
		err = rules_compile(&switched, image, &load->diags);
		load->n_rules = switched.n_rules;
		rules_switch_fini(&switched);
	}
	free(list);
	return err;
}

static int compile(struct load *load, struct table_image *image)
{
	const struct rule_set *rules;
	int err = read_rules(load);

	if (err)
		return err;
	rules = load->rules->set;
	load->n_tenants = rules->n_tenants;
	load->n_rules = rules->n_rules;
	for (unsigned i = 0; i < rules->n_pools; i++)
		check_pool(load->gateway, rules, &rules->pools[i], &load->diags);
	err = compile_switched(load, image);
	if (!err && load->diags.n_errors > 0)
		err = -EINVAL;
	return err;
}

// A kept image instead of a file: it was good when it was published.
static int take_back(struct load *load, struct table_image *image)
{
	char why[240];
	int err = images_read(load->path, image, why, sizeof(why));

	if (err)
		diags_push(&load->diags, DIAG_ERROR, load->path, 0, "weirctl rules history lists others", "%s", why);
	if (err)
		return -EINVAL;
	load->n_tenants = ((const struct table_header *)image->data)->n_tenants;
	load->n_rules = ((const struct table_header *)image->data)->n_rules;
	return 0;
}

// Keeps the image for a later rollback; without room for it the load goes on all the same.
static void keep(const struct load *load, const struct table_image *image)
{
	int err = images_put(load->gateway, image);

	if (err)
		log_warning("%s: its table is not kept for a rollback: %s", load->path, strerror(-err));
}

// Seals the image, and opens it for those of our own who look into it.
static int seal(struct load *load, const struct table_image *image)
{
	char why[160];

	load->fd = image_seal(image->data, image->size, atomic_load(&load->huge));
	if (load->fd < 0)
		return load->fd;
	load->map = table_map_open(load->fd, image->size, why, sizeof(why));
	return load->map ? 0 : -ENOMEM;
}

static void *load_run(void *argument)
{
	struct load *load = argument;
	struct table_image image = { 0 };
	uint64_t begun = clock_ns(CLOCK_MONOTONIC);

	load->err = load->kind == LOAD_BACK ? take_back(load, &image) : compile(load, &image);
	if (!load->err) {
		keep(load, &image);
		load->size = image.size;
		load->crc = ((const struct table_header *)image.data)->crc;
		load->err = seal(load, &image);
	}
	table_image_fini(&image);
	malloc_trim(0); // a large load is rare; its memory is not kept for the next
	load->seconds = (double)(clock_ns(CLOCK_MONOTONIC) - begun) / 1e9;
	eventfd_write(load->wake, 1);
	return NULL;
}

struct load *load_start(const struct load_order *order, const struct gateway *gateway, int wake)
{
	struct load *load = calloc(1, sizeof(*load));
	int err = ENOMEM;

	if (!load)
		return NULL;
	load->kind = order->kind;
	load->gateway = gateway;
	load->wake = wake;
	load->fd = -1;
	load->path = strdup(order->path);
	load->who = strdup(order->who);
	load->change = order->change ? strdup(order->change) : NULL;
	load->switches = order->switches;
	load->switches->uses++;
	load->rules = order->rules;
	if (load->rules)
		load->rules->uses++;
	diags_init(&load->diags);
	if (load->path && load->who && (load->change || !order->change))
		err = thread_start(&load->thread, load_run, load);
	if (!err)
		return load;
	load_destroy(load);
	errno = err;
	return NULL;
}

void load_wait(struct load *load)
{
	pthread_join(load->thread, NULL);
}

bool load_wait_for(struct load *load, unsigned seconds)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	return pthread_timedjoin_np(load->thread, NULL, &until) == 0;
}

static void put_rules(struct load_rules *rules)
{
	if (!rules || --rules->uses > 0)
		return;
	rules_destroy(rules->set);
	free(rules);
}

void load_destroy(struct load *load)
{
	if (!load)
		return;
	if (load->fd >= 0)
		close(load->fd);
	table_map_put(load->map);
	put_rules(load->rules);
	switch_set_put(load->switches);
	free(load->change);
	diags_fini(&load->diags);
	free(load->path);
	free(load->who);
	free(load);
}
