#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the console's files a C source: embed.py OUTPUT FILE... (NAME=FILE for one that is to have another name)."""
import hashlib
import os
import sys

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".svg": "image/svg+xml"}


def array(data):
    return ",\n".join(",".join(map(str, data[at:at + 40])) for at in range(0, len(data), 40))


def main(output, *inputs):
    arrays, rows = [], []
    for number, each in enumerate(inputs):
        name, _, path = each.rpartition("=")
        name = name or os.path.basename(path)
        with open(path, "rb") as file:
            data = file.read()
        tag = hashlib.sha256(data).hexdigest()[:32]
        arrays.append(f"static const unsigned char file_{number}[] = {{ // {name}\n{array(data)}\n}};\n")
        rows.append(f'\t{{ "{name}", "{TYPES[os.path.splitext(name)[1]]}", "\\"{tag}\\"", file_{number}, sizeof(file_{number}) }},\n')
    with open(output, "w", encoding="utf-8") as out:
        out.write("// Made by embed.py.\n#include \"controlplane/agents/web.h\"\n\n" + "\n".join(arrays) +
                  "\nconst struct web_file web_files[] = {\n" + "".join(rows) + "\t{ NULL, NULL, NULL, NULL, 0 }\n};\n")


main(*sys.argv[1:])
