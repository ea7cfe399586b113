// SPDX-License-Identifier: BSD-3-Clause
//
// The keys of a match whose values are a few words: priority, channel, protocol.
#include <stdio.h>
#include <string.h>

#include "rules/reader.h"

struct small_key { // a key whose values are a few words
	const char *name, *path;
	int (*find)(const char *name);
	const char *(*name_of)(unsigned value);
	unsigned n;
	bool numbers; // an integer of 8 and more stands for itself (channels)
};

static void report_word(struct reader *reader, const config_setting_t *at,
			const struct small_key *key, const char *word)
{
	const char *words[WEIR_N_CHANNELS + 1] = { NULL }, *near;
	char hint[128], known[160] = "it is ";
	unsigned named = key->numbers ? WEIR_N_NAMED_CHANNELS : key->n;

	for (unsigned i = 0; i < named; i++) {
		size_t end = strlen(known);

		words[i] = key->name_of(i);
		snprintf(known + end, sizeof(known) - end, "%s%s", i > 0 ? ", " : "", words[i]);
	}
	if (key->numbers)
		strncat(known, ", 8 to 15", sizeof(known) - strlen(known) - 1);
	near = conf_nearest_word(word, words, hint);
	conf_error(&reader->conf, at, near != NULL ? near : known, "unknown %s \"%.80s\"",
		   key->name, word);
}

static unsigned read_small_key(struct reader *reader, config_setting_t *group,
			       const struct small_key *key, unsigned all)
{
	struct conf_list list;
	unsigned bits = 0;

	if (!match_list(reader, group, key->name, &list))
		return all;
	for (unsigned i = 0; i < list.n; i++) {
		config_setting_t *element = conf_list_get(&list, i);
		const char *text;
		int64_t number;
		int value;

		if (key->numbers && config_setting_type(element) == CONFIG_TYPE_INT) {
			if (conf_int_value(&reader->conf, element, key->path,
					   (struct conf_range){ WEIR_N_NAMED_CHANNELS,
								WEIR_N_CHANNELS - 1 },
					   &number) > 0)
				bits |= 1u << number;
			continue;
		}
		text = conf_element(&reader->conf, element, key->path);
		value = text != NULL ? key->find(text) : -1;
		if (value >= 0)
			bits |= 1u << value;
		else if (text != NULL)
			report_word(reader, element, key, text);
	}
	return bits;
}

void match_read_words(struct reader *reader, config_setting_t *group, struct match_def *match)
{
	static const struct small_key priority = { "priority",	       "match.priority",
						   weir_priority_find, weir_priority_name,
						   WEIR_N_PRIORITIES,  false };
	static const struct small_key channel = { "channel",	     "match.channel",
						  weir_channel_find, weir_channel_name,
						  WEIR_N_CHANNELS,   true };
	static const struct small_key protocol = { "protocol",	       "match.protocol",
						   weir_protocol_find, weir_protocol_name,
						   WEIR_N_PROTOCOLS,   false };

	match->priorities = (uint8_t)read_small_key(reader, group, &priority, match->priorities);
	match->channels = (uint16_t)read_small_key(reader, group, &channel, match->channels);
	match->protocols = (uint8_t)read_small_key(reader, group, &protocol, match->protocols);
}
