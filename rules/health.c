// SPDX-License-Identifier: BSD-3-Clause
//
// How it is found out whether a pool's members live: probes, and the ICMP errors that messages to them bring.
#include <string.h>

#include "rules/reader.h"

static const char *const health_keys[] = { "probe", "port",   "interval_ms", "timeout_ms", "up",
					   "down",  "jitter", "command",     NULL };
static const char *const eject_keys[] = { "errors", "interval_ms", "base", "max", NULL };
#define X(name, text) text,
static const char *const probes[] = { WEIR_PROBES(X) NULL };
#undef X
// Ports that a probe goes to where none is given; a TCP server has no such port.
static const uint16_t usual_port[WEIR_N_PROBES] = { 5700, 5060, 5683, 0, 0 };

static void read_port(struct reader *reader, config_setting_t *group, struct health_def *health)
{
	config_setting_t *at = config_setting_get_member(group, "port");
	int64_t port = usual_port[health->probe];
	int got = conf_int(&reader->conf, group, "port", (struct conf_range){ 1, 65535 }, &port);

	if (got == 0 && health->probe == WEIR_PROBE_TCP)
		conf_error(&reader->conf, group, "port = 5700", "a tcp probe needs a port");
	if (got != 0 && health->probe == WEIR_PROBE_COMMAND)
		conf_error(&reader->conf, at, "the command knows where to look; leave port out",
			   "a command has no port");
	health->port = (uint16_t)port;
}

// A file in a folder of the appliance, never a path.
static bool is_file_name(const char *text)
{
	size_t n =
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n > 0 && n <= WEIR_NAME_MAX && text[n] == '\0' && text[0] != '.';
}

static void read_command(struct reader *reader, config_setting_t *group, struct health_def *health)
{
	config_setting_t *at = config_setting_get_member(group, "command");
	const char *text = NULL;
	int got = conf_string(&reader->conf, group, "command", &text);

	if (got == 0 && health->probe == WEIR_PROBE_COMMAND)
		conf_error(&reader->conf, group, "command = \"NAME\"", "it has no command");
	if (got <= 0)
		return;
	if (health->probe != WEIR_PROBE_COMMAND)
		conf_error(&reader->conf, at, "probe = \"command\", or leave command out",
			   "command with probe \"%s\"", probes[health->probe]);
	if (!is_file_name(text))
		conf_error(&reader->conf, at,
			   "the name of a file in the folder that gateway.conf names",
			   "the command \"%.80s\" is no file name of letters, digits and . _ -",
			   text);
	health->command = arena_string(reader->arena, text, strlen(text));
	if (health->command == NULL)
		reader_out_of_memory(reader);
}

static void read_times(struct reader *reader, config_setting_t *group, struct health_def *health)
{
	const struct conf_range ms = { 10, 3600000 }, percent = { 0, 50 };
	int64_t interval = 1000, timeout = 500, jitter = 10;

	conf_int(&reader->conf, group, "interval_ms", ms, &interval);
	if (conf_int(&reader->conf, group, "timeout_ms", (struct conf_range){ 1, 3600000 },
		     &timeout) == 0)
		timeout = interval / 2;
	if (timeout >= interval)
		conf_error(&reader->conf, config_setting_get_member(group, "timeout_ms"),
			   "a probe is over before the next begins",
			   "timeout_ms %lld is not below interval_ms %lld", (long long)timeout,
			   (long long)interval);
	conf_int(&reader->conf, group, "jitter", percent, &jitter);
	health->interval_ms = (uint32_t)interval;
	health->timeout_ms = (uint32_t)timeout;
	health->jitter = (uint8_t)jitter;
}

void read_health(struct reader *reader, config_setting_t *group, struct pool_def *pool)
{
	const struct conf_range times = { 1, 255 };
	config_setting_t *setting = config_setting_get_member(group, "health");
	struct health_def *health;
	int64_t up = 2, down = 3;
	int probe = 0;

	if (setting == NULL || !conf_group(&reader->conf, setting, health_keys))
		return;
	health = arena_get(reader->arena, sizeof(*health));
	if (health == NULL) {
		reader_out_of_memory(reader);
		return;
	}
	if (conf_word(&reader->conf, setting, "probe", probes, &probe) == 0)
		conf_error(&reader->conf, setting, "probe = \"native\"", "its health has no probe");
	health->probe = (uint8_t)probe;
	read_port(reader, setting, health);
	read_command(reader, setting, health);
	read_times(reader, setting, health);
	conf_int(&reader->conf, setting, "up", times, &up);
	conf_int(&reader->conf, setting, "down", times, &down);
	health->up = (uint8_t)up;
	health->down = (uint8_t)down;
	pool->health = health;
}

// On by default where such errors can be seen: not in mode l2, whose members answer senders by a way of their own.
void read_eject(struct reader *reader, config_setting_t *group, struct pool_def *pool)
{
	const struct conf_range seconds = { 1, 3600 };
	config_setting_t *setting = config_setting_get_member(group, "eject");
	int64_t errors = 3, interval = 10000, base = 30, max = 300;

	if (setting != NULL && !conf_group(&reader->conf, setting, eject_keys))
		return;
	if (pool->mode == WEIR_MODE_L2) {
		if (setting != NULL)
			conf_error(&reader->conf, setting, "leave it out; probes (health) find the dead",
				   "eject has no meaning in mode \"l2\", whose members send errors to the senders");
		return;
	}
	if (setting != NULL) {
		conf_int(&reader->conf, setting, "errors", (struct conf_range){ 0, 255 }, &errors);
		conf_int(&reader->conf, setting, "interval_ms", (struct conf_range){ 100, 3600000 },
			 &interval);
		conf_int(&reader->conf, setting, "base", seconds, &base);
		if (conf_int(&reader->conf, setting, "max", seconds, &max) == 0 && max < base)
			max = base;
		if (max < base)
			conf_error(&reader->conf, config_setting_get_member(setting, "max"),
				   "the time doubles from base to max", "max %lld is below base %lld",
				   (long long)max, (long long)base);
	}
	if (errors == 0)
		return;
	pool->eject_errors = (uint8_t)errors;
	pool->eject_interval_ms = (uint32_t)interval;
	pool->eject_base = (uint16_t)base;
	pool->eject_max = (uint16_t)max;
}
