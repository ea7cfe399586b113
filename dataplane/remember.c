// SPDX-License-Identifier: BSD-3-Clause
//
// The memory of retransmissions, see remember.h. What the table of repeat.h keeps of a message is a number: what was
// told, in which words, and of which generation of the rules those words are.
#include "dataplane/remember.h"

#include <errno.h>
#include <string.h>

#include "dataplane/abi/channel.h"
#include "dataplane/answer_frame.h"
#include "dataplane/decode/sip_transaction.h"
#include "dataplane/worker.h"

enum { SIP_SECONDS = 32, COAP_SECONDS = 247 }; // RFC 3261, 17.1.2.2 (64 * T1); RFC 7252, 4.8.2 (EXCHANGE_LIFETIME)
enum { TOLD_COPIED = REPEAT_OWNERS, TOLD_DURABLE, TOLD_STATUS, TOLD_TEMPLATE_SHIFT = 8, TOLD_GENERATION_SHIFT = 24 };
static_assert(TOLD_STATUS + WEIR_N_STATUSES <= 1 << TOLD_TEMPLATE_SHIFT, "a status has a byte");

int memory_init(struct memory *memory, uint32_t n, const uint8_t secret[SIPHASH_KEY_SIZE], uint64_t tsc_hz)
{
	size_t bytes = (size_t)n * sizeof(struct repeat_entry);
	int err = repeat_init(&memory->repeat[WEIR_SIP], bytes, SIP_SECONDS, secret);

	memory->tick = tsc_hz / REPEAT_TICKS;
	return err < 0 ? err : repeat_init(&memory->repeat[WEIR_COAP], bytes, COAP_SECONDS, secret);
}

void memory_fini(struct memory *memory)
{
	for (unsigned p = 0; p < WEIR_N_PROTOCOLS; p++)
		if (memory->repeat[p].lines)
			repeat_fini(&memory->repeat[p]);
}

static struct repeat *repeat_of(struct worker *worker, unsigned protocol)
{
	return &worker->memory.repeat[protocol];
}

// A SIP request is named by its transaction, a CoAP one by its message id.
static uint16_t number_of(unsigned protocol, const struct request *request)
{
	return protocol == WEIR_COAP ? request->coap.id : 0;
}

// The ports, the number and the version of repeat_ends as one word: what is written in pieces and read as words soon
// after makes the reader wait.
static uint64_t packet_head(const struct packet *packet, uint16_t number)
{
	const uint8_t *udp = packet->data + packet->payload - 8;
	uint64_t source = (unsigned)udp[0] << 8 | udp[1], destination = (unsigned)udp[2] << 8 | udp[3];

	static_assert(offsetof(struct repeat_ends, destination_port) == 2 && offsetof(struct repeat_ends, id) == 4 &&
		      offsetof(struct repeat_ends, ip_version) == 6, "the word's places");
	return htole64(source | destination << 16 | (uint64_t)number << 32 | (uint64_t)packet->ip_version << 48);
}

static struct repeat_ends packet_ends(const struct packet *packet, uint16_t number)
{
	const uint8_t *ip = packet->data + packet->l3;
	uint64_t head = packet_head(packet, number);
	struct repeat_ends ends;

	memcpy(&ends, &head, sizeof(head));
	if (packet->ip_version == 4)
		memcpy(ends.address, ip + 12, 8);
	else
		memcpy(ends.address, ip + 8, 32);
	return ends;
}

static struct repeat_ends record_ends(const struct weir_record *record, uint16_t number)
{
	unsigned size = record->ip_version == 4 ? 4 : 16;
	struct repeat_ends ends = { .ip_version = record->ip_version,
				    .id = number,
				    .source_port = record->udp_source,
				    .destination_port = record->udp_destination };

	memcpy(ends.address, record->ip_source, size);
	memcpy(ends.address + size, record->ip_destination, size);
	return ends;
}

