// SPDX-License-Identifier: BSD-3-Clause
//
// Answers in the place of frames, see answer_frame.h. On the packet path, whoever owns the mbuf.
#include "dataplane/answer_frame.h"

// Makes room for a frame of `length` bytes. False: nobody may be answered, or the buffer is too small.
static bool clear(struct rte_mbuf *mbuf, const struct answer_to *to, size_t length)
{
	if (!answer_allowed(to))
		return false;
	if (mbuf->next) {
		rte_pktmbuf_free(mbuf->next);
		mbuf->next = NULL;
		mbuf->nb_segs = 1;
	}
	return (size_t)(mbuf->buf_len - mbuf->data_off) >= length;
}

static void set_length(struct rte_mbuf *mbuf, size_t length)
{
	mbuf->data_len = (uint16_t)length;
	mbuf->pkt_len = mbuf->data_len;
}

bool answer_frame(struct rte_mbuf *mbuf, const struct answer_to *to, const struct answer *answer)
{
	if (!clear(mbuf, to, ANSWER_MAX))
		return false;
	set_length(mbuf, answer_write(rte_pktmbuf_mtod(mbuf, uint8_t *), to, answer));
	return true;
}

bool answer_frame_payload(struct rte_mbuf *mbuf, const struct answer_to *to, const void *payload, size_t length)
{
	if (!clear(mbuf, to, ANSWER_LAYERS + length))
		return false;
	set_length(mbuf, answer_write_payload(rte_pktmbuf_mtod(mbuf, uint8_t *), to, payload, length));
	return true;
}
