// SPDX-License-Identifier: BSD-3-Clause
//
// The page of a report, see report.h: everything in one file, so that it opens without a network.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/pktgen/page.h"
#include "bench/pktgen/report.h"

int report_write_html(const json_t *report, const char *path)
{
	char *text = json_dumps(report, JSON_COMPACT | JSON_REAL_PRECISION(6));
	FILE *file = text ? fopen(path, "we") : NULL;
	int err = text ? -errno : -ENOMEM;

	if (file) {
		fwrite(page_before, 1, page_before_size, file);
		for (const char *at = text; *at; at++)
			if (*at == '<') // or "</script>" in a text would end it
				fputs("\\u003c", file);
			else
				fputc(*at, file);
		fwrite(page_after, 1, page_after_size, file);
		err = ferror(file) ? -EIO : 0;
		if (fclose(file) != 0 && !err)
			err = -errno;
	}
	free(text);
	return err;
}