static uint64_t key_of(const struct repeat *repeat, const struct repeat_ends *ends, unsigned protocol,
		       const uint8_t *payload, const struct request *request)
{
	struct siphash hash;

	if (protocol == WEIR_COAP)
		return repeat_key(repeat, ends);
	repeat_name(repeat, ends, &hash);
	return repeat_key_of(sip_transaction_end(&hash, payload, &request->sip));
}

void remember_begin(struct worker *worker, const struct burst *burst)
{
	worker->memory.names.n = 0;
	worker->memory.now = (uint32_t)((burst->now - worker->started) / worker->memory.tick);
}

// The words of repeat_ends. Returns how many.
static inline unsigned put_ends(uint64_t *word, const struct packet *packet, uint16_t number)
{
	const uint8_t *ip = packet->data + packet->l3;

	word[0] = packet_head(packet, number);
	if (likely(packet->ip_version == 4)) {
		word[REPEAT_LANES] = siphash_load(ip + 12);
		return 2;
	}
	for (unsigned i = 0; i < 4; i++)
		word[(i + 1) * REPEAT_LANES] = siphash_load(ip + 8 + 8 * i);
	return 5;
}

// Puts a message among those that get their keys together. False where its name has no room there.
static inline bool put_name(struct memory *memory, unsigned i, const struct packet *packet,
			    const struct request *request)
{
	struct repeat_names *names = &memory->names;
	uint64_t *word = repeat_names_next(names), rest = 0;
	unsigned n = put_ends(word, packet, number_of(packet->protocol, request)), bytes = 8 * n, more;

	if (packet->protocol == WEIR_SIP) {
		more = sip_transaction_words(packet->data + packet->payload, &request->sip, word + n * REPEAT_LANES,
					     REPEAT_LANES, REPEAT_WORDS - n, &rest);
		if (more == 0)
			return false;
		n += more;
		bytes = 8 * n + 7;
	}
	word[n * REPEAT_LANES] = rest | (uint64_t)bytes << 56;
	names->count[names->n] = (uint8_t)(n + 1);
	memory->named[names->n++] = (uint8_t)i;
	return true;
}

void remember_named(struct worker *worker, const struct burst *burst)
{
	struct memory *memory = &worker->memory;
	uint64_t key[REPEAT_NAMES];

	static_assert((int)REPEAT_NAMES == (int)BURST_MAX, "a burst has room");
	repeat_keys(memory->repeat[WEIR_COAP].secret, &memory->names, key);
	for (unsigned at = 0; at < memory->names.n; at++) {
		unsigned i = memory->named[at];

		memory->key[i] = key[at];
		repeat_prefetch(&memory->repeat[burst->packet[i].protocol], key[at]);
	}
}

void remember_name(struct worker *worker, const struct burst *burst, unsigned i, const struct request *request)
{
	const struct packet *packet = &burst->packet[i];
	const struct repeat *repeat = repeat_of(worker, packet->protocol);
	struct repeat_ends ends;

	if (likely(put_name(&worker->memory, i, packet, request)))
		return;
	ends = packet_ends(packet, number_of(packet->protocol, request));
	worker->memory.key[i] =
		key_of(repeat, &ends, packet->protocol, packet->data + packet->payload, request);
	repeat_prefetch(repeat, worker->memory.key[i]);
}

enum remembered remember_find(struct worker *worker, const struct burst *burst, unsigned i)
{
	const struct repeat *repeat = repeat_of(worker, burst->packet[i].protocol);

	switch (repeat_find(repeat, worker->memory.key[i], worker->memory.now)) {
	case REPEAT_NEW:
	case TOLD_COPIED:
		return REMEMBERED_NEW;
	case REPEAT_PENDING:
		return REMEMBERED_WAITS;
	default:
		return REMEMBERED_TOLD;
	}
}

