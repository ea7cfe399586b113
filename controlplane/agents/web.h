// SPDX-License-Identifier: BSD-3-Clause
//
// The console: a page and its files, which are in the program (web/, made into web_files by web/embed.py). They hold
// no secret and are served to anybody, under rules that let them load nothing but themselves. Desk's thread.
#pragma once

#include <stddef.h>

struct http_request;

struct web_file {
	const char *name, *type; // below /console/, and its media type
	const char *tag;         // an ETag: hash of the content, in quotation marks
	const unsigned char *data;
	size_t size;
};

extern const struct web_file web_files[]; // ends with a name of NULL

// Handlers of routes: to the console, from above it; a file of it, named by the request ("" is the page).
void web_front(void *argument, struct http_request *request);
void web_page(void *argument, struct http_request *request);
