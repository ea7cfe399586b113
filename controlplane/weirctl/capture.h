// SPDX-License-Identifier: BSD-3-Clause
//
// Reads the frames of a capture file: pcap (micro- or nanoseconds, either byte order) or pcapng, of
// link type Ethernet.
#pragma once

#include <stdint.h>

struct capture {
	struct pcap *pcap;
	const char *path;
};

// Opens `path` ("-": standard input), which must outlive the capture. STATUS_DONE, or
// STATUS_REFUSED with a line on stderr.
int capture_open(struct capture *capture, const char *path);
void capture_close(struct capture *capture);

// The next frame: 1 and its captured bytes, valid until the next call; 0 at the end; -1 where the
// file cannot be read on, with a line on stderr.
int capture_next(struct capture *capture, const uint8_t **data, uint32_t *length);
