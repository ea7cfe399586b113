// SPDX-License-Identifier: BSD-3-Clause
//
// Capture files, through libpcap.
#include "controlplane/weirctl/capture.h"

#include <pcap/pcap.h>

#include "controlplane/weirctl/weirctl.h"

int capture_open(struct capture *capture, const char *path)
{
	char why[PCAP_ERRBUF_SIZE];
	const char *name;
	int type;

	capture->path = path;
	capture->pcap = pcap_open_offline(path, why);
	if (!capture->pcap)
		return failure(STATUS_REFUSED, "%s: not a capture that can be read: %s", path, why);
	type = pcap_datalink(capture->pcap);
	if (type == DLT_EN10MB)
		return STATUS_DONE;
	name = pcap_datalink_val_to_name(type);
	pcap_close(capture->pcap);
	return failure(STATUS_REFUSED, "%s: link type %s (%d) is not Ethernet: capture on an Ethernet interface", path,
		       name ? name : "?", type);
}

void capture_close(struct capture *capture)
{
	pcap_close(capture->pcap);
}

int capture_next(struct capture *capture, const uint8_t **data, uint32_t *length)
{
	struct pcap_pkthdr *header;
	int got = pcap_next_ex(capture->pcap, &header, data);

	if (got == 1) {
		*length = header->caplen;
		return 1;
	}
	if (got == PCAP_ERROR_BREAK)
		return 0;
	failure(STATUS_REFUSED, "%s: the rest cannot be read: %s", capture->path, pcap_geterr(capture->pcap));
	return -1;
}
