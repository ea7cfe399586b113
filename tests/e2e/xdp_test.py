#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A port of type xdp on a veth cable between network namespaces: messages and books, the kernel beside it, blocked sources and
floods, what others have on the interface, crashes and stops."""
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from dataplane_errors_test import ENVIRONMENT, expect  # noqa: E402
from gateway import BUILD, Gateway, SkipTest, check_books, main, ones_sum, program, wait_for  # noqa: E402
from live_test import frame  # noqa: E402
from network import ip  # noqa: E402
from xdp import RULES, XdpGateway, XdpNetwork  # noqa: E402

GATEWAY_MAC = "020000000001"
CRASHES = 1 if "PATIENCE" in os.environ else 3  # a machine that is slow by nature has enough with one


def message(number, source=None, port=5700):
    """frame(), from any IPv4 source."""
    data = bytearray(frame(number % 200))
    if source:
        data[26:30] = bytes(int(part) for part in source.split("."))
        data[24:26] = b"\0\0"
        data[24:26] = struct.pack(">H", 0xffff ^ ones_sum(bytes(data[14:34])))
    data[36:38] = struct.pack(">H", port)
    return bytes(data)


def lost_on_the_cable(net):
    """Frames that the sender's end of the cable dropped."""
    lines = net.ip("far", "-s", "link", "show", "far0").splitlines()
    return int(lines[-1].split()[3])


def settled(gw, sent):
    """Statistics when every one of the `sent` frames has a fate and a disposition, all of them exact."""
    def all_counted():
        stats = gw.stats()
        port = stats["ports"][0]
        fates = sum(count for fate, count in port["xdp"].items() if fate != "blocked_left_out")
        return fates + lost_on_the_cable(gw.net) >= sent and port["rx"] + port["nic"]["missed"] >= port["xdp"]["socket"] and stats
    stats = wait_for("all frames to be counted", all_counted)
    port = stats["ports"][0]
    fates = sum(count for fate, count in port["xdp"].items() if fate != "blocked_left_out")
    assert fates + lost_on_the_cable(gw.net) == sent, (port, lost_on_the_cable(gw.net), sent)
    assert port["rx"] + port["nic"]["missed"] == port["xdp"]["socket"], port
    check_books(stats)
    return stats


def done(gw):
    """How many frames the program or a worker has finished."""
    port = gw.stats()["ports"][0]
    return port["rx"] + sum(count for fate, count in port["xdp"].items() if fate not in ("socket", "blocked_left_out"))


def send_all(gw, frames, pace=200):
    """Sends, no faster than the gateway works: `pace` frames may be on their way."""
    before = done(gw)
    for i, data in enumerate(frames):
        gw.far.send(data)
        if (i + 1) % pace == 0:
            wait_for("the frames to arrive", lambda: done(gw) >= before + i + 1)


def drain(raw):
    """What has come in on a raw socket, without what it sent itself."""
    raw.setblocking(False)
    frames = []
    try:
        while True:
            data, address = raw.recvfrom(65536)
            if address[2] != socket.PACKET_OUTGOING:
                frames.append(data)
    except BlockingIOError:
        raw.settimeout(30)
        return frames


def messages_come_in_and_go_out_and_every_frame_is_counted():
    with XdpNetwork("gw", "far") as net, XdpGateway(net) as gw:
        sent = [message(i) for i in range(4000)]
        send_all(gw, sent)
        stats = settled(gw, len(sent))
        assert stats["rx"] == stats["dispositions"]["forward"] == len(sent), stats["dispositions"]
        got = [data for data in drain(gw.far) if data[:6] == bytes.fromhex("020000000009")]
        assert sorted(data[12:] for data in got) == sorted(data[12:] for data in sent), (len(got), len(sent))  # urgent ones overtake
        assert {data[6:12] for data in got} == {mac_of(net)}


def mac_of(net):
    words = net.ip("gw", "link", "show", "gw0").split()
    return bytes.fromhex(words[words.index("link/ether") + 1].replace(":", ""))


