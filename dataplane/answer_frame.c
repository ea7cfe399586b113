// SPDX-License-Identifier: BSD-3-Clause
//
// Answers in the place of frames, see answer_frame.h. On the packet path, whoever owns the mbuf.
#include "dataplane/answer_frame.h"

bool answer_frame(struct rte_mbuf *mbuf, const struct answer_to *to, const struct answer *answer)
{
	if (!answer_allowed(to))
		return false;
	if (mbuf->next) {
		rte_pktmbuf_free(mbuf->next);
		mbuf->next = NULL;
		mbuf->nb_segs = 1;
	}
	if (mbuf->buf_len - mbuf->data_off < ANSWER_MAX)
		return false;
	mbuf->data_len = (uint16_t)answer_write(rte_pktmbuf_mtod(mbuf, uint8_t *), to, answer);
	mbuf->pkt_len = mbuf->data_len;
	return true;
}
