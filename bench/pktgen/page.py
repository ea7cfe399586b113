#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the report's page a C source: page.py OUTPUT PAGE CHART_JS. The page is cut where the report's JSON belongs."""
import sys

REPORT, CHARTS = b"@REPORT@", b"@CHARTS@"


def main(output, page, charts):
    with open(page, "rb") as file:
        text = file.read()
    with open(charts, "rb") as file:
        script = file.read().replace(b"</script", b"<\\/script")
    before, after = text.replace(CHARTS, script).split(REPORT)
    with open(output, "w", encoding="utf-8") as out:
        out.write('// Made by page.py.\n#include "bench/pktgen/page.h"\n')
        for name, data in (("page_before", before), ("page_after", after)):
            rows = ",\n".join(",".join(map(str, data[at:at + 40])) for at in range(0, len(data), 40))
            out.write(f"\nconst unsigned char {name}[] = {{\n{rows}\n}};\nconst size_t {name}_size = sizeof({name});\n")


main(*sys.argv[1:])
