# SPDX-License-Identifier: BSD-3-Clause
"""A virtual machine with an emulated NIC, for tests of what only PCI hardware shows: a Debian kernel of its own, and this machine's
files as they are (by 9p, read-only, changes in memory). Nothing is installed; kernel and first file system are made once and kept in
the build folder.

The NIC's cable ends in a pair of datagram sockets: one datagram, one frame. The test and the machine meet in a folder that both see,
`share`; the machine runs `share/job` as root and ends with it.
"""
import fcntl
import json
import lzma
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import zlib

from gateway import BUILD, SkipTest, wait_for

QEMU = os.environ.get("QEMU", "qemu-system-x86_64")
MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay", "vfio_iommu_type1", "vfio-pci", "tun", "veth", "ipip", "sit", "ip6_tunnel",
           "fou", "fou6", "vxlan"]
BOOT = ("console=ttyS0 quiet panic=-1 no_timer_check intel_iommu=on mitigations=off nokaslr init_on_alloc=0 "
        "cryptomgr.notests")
INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc none /proc; $b mount -t sysfs none /sys; $b mount -t devtmpfs none /dev
while read module; do $b insmod /modules/$module || echo "vm: $module does not load"; done < /modules/order
$b mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=1048576 root /host || echo "vm: no root"
$b mount -t tmpfs none /changes; $b mkdir /changes/upper /changes/work
$b mount -t overlay -o lowerdir=/host,upperdir=/changes/upper,workdir=/changes/work none /all || echo "vm: no overlay"
for folder in proc sys dev; do $b mount --move /$folder /all/$folder; done
$b mkdir -p /all/share
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 share /all/share
exec $b switch_root /all /bin/bash /share/first
"""
FIRST = """export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
mount -t tmpfs none /run; mkdir -p /dev/shm; mount -t tmpfs none /dev/shm
ip link set lo up
bash /share/job > /share/job.out 2>&1; echo $? > /share/status
sync; busybox poweroff -f
"""


def kernel_package():
    """Name of the package that linux-image-amd64 stands for."""
    done = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=False)
    found = re.search(r"Depends: (linux-image-\S+)", done.stdout)
    if not found:
        raise SkipTest("apt knows no linux-image-amd64 (apt-get update)")
    return found.group(1)


def unpack_kernel(image, out):
    """The ELF file inside a bzImage: QEMU boots it at once, without 4 seconds of decompression."""
    with open(image, "rb") as file:
        data = file.read()
    packed = lzma.LZMADecompressor()
    elf = packed.decompress(data[data.index(b"\xfd7zXZ\x00"):])
    if elf[:4] != b"\x7fELF":
        raise AssertionError(f"{image} holds no ELF file")
    with open(out, "wb") as file:
        file.write(elf)


def make_initrd(tree, release, out):
    """Modules that find the root file system and drive the NIC, and an init that goes over to it."""
    subprocess.run(["depmod", "-b", tree, release], check=True)
    done = subprocess.run(["modprobe", "-d", tree, "-S", release, "-a", "--show-depends", *MODULES], capture_output=True, text=True,
                          check=True)
    files = list(dict.fromkeys(re.findall(r"^insmod (\S+)", done.stdout, re.M)))
    with tempfile.TemporaryDirectory(prefix="weir-initrd-") as root:
        for folder in ("bin", "dev", "proc", "sys", "host", "changes", "all", "modules"):
            os.mkdir(os.path.join(root, folder))
        shutil.copy(shutil.which("busybox"), os.path.join(root, "bin"))
        for path in files:
            shutil.copy(path, os.path.join(root, "modules"))
        with open(os.path.join(root, "modules/order"), "w", encoding="ascii") as order:
            order.write("".join(os.path.basename(path) + "\n" for path in files))
        with open(os.path.join(root, "init"), "w", encoding="ascii") as init:
            init.write(INIT)
        os.chmod(os.path.join(root, "init"), 0o755)
        names = "\n".join(os.path.relpath(os.path.join(at, name), root) for at, folders, names in os.walk(root)
                          for name in folders + names)
        with open(out, "wb") as file:
            subprocess.run(["busybox", "cpio", "-o", "-H", "newc"], input=names, text=True, stdout=file, stderr=subprocess.DEVNULL,
                           cwd=root, check=True)


def boot_files():
    """(kernel, initrd), made if need be, by one test while others wait for it."""
    folder = os.path.abspath(os.path.join(BUILD, "vm"))
    with open(folder + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return make_boot_files(folder)


def make_boot_files(folder):
    initrd = f"initrd-{zlib.crc32(' '.join(MODULES).encode()):08x}"  # one that was made with other modules is made anew
    ready = [os.path.join(folder, name) for name in ("vmlinux", initrd)]
    if all(map(os.path.exists, ready)):
        return ready
    package = kernel_package()
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    done = subprocess.run(["apt-get", "-q", "download", package], cwd=folder, capture_output=True, text=True, check=False)
    found = [name for name in os.listdir(folder) if name.endswith(".deb")]
    if done.returncode or not found:
        raise SkipTest(f"apt-get download {package} failed: {done.stderr.strip().splitlines()[-1:]}")
    tree = os.path.join(folder, "tree")
    subprocess.run(["dpkg", "-x", os.path.join(folder, found[0]), tree], check=True)
    release = os.listdir(os.path.join(tree, "lib/modules"))[0]
    make_initrd(tree, release, ready[1])
    unpack_kernel(os.path.join(tree, "boot", "vmlinuz-" + release), ready[0] + ".new")
    os.rename(ready[0] + ".new", ready[0])
    shutil.rmtree(tree)
    os.unlink(os.path.join(folder, found[0]))
    return ready


def accelerator():
    """KVM where the processor has it; a /dev/kvm alone says little (nested ones cannot run a stock kernel)."""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        if os.access("/dev/kvm", os.W_OK) and re.search(r"^flags.*\b(vmx|svm)\b", file.read(), re.M):
            return "kvm"
    return "tcg"


def nic_model():
    """igb (several queues, RSS) where this QEMU has it, else e1000e."""
    done = subprocess.run([QEMU, "-device", "igb,help"], capture_output=True, text=True, check=False)
    return "igb" if "igb options" in done.stdout else "e1000e"


class Machine:
    """`with Machine(job, model, cpus) as vm`: runs the shell text `job` in the machine."""

    def __init__(self, job, model, cpus):
        for tool, package in ((QEMU, "qemu-system-x86"), ("busybox", "busybox-static"), ("depmod", "kmod"), ("dpkg", "dpkg")):
            if not shutil.which(tool):
                raise SkipTest(f"{tool} is not here (apt-get install {package})")
        kernel, initrd = boot_files()
        self.folder = tempfile.mkdtemp(prefix="weir-vm-")
        self.share = os.path.join(self.folder, "share")
        os.mkdir(self.share)
        self.write("job", job)
        self.write("first", FIRST)
        self.wire = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.wire.bind(os.path.join(self.folder, "host"))
        self.received = []  # every frame that came out of the NIC
        self.command = [
            QEMU, "-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio", "-monitor", "none", "-m", "640", "-smp", str(cpus),
            "-cpu", "host" if accelerator() == "kvm" else "Haswell-noTSX",
            "-machine", f"q35,accel={accelerator()},kernel-irqchip=split", "-device", "intel-iommu,intremap=on,caching-mode=on",
            "-kernel", kernel, "-initrd", initrd, "-append", BOOT,
            "-fsdev", "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
            "-device", "virtio-9p-pci,fsdev=root,mount_tag=root",
            "-fsdev", f"local,id=share,path={self.share},security_model=none", "-device", "virtio-9p-pci,fsdev=share,mount_tag=share",
            "-netdev", f"dgram,id=net,local.type=unix,local.path={self.folder}/guest,remote.type=unix,remote.path={self.folder}/host",
            "-device", "pcie-root-port,id=root0,chassis=1,slot=1",
            "-device", f"{model},id=nic,netdev=net,bus=root0,mac=52:54:00:00:00:01,romfile=",
            "-qmp", f"unix:{self.folder}/qmp,server=on,wait=off"]
        self.process = None

    def __enter__(self):
        with open(os.path.join(self.folder, "console"), "wb") as console:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        threading.Thread(target=self.listen, daemon=True).start()
        return self

    def listen(self):
        """Takes frames at once: what does not fit the socket's short queue some NIC models drop."""
        while True:
            try:
                self.received.append(self.wire.recv(65536))
            except OSError:
                return

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.wire.shutdown(socket.SHUT_RDWR)
        self.wire.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, text):
        with open(os.path.join(self.share, name), "w", encoding="utf-8") as out:
            out.write(text)

    def read(self, name):
        try:
            with open(os.path.join(self.share, name), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def console(self):
        with open(os.path.join(self.folder, "console"), encoding="utf-8", errors="replace") as file:
            return "\n".join(line for line in file.read().splitlines() if "TCG doesn't support" not in line)

    def wait(self, what, condition, seconds=300):
        """wait_for, that ends when the machine does."""
        try:
            value = wait_for(what, lambda: condition() or (self.process.poll() is not None and "over"), seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.state()}") from None
        if value == "over":
            raise AssertionError(f"the machine ended before: {what}\n{self.state()}")
        return value

    def state(self):
        """What the machine has said, for people."""
        texts = {name: self.read(name) for name in sorted(os.listdir(self.share)) if name not in ("job", "first")}
        return "\n".join(f"--- {name}\n{text[-3000:]}" for name, text in {"console": self.console(), **texts}.items() if text)

    def send(self, frame):
        self.wire.sendto(frame, os.path.join(self.folder, "guest"))

    def set_link(self, up):
        """Plugs the cable, or pulls it."""
        self.tell({"execute": "set_link", "arguments": {"name": "nic", "up": up}})

    def ask_for_nic(self):
        """Presses the button beside the NIC's slot: who uses it is asked to let it go."""
        self.tell({"execute": "device_del", "arguments": {"id": "nic"}})

    def tell(self, request):
        """QEMU's monitor protocol."""
        with socket.socket(socket.AF_UNIX) as qmp:
            qmp.connect(os.path.join(self.folder, "qmp"))
            stream = qmp.makefile("rw")
            for command in ({"execute": "qmp_capabilities"}, request):
                stream.write(json.dumps(command) + "\n")
                stream.flush()
                while "return" not in json.loads(stream.readline()):
                    pass

    def end(self):
        """Waits for the machine to end; the exit status of its job."""
        self.process.wait(300)
        status = self.read("status").strip()
        return int(status) if status else None
