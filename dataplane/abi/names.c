// SPDX-License-Identifier: BSD-3-Clause
//
// Names of dispositions, reasons, protocols, priorities, channels, actions and countries, made from
// the lists in names.h. Pure functions over static tables; any thread.
#include "dataplane/abi/names.h"

#include <string.h>

#include "dataplane/abi/answers.h"

#define X(name, text) text,
static const char *const dispositions[] = { WEIR_DISPOSITIONS(X) };
static const char *const protocols[] = { WEIR_PROTOCOLS(X) };
static const char *const priorities[] = { WEIR_PRIORITIES(X) };
static const char *const actions[] = { WEIR_ACTIONS(X) };
#undef X

#define X(name, disposition, text) { WEIR_##disposition, text },
static const struct {
	enum weir_disposition disposition;
	const char *text;
} reasons[] = { WEIR_REASONS(X) };
#undef X

static const char *const channels[WEIR_N_CHANNELS] = {
	"unspecified", "sms", "email", "chat", "voice", "push", "social", "web",
	"8", "9", "10", "11", "12", "13", "14", "15",
};
static const struct {
	enum weir_answer_course course;
	const char *text;
} fates[] = {
#define X(name, course, text) { WEIR_COURSE_##course, text },
	WEIR_ANSWER_FATES(X)
#undef X
};
static const char *const statuses[] = { "accepted", "refused", "busy" };

const char *weir_disposition_name(unsigned disposition)
{
	return disposition < WEIR_N_DISPOSITIONS ? dispositions[disposition] : "?";
}

const char *weir_reason_name(unsigned reason)
{
	return reason < WEIR_N_REASONS ? reasons[reason].text : "?";
}

enum weir_disposition weir_reason_disposition(unsigned reason)
{
	return reason < WEIR_N_REASONS ? reasons[reason].disposition : WEIR_MALFORMED;
}

const char *weir_protocol_name(unsigned protocol)
{
	return protocol < WEIR_N_PROTOCOLS ? protocols[protocol] : "?";
}

const char *weir_priority_name(unsigned priority)
{
	return priority < WEIR_N_PRIORITIES ? priorities[priority] : "?";
}

const char *weir_channel_name(unsigned channel)
{
	return channel < WEIR_N_CHANNELS ? channels[channel] : "?";
}

const char *weir_action_name(unsigned action)
{
	return action < WEIR_N_ACTIONS ? actions[action] : "?";
}

const char *weir_status_name(unsigned status)
{
	return status < WEIR_N_STATUSES ? statuses[status] : "?";
}

const char *weir_answer_fate_name(unsigned fate)
{
	return fate < WEIR_N_ANSWER_FATES ? fates[fate].text : "?";
}

enum weir_answer_course weir_answer_fate_course(unsigned fate)
{
	return fate < WEIR_N_ANSWER_FATES ? fates[fate].course : WEIR_COURSE_LOST;
}

static int find(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

int weir_protocol_find(const char *name)
{
	return find(protocols, WEIR_N_PROTOCOLS, name);
}

int weir_priority_find(const char *name)
{
	return find(priorities, WEIR_N_PRIORITIES, name);
}

int weir_channel_find(const char *name)
{
	return find(channels, WEIR_N_CHANNELS, name);
}

int weir_status_find(const char *name)
{
	return find(statuses, WEIR_N_STATUSES, name);
}

void weir_country_format(unsigned country, char out[3])
{
	out[0] = (char)('A' + country / 26 % 26);
	out[1] = (char)('A' + country % 26);
	out[2] = '\0';
}
