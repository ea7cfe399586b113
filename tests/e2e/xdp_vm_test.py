#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""An XDP port beside other programs in libxdp's dispatcher. Not every kernel permits that; so the cases of xdp_test and
xdp_faults_test for which it matters run in a virtual machine with Debian's kernel, on the files of this machine."""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from gateway import BUILD, SkipTest, main, program  # noqa: E402
from vm import Machine  # noqa: E402

CASES = {"xdp_test.py": ["a_program_in_libxdps_dispatcher_stays_and_still_runs",
                         "a_killed_dataplane_leaves_the_kernel_its_traffic_and_the_next_one_takes_over",
                         "a_stop_leaves_nothing_behind_and_loses_nothing"],
         "xdp_faults_test.py": ["a_program_that_someone_takes_off_is_attached_again"]}
JOB = """mount -t bpf bpf /sys/fs/bpf || exit 3
export WEIR_BUILD={build} PATIENCE=10 PYTHONDONTWRITEBYTECODE=1
status=0
{lines}
exit $status
"""


def beside_others_in_libxdps_dispatcher():
    lines = "\n".join(f"python3 {HERE}/{script} {' '.join(names)} || status=1" for script, names in CASES.items())
    vm = Machine(JOB.format(build=os.path.abspath(BUILD), lines=lines), "e1000e", 2)
    vm.command[vm.command.index("-m") + 1] = "1024"
    with vm:
        vm.wait("the cases to be over", lambda: vm.read("status"), 600)
        out = vm.read("job.out")
        print("".join(f"   {line}\n" for line in out.splitlines()), end="", flush=True)
        done = {name.replace(" ", "_") for name in re.findall(r"^ok (.*)$", out, re.M)}
        missing = [name for names in CASES.values() for name in names if name not in done]
        if "skip a program in libxdps dispatcher" in out:
            raise SkipTest("the virtual machine's kernel does not take the dispatcher either")
        assert not missing, f"{missing}\n{vm.state()}"


if __name__ == "__main__":
    assert os.path.exists(program("weir-dataplane")), "build first"
    main([beside_others_in_libxdps_dispatcher])
