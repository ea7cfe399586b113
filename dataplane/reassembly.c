// SPDX-License-Identifier: BSD-3-Clause
//
// Datagrams in the making, see reassembly.h. Each stands in one chain of a hash table with a secret seed, and in one
// list from the oldest to the youngest, which is also the order in which they time out. Its fragments are a list by
// offset that has no overlaps: it is whole when their lengths add up to its end. One that was refused stands there
// without fragments until its time is over, so that what comes late of it begins no new one.
#include "dataplane/reassembly.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/decode/siphash.h"
#include "dataplane/fragment.h"

enum { NONE = UINT32_MAX, SCRATCH = 65536 };

struct piece {
	void *frame;
	uint32_t next;           // by offset, or of the free ones
	uint16_t payload;        // offset in the frame
	uint16_t offset, length;
	bool duplicate;          // of the piece before it: held, but not part of the datagram
};

struct datagram {
	struct fragment_key key;
	struct fragment first; // the one at offset 0, where it is there
	uint64_t deadline;
	uint32_t pieces, n_pieces;
	uint32_t covered, highest, end; // bytes there, highest byte seen, end; 0: not known yet
	uint32_t chain;                 // next of the same bucket, or of the free ones
	uint32_t older, younger;
	uint16_t l3; // of the first one
	bool refused;
};

struct reassembly {
	struct reassembly_limits limits;
	struct reassembly_frames frames;
	uint8_t seed[SIPHASH_KEY_SIZE];
	struct datagram *datagrams;
	struct piece *pieces;
	uint32_t *buckets, n_buckets; // a power of two
	uint32_t free_datagram, free_piece, oldest, youngest;
	uint8_t *scratch;
};

void reassembly_destroy(struct reassembly *r)
{
	if (!r)
		return;
	if (r->datagrams && r->pieces && r->buckets && r->scratch)
		reassembly_flush(r);
	free(r->datagrams);
	free(r->pieces);
	free(r->buckets);
	free(r->scratch);
	free(r);
}

struct reassembly *reassembly_create(const struct reassembly_limits *limits, const struct reassembly_frames *frames,
				     const uint8_t seed[16])
{
	struct reassembly *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->limits = *limits;
	r->frames = *frames;
	memcpy(r->seed, seed, sizeof(r->seed));
	for (r->n_buckets = 2; r->n_buckets < 2 * limits->datagrams;)
		r->n_buckets *= 2;
	r->datagrams = calloc(limits->datagrams, sizeof(*r->datagrams));
	r->pieces = calloc(limits->fragments, sizeof(*r->pieces));
	r->buckets = calloc(r->n_buckets, sizeof(*r->buckets));
	r->scratch = malloc(SCRATCH);
	if (!r->datagrams || !r->pieces || !r->buckets || !r->scratch) {
		reassembly_destroy(r);
		return NULL;
	}
	memset(r->buckets, 0xff, r->n_buckets * sizeof(*r->buckets));
	for (uint32_t i = 0; i < limits->datagrams; i++)
		r->datagrams[i].chain = i + 1 < limits->datagrams ? i + 1 : NONE;
	for (uint32_t i = 0; i < limits->fragments; i++)
		r->pieces[i].next = i + 1 < limits->fragments ? i + 1 : NONE;
	r->oldest = r->youngest = NONE;
	return r;
}

static uint32_t *bucket_of(struct reassembly *r, const struct fragment_key *key)
{
	uint64_t hash = siphash24(r->seed, (const uint8_t *)key, sizeof(*key), r->seed, 0);

	return &r->buckets[hash & (r->n_buckets - 1)];
}

static uint32_t find(struct reassembly *r, const struct fragment_key *key)
{
	uint32_t at = *bucket_of(r, key);

	while (at != NONE && memcmp(&r->datagrams[at].key, key, sizeof(*key)) != 0)
		at = r->datagrams[at].chain;
	return at;
}

// The datagram's fragments end, all but `except`.
static void end_pieces(struct reassembly *r, struct datagram *datagram, enum weir_disposition disposition,
		       const void *except)
{
	uint32_t at = datagram->pieces;

	while (at != NONE) {
		struct piece *piece = &r->pieces[at];
		uint32_t next = piece->next;

		if (piece->frame != except)
			r->frames.end(r->frames.context, piece->frame, disposition);
		piece->frame = NULL;
		piece->next = r->free_piece;
		r->free_piece = at;
		at = next;
	}
	datagram->pieces = NONE;
	datagram->n_pieces = 0;
}