def a_burst_that_is_too_fast_is_counted_to_the_frame():
    with XdpNetwork("gw", "far") as net, XdpGateway(net) as gw:
        data = [message(i) for i in range(200)]
        sent = 0
        for _ in range(300):
            for one in data:
                gw.far.send(one)
                sent += 1
        stats = settled(gw, sent)
        port = stats["ports"][0]
        print(f"   of {sent} sent without a pause: {lost_on_the_cable(net)} lost on the cable, {port['nic']['missed']} missed by the "
              f"socket, {stats['rx']} received", flush=True)


def two_queues_feed_two_workers():
    with XdpNetwork("gw", "far") as net:
        net.veth("gw", "gw0", "far", "far0")
        for where, what in (("gw", "gw0"), ("far", "far0")):
            net.run(where, "ethtool", "-L", what, "rx", "2", "tx", "2")
        with XdpGateway(net, port="queues = 2;", cable=False, workers=2, memory_mb=128) as gw:
            sent = [message(i, f"10.1.{i % 250}.{i // 250}") for i in range(3000)]
            send_all(gw, sent)
            stats = settled(gw, len(sent))
            assert all(worker["rx"] > 300 for worker in stats["workers"]), stats["workers"]
            assert stats["dispositions"]["forward"] == len(sent), stats["dispositions"]
            assert len([d for d in drain(gw.far) if d[:6] == bytes.fromhex("020000000009")]) == len(sent)


def with_addresses(net):
    net.ip("gw", "address", "add", "10.9.0.1/24", "dev", "gw0")
    net.ip("far", "address", "add", "10.9.0.2/24", "dev", "far0")


def ping_and_tcp_work_beside_it():
    with XdpNetwork("gw", "far") as net, XdpGateway(net) as gw:
        with_addresses(net)
        server = net.socket("gw", socket.AF_INET, socket.SOCK_STREAM)
        server.bind(("10.9.0.1", 2222))
        server.listen()
        stop = threading.Event()

        def flow():
            while not stop.wait(0.001):
                gw.far.send(message(7))
        sender = threading.Thread(target=flow)
        sender.start()
        try:
            assert " 0% packet loss" in net.run("far", "ping", "-c", "5", "-i", "0.05", "10.9.0.1")
            client = net.socket("far", socket.AF_INET, socket.SOCK_STREAM)
            client.settimeout(30)
            client.connect(("10.9.0.1", 2222))
            peer, _ = server.accept()
            peer.sendall(b"SSH-2.0-banner\r\n" * 2000)
            got = b""
            while len(got) < 32000:
                got += client.recv(65536)
            assert got == b"SSH-2.0-banner\r\n" * 2000
            for one in (client, peer, server):
                one.close()
        finally:
            stop.set()
            sender.join()
        fates = wait_for("the counters", lambda: (lambda now: now["not-udp"] >= 10 and now["ethertype"] and now)(gw.xdp()))
        assert fates["socket"] > 0 and fates["no-socket"] == 0, fates
        check_books(gw.stats())


def what_is_for_no_listener_reaches_the_kernel():
    with XdpNetwork("gw", "far") as net, XdpGateway(net) as gw:
        with_addresses(net)
        server = net.socket("gw", socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("10.9.0.1", 5353))
        client = net.socket("far", socket.AF_INET, socket.SOCK_DGRAM)
        client.sendto(b"question", ("10.9.0.1", 5353))
        server.settimeout(30)
        assert server.recvfrom(100)[0] == b"question"
        wait_for("the counter", lambda: gw.xdp()["no-listener"] == 1)


def malformed_messages_and_fragments_are_in_the_books():
    with XdpNetwork("gw", "far") as net, XdpGateway(net) as gw:
        checksum, cut, fragment = bytearray(message(1)), message(2)[:40], bytearray(message(3))
        checksum[24] ^= 1
        fragment[20] |= 0x20
        fragment[24:26] = b"\0\0"
        fragment[24:26] = struct.pack(">H", 0xffff ^ ones_sum(bytes(fragment[14:34])))
        send_all(gw, [bytes(checksum), cut, bytes(fragment), message(4, port=5701)])
        stats = settled(gw, 4)
        port = stats["ports"][0]
        assert port["xdp"]["socket"] == 3 and port["xdp"]["no-listener"] == 1, port
        assert stats["reasons"]["malformed"]["ip-checksum"] == 1 and stats["reasons"]["malformed"]["truncated"] == 1, stats["reasons"]
        assert stats["rx"] == 3, stats["rx"]


