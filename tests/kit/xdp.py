# SPDX-License-Identifier: BSD-3-Clause
"""A gateway with an XDP port on a veth cable: the gateway's end is gw0 in the namespace "gw", the sender's far0 in "far"."""
import os
import subprocess

from gateway import BUILD, Gateway, SkipTest, wait_for
from network import Network

PINS = "/sys/fs/bpf/weir"
# For programs built with the leak sanitizer.
os.environ["LSAN_OPTIONS"] = f"print_suppressions=0:suppressions={os.path.dirname(os.path.abspath(__file__))}/xdp.lsan"
RULES = """version = 1;
pools = ( { name = "p"; port = 0; members = ( { name = "m"; address = "10.0.0.9"; mac = "02:00:00:00:00:09"; } ); } );
blocked_sources = [ %s ];
default = { forward = "p"; };
"""


def bpf_or_skip():
    """Skips where programs cannot be loaded."""
    if os.geteuid() != 0:
        raise SkipTest("loading BPF programs needs root")
    mounts = open("/proc/mounts", encoding="utf-8").read()
    if " /sys/fs/bpf bpf " not in mounts and subprocess.run(["mount", "-t", "bpf", "bpf", "/sys/fs/bpf"], check=False).returncode:
        raise SkipTest("no bpffs can be mounted on /sys/fs/bpf")


class XdpNetwork(Network):
    """Processes see the file systems of the machine, bpffs among them, and the namespace's network."""

    def __init__(self, *names):
        bpf_or_skip()
        super().__init__(*names)

    def prefix(self, name):
        return ["nsenter", f"--net=/run/netns/{self.full(name)}"]


def take_what_programs_send(net):
    """The far end of a veth cable takes what our program sends back at once only where it has a program itself: without one
    it is not told, and finds such frames when others come. `gro on` alone makes it take them at all."""
    net.run("far", "ip", "link", "set", "dev", "far0", "xdpdrv", "obj", os.path.abspath(os.path.join(BUILD, "tests/bpf/other.bpf.o")),
            "sec", "xdp")


class XdpGateway:
    """`with XdpGateway(net) as gw`: running, with the rules given, both daemons; `gw.far` is a raw socket at the sender's end."""

    def __init__(self, net, port="", rules=RULES % "", cable=True, **settings):
        self.net = net
        self.name = f"wt{os.getpid()}"
        if cable:
            net.veth("gw", "gw0", "far", "far0")
            net.run("far", "ethtool", "-K", "far0", "gro", "on")  # so that it takes what the program sends back
        settings.setdefault("memory_mb", 64)
        self.g = Gateway([f'name = "in0"; type = "xdp"; device = "gw0"; {port}'], name=self.name, **settings)
        self.g.write("rules.conf", rules)
        self.far = net.raw("far", "far0")

    def __enter__(self):
        self.start()
        self.g.start("weir-controlplane", "--config", self.g.config)
        self.wait_generation(1)
        wait_for("sockets", lambda: self.lines_of("xsks_map"))
        return self

    def __exit__(self, *error):
        self.far.close()
        for process in self.g.processes:  # in order, so that nothing stays attached or pinned
            if process.poll() is None:
                process.terminate()
        for process in self.g.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                pass
        self.g.__exit__(*error)

    def start(self, **environment):
        socket = self.g.path(f"run/{self.name}/dp.sock")
        if os.path.exists(socket):
            os.unlink(socket)  # a killed one's
        self.dataplane = self.g.start("weir-dataplane", "--config", self.g.config, prefix=self.net.prefix("gw"),
                                      env={**os.environ, **environment})
        wait_for("its socket", lambda: self.dataplane.poll() is not None or os.path.exists(socket))
        assert self.dataplane.poll() is None, self.log()

    def wait_generation(self, generation):
        wait_for("a table", lambda: (self.stats_or_none() or {}).get("generation") == generation)

    def stats_or_none(self):
        try:
            return self.g.stats()
        except AssertionError:
            return None

    def stats(self):
        return self.g.stats()

    def xdp(self):
        return self.stats()["ports"][0]["xdp"]

    def log(self):
        return self.g.log("weir-dataplane")

    def load(self, rules):
        self.g.write("rules.conf", rules)
        done = self.g.run("weirctl", "--config", self.g.config, "rules", "load", self.g.path("rules.conf"))
        assert done.returncode == 0, done.stderr

    def folder(self):
        return f"{PINS}/{self.name}/in0"

    def lines_of(self, name):
        """How many entries the pinned map has."""
        done = subprocess.run(["bpftool", "map", "dump", "pinned", f"{self.folder()}/{name}"], capture_output=True, text=True,
                              check=False)
        return done.stdout.count("key")

    def program(self):
        """Id of the program on the interface, None: none."""
        words = self.net.ip("gw", "link", "show", "gw0").split()
        return int(words[words.index("id") + 1]) if "prog/xdp" in words or "prog/xdpgeneric" in words else None
