// SPDX-License-Identifier: BSD-3-Clause
//
// Reading of scenarios, see scenario.h. Every value has a default, so that an empty file is a scenario: native
// messages of 100 tenants, 64 bytes, as fast as can be. Main thread.
#include "bench/pktgen/scenario.h"

#include <errno.h>
#include <libconfig.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/pktgen/scenario_parts.h"
#include "rules/address.h"
#include "rules/source.h"

int scenario_number(const struct conf *conf, config_setting_t *group, const char *key, struct number_range range,
		    double *value)
{
	config_setting_t *setting = config_setting_get_member(group, key);
	double number;

	if (!setting)
		return 0;
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
		number = config_setting_get_int(setting);
		break;
	case CONFIG_TYPE_INT64:
		number = (double)config_setting_get_int64(setting);
		break;
	case CONFIG_TYPE_FLOAT:
		number = config_setting_get_float(setting);
		break;
	default:
		conf_error(conf, setting, NULL, "%s must be a number, it is %s", key, conf_type_name(setting));
		return -1;
	}
	if (!(number >= range.min && number <= range.max)) {
		conf_error(conf, setting, NULL, "%s %g is outside %g to %g", key, number, range.min, range.max);
		return -1;
	}
	*value = number;
	return 1;
}

// `uint32_t` by way of conf_int.
static void read_u32(const struct conf *conf, config_setting_t *group, const char *key, struct conf_range range,
		     uint32_t *value)
{
	int64_t number;

	if (conf_int(conf, group, key, range, &number) > 0)
		*value = (uint32_t)number;
}

static void read_text(const struct conf *conf, config_setting_t *group, const char *key, char *to, size_t size)
{
	const char *text;

	if (conf_string(conf, group, key, &text) > 0 && (size_t)snprintf(to, size, "%s", text) >= size)
		conf_error(conf, config_setting_get_member(group, key), NULL, "%s is longer than %zu bytes", key,
			   size - 1);
}

static void read_mac(const struct conf *conf, config_setting_t *group, uint8_t mac[6])
{
	const char *text;

	if (conf_string(conf, group, "mac", &text) > 0 && !mac_parse(text, mac))
		conf_error(conf, config_setting_get_member(group, "mac"), NULL, "\"%s\" is no MAC address", text);
}

// An address, or with `n` a prefix whose addresses are used, at most 2^24 of them.
static void read_prefix(const struct conf *conf, config_setting_t *group, const char *key, uint8_t *to, uint32_t *n)
{
	int family = strcmp(key, "ipv4") == 0 ? 4 : 6;
	unsigned bits = family == 4 ? 32 : 128;
	uint8_t address[16], length;
	const char *text;

	if (conf_string(conf, group, key, &text) <= 0)
		return;
	if (prefix_parse(text, address, &length) != family || (!n && length != bits)) {
		conf_error(conf, config_setting_get_member(group, key), NULL, "\"%s\" is no IPv%d %s", text, family,
			   n ? "prefix" : "address");
		return;
	}
	memcpy(to, address, bits / 8);
	if (n)
		*n = bits - length > 24 ? 1u << 24 : 1u << (bits - length);
}

static void read_gateway(const struct conf *conf, config_setting_t *root, struct addresses *to)
{
	static const char *const keys[] = { "mac", "ipv4", "ipv6", NULL };
	config_setting_t *group = config_setting_get_member(root, "gateway");

	if (!group || !conf_group(conf, group, keys))
		return;
	read_mac(conf, group, to->mac);
	read_prefix(conf, group, "ipv4", to->ipv4, NULL);
	read_prefix(conf, group, "ipv6", to->ipv6, NULL);
}

static void read_sources(const struct conf *conf, config_setting_t *root, struct scenario *scenario)
{
	static const char *const keys[] = { "mac", "ipv4", "ipv6", "ipv6_share", "zipf", NULL };
	config_setting_t *group = config_setting_get_member(root, "sources");

	if (!group || !conf_group(conf, group, keys))
		return;
	read_mac(conf, group, scenario->sources.mac);
	read_prefix(conf, group, "ipv4", scenario->sources.ipv4, &scenario->sources.n_ipv4);
	read_prefix(conf, group, "ipv6", scenario->sources.ipv6, &scenario->sources.n_ipv6);
	scenario_number(conf, group, "ipv6_share", (struct number_range){ 0, 1 }, &scenario->ipv6_share);
	scenario_number(conf, group, "zipf", (struct number_range){ 0, 4 }, &scenario->source_zipf);
}

static void read_tenants(const struct conf *conf, config_setting_t *root, struct scenario *scenario)
{
	static const char *const keys[] = { "first", "count", "zipf", "noisy_share", NULL };
	config_setting_t *group = config_setting_get_member(root, "tenants");

	if (!group || !conf_group(conf, group, keys))
		return;
	read_u32(conf, group, "first", (struct conf_range){ 1, 1 << 30, "0 is no tenant" }, &scenario->tenants.first);
	read_u32(conf, group, "count", (struct conf_range){ 1, SCENARIO_TENANTS_MAX }, &scenario->tenants.n);
	scenario_number(conf, group, "zipf", (struct number_range){ 0, 4 }, &scenario->tenants.zipf);
	scenario_number(conf, group, "noisy_share", (struct number_range){ 0, 1 }, &scenario->tenants.noisy_share);
}

