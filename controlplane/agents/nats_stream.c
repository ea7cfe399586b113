// SPDX-License-Identifier: BSD-3-Clause
//
// Streams. What is demanded of one: every message that it acknowledged is on disk until an agent took it, a message
// that comes twice is stored once, and a full stream says so instead of dropping the oldest.
#include "controlplane/agents/nats_stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/log.h"

enum { MIN_MESSAGE = 128 << 10 };
#define SECOND INT64_C(1000000000)

// Whether messages to `subject` ("a.b.>") all match `pattern`.
static bool covers(const char *pattern, const char *subject)
{
	size_t n = strlen(pattern);

	if (strcmp(pattern, subject) == 0 || strcmp(pattern, ">") == 0)
		return true;
	return n > 2 && strcmp(pattern + n - 2, ".>") == 0 && strncmp(pattern, subject, n - 1) == 0;
}

static bool takes(const jsStreamConfig *config, const char *subject)
{
	for (int i = 0; i < config->SubjectsLen; i++)
		if (covers(config->Subjects[i], subject))
			return true;
	return false;
}

static const char *find_fault(const jsStreamConfig *config, const struct nats_stream *stream)
{
	if (!takes(config, stream->subject))
		return "it does not take the subjects weir publishes to (nats stream edit --subjects)";
	if (config->Storage != js_FileStorage)
		return "it is kept in memory (make it anew with --storage file)";
	if (config->Retention == js_InterestPolicy)
		return "retention `interest` drops messages that nobody waits for (make it anew with --retention work)";
	if (config->MaxMsgs > 0 && config->Discard != js_DiscardNew)
		return "a full one drops its oldest messages (nats stream edit --discard new)";
	if (config->MaxBytes > 0) // whatever Discard says, before 2.10.6: nats-server issues 4771 and 4775
		return "nats-server can drop the oldest message at a limit in bytes "
		       "(nats stream edit --max-bytes -1 --max-msgs N)";
	if (config->MaxMsgsPerSubject > 0)
		return "it drops messages of a full subject (nats stream edit --max-msgs-per-subject -1)";
	if (config->MaxMsgSize > 0 && config->MaxMsgSize < MIN_MESSAGE)
		return "its largest message is below 131072 bytes (nats stream edit --max-msg-size -1)";
	if (config->NoAck)
		return "it does not acknowledge (nats stream edit --ack)";
	if (config->Sealed || config->Mirror)
		return "it is sealed or a mirror: nothing can be published to it";
	return NULL;
}

int nats_stream_check(const jsStreamConfig *config, const struct nats_stream *stream, char why[NATS_WHY])
{
	const char *fault = find_fault(config, stream);

	if (fault)
		snprintf(why, NATS_WHY, "stream %s: %s", stream->name, fault);
	else if (config->Duplicates < stream->duplicates_s * SECOND)
		snprintf(why, NATS_WHY,
			 "stream %s: it knows duplicates for %" PRId64 " s, agents.nats.duplicates_s is %u "
			 "(nats stream edit --dupe-window %us)",
			 stream->name, config->Duplicates / SECOND, stream->duplicates_s, stream->duplicates_s);
	else if (config->Replicas < stream->replicas)
		snprintf(why, NATS_WHY,
			 "stream %s: it has %" PRId64 " replicas, agents.nats.replicas is %u "
			 "(nats stream edit --replicas %u)",
			 stream->name, config->Replicas, stream->replicas, stream->replicas);
	else
		return 0;
	return -1;
}

static int make(jsCtx *js, const struct nats_stream *stream, char why[NATS_WHY])
{
	const char *subjects[] = { stream->subject };
	jsStreamConfig config;
	jsErrCode code = 0;
	natsStatus status;

	jsStreamConfig_Init(&config);
	config.Name = stream->name;
	config.Subjects = subjects;
	config.SubjectsLen = 1;
	config.Retention = js_WorkQueuePolicy;
	config.Discard = js_DiscardNew;
	config.Storage = js_FileStorage;
	config.Replicas = stream->replicas;
	config.Duplicates = stream->duplicates_s * SECOND;
	if (stream->max_messages)
		config.MaxMsgs = stream->max_messages;
	status = js_AddStream(NULL, js, &config, NULL, &code);
	if (status == NATS_OK) {
		log_info("nats: stream %s made, %u replicas", stream->name, stream->replicas);
		return 0;
	}
	if (code == JSStreamNameExistErr) // another gateway was faster; what it made is checked
		return 0;
	nats_link_explain(status, code, stream->name, why);
	return -1;
}

// -1 with `why`; 1: there is none; 0: it is as it has to be.
static int look(jsCtx *js, const struct nats_stream *stream, struct nats_stream_state *state, char why[NATS_WHY])
{
	jsStreamInfo *info = NULL;
	jsErrCode code = 0;
	natsStatus status = js_GetStreamInfo(&info, js, stream->name, NULL, &code);
	int err;

	if (status != NATS_OK && code == JSStreamNotFoundErr)
		return 1;
	if (status != NATS_OK) {
		nats_link_explain(status, code, stream->name, why);
		return -1;
	}
	err = nats_stream_check(info->Config, stream, why);
	state->last = info->State.LastSeq;
	state->replicas = (uint32_t)info->Config->Replicas;
	if (!err && info->Config->MaxAge > 0)
		log_warning("nats: stream %s removes messages after %" PRId64 " s, taken by an agent or not",
			    stream->name, info->Config->MaxAge / SECOND);
	jsStreamInfo_Destroy(info);
	return err;
}

int nats_stream_open(jsCtx *js, const struct nats_stream *stream, struct nats_stream_state *state, char why[NATS_WHY])
{
	int found = look(js, stream, state, why);

	if (found <= 0)
		return found;
	if (make(js, stream, why))
		return -1;
	found = look(js, stream, state, why);
	if (found > 0)
		snprintf(why, NATS_WHY, "stream %s: it was made, and is not there", stream->name);
	return found ? -1 : 0;
}

int nats_stream_last(jsCtx *js, const char *name, uint64_t *last, char why[NATS_WHY])
{
	jsStreamInfo *info = NULL;
	jsErrCode code = 0;
	natsStatus status = js_GetStreamInfo(&info, js, name, NULL, &code);

	if (status != NATS_OK) {
		nats_link_explain(status, code, name, why);
		return -1;
	}
	*last = info->State.LastSeq;
	jsStreamInfo_Destroy(info);
	return 0;
}
