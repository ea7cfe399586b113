// SPDX-License-Identifier: BSD-3-Clause
//
// The deck as a capture and out of one, see deck.h. Main thread.
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/pktgen/deck_parts.h"

enum { EPOCH = 1700000000, SNAP = 65535 };

int deck_write(const struct deck *deck, const struct scenario *scenario, const char *path, uint64_t n)
{
	pcap_t *form = pcap_open_dead(DLT_EN10MB, SNAP);
	FILE *file = form ? fopen(path, "we") : NULL;
	pcap_dumper_t *dumper = file ? pcap_dump_fopen(form, file) : NULL;
	double base = deck_rate(deck, &scenario->rate), at = 0;
	int err = dumper ? 0 : form ? -errno : -ENOMEM;

	for (uint64_t i = 0; !err && i < n; i++) {
		const struct deck_frame *frame = &deck->frames[i % deck->n];
		struct pcap_pkthdr head = { .ts = { EPOCH + (time_t)at,
						    (suseconds_t)((at - (double)(time_t)at) * 1e6) },
					    .caplen = frame->length,
					    .len = frame->length };

		pcap_dump((u_char *)dumper, &head, deck->bytes + frame->at);
		at += 1 / rate_at(&scenario->rate, base > 0 ? base : 1e6, at);
	}
	if (dumper && (pcap_dump_flush(dumper) != 0 || ferror(pcap_dump_file(dumper))))
		err = -EIO;
	if (dumper)
		pcap_dump_close(dumper);
	if (form)
		pcap_close(form);
	return err;
}

static int read_frames(struct deck *deck, pcap_t *from, char *why, size_t why_size)
{
	struct pcap_pkthdr *head;
	const u_char *bytes;
	int got, err = 0;

	while (!err && (got = pcap_next_ex(from, &head, &bytes)) == 1) {
		if (head->caplen != head->len || head->len == 0 || head->len > SCENARIO_FRAME_MAX) {
			snprintf(why, why_size, "frame %u of %u bytes, %u of them captured, cannot be sent",
				 deck->n + 1, head->len, head->caplen);
			return -EINVAL;
		}
		if (deck->n == SCENARIO_FRAMES_MAX)
			return 0;
		err = deck_push(deck, bytes, (struct deck_frame){ .length = (uint16_t)head->len });
	}
	if (!err && got == PCAP_ERROR) {
		snprintf(why, why_size, "%s", pcap_geterr(from));
		return -EINVAL;
	}
	if (!err && deck->n == 0) {
		snprintf(why, why_size, "there is no frame in it");
		return -EINVAL;
	}
	return err;
}

int deck_read(struct deck *deck, const char *path, char *why, size_t why_size)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	pcap_t *from = pcap_open_offline(path, error);
	int err = 0;

	*deck = (struct deck){ 0 };
	if (!from) {
		snprintf(why, why_size, "%s", error);
		return -EINVAL;
	}
	if (pcap_datalink(from) != DLT_EN10MB) {
		snprintf(why, why_size, "its link type is not Ethernet");
		err = -EINVAL;
	}
	if (!err)
		err = read_frames(deck, from, why, why_size);
	pcap_close(from);
	if (err == -ENOMEM || err == -E2BIG)
		snprintf(why, why_size, "%s", strerror(-err));
	return err;
}