def blocked_sources_are_dropped_by_the_kernel_and_change_with_a_load():
    with XdpNetwork("gw", "far") as net, XdpGateway(net, rules=RULES % '"10.66.0.0/24"') as gw:
        good, bad, later = message(1, "10.1.1.1"), message(1, "10.66.0.9"), message(1, "10.77.0.9")
        send_all(gw, [good, bad, later] * 10)
        assert settled(gw, 30)["ports"][0]["xdp"]["blocked-source"] == 10
        gw.load(RULES % '"10.77.0.0/24"')
        send_all(gw, [good, bad, later] * 10)
        stats = settled(gw, 60)
        assert stats["ports"][0]["xdp"]["blocked-source"] == 20 and stats["dispositions"]["forward"] == 40, stats["ports"]
        gw.load(RULES % "")
        send_all(gw, [good, bad, later] * 10)
        stats = settled(gw, 90)
        assert stats["ports"][0]["xdp"]["blocked-source"] == 20 and stats["dispositions"]["forward"] == 70, stats["ports"]
        assert stats["dispositions"]["drop"] == 0, stats["dispositions"]


def loads_under_traffic_lose_nothing():
    """The list changes at every load, under messages of a source that is never blocked, of one that always is, of one in turns."""
    with XdpNetwork("gw", "far") as net, XdpGateway(net, rules=RULES % '"10.66.0.0/24"') as gw:
        stop, sent = threading.Event(), [0, 0, 0]
        frames = [message(1, "10.1.1.1"), message(2, "10.66.0.9"), message(3, "10.77.0.9")]

        def flow():
            while not stop.is_set():
                for turn in range(300):
                    gw.far.send(frames[turn % 3])
                    sent[turn % 3] += 1
                wait_for("the frames to arrive", lambda: done(gw) >= sum(sent))
        sender = threading.Thread(target=flow)
        sender.start()
        try:
            for turn in range(20):
                gw.load(RULES % ('"10.66.0.0/24"' if turn % 2 else '"10.66.0.0/24", "10.77.0.0/24"'))
        finally:
            stop.set()
            sender.join()
        stats = settled(gw, sum(sent))
        drops = stats["ports"][0]["xdp"]["blocked-source"] + stats["dispositions"]["drop"]
        assert stats["ports"][0]["nic"]["missed"] == 0 and lost_on_the_cable(net) == 0, stats["ports"]
        assert sent[1] <= drops <= sent[1] + sent[2], (sent, drops)
        assert stats["dispositions"]["forward"] + drops == sum(sent), (sent, stats["dispositions"])
        print(f"   20 loads, {sum(sent)} messages: {stats['dispositions']['forward']} forwarded, {drops} dropped", flush=True)


def a_list_that_is_too_long_is_said_and_the_workers_drop_the_rest():
    with XdpNetwork("gw", "far") as net, XdpGateway(net, "blocked_max = 2;", RULES % '"10.66.0.1", "10.66.0.3", "10.66.0.5"') as gw:
        send_all(gw, [message(1, f"10.66.0.{i}") for i in (1, 3, 5, 7)])
        stats = settled(gw, 4)
        assert stats["ports"][0]["xdp"]["blocked-source"] == 2 and stats["dispositions"]["drop"] == 1, stats["ports"]
        assert stats["ports"][0]["xdp"]["blocked_left_out"] == 1, stats["ports"]
        assert gw.log().count("1 prefixes of blocked sources are more than blocked_max = 2") == 1, gw.log()
        gw.load(RULES % '"10.66.0.5"')
        wait_for("the counter", lambda: gw.xdp()["blocked_left_out"] == 0)