static void read_malformed(const struct conf *conf, config_setting_t *root, struct scenario *scenario)
{
	static const char *const keys[] = { "share", "reasons", NULL };
	config_setting_t *group = config_setting_get_member(root, "malformed");

	if (!group || !conf_group(conf, group, keys))
		return;
	scenario_number(conf, group, "share", (struct number_range){ 0, 1 }, &scenario->malformed_share);
	scenario_weights(conf, group, "reasons", scenario_reason_find, &scenario->malformed);
}

static void defaults(struct scenario *scenario)
{
	*scenario = (struct scenario){
		.seed = 1,
		.frames = 65536,
		.seconds = 10,
		.gateway = { { 2, 0, 0, 0, 0, 1 },
			     { 198, 51, 100, 10 },
			     { 0x20, 1, 0x0d, 0xb8, 1, [15] = 0x10 },
			     1,
			     1 },
		.sources = { { 2, 0, 0, 0, 0, 0xfe },
			     { 10, 20, 0, 0 },
			     { 0x20, 1, 0x0d, 0xb8, 0, 0x20 },
			     1 << 12,
			     1 << 12 },
		.tenants = { .first = 1000, .n = 100 },
		.protocols = { 1, { { WEIR_NATIVE, 1 } } },
		.countries = { 1, { { (uint32_t)weir_country_find("DE"), 1 } } },
		.priorities = { 1, { { WEIR_NORMAL, 1 } } },
		.channels = { 1, { { 1, 1 } } },
		.sizes = { 1, { { SCENARIO_FRAME_MIN, 1 } } },
		.malformed = { 1, { { WEIR_REASON_NATIVE_MAGIC, 1 } } },
	};
}

static void read_root(const struct conf *conf, config_setting_t *root, struct scenario *scenario)
{
	static const char *const keys[] = { "version", "about", "seed", "frames", "seconds", "gateway", "sources",
					    "tenants", "protocols", "countries", "priorities", "channels", "sizes",
					    "malformed", "acknowledged_share", "rate", NULL };
	int64_t number = 1;

	conf_group(conf, root, keys);
	conf_int(conf, root, "version", (struct conf_range){ 1, 1 }, &number);
	read_text(conf, root, "about", scenario->about, sizeof(scenario->about));
	if (conf_int(conf, root, "seed", (struct conf_range){ 0, INT64_MAX }, &number) > 0)
		scenario->seed = (uint64_t)number;
	read_u32(conf, root, "frames", (struct conf_range){ 1, SCENARIO_FRAMES_MAX }, &scenario->frames);
	scenario_number(conf, root, "seconds", (struct number_range){ 0.001, 1e6 }, &scenario->seconds);
	scenario_number(conf, root, "acknowledged_share", (struct number_range){ 0, 1 },
			&scenario->acknowledged_share);
	read_gateway(conf, root, &scenario->gateway);
	read_sources(conf, root, scenario);
	read_tenants(conf, root, scenario);
	scenario_weights(conf, root, "protocols", weir_protocol_find, &scenario->protocols);
	scenario_weights(conf, root, "countries", scenario_country_find, &scenario->countries);
	scenario_weights(conf, root, "priorities", weir_priority_find, &scenario->priorities);
	scenario_weights(conf, root, "channels", weir_channel_find, &scenario->channels);
	scenario_sizes(conf, root, &scenario->sizes);
	read_malformed(conf, root, scenario);
	scenario_rate(conf, root, &scenario->rate);
}

static int read_source(struct scenario *scenario, struct source *source, struct diags *diags)
{
	struct conf conf = { .source = source, .diags = diags };
	config_t config;
	uint32_t file, line;

	config_init(&config);
	if (config_read_string(&config, source->text) == CONFIG_TRUE) {
		read_root(&conf, config_root_setting(&config), scenario);
	} else {
		source_place(source, (uint32_t)config_error_line(&config), &file, &line);
		diags_push(diags, DIAG_ERROR, source->files[file], line, NULL, "%s", config_error_text(&config));
	}
	config_destroy(&config);
	return diags->n_errors ? -EINVAL : 0;
}

// The file's name without its folder and what follows the last dot.
static void name_it(struct scenario *scenario, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
	int length = dot && dot > name ? (int)(dot - name) : (int)strlen(name);

	snprintf(scenario->name, sizeof(scenario->name), "%.*s", length, name);
}

// `text` NULL: what is in the file.
static int read_any(struct scenario *scenario, const char *path, const char *text, struct diags *diags)
{
	struct source source;
	int err = text ? source_read_text(&source, path, text, strlen(text), diags) : source_read(&source, path, diags);

	defaults(scenario);
	name_it(scenario, path);
	if (err == 0)
		err = read_source(scenario, &source, diags);
	source_fini(&source);
	return err;
}

int scenario_read(struct scenario *scenario, const char *path, struct diags *diags)
{
	return read_any(scenario, path, NULL, diags);
}

int scenario_read_text(struct scenario *scenario, const char *path, const char *text, struct diags *diags)
{
	return read_any(scenario, path, text, diags);
}
