# SPDX-License-Identifier: BSD-3-Clause
"""A network with gateways in it, as an operator builds one: a router that runs BIRD, a LAN with gateways and members behind it, senders
before it. Every machine is a network namespace, a gateway is two: `g1` has the NIC, `o1` is the kernel that gets its share. On a port of
type xdp the kernel keeps the NIC, and `g1` is both.

    s1 ─ 10.9.1.0/24 ┐                         ┌ g1 (NIC, weir) ═ weir0 10.9.0.11 in o1
                     r ─ 10.9.0.0/24, `lan` ───┤
    s2 ─ 10.9.2.0/24 ┘                         └ m1 m2 m3, 10.9.0.21 …, each with the service address on lo
"""
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import threading

from gateway import Gateway, SkipTest, ones_sum, wait_for
from network import Network

HERE = os.path.dirname(os.path.abspath(__file__))
SERVICE = "192.0.2.10"
NATIVE = 5700
ROUTER_CONF = """log stderr all;
router id 10.9.0.1;
protocol device {}
protocol bfd { interface "lan" { interval 500 ms; multiplier 10; }; }
protocol kernel { ipv4 { import none; export all; }; merge paths on; scan time 1; }
template bgp weir_session {
  local 10.9.0.1 as 65000;
  direct; bfd on; hold time 9; keepalive time 3; connect delay time 1; error wait time 1, 5;
  ipv4 { import all; export none; };
}
"""
RULES = """version = 1;
tenants = ( { id = 2; name = "desk"; } );
queues = ( { name = "desk"; } );
pools = ( { name = "pool"; port = 0; members = ( %s ); %s } );
default = { forward = "pool"; };
rules = ( { name = "people"; match = { tenant = "desk"; }; action = { agents = "desk"; }; } );
"""


def message(number, tenant, flags=0, priority=2):
    body = b"message %08d" % number
    return struct.pack(">BBBBIHHI", 0x57, 0x10 | flags, priority, 1, tenant, 0x4445, len(body), number) + body


def id_on_the_wire(frame):
    """Of a frame with a message for the service address whose checksums are right, else None."""
    if len(frame) < 58 or frame[12:14] != b"\x08\x00" or frame[23] != 17 or frame[30:34] != socket.inet_aton(SERVICE):
        return None
    udp = frame[34:34 + struct.unpack(">H", frame[38:40])[0]]
    if ones_sum(frame[14:34]) != 0xffff or ones_sum(frame[26:34] + struct.pack(">HH", 17, len(udp)) + udp) != 0xffff or udp[8] != 0x57:
        return None
    return struct.unpack(">I", udp[20:24])[0]


