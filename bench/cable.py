# SPDX-License-Identifier: BSD-3-Clause
"""What benchmarks on a veth cable share: the sender at one end, which floods it, and the count of what comes back from the other."""
import os
import signal
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("WEIR_BUILD", os.path.join(HERE, "..", "build", "release"))
# Before other jobs on the machine. The sender is not real-time, since the kernel's own work for it is not.
FAIR = ["chrt", "-f", "10"]
FAIR_SENDER = ["nice", "-n", "-19"]
CPUS = sorted(os.sched_getaffinity(0))


def rate(net, mac, seconds, *frames):
    """Messages a second that come back under the flood, and that were sent, after half a second to warm up. `frames` is what frame_send is
    told of other messages than native ones."""
    said = net.run("far", *FAIR_SENDER, "taskset", "-c", str(CPUS[0]), os.path.join(BUILD, "bench", "frame_send"), "far0", "park0", mac, str(seconds),
                   *frames)
    sent, back = map(float, said.split())
    return back, sent


def far_end_threads():
    """Of every interface of that name on this machine."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as name:
                if name.read().startswith("napi/far0-"):
                    found.add(int(pid))
        except OSError:
            pass  # it has ended
    return found


def far_end(net, by_sender):
    """Who does the far end's work for a frame that comes back. With a machine at the far end of a real cable that is never the CPU that has
    sent it; here it is, as veth has it, unless a kernel thread takes it on the sender's CPU, before the sender."""
    before = far_end_threads()
    subprocess.run(["ip", "netns", "exec", net.full("far"), "sh", "-c", f"echo {by_sender:d} > /sys/class/net/far0/threaded"], check=True)
    for thread in far_end_threads() - before:
        os.sched_setaffinity(thread, CPUS[:1])
        os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(5))


def ended(process, how=signal.SIGINT):
    process.send_signal(how)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()


def cable(net):
    net.veth("gw", "gw0", "far", "far0")
    net.ip("far", "link", "add", "park0", "type", "veth", "peer", "name", "park1")  # see frame_send
    net.run("far", "ethtool", "-K", "far0", "gro", "on")
    net.run("gw", "ethtool", "-K", "gw0", "gro", "on")  # takes the sender's frames also without a program
    net.ip("gw", "address", "add", "10.9.0.1/24", "dev", "gw0")
    net.ip("gw", "neighbour", "add", "10.9.0.2", "lladdr", "02:00:00:00:00:02", "dev", "gw0", "nud", "permanent")
    words = net.ip("gw", "link", "show", "gw0").split()
    return words[words.index("link/ether") + 1]
