// SPDX-License-Identifier: BSD-3-Clause
//
// Reads a battery file: libconfig, with the typed readers of the rule language, so that its errors have
// the same form, and all of them are reported.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/weirctl/battery.h"
#include "controlplane/weirctl/weirctl.h"
#include "rules/address.h"
#include "rules/conf.h"
#include "rules/file.h"
#include "rules/model.h"

static const char *const file_keys[] = {"rules", "messages", NULL};
static const char *const message_keys[] = {"name", "tenant", "country", "priority", "channel", "protocol",
					   "size", "source", "tag",     "expect",   NULL};
static const char *const expect_keys[] = {"forward",   "agents",    "reply", "drop",
					  "malformed", "exception", "rule",  NULL};
static const char *const tag_words[] = {"right", "none", "wrong", NULL};

enum { CHANNEL_SMS = 1 };

struct reader {
	struct battery *battery;
	struct conf conf;
};

// A number found by name among those of names.h, or an error that repeats the word.
static bool find_word(const struct reader *r, config_setting_t *group, const char *key, int (*find)(const char *),
		      uint8_t *value)
{
	const char *word;
	int got = conf_string(&r->conf, group, key, &word), found;

	if (got != 1)
		return got == 0;
	found = find(word);
	if (found < 0)
		conf_error(&r->conf, config_setting_get_member(group, key), NULL, "no such %s: \"%s\"", key, word);
	else
		*value = (uint8_t)found;
	return found >= 0;
}

static int find_country(const char *word)
{
	return strlen(word) == 2 ? weir_country_find(word) : -1;
}

static void read_country(const struct reader *r, config_setting_t *group, struct battery_message *message)
{
	const char *word;

	message->country = WEIR_COUNTRY_ZZ;
	if (conf_string(&r->conf, group, "country", &word) != 1)
		return;
	if (find_country(word) < 0)
		conf_error(&r->conf, config_setting_get_member(group, "country"), "two upper-case letters, as \"DE\"",
			   "no country code: \"%s\"", word);
	else
		message->country = (uint16_t)find_country(word);
}

// The largest id that is not in the table.
static uint32_t unknown_tenant(const struct table *table)
{
	uint32_t id = UINT32_MAX, class;

	while (table_find_tenant(table, id, &class) != TENANT_SLOT_NONE)
		id--;
	return id;
}

static const struct tenant_def *find_tenant(const struct rule_set *rules, const char *name, uint32_t id)
{
	for (uint32_t i = 0; i < rules->n_tenants; i++)
		if (name ? strcmp(rules->tenants[i].name, name) == 0 : rules->tenants[i].id == id)
			return &rules->tenants[i];
	return NULL;
}

static void read_tenant(const struct reader *r, config_setting_t *group, struct battery_message *message)
{
	const struct loaded *loaded = &r->battery->loaded;
	config_setting_t *setting = config_setting_get_member(group, "tenant");
	const char *name = setting ? config_setting_get_string(setting) : NULL;
	char *label = r->battery->labels[message - r->battery->messages];
	const struct tenant_def *tenant;
	int64_t id = 0;

	if (!setting) {
		conf_error(&r->conf, group, "a name, an id, or \"unknown\"", "tenant is missing");
		return;
	}
	if (name && strcmp(name, "unknown") == 0)
		id = unknown_tenant(&loaded->table);
	else if (!name && conf_int_value(&r->conf, setting, "tenant", (struct conf_range){1, UINT32_MAX}, &id) != 1)
		return;
	tenant = find_tenant(loaded->rules, id ? NULL : name, (uint32_t)id);
	if (!tenant && !id) {
		conf_error(&r->conf, setting, "a name of the rule file, an id, or \"unknown\"", "no tenant \"%s\"",
			   name);
		return;
	}
	message->tenant_id = tenant ? tenant->id : (uint32_t)id;
	message->key = tenant ? tenant->key : NULL;
	message->domain = !tenant ? "unknown.invalid" : tenant->n_domains > 0 ? tenant->domains[0] : NULL;
	snprintf(label, sizeof(*r->battery->labels), "%" PRIu32, message->tenant_id);
	message->tenant = tenant ? tenant->name : name ? "unknown" : label;
}

static void read_source(const struct reader *r, config_setting_t *group, struct battery_message *message)
{
	const char *text = "203.0.113.1";

	conf_string(&r->conf, group, "source", &text);
	message->source_port = 40000;
	message->family = (uint8_t)address_parse(text, message->source);
	if (message->family == 0)
		conf_error(&r->conf, config_setting_get_member(group, "source"), NULL, "no IP address: \"%s\"", text);
}

static void read_expect(const struct reader *r, config_setting_t *group, struct battery_message *message)
{
	static const enum weir_disposition of_key[] = {WEIR_FORWARD, WEIR_AGENTS,    WEIR_REPLY,
						       WEIR_DROP,    WEIR_MALFORMED, WEIR_EXCEPTION};
	config_setting_t *expect = config_setting_get_member(group, "expect");
	unsigned given = 0;

	if (!expect) {
		conf_error(&r->conf, group, "expect = { forward = \"POOL\"; }", "expect is missing");
		return;
	}
	if (!conf_group(&r->conf, expect, expect_keys))
		return;
	for (unsigned i = 0; i < sizeof(of_key) / sizeof(of_key[0]); i++) {
		if (conf_string(&r->conf, expect, expect_keys[i], &message->expect.what) == 0)
			continue;
		message->expect.disposition = of_key[i];
		given++;
	}
	conf_string(&r->conf, expect, "rule", &message->expect.rule);
	if (given != 1)
		conf_error(&r->conf, expect, "forward, agents, reply, drop, malformed or exception",
			   "expect names %u outcomes, not one", given);
}