class Member:
    """Notes the ids of the messages that it gets at the service address, at its socket and (`wire`) on its cable; answers the pings to
    its own, unless `silent`."""

    def __init__(self, net, name, address):
        self.ids, self.wire, self.silent = [], [], False
        self.cable = net.raw(name, "net0")
        self.cable.settimeout(None)
        self.sockets = [net.socket(name, socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for one, where in zip(self.sockets, (SERVICE, address)):
            one.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
            one.bind((where, NATIVE))
        for listen in (self.listen, self.answer, self.watch):
            threading.Thread(target=listen, daemon=True).start()

    def listen(self):
        while True:
            try:
                data = self.sockets[0].recv(2048)
            except OSError:
                return
            if data[:1] == b"\x57":
                self.ids.append(struct.unpack(">I", data[12:16])[0])

    def watch(self):
        while True:
            try:
                frame, where = self.cable.recvfrom(2048)
            except OSError:
                return
            number = id_on_the_wire(frame) if where[2] == socket.PACKET_HOST else None
            if number is not None:
                self.wire.append(number)

    def answer(self):
        while True:
            try:
                data, sender = self.sockets[1].recvfrom(2048)
                if not self.silent and data[:2] == b"\x57\x11":
                    self.sockets[1].sendto(b"\x57\x12\0" + data[3:10] + b"\0\0" + data[12:16], sender)
            except OSError:
                return

    def close(self):
        for one in (*self.sockets, self.cable):
            one.close()


def seconds_of(clock):
    """Of "15:44:16.623"."""
    return sum(float(part) * unit for part, unit in zip(clock.split(":"), (3600, 60, 1)))


class Bird:
    """A BIRD in a namespace with this configuration."""

    def __init__(self, net, name, folder, config):
        self.net, self.name, self.socket = net, name, os.path.join(folder, name + ".ctl")
        path = os.path.join(folder, name + ".conf")
        with open(path, "w", encoding="utf-8") as out:
            out.write(config)
        with open(os.path.join(folder, name + ".log"), "ab") as log:
            self.process = net.start(name, "bird", "-f", "-c", path, "-s", self.socket, "-P", path + ".pid", stderr=log, stdout=log)
        wait_for("bird's socket", lambda: os.path.exists(self.socket))

    def ask(self, *words):
        return subprocess.run([shutil.which("birdc"), "-s", self.socket, *words], capture_output=True, text=True, timeout=30,
                              check=False).stdout

    def state(self, protocol):
        found = re.search(rf"^{protocol}\s+BGP\s+\S+\s+\S+\s+(\S+)\s*(\S*)", self.ask("show", "protocols"), re.M)
        return (found.group(2), found.group(1)) if found else None

    def stands_since(self, protocol, before):
        """Whether the session is the one that `before`, a state(), told of. BIRD derives the time anew each time: it may be a millisecond off."""
        after = self.state(protocol)
        if not after or before[0] != "Established" or after[0] != before[0]:
            return False
        off = abs(seconds_of(before[1]) - seconds_of(after[1]))
        return min(off, 86400 - off) < 0.1

    def story(self):
        """What it knows of its sessions, the last error of each among it."""
        return self.ask("show", "protocols", "all")


class Fleet:
    """`with Fleet(gateways=2) as fleet`: fleet.start(1) starts a gateway and its BIRD."""

    def __init__(self, gateways=1, members=3, bfd=True, health="", xdp=False):
        for tool, package in (("bird", "bird2"), ("birdc", "bird2"), ("ethtool", "ethtool"), ("ping", "iputils-ping")):
            if not shutil.which(tool):
                raise SkipTest(f"{tool} is not here (apt-get install {package})")
        self.numbers = range(1, gateways + 1)
        self.member_names = [f"m{i}" for i in range(1, members + 1)]
        self.net = Network("lan", "r", "s1", "s2", *self.member_names, *[f"{kind}{i}" for i in self.numbers for kind in "go"])
        self.bfd, self.health, self.xdp = bfd, health, xdp
        self.gateways, self.birds, self.members, self.dataplanes, self.controlplanes = {}, {}, {}, {}, {}

    def __enter__(self):
        self.net.__enter__()
        try:
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        for member in self.members.values():
            member.close()
        for gateway in self.gateways.values():
            gateway.__exit__()
        self.net.__exit__(*error)

    def build(self):
        net = self.net
        net.ip("lan", "link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0")
        net.ip("lan", "link", "set", "br0", "up")
        self.plug("r", "lan", "10.9.0.1/24")
        net.sysctl("r", "net/ipv4/ip_forward", 1)
        net.sysctl("r", "net/ipv4/fib_multipath_hash_policy", 1)
        for i in (1, 2):
            net.veth("r", f"s{i}", f"s{i}", "net0")
            net.ip("r", "address", "add", f"10.9.{i}.1/24", "dev", f"s{i}")
            net.ip(f"s{i}", "address", "add", f"10.9.{i}.2/24", "dev", "net0")
            net.ip(f"s{i}", "route", "add", "default", "via", f"10.9.{i}.1")
        for i, name in enumerate(self.member_names, 1):
            self.plug(name, "net0", f"10.9.0.{20 + i}/24")
            net.ip(name, "address", "add", f"{SERVICE}/32", "dev", "lo")
            net.ip(name, "route", "add", "default", "via", "10.9.0.1")
            self.members[name] = Member(net, name, f"10.9.0.{20 + i}")
        for i in self.numbers:
            self.plug(f"g{i}", "nic", None)
            self.make_gateway(i)
        neighbors = "".join(f"protocol bgp gw{i} from weir_session {{ neighbor 10.9.0.{10 + i} as 65001; }}\n" for i in self.numbers)
        self.birds["r"] = Bird(net, "r", self.gateways[1].folder, ROUTER_CONF + neighbors)

    def plug(self, name, interface, address):
        """A cable into the LAN's switch."""
        self.net.veth(name, interface, "lan", name)
        self.net.ip("lan", "link", "set", name, "master", "br0")
        if address:
            self.net.ip(name, "address", "add", address, "dev", interface)

    def make_gateway(self, i):
        # A ring that bridges seconds in which a busy test machine gives the worker no CPU.
        device = "net_af_packet0,iface=nic,blocksz=65536,framesz=2048,framecnt=8192"
        port = 'type = "xdp"; device = "nic";' if self.xdp else f'device = "{device}"; kernel = "weir0";'
        gateway = Gateway(['name = "in0"; ' + port], memory_mb=64)
        members = ", ".join(f'{{ name = "{name}"; address = "10.9.0.{20 + at}"; }}' for at, name in enumerate(self.member_names, 1))
        gateway.write("rules.conf", RULES % (members, self.health))
        self.gateways[i] = gateway

    def start(self, i):
        """The gateway triages and its kernel has its address; its BIRD runs."""
        gateway, net = self.gateways[i], self.net
        self.dataplanes[i] = gateway.start("weir-dataplane", "--config", gateway.config, prefix=net.prefix(f"g{i}"))
        machine, interface = self.kernel_of(i)
        if not self.xdp:
            # Up is the last that the dataplane makes of it; moved before, it would be gone under its hands.
            wait_for("its kernel interface", lambda: "weir0" in net.ip(f"g{i}", "link", "show", "up"))
            net.ip(f"g{i}", "link", "set", "weir0", "netns", net.full(machine))
        net.ip(machine, "address", "replace", f"10.9.0.{10 + i}/24", "dev", interface)
        net.ip(machine, "link", "set", interface, "up")
        if i not in self.controlplanes:
            self.controlplanes[i] = gateway.start("weir-controlplane", "--config", gateway.config, prefix=net.prefix(machine))
        wait_for("a table", lambda: self.stats(i).get("generation"))
        wait_for("the members' next hops", lambda: set(self.states(i).values()) == {"up"})
        if machine not in self.birds:
            with open(os.path.join(HERE, "..", "..", "rules", "examples", "bird.conf"), encoding="utf-8") as example:
                config = example.read().replace("10.9.0.11", f"10.9.0.{10 + i}")
            config = config.replace("weir0", interface).replace("interval 200 ms; multiplier 4;", "interval 500 ms; multiplier 10;")  # busy test machines
            assert "multiplier 10" in config
            config = config if self.bfd else config.replace("bfd on;", "")
            self.birds[machine] = Bird(net, machine, gateway.folder, "log stderr all;\n" + config)

    def kernel_of(self, i):
        """Namespace of a gateway's kernel, and its interface on the LAN."""
        return (f"g{i}", "nic") if self.xdp else (f"o{i}", "weir0")

    def kill(self, i):
        """The whole gateway dies at once."""
        for processes in (self.dataplanes, self.controlplanes):
            process = processes.pop(i)
            process.kill()
            process.wait()

    def stored(self, i):
        """Ids of the messages in a gateway's spool."""
        done = self.gateways[i].run("spool_check", "--ids", self.gateways[i].path("state/t/spool"))
        assert done.returncode == 0, done.stderr
        return {int(line) for line in done.stdout.split()}

    def states(self, i):
        """What the gateway knows of the pool's members: name to state."""
        done = self.gateways[i].run("weirctl", "--config", self.gateways[i].config, "--json", "pool", "show", "pool")
        if done.returncode:
            return {}
        pool = json.loads(done.stdout)
        return {member["name"]: member["state"] for member in pool["members"]}

    def stats(self, i):
        try:
            return self.gateways[i].stats()
        except AssertionError:
            return {}

    def routes(self):
        """Next hops of the service address at the router."""
        return sorted(re.findall(r"via (10\.9\.0\.\d+)", self.net.ip("r", "route", "show", SERVICE)))

    def wait_routes(self, *gateways):
        wanted = sorted(f"10.9.0.{10 + i}" for i in gateways)
        wait_for(f"routes {wanted}", lambda: self.routes() == wanted, 60)

    def counters(self, i):
        """What gateway, interfaces and members count: for the message of a test that misses frames."""
        text = [json.dumps(self.stats(i))]
        for where in ("r", "lan", f"g{i}", f"o{i}", "s1", "s2", *self.member_names):
            text.append(f"--- {where}\n" + self.net.ip(where, "-s", "-s", "link", "show"))
            text.append(self.net.run(where, "nstat", "-as"))
        return "\n".join(text)

    def logs(self):
        text = []
        for i, gateway in self.gateways.items():
            for name in sorted(os.listdir(gateway.folder)):
                if name.endswith(".log"):
                    with open(gateway.path(name), encoding="utf-8", errors="replace") as file:
                        text.append(f"--- {i}: {name}\n{file.read()[-1500:]}")
        return "\n".join(text)


class Sender:
    """Sends messages to the service address from a namespace, at a rate that the network takes, and notes who was answered `accepted`."""

    def __init__(self, fleet, name, first, tenants=tuple(range(10, 42)), flags=0, rate=400):
        self.sent, self.accepted, self.busy = [], set(), set()
        self.flags, self.tenants, self.next, self.rate = flags, tenants, first, rate
        self.stopping = threading.Event()
        # Many source ports, so that the router spreads its messages over all gateways.
        self.sockets = [fleet.net.socket(name, socket.AF_INET, socket.SOCK_DGRAM) for _ in range(16)]
        for one in self.sockets:
            one.connect((SERVICE, NATIVE))
            one.setblocking(False)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopping.wait(4 / self.rate):
            for _ in range(4):
                self.send_one()
            self.read_answers()

    def send_one(self):
        number, self.next = self.next, self.next + 1
        tenant = self.tenants[number % len(self.tenants)]
        try:
            self.sockets[number % 16].send(message(number, tenant, self.flags))
            self.sent.append((number, tenant))
        except OSError:  # no route for a moment: not sent, not answered
            pass

    def read_answers(self):
        for one in self.sockets:
            while True:
                try:
                    data = one.recv(2048)
                except OSError:
                    break
                if data[:1] == b"\x57" and data[1] & 0x2:
                    (self.accepted if data[2] == 0 else self.busy).add(struct.unpack(">I", data[12:16])[0])

    def stop(self):
        self.stopping.set()
        self.thread.join()
        return self