// A template that is no longer in use has lost its words; the status stands.
struct answer remember_answer(const struct worker *worker, const struct burst *burst, unsigned i)
{
	const struct repeat *repeat = &worker->memory.repeat[burst->packet[i].protocol];
	uint32_t told = repeat_find(repeat, worker->memory.key[i], worker->memory.now);
	bool durable = (told & 0xff) == TOLD_DURABLE;
	struct answer answer = { .status = durable ? WEIR_STATUS_ACCEPTED : (uint8_t)((told & 0xff) - TOLD_STATUS),
				 .retry_after = ANSWER_RETRY_SECONDS,
				 .later = durable };
	unsigned template = told >> TOLD_TEMPLATE_SHIFT & 0xffff;
	const struct live *live = worker->live;
	const struct table_reply *reply;

	// A generation is known by its last byte: 256 of them later the table may have fewer templates.
	if (template == 0 || (told >> TOLD_GENERATION_SHIFT) != (live->generation & 0xff) ||
	    template > table_count(&live->table, TABLE_REPLIES))
		return answer;
	reply = &live->table.replies[template - 1];
	answer.retry_after = reply->retry_after;
	answer.text = table_string(&live->table, reply->text);
	answer.text_length = (uint16_t)reply->text_length;
	return answer;
}

bool remember_waits(struct worker *worker, struct burst *burst, unsigned i)
{
	unsigned protocol = burst->packet[i].protocol;
	struct repeat *repeat;
	uint64_t evicted;
	uint32_t told;

	if (likely(protocol == WEIR_NATIVE))
		return true;
	repeat = repeat_of(worker, protocol);
	evicted = repeat->evicted;
	told = repeat_claim(repeat, worker->memory.key[i], worker->memory.now);
	if (told == TOLD_COPIED)
		repeat_put(repeat, worker->memory.key[i], REPEAT_PENDING);
	worker->counters[burst->port].repeats_forgotten += repeat->evicted - evicted;
	return told == REPEAT_NEW || told == TOLD_COPIED;
}

static void put(struct worker *worker, struct burst *burst, unsigned i, uint32_t told)
{
	if (likely(burst->packet[i].protocol == WEIR_NATIVE))
		return;
	remember_waits(worker, burst, i);
	repeat_put(repeat_of(worker, burst->packet[i].protocol), worker->memory.key[i], told);
}

void remember_forget(struct worker *worker, struct burst *burst, unsigned i)
{
	if (burst->packet[i].protocol != WEIR_NATIVE)
		repeat_put(repeat_of(worker, burst->packet[i].protocol), worker->memory.key[i], REPEAT_NEW);
}

void remember_told(struct worker *worker, struct burst *burst, unsigned i, unsigned status, unsigned template)
{
	uint32_t words = template < 0xffff ? (template + 1) << TOLD_TEMPLATE_SHIFT : 0;
	uint32_t generation = (uint32_t)worker->live->generation << TOLD_GENERATION_SHIFT;

	put(worker, burst, i, generation | words | (TOLD_STATUS + status));
}

bool remember_was_copied(const struct worker *worker, const struct burst *burst, unsigned i)
{
	unsigned protocol = burst->packet[i].protocol;

	return protocol != WEIR_NATIVE && repeat_find(&worker->memory.repeat[protocol], worker->memory.key[i],
						      worker->memory.now) != REPEAT_NEW;
}

void remember_copied(struct worker *worker, struct burst *burst, unsigned i)
{
	put(worker, burst, i, TOLD_COPIED);
}

void remember_accepted(struct worker *worker, const struct weir_record *record)
{
	const uint8_t *payload = (const uint8_t *)(record + 1);
	struct repeat_ends ends;
	struct request request;

	if (record->protocol == WEIR_NATIVE)
		return;
	request_parse(record->protocol, payload, record->payload_length, &request);
	ends = record_ends(record, number_of(record->protocol, &request));
	repeat_put(repeat_of(worker, record->protocol),
		   key_of(repeat_of(worker, record->protocol), &ends, record->protocol, payload, &request),
		   TOLD_DURABLE);
}