// The datagram is forgotten; its fragments have ended.
static void forget(struct reassembly *r, uint32_t index)
{
	struct datagram *datagram = &r->datagrams[index];
	uint32_t *link = bucket_of(r, &datagram->key);

	while (*link != index)
		link = &r->datagrams[*link].chain;
	*link = datagram->chain;
	if (datagram->older != NONE)
		r->datagrams[datagram->older].younger = datagram->younger;
	else
		r->oldest = datagram->younger;
	if (datagram->younger != NONE)
		r->datagrams[datagram->younger].older = datagram->older;
	else
		r->youngest = datagram->older;
	datagram->chain = r->free_datagram;
	r->free_datagram = index;
}

static void give_up_oldest(struct reassembly *r)
{
	uint32_t index = r->oldest;

	end_pieces(r, &r->datagrams[index], WEIR_MALFORMED, NULL);
	forget(r, index);
}

void reassembly_flush(struct reassembly *r)
{
	while (r->oldest != NONE)
		give_up_oldest(r);
}

void reassembly_expire(struct reassembly *r, uint64_t now)
{
	while (r->oldest != NONE && r->datagrams[r->oldest].deadline <= now)
		give_up_oldest(r);
}

static uint32_t begin(struct reassembly *r, const struct fragment_key *key, uint64_t now)
{
	uint32_t index, *bucket;
	struct datagram *datagram;

	if (r->free_datagram == NONE)
		give_up_oldest(r);
	index = r->free_datagram;
	datagram = &r->datagrams[index];
	r->free_datagram = datagram->chain;
	bucket = bucket_of(r, key);
	*datagram = (struct datagram){ .key = *key, .deadline = now + r->limits.timeout, .pieces = NONE,
				       .chain = *bucket, .older = r->youngest, .younger = NONE };
	*bucket = index;
	if (r->youngest != NONE)
		r->datagrams[r->youngest].younger = index;
	else
		r->oldest = index;
	r->youngest = index;
	return index;
}

// A free piece, from the oldest datagrams where there is none else; NONE where the oldest is `index` itself.
static uint32_t piece_get(struct reassembly *r, uint32_t index)
{
	uint32_t at;

	while (r->free_piece == NONE) {
		if (r->oldest == index)
			return NONE;
		give_up_oldest(r);
	}
	at = r->free_piece;
	r->free_piece = r->pieces[at].next;
	return at;
}

static bool is_same(struct reassembly *r, const struct piece *piece, const struct fragment *fragment,
		    const uint8_t *data)
{
	if (piece->offset != fragment->offset || piece->length != fragment->length)
		return false;
	r->frames.copy(piece->frame, piece->payload, piece->length, r->scratch);
	return memcmp(r->scratch, data + fragment->payload, fragment->length) == 0;
}

enum fit { FITS, DUPLICATE, MISFIT };

// Whether the fragment has its place among the datagram's: behind the piece `*before` (NONE: in front).
static enum fit fit(struct reassembly *r, const struct datagram *datagram, const struct fragment *fragment,
		    const uint8_t *data, uint32_t *before)
{
	uint32_t end = (uint32_t)fragment->offset + fragment->length, at;
	bool last = !fragment->more;

	if (datagram->n_pieces == r->limits.per_datagram)
		return MISFIT;
	if (datagram->end ? end > datagram->end || last != (end == datagram->end) : last && end <= datagram->highest)
		return MISFIT;
	*before = NONE;
	for (at = datagram->pieces; at != NONE; at = r->pieces[at].next) {
		const struct piece *piece = &r->pieces[at];

		if (piece->offset >= end)
			break;
		*before = at;
		if ((uint32_t)piece->offset + piece->length > fragment->offset)
			return is_same(r, piece, fragment, data) ? DUPLICATE : MISFIT;
	}
	return FITS;
}

