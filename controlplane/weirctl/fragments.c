// SPDX-License-Identifier: BSD-3-Clause
//
// Frames in order while some wait, see fragments.h: a list that is printed from its head as far as nothing waits. Where
// no fragment waits it is empty.
#include "controlplane/weirctl/fragments.h"

#include <stdlib.h>
#include <string.h>

#include "controlplane/weirctl/weirctl.h"
#include "dataplane/tunnel.h"

struct frame {
	struct frame *next;
	struct triage triage;
	uint8_t *data; // of a fragment that waits, else NULL
};

struct fragments {
	struct fragments_out out;
	struct reassembly *reassembly;
	struct frame *head, **tail;
	uint8_t whole[REASSEMBLY_MAX];
};

static void copy_frame(const void *frame, uint32_t offset, uint32_t length, uint8_t *out)
{
	memcpy(out, ((const struct frame *)frame)->data + offset, length);
}

static void end_frame(void *context, void *held, enum weir_disposition disposition)
{
	struct frame *frame = held;

	if (disposition == WEIR_FRAGMENT)
		frame->triage = (struct triage){ .disposition = WEIR_FRAGMENT, .verdict = TABLE_NONE };
	free(frame->data);
	frame->data = NULL;
}

struct fragments *fragments_create(const struct gateway_fragments *limits, const struct fragments_out *out)
{
	static const uint8_t seed[16]; // whoever makes a slow capture waits for it alone
	const struct reassembly_limits numbers = { limits->datagrams, limits->frames, limits->per_datagram, 1 };
	struct fragments *fragments = calloc(1, sizeof(*fragments));
	const struct reassembly_frames frames = { copy_frame, end_frame, fragments };

	if (!fragments)
		return NULL;
	fragments->out = *out;
	fragments->tail = &fragments->head;
	fragments->reassembly = reassembly_create(&numbers, &frames, seed);
	if (fragments->reassembly)
		return fragments;
	free(fragments);
	return NULL;
}

// Prints from the head on what does not wait.
static void print_ready(struct fragments *fragments)
{
	struct frame *frame;

	while ((frame = fragments->head) && !frame->data) {
		fragments->out.print(fragments->out.context, &frame->triage);
		fragments->head = frame->next;
		if (!fragments->head)
			fragments->tail = &fragments->head;
		free(frame);
	}
}

void fragments_end(struct fragments *fragments)
{
	reassembly_flush(fragments->reassembly);
	print_ready(fragments);
}

void fragments_destroy(struct fragments *fragments)
{
	if (!fragments)
		return;
	reassembly_destroy(fragments->reassembly);
	while (fragments->head) {
		struct frame *frame = fragments->head;

		fragments->head = frame->next;
		free(frame);
	}
	free(fragments);
}

// Puts the frame at the end, with its bytes where it is to wait. NULL: no memory.
static struct frame *put(struct fragments *fragments, const struct triage *triage, bool waits)
{
	struct frame *frame = calloc(1, sizeof(*frame));

	if (frame && waits)
		frame->data = malloc(triage->packet.length);
	if (!frame || (waits && !frame->data)) {
		free(frame);
		failure(STATUS_ENVIRONMENT, "out of memory");
		return NULL;
	}
	frame->triage = *triage;
	if (waits) {
		memcpy(frame->data, triage->packet.data, triage->packet.length);
		if (packet_tunnel(&triage->packet))
			tunnel_link(&triage->packet, frame->data);
	}
	*fragments->tail = frame;
	fragments->tail = &frame->next;
	return frame;
}

int fragments_take(struct fragments *fragments, const struct triage *triage, fragments_judge *judge, void *context)
{
	struct whole whole = { .data = fragments->whole };
	struct packet packet = triage->packet;
	bool is_fragment = triage->packet.reason == WEIR_REASON_FRAGMENT;
	enum reassembly_fate fate = REASSEMBLY_REFUSED;
	struct frame *frame;

	if (!is_fragment && !fragments->head) {
		fragments->out.print(fragments->out.context, triage);
		return STATUS_DONE;
	}
	frame = put(fragments, triage, is_fragment);
	if (!frame)
		return STATUS_ENVIRONMENT;
	packet.data = frame->data;
	if (is_fragment)
		fate = reassembly_take(fragments->reassembly, &packet, frame, 0, &whole);
	if (fate == REASSEMBLY_WHOLE)
		judge(context, &whole, &frame->triage);
	if (fate != REASSEMBLY_HELD) {
		free(frame->data);
		frame->data = NULL;
	}
	print_ready(fragments);
	return STATUS_DONE;
}
