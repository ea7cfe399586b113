// SPDX-License-Identifier: BSD-3-Clause
//
// The settings of gateway.conf but for its ports, its listeners and its agents.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/file.h"
#include "rules/gateway_reader.h"
#include "rules/names.h"

static const char *const dataplane_keys[] = { "main_cpu",  "worker_cpus", "memory_mb",
					      "hugepages", "tx_staging",  "dispatch_cpu", "retransmissions", NULL };
static const char *const fragments_keys[] = { "datagrams", "frames", "per_datagram", "timeout_ms", NULL };
static const char *const hugepages[] = { "auto", "required", "never", NULL };

enum { MAX_CPU = 1023, MAX_PATH = 1024 };

static bool is_plain_name(const char *text)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");

	return n > 0 && n <= 32 && text[n] == '\0';
}

void gateway_replace(struct gateway_reader *reader, char **place, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL) {
		conf_error(&reader->conf, NULL, NULL, "out of memory");
		return;
	}
	free(*place);
	*place = copy;
}

int gateway_read_name(struct gateway_reader *reader, config_setting_t *group, const char *key,
		      char **place)
{
	const char *text = NULL;
	int got = conf_string(&reader->conf, group, key, &text);

	if (got > 0 && !is_plain_name(text)) {
		conf_error(&reader->conf, config_setting_get_member(group, key),
			   "1 to 32 letters, digits, '_' and '-'",
			   "%s \"%.80s\" is not a plain name", key, text);
		return -1;
	}
	if (got > 0)
		gateway_replace(reader, place, text);
	return got;
}