static void put(struct reassembly *r, struct datagram *datagram, const struct fragment *fragment, uint32_t before,
		uint32_t at)
{
	uint32_t *link = before == NONE ? &datagram->pieces : &r->pieces[before].next;

	r->pieces[at].payload = fragment->payload;
	r->pieces[at].offset = fragment->offset;
	r->pieces[at].length = fragment->length;
	r->pieces[at].next = *link;
	*link = at;
	datagram->n_pieces++;
	if (r->pieces[at].duplicate)
		return;
	datagram->covered += fragment->length;
	if ((uint32_t)fragment->offset + fragment->length > datagram->highest)
		datagram->highest = (uint32_t)fragment->offset + fragment->length;
	if (!fragment->more)
		datagram->end = datagram->highest;
}

// Writes the whole datagram. False where it is too long to be one.
static bool join(struct reassembly *r, const struct datagram *datagram, struct whole *whole)
{
	const struct fragment *first = &datagram->first;
	uint32_t at = datagram->pieces;

	if (first->head + datagram->end > REASSEMBLY_MAX)
		return false;
	r->frames.copy(r->pieces[at].frame, 0, first->head, whole->data);
	if (!fragment_join(whole->data, first, datagram->l3, datagram->end))
		return false;
	for (; at != NONE; at = r->pieces[at].next) {
		const struct piece *piece = &r->pieces[at];

		if (!piece->duplicate)
			r->frames.copy(piece->frame, piece->payload, piece->length,
				       whole->data + first->head + piece->offset);
	}
	whole->length = first->head + datagram->end;
	return true;
}

// An IPv6 fragment that is all of its datagram.
static enum reassembly_fate take_atomic(const struct packet *packet, const struct fragment *fragment,
					struct whole *whole)
{
	memmove(whole->data, packet->data, fragment->head);
	memmove(whole->data + fragment->head, packet->data + fragment->payload, fragment->length);
	whole->length = (uint32_t)fragment->head + fragment->length;
	return fragment_join(whole->data, fragment, packet->l3, fragment->length) ? REASSEMBLY_WHOLE
										  : REASSEMBLY_REFUSED;
}

static enum reassembly_fate refuse(struct reassembly *r, struct datagram *datagram, const void *frame)
{
	end_pieces(r, datagram, WEIR_MALFORMED, frame);
	datagram->refused = true;
	return REASSEMBLY_REFUSED;
}

static enum reassembly_fate take_part(struct reassembly *r, uint32_t index, const struct packet *packet,
				      const struct fragment *fragment, void *frame, struct whole *whole)
{
	struct datagram *datagram = &r->datagrams[index];
	uint32_t before, at;
	enum fit fits = fit(r, datagram, fragment, packet->data, &before);

	if (fits == MISFIT)
		return refuse(r, datagram, frame);
	at = piece_get(r, index);
	if (at == NONE)
		return refuse(r, datagram, frame);
	r->pieces[at].frame = frame;
	r->pieces[at].duplicate = fits == DUPLICATE;
	put(r, datagram, fragment, before, at);
	if (fragment->offset == 0 && fits == FITS) {
		datagram->first = *fragment;
		datagram->l3 = packet->l3;
	}
	if (datagram->end == 0 || datagram->covered != datagram->end)
		return REASSEMBLY_HELD;
	if (!join(r, datagram, whole))
		return refuse(r, datagram, frame);
	end_pieces(r, datagram, WEIR_FRAGMENT, frame);
	forget(r, index);
	return REASSEMBLY_WHOLE;
}

enum reassembly_fate reassembly_take(struct reassembly *r, const struct packet *packet, void *frame,
				     uint64_t now, struct whole *whole)
{
	struct fragment fragment;
	uint32_t index;

	reassembly_expire(r, now);
	if (!fragment_read(packet, &fragment))
		return REASSEMBLY_REFUSED;
	whole->id = fragment.key.id;
	whole->tunnel = fragment.key.tunnel;
	if (fragment.offset == 0 && !fragment.more)
		return take_atomic(packet, &fragment, whole);
	index = find(r, &fragment.key);
	if (index == NONE)
		index = begin(r, &fragment.key, now);
	if (r->datagrams[index].refused)
		return REASSEMBLY_REFUSED;
	return take_part(r, index, packet, &fragment, frame, whole);
}
