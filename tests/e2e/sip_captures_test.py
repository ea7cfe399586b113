#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The SIP decoder beside tshark over captures of real phones: method or status, host of the Request-URI, Call-ID.

WEIR_DATA names a folder with captures in sip/pcap; without it, or without tshark, the test is skipped.
"""
import glob
import os
import shutil
import struct
import subprocess
import sys

BUILD, DATA = os.environ["WEIR_BUILD"], os.environ.get("WEIR_DATA")
FIELDS = ["udp.payload", "sip.Method", "sip.Status-Code", "sip.r-uri.host", "sip.Call-ID"]


def read_capture(path):
    """[payload, method, status, host, Call-ID] of each SIP message, as tshark has them."""
    command = ["tshark", "-r", path, "-d", "udp.port==5060,sip", "-Y", "sip && !icmp", "-T", "fields", "-E", "occurrence=f", "-E", "separator=|"]
    for field in FIELDS:
        command += ["-e", field]
    text = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.decode()
    rows = [line.split("|") for line in text.splitlines()]
    return [[bytes.fromhex(row[0].replace(":", ""))] + row[1:] for row in rows if row[0]]


def ask_decoder(messages):
    given = b"".join(struct.pack(">I", len(m)) + m for m in messages)
    done = subprocess.run([os.path.join(BUILD, "tests/kit/sip_fields")], input=given, stdout=subprocess.PIPE, check=True)
    for line in done.stdout.decode().splitlines():
        yield dict(pair.split("=", 1) for pair in line.split(" ")[1:])


def is_same(row, fields):
    text = {name: bytes.fromhex(fields[name]).decode("latin1") for name in ("method", "host", "call_id")}
    _, method, status, host, call_id = row
    if method:
        return text["method"] == method and text["call_id"] == call_id and (not host or text["host"] == host)
    return fields["status"] == status and text["call_id"] == call_id


def main():
    if not DATA or not shutil.which("tshark"):
        print("skipped: " + ("tshark is not installed" if DATA else "WEIR_DATA is not set"))
        return 77
    failed = n = 0
    for path in sorted(glob.glob(os.path.join(DATA, "sip/pcap/*"))):
        rows = read_capture(path)
        for row, fields in zip(rows, ask_decoder([r[0] for r in rows]), strict=True):
            n += 1
            if not is_same(row, fields):
                failed += 1
                print(f"FAILED {os.path.basename(path)}: {row[1:]} {fields}")
    if n == 0:
        print("skipped: WEIR_DATA has no captures in sip/pcap")
        return 77
    print(f"{n} messages of captures")
    print(f"{0 if failed else 1} passed, {1 if failed else 0} failed, 0 skipped")
    return 1 if failed else 0


sys.exit(main())