def a_flood_is_cut_and_other_sources_pass():
    with XdpNetwork("gw", "far") as net, XdpGateway(net, "flood = { rate = 1; burst = 50; };") as gw:
        send_all(gw, [message(1, "10.1.1.1")] * 500 + [message(1, f"10.2.0.{i}") for i in range(100)])
        port = settled(gw, 600)["ports"][0]
        assert 400 <= port["xdp"]["flood"] <= 450 and port["xdp"]["socket"] + port["xdp"]["flood"] == 600, port["xdp"]


def other_object(net, how):
    """Attaches a program of somebody else's; returns a function that says how many frames it has seen."""
    pin = f"/sys/fs/bpf/wt{os.getpid()}-other"
    done = subprocess.run(["bpftool", "prog", "load", os.path.join(BUILD, "tests/bpf/other.bpf.o"), pin, "type", "xdp"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    net.run("gw", "bpftool", "net", "attach", how, "pinned", pin, "dev", "gw0")
    return pin


def a_program_that_has_the_interface_to_itself_stays_and_we_say_so():
    with XdpNetwork("gw", "far") as net:
        net.veth("gw", "gw0", "far", "far0")
        pin = other_object(net, "xdp")
        try:
            before = net.ip("gw", "link", "show", "gw0")
            with Gateway(['name = "in0"; type = "xdp"; device = "gw0";'], memory_mb=64) as g:
                done = g.run("weir-dataplane", "--config", g.config, prefix=net.prefix("gw"))
                expect(done, ENVIRONMENT, 'port "in0": interface gw0 has the XDP program other_prog', "xdp off")
            assert net.ip("gw", "link", "show", "gw0") == before
            assert not os.path.exists("/sys/fs/bpf/weir/t")
        finally:
            os.unlink(pin)


def a_program_in_libxdps_dispatcher_stays_and_still_runs():
    with XdpNetwork("gw", "far") as net:
        net.veth("gw", "gw0", "far", "far0")
        done = subprocess.run([*net.prefix("gw"), "xdp-loader", "load", "-m", "native", "gw0",
                               os.path.join(BUILD, "tests/bpf/other.bpf.o")], capture_output=True, text=True, check=False)
        status = subprocess.run([*net.prefix("gw"), "xdp-loader", "status"], capture_output=True, text=True, check=False)
        if done.returncode or "xdp_dispatcher" not in status.stdout:
            raise SkipTest("this kernel takes no programs that extend others (libxdp's dispatcher)")
        with XdpGateway(net, cable=False) as gw:
            send_all(gw, [message(i) for i in range(100)])
            assert settled(gw, 100)["dispositions"]["forward"] == 100
            both = net.run("gw", "xdp-loader", "status")
            assert "other_prog" in both and "xsk_def_prog" in both, both
            gw.dataplane.kill()
            gw.dataplane.wait()
            gw.start()
            assert "that a dead dataplane left" in gw.log(), gw.log()
        after = net.run("gw", "xdp-loader", "status")
        assert "other_prog" in after and "xsk_def_prog" not in after, after
        seen = subprocess.run(["bpftool", "map", "dump", "name", "other_seen"], capture_output=True, text=True, check=False).stdout
        assert int(re.search(r'"value": (\d+)', seen).group(1)) >= 100, seen


def a_killed_dataplane_leaves_the_kernel_its_traffic_and_the_next_one_takes_over():
    with XdpNetwork("gw", "far") as net, XdpGateway(net) as gw:
        with_addresses(net)
        for _ in range(CRASHES):
            gw.dataplane.kill()
            gw.dataplane.wait()
            assert gw.program() and os.path.exists(gw.folder()), "the crash took the program with it"
            assert " 0% packet loss" in net.run("far", "ping", "-c", "2", "-i", "0.05", "10.9.0.1")
            gw.far.send(message(1))
            gw.start()
            gw.wait_generation(1)
            wait_for("sockets", lambda: gw.lines_of("xsks_map"))
            send_all(gw, [message(i) for i in range(50)])
            wait_for("all to be forwarded", lambda: gw.stats()["dispositions"]["forward"] == 50)
        assert gw.log().count("takes away the program that a dead dataplane left on gw0") == CRASHES, gw.log()


def a_stop_leaves_nothing_behind_and_loses_nothing():
    with XdpNetwork("gw", "far") as net:
        with XdpGateway(net) as gw:
            for i in range(300):
                gw.far.send(message(i))
            gw.dataplane.send_signal(signal.SIGTERM)
            assert gw.dataplane.wait(30) == 0, gw.log()
            assert gw.program() is None, net.ip("gw", "link", "show", "gw0")
            assert not os.path.exists(f"/sys/fs/bpf/weir/{gw.name}")
            got = [data for data in drain(gw.far) if data[:6] == bytes.fromhex("020000000009")]
            assert len(got) == 300, len(got)


def a_second_gateway_on_the_interface_is_refused():
    with XdpNetwork("gw", "far") as net, XdpGateway(net) as gw:
        with Gateway(['name = "in0"; type = "xdp"; device = "gw0";'], memory_mb=64, name="other") as g:
            done = g.run("weir-dataplane", "--config", g.config, prefix=net.prefix("gw"))
            expect(done, ENVIRONMENT, f"that of gateway and port {gw.name}/in0")
        with Gateway(['name = "in0"; type = "xdp"; device = "gw0";'], memory_mb=64, name=gw.name) as g:
            done = g.run("weir-dataplane", "--config", g.config, prefix=net.prefix("gw"))
            expect(done, ENVIRONMENT, f'another dataplane named "{gw.name}" runs this port')
        send_all(gw, [message(1)] * 10)
        assert settled(gw, 10)["dispositions"]["forward"] == 10


def what_cannot_be_is_said_in_one_line():
    port = 'name = "in0"; type = "xdp"; device = "gw0";'
    with XdpNetwork("gw", "far") as net:
        net.veth("gw", "gw0", "far", "far0")

        def fails(*parts, prefix=(), line=port, **settings):
            with Gateway([line], memory_mb=64, name=f"wt{os.getpid()}", **settings) as g:
                expect(g.run("weir-dataplane", "--config", g.config, prefix=[*net.prefix("gw"), *prefix]), ENVIRONMENT, *parts)
                assert not os.path.exists(f"/sys/fs/bpf/weir/wt{os.getpid()}")

        fails('port "in0": there is no interface gw7', line=port.replace("gw0", "gw7"))
        fails('port "in0": not permitted', "CAP_BPF", prefix=["setpriv", "--bounding-set=-bpf,-sys_admin", "--inh-caps=-bpf,-sys_admin"])
        fails("no bpffs on /sys/fs/bpf", "mount -t bpf",
              prefix=["unshare", "-m", "--propagation", "private", "sh", "-c",
                      'umount /sys/fs/bpf; mount -t tmpfs none /sys/fs && exec "$@"', "sh"])
        net.run("gw", "ethtool", "-L", "gw0", "rx", "1", "tx", "1")
        fails('port "in0": 2 receive queues wanted, interface gw0 has 1', line=port + " queues = 2;", workers=2)


if __name__ == "__main__":
    assert os.path.exists(program("weir-dataplane")), "build first"
    cases = [messages_come_in_and_go_out_and_every_frame_is_counted,
             a_burst_that_is_too_fast_is_counted_to_the_frame,
             two_queues_feed_two_workers,
             ping_and_tcp_work_beside_it,
             what_is_for_no_listener_reaches_the_kernel,
             malformed_messages_and_fragments_are_in_the_books,
             blocked_sources_are_dropped_by_the_kernel_and_change_with_a_load,
             loads_under_traffic_lose_nothing,
             a_list_that_is_too_long_is_said_and_the_workers_drop_the_rest,
             a_flood_is_cut_and_other_sources_pass,
             a_program_that_has_the_interface_to_itself_stays_and_we_say_so,
             a_program_in_libxdps_dispatcher_stays_and_still_runs,
             a_killed_dataplane_leaves_the_kernel_its_traffic_and_the_next_one_takes_over,
             a_stop_leaves_nothing_behind_and_loses_nothing,
             a_second_gateway_on_the_interface_is_refused,
             what_cannot_be_is_said_in_one_line]
    main([case for case in cases if case.__name__ in sys.argv[1:] or len(sys.argv) == 1])
