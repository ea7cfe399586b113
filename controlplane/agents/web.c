// SPDX-License-Identifier: BSD-3-Clause
//
// Serves the console's files. Names are looked up in the list of those that there are; no path of a request comes near
// a file system. What a message says is shown by this page, so the browser is told to run nothing but these files.
#include "controlplane/agents/web.h"

#include <string.h>

#include "controlplane/agents/http.h"

static const struct { const char *name, *value; } headers[] = {
	{ "Content-Security-Policy",
	  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
	  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
	  "require-trusted-types-for 'script'; trusted-types 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "X-Frame-Options", "DENY" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Permissions-Policy", "camera=(), geolocation=(), microphone=()" },
	{ "Cache-Control", "no-cache" }, // kept, but asked for each time: the page fits the program
};

static void answer(struct http_request *request, unsigned status, const struct web_file *file)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		status == MHD_HTTP_OK ? file->size : 0, (void *)(uintptr_t)(file ? file->data : (const void *)""),
		MHD_RESPMEM_PERSISTENT);

	for (unsigned i = 0; response && i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(response, headers[i].name, headers[i].value);
	if (response && file) {
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, file->type);
		MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, file->tag);
	}
	if (response && !file)
		MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, "/console/");
	http_answer_response(request, status, response);
}

void web_front(void *argument, struct http_request *request)
{
	(void)argument;
	answer(request, MHD_HTTP_FOUND, NULL);
}

void web_page(void *argument, struct http_request *request)
{
	const char *name = request->name[0] ? request->name : "index.html";
	const char *known = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
							MHD_HTTP_HEADER_IF_NONE_MATCH);
	const struct web_file *file = web_files;

	(void)argument;
	while (file->name && strcmp(file->name, name) != 0)
		file++;
	if (!file->name)
		http_refuse(request, MHD_HTTP_NOT_FOUND, "path", "the console has no such file", 0);
	else
		answer(request, known && strcmp(known, file->tag) == 0 ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, file);
}
