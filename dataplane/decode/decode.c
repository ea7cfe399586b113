// SPDX-License-Identifier: BSD-3-Clause
//
// Stage decode: gives a message to the decoder of its listener's protocol. A protocol without one is
// not message traffic that this gateway can judge: exception `no-decoder`.
#include "dataplane/decode/decode.h"

void decode_message(struct packet *packet)
{
	if (packet->protocol == WEIR_NATIVE)
		decode_native(packet);
	else
		packet->reason = WEIR_REASON_NO_DECODER;
}