// What SIP and CoAP have no way to say is an error, not another message.
static void check_request(const struct reader *r, config_setting_t *group, struct battery_message *message)
{
	if (message->size > BATTERY_REQUEST_SIZE_MAX)
		conf_error(&r->conf, group, NULL, "size %u is too large for a %s message", message->size,
			   weir_protocol_name(message->protocol));
	if (message->protocol != WEIR_SIP)
		return;
	if (message->channel != CHANNEL_SMS && message->channel != 0)
		conf_error(&r->conf, group, "leave channel out", "a SIP message has the channel sms");
	message->channel = CHANNEL_SMS;
	if (!message->domain)
		conf_error(&r->conf, group, "give it domains in the rule file",
			   "a SIP message names its tenant by a domain, and \"%s\" has none", message->tenant);
	if (message->country != WEIR_COUNTRY_ZZ && !battery_number(message->country, message->number))
		conf_error(&r->conf, group, "leave country out",
			   "a SIP message's country is that of a telephone number, and this one has no numbers");
}

static void read_message(struct reader *r, config_setting_t *group, struct battery_message *message)
{
	int64_t size = 0;
	uint32_t file;
	int tag = TAG_RIGHT;

	conf_place(&r->conf, group, &file, &message->line);
	message->file = r->battery->source.files[file];
	message->name = "";
	message->priority = WEIR_NORMAL;
	r->conf.what[0] = '\0';
	if (!conf_group(&r->conf, group, message_keys))
		return;
	if (conf_string(&r->conf, group, "name", &message->name) == 1)
		snprintf(r->conf.what, sizeof(r->conf.what), "message \"%.180s\"", message->name);
	else
		conf_error(&r->conf, group, NULL, "a message needs a name");
	read_tenant(r, group, message);
	read_country(r, group, message);
	find_word(r, group, "priority", weir_priority_find, &message->priority);
	find_word(r, group, "channel", weir_channel_find, &message->channel);
	find_word(r, group, "protocol", weir_protocol_find, &message->protocol);
	conf_int(&r->conf, group, "size", (struct conf_range){0, BATTERY_SIZE_MAX}, &size);
	message->size = (uint16_t)size;
	read_source(r, group, message);
	conf_word(&r->conf, group, "tag", tag_words, &tag);
	message->tag = (uint8_t)tag;
	read_expect(r, group, message);
	if (message->protocol != WEIR_NATIVE)
		check_request(r, group, message);
	r->conf.what[0] = '\0';
}

static int read_messages(struct reader *r, config_setting_t *root)
{
	struct battery *battery = r->battery;
	struct conf_list list;

	if (conf_groups(&r->conf, root, "messages", 1000000, &list) == 0)
		conf_error(&r->conf, NULL, "messages = ( { ... } );", "messages is missing");
	battery->messages = calloc(list.n + 1, sizeof(*battery->messages));
	battery->labels = calloc(list.n + 1, sizeof(*battery->labels));
	if (!battery->messages || !battery->labels)
		return failure(STATUS_ENVIRONMENT, "out of memory");
	battery->n = list.n;
	for (unsigned i = 0; i < list.n; i++)
		read_message(r, conf_list_get(&list, i), &battery->messages[i]);
	return STATUS_DONE;
}

// The rule file stands relative to the battery.
static int read_rules(struct reader *r, config_setting_t *root, const char *path)
{
	const char *name;
	int got = conf_string(&r->conf, root, "rules", &name), status;
	char *rules;

	if (got == 0)
		conf_error(&r->conf, NULL, "rules = \"rules.conf\";",
			   "rules is missing: the rule file, relative to this one");
	if (got != 1)
		return STATUS_REFUSED;
	rules = file_join(path, name);
	if (!rules)
		return failure(STATUS_ENVIRONMENT, "out of memory");
	status = loaded_open(&r->battery->loaded, rules, NULL);
	free(rules);
	return status;
}

static int read_all(struct battery *battery, const char *path, struct diags *diags)
{
	struct reader r = {.battery = battery, .conf = {.source = &battery->source, .diags = diags}};
	config_setting_t *root;
	int status;

	if (source_read(&battery->source, path, diags) < 0)
		return STATUS_REFUSED;
	if (!config_read_string(&battery->conf, battery->source.text)) {
		diags_push(diags, DIAG_ERROR, path, (uint32_t)config_error_line(&battery->conf), NULL, "%s",
			   config_error_text(&battery->conf));
		return STATUS_REFUSED;
	}
	root = config_root_setting(&battery->conf);
	conf_group(&r.conf, root, file_keys);
	status = read_rules(&r, root, path);
	if (status == STATUS_DONE)
		status = read_messages(&r, root);
	return status == STATUS_DONE && diags->n_errors ? STATUS_REFUSED : status;
}

int battery_open(struct battery *battery, const char *path)
{
	struct diags diags;
	int status;

	*battery = (struct battery){0};
	config_init(&battery->conf);
	diags_init(&diags);
	status = read_all(battery, path, &diags);
	diags_print(&diags, stderr);
	diags_fini(&diags);
	return status;
}

void battery_close(struct battery *battery)
{
	loaded_close(&battery->loaded);
	config_destroy(&battery->conf);
	source_fini(&battery->source);
	free(battery->messages);
	free(battery->labels);
}
