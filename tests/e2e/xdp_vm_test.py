#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What not every kernel has: libxdp's dispatcher, and the far ends of tunnels. So the cases of xdp_test, xdp_faults_test, tunnel_test and
vxlan_test for which it matters run in a virtual machine with Debian's kernel, on the files of this machine."""
import functools
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
         "xdp_faults_test.py": ["a_program_that_someone_takes_off_is_attached_again"],
         "tunnel_test.py": ["a_members_kernel_takes_messages_out_of_ipip_and_gue"],
         "vxlan_test.py": ["messages_that_a_kernel_puts_into_vxlan_are_taken_out_and_answered_without"]}
JOB = """mount -t bpf bpf /sys/fs/bpf || exit 3
export WEIR_BUILD={build} PATIENCE=10 PYTHONDONTWRITEBYTECODE=1
status=0
{lines}
exit $status
"""


@functools.cache
def output():
    """What all the cases print, run in one machine, and its state then."""
    lines = "\n".join(f"python3 {HERE}/{script} {' '.join(names)} || status=1" for script, names in CASES.items())
    vm = Machine(JOB.format(build=os.path.abspath(BUILD), lines=lines), "e1000e", 2)
    vm.command[vm.command.index("-m") + 1] = "1024"
    with vm:
        vm.wait("the cases to be over", lambda: vm.read("status"), 1200)
        out = vm.read("job.out")
        print("".join(f"   {line}\n" for line in out.splitlines()), end="", flush=True)
        return out, vm.state()


def all_went_well(*scripts):
    out, state = output()
    for name in (name for script in scripts for name in CASES[script]):
        skip = re.search(rf"^skip {name.replace('_', ' ')}: (.*)", out, re.M)
        if skip:
            raise SkipTest(f"not in the virtual machine either: {skip.group(1)}")
        assert re.search(rf"^ok {name.replace('_', ' ')}$", out, re.M), f"{name}\n{state}"


def an_xdp_port_stands_beside_others_in_libxdps_dispatcher():
    all_went_well("xdp_test.py", "xdp_faults_test.py")


def kernels_take_messages_out_of_tunnels_and_put_them_in():
    all_went_well("tunnel_test.py", "vxlan_test.py")


if __name__ == "__main__":
    assert os.path.exists(program("weir-dataplane")), "build first"
    main([an_xdp_port_stands_beside_others_in_libxdps_dispatcher, kernels_take_messages_out_of_tunnels_and_put_them_in])
