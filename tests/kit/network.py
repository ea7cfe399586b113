# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces for tests: made under names with our pid, removed at the end with all that lives in them."""
import ctypes
import os
import socket
import subprocess

from gateway import SkipTest

CLONE_NEWNET = 0x40000000


def ip(*arguments):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


class Network:
    """`with Network("gw", "lan") as net`: namespaces that are called so by all methods."""

    def __init__(self, *names):
        if os.geteuid() != 0:
            raise SkipTest("network namespaces need root")
        probe = f"wt{os.getpid()}-probe"
        if subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False).returncode:
            raise SkipTest("no network namespace can be made here (ip netns add)")
        ip("netns", "del", probe)
        self.names = names
        self.processes = []

    def __enter__(self):
        for name in self.names:
            ip("netns", "add", self.full(name))
            self.ip(name, "link", "set", "lo", "up")
            # An idle namespace is to be silent: no router solicitations, no duplicate address detection.
            for what in ("default", "all"):
                self.sysctl(name, f"net/ipv6/conf/{what}/disable_ipv6", 1)
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        for name in self.names:
            ip("netns", "del", self.full(name))

    def full(self, name):
        return f"wt{os.getpid()}-{name}"

    def ip(self, name, *arguments):
        return ip("-n", self.full(name), *arguments)

    def prefix(self, name):
        return ["ip", "netns", "exec", self.full(name)]

    def sysctl(self, name, key, value):
        self.run(name, "sh", "-c", f"test ! -e /proc/sys/{key} || echo {value} > /proc/sys/{key}")

    def run(self, name, *command, timeout=60):
        done = subprocess.run([*self.prefix(name), *command], capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode:
            raise AssertionError(f"{name}: {' '.join(command)}: {done.stdout[-500:]}{done.stderr[-500:]}")
        return done.stdout

    def start(self, name, *command, **kwargs):
        process = subprocess.Popen([*self.prefix(name), *command], stdin=subprocess.DEVNULL, **kwargs)
        self.processes.append(process)
        return process

    def veth(self, name, interface, peer_name, peer):
        """A cable between two namespaces, up at both ends. Checksums are in the frames, not left to a NIC that is not there."""
        self.ip(name, "link", "add", interface, "type", "veth", "peer", "name", peer, "netns", self.full(peer_name))
        for where, what in ((name, interface), (peer_name, peer)):
            self.run(where, "ethtool", "-K", what, "tx", "off")
            self.ip(where, "link", "set", what, "up")

    def socket(self, name, *arguments):
        """A socket that lives in the namespace."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net", "rb") as own, open(f"/run/netns/{self.full(name)}", "rb") as other:
            if libc.setns(other.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                return socket.socket(*arguments)
            finally:
                libc.setns(own.fileno(), CLONE_NEWNET)

    def raw(self, name, interface):
        """An AF_PACKET socket on an interface: every frame as it is."""
        raw = self.socket(name, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        raw.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)  # SO_RCVBUFFORCE
        raw.bind((interface, 0))
        raw.settimeout(30)
        return raw