bool gateway_text_is_good(struct gateway_reader *reader, config_setting_t *group, const char *key,
			  const char *text, size_t max)
{
	const char *fault = text[0] == '\0'      ? "is empty"
			    : strlen(text) > max ? "is too long"
						 : text_fault(text, strlen(text));

	for (const char *p = text; fault == NULL && *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			fault = "has a control character";
	if (fault != NULL)
		conf_error(&reader->conf, config_setting_get_member(group, key), NULL, "%s %s", key,
			   fault);
	return fault == NULL;
}

static void read_folder(struct gateway_reader *reader, config_setting_t *root, const char *key,
			char **place)
{
	const char *text = NULL;

	if (conf_string(&reader->conf, root, key, &text) <= 0 ||
	    !gateway_text_is_good(reader, root, key, text, MAX_PATH))
		return;
	gateway_replace(reader, place, text);
}

void gateway_read_path(struct gateway_reader *reader, config_setting_t *root, const char *key,
		       char **place)
{
	const char *text = NULL;
	char *path;

	if (conf_string(&reader->conf, root, key, &text) <= 0 ||
	    !gateway_text_is_good(reader, root, key, text, MAX_PATH))
		return;
	path = file_join(reader->gateway->file, text);
	if (path == NULL) {
		conf_error(&reader->conf, NULL, NULL, "out of memory");
		return;
	}
	free(*place);
	*place = path;
}

static void read_names(struct gateway_reader *reader, config_setting_t *root)
{
	struct gateway *gateway = reader->gateway;
	const char *user = NULL;

	gateway_read_name(reader, root, "name", &gateway->name);
	read_folder(reader, root, "run_dir", &gateway->run_dir);
	read_folder(reader, root, "state_dir", &gateway->state_dir);
	gateway_read_path(reader, root, "rules", &gateway->rules);
	gateway_read_path(reader, root, "health_commands", &gateway->health_commands);
	if (conf_string(&reader->conf, root, "user", &user) > 0 &&
	    gateway_text_is_good(reader, root, "user", user, 32))
		gateway_replace(reader, &gateway->user, user);
}

static void read_u32(struct gateway_reader *reader, config_setting_t *group, const char *key,
		     struct conf_range range, uint32_t *place)
{
	int64_t value = *place;

	conf_int(&reader->conf, group, key, range, &value);
	*place = (uint32_t)value;
}

// Small machines and containers must do with it: a worker that has messages keeps its cpu busy, and the main thread
// waits for its turns.
static void warn_shared_cpu(struct gateway_reader *reader, config_setting_t *at)
{
	conf_warn(&reader->conf, at, "fine for trying things, not for speed",
		  "main thread and worker share cpu %u", reader->gateway->main_cpu);
}

static void add_worker_cpu(struct gateway_reader *reader, config_setting_t *element)
{
	struct gateway *gateway = reader->gateway;
	int64_t cpu = 0;

	if (conf_int_value(&reader->conf, element, "worker_cpus", (struct conf_range){ 0, MAX_CPU },
			   &cpu) <= 0)
		return;
	if (cpu == gateway->main_cpu)
		warn_shared_cpu(reader, element);
	for (unsigned i = 0; i < gateway->n_workers; i++)
		if (gateway->worker_cpus[i] == cpu)
			conf_error(&reader->conf, element, "leave one out",
				   "worker_cpus holds %lld twice", (long long)cpu);
	gateway->worker_cpus[gateway->n_workers++] = (uint16_t)cpu;
}

static void read_worker_cpus(struct gateway_reader *reader, config_setting_t *group)
{
	struct conf_list list;
	int got = conf_list(&reader->conf, group, "worker_cpus", &list);

	if (got == 0 && reader->gateway->main_cpu == reader->gateway->worker_cpus[0])
		warn_shared_cpu(reader, config_setting_get_member(group, "main_cpu"));
	if (got <= 0)
		return;
	if (list.n == 0 || list.n > GATEWAY_MAX_WORKERS) {
		conf_error(&reader->conf, list.setting, "1 to 32 of them",
			   "worker_cpus holds %u cpus", list.n);
		return;
	}
	reader->gateway->n_workers = 0;
	for (unsigned i = 0; i < list.n; i++)
		add_worker_cpu(reader, conf_list_get(&list, i));
}

static void read_dataplane_keys(struct gateway_reader *reader, config_setting_t *group)
{
	struct gateway *gateway = reader->gateway;
	int64_t main_cpu = 0;
	int pages = HUGEPAGES_AUTO;

	conf_int(&reader->conf, group, "main_cpu", (struct conf_range){ 0, MAX_CPU }, &main_cpu);
	gateway->main_cpu = (uint16_t)main_cpu;
	read_worker_cpus(reader, group);
	gateway_read_dispatch_cpu(reader, group);
	read_u32(reader, group, "memory_mb", (struct conf_range){ 64, 1 << 20 },
		 &gateway->memory_mb);
	read_u32(reader, group, "tx_staging", (struct conf_range){ 64, 65536 },
		 &gateway->tx_staging);
	read_u32(reader, group, "retransmissions", (struct conf_range){ 64, 1 << 24 },
		 &gateway->retransmissions);
	conf_word(&reader->conf, group, "hugepages", hugepages, &pages);
	gateway->hugepages = (enum gateway_hugepages)pages;
}

static void read_dataplane(struct gateway_reader *reader, config_setting_t *root)
{
	config_setting_t *group = config_setting_get_member(root, "dataplane");

	if (group == NULL)
		return;
	snprintf(reader->conf.what, sizeof(reader->conf.what), "dataplane");
	if (conf_group(&reader->conf, group, dataplane_keys))
		read_dataplane_keys(reader, group);
	reader->conf.what[0] = '\0';
}

static void read_fragments(struct gateway_reader *reader, config_setting_t *root)
{
	config_setting_t *group = config_setting_get_member(root, "fragments");
	struct gateway_fragments *to = &reader->gateway->fragments;

	if (group == NULL)
		return;
	snprintf(reader->conf.what, sizeof(reader->conf.what), "fragments");
	if (conf_group(&reader->conf, group, fragments_keys)) {
		read_u32(reader, group, "datagrams", (struct conf_range){ 1, 65536 }, &to->datagrams);
		read_u32(reader, group, "frames", (struct conf_range){ 1, 65536 }, &to->frames);
		read_u32(reader, group, "per_datagram", (struct conf_range){ 2, 256 }, &to->per_datagram);
		read_u32(reader, group, "timeout_ms", (struct conf_range){ 1, 60000 }, &to->timeout_ms);
	}
	reader->conf.what[0] = '\0';
}

void gateway_read_settings(struct gateway_reader *reader, config_setting_t *root)
{
	read_names(reader, root);
	read_dataplane(reader, root);
	read_fragments(reader, root);
}
