#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What happens to the interface of an XDP port while it runs: each is noticed, said in one line, and recovered from."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "kit"))
sys.dont_write_bytecode = True
from gateway import main, program, wait_for  # noqa: E402
from xdp import XdpGateway, XdpNetwork  # noqa: E402
from xdp_test import message, other_object, send_all, settled  # noqa: E402


def said(gw, text, times=1):
    """Waits for the line; it is said so often and no oftener."""
    wait_for(f'"{text}" in the log', lambda: gw.log().count(text) >= times)
    assert gw.log().count(text) == times, gw.log()


def forwards(gw, before, n=20):
    """Messages come in and go out again; `before`: frames sent until now."""
    for i in range(n):
        gw.far.send(message(i))
    stats = settled(gw, before + n)
    assert stats["ports"][0]["xdp"]["socket"] >= n, stats["ports"]
    return stats


def the_interface_goes_down_and_comes_back():
    with XdpNetwork("gw", "far") as net, XdpGateway(net) as gw:
        forwards(gw, 0)
        net.ip("gw", "link", "set", "gw0", "down")
        said(gw, 'port "in0": gw0 is down')
        wait_for("the link to be shown down", lambda: not gw.stats()["ports"][0]["link"])
        net.ip("gw", "link", "set", "gw0", "up")
        said(gw, 'port "in0": gw0 is up again')
        assert forwards(gw, 20)["dispositions"]["forward"] == 40


def the_other_end_goes_down_and_comes_back():
    with XdpNetwork("gw", "far") as net, XdpGateway(net) as gw:
        net.ip("far", "link", "set", "far0", "down")
        said(gw, 'port "in0": gw0 is down')
        net.ip("far", "link", "set", "far0", "up")
        said(gw, 'port "in0": gw0 is up again')
        gw.far.close()
        gw.far = net.raw("far", "far0")  # it has the error of its interface pending
        assert forwards(gw, 0)["dispositions"]["forward"] == 20


def the_mtu_changes_and_frames_that_do_not_fit_go_to_the_kernel():
    with XdpNetwork("gw", "far") as net, XdpGateway(net) as gw:
        for end in (("far", "far0"), ("gw", "gw0")):
            net.ip(end[0], "link", "set", end[1], "mtu", "3000")
        said(gw, "the MTU of gw0 changed from 1500 to 3000")
        said(gw, "gw0 has an MTU of 3000: messages in frames above 1792 bytes go to the kernel")
        gw.far.send(message(1) + bytes(1792 - len(message(1))))  # padding, which has no meaning
        gw.far.send(message(1) + bytes(1793 - len(message(1))))
        stats = settled(gw, 2)
        port = stats["ports"][0]
        assert port["xdp"]["too-long"] == 1 and stats["dispositions"]["forward"] == 1 and port["nic"]["missed"] == 0, port
        for end in (("gw", "gw0"), ("far", "far0")):
            net.ip(end[0], "link", "set", end[1], "mtu", "1400")
        said(gw, "the MTU of gw0 changed from 3000 to 1400")
        said(gw, "gw0 has an MTU of")
        assert forwards(gw, 2)["dispositions"]["forward"] == 21


def the_number_of_queues_changes_and_what_comes_on_others_goes_to_the_kernel():
    with XdpNetwork("gw", "far") as net:
        net.veth("gw", "gw0", "far", "far0")
        for where, what in (("gw", "gw0"), ("far", "far0")):
            net.run(where, "ethtool", "-L", what, "rx", "1", "tx", "1")
        with XdpGateway(net, cable=False) as gw:
            forwards(gw, 0)
            for where, what in (("gw", "gw0"), ("far", "far0")):
                net.run(where, "ethtool", "-L", what, "rx", "2", "tx", "2")
            said(gw, "the receive queues of gw0 changed from 1 to 2")
            said(gw, "gw0 has 2 receive queues, the port polls 1: messages of the others go to the kernel")
            send_all(gw, [message(i, f"10.3.0.{i}") for i in range(200)], 200)
            fates = settled(gw, 220)["ports"][0]["xdp"]
            assert fates["no-socket"] > 20 and fates["socket"] + fates["no-socket"] == 220, fates
            for where, what in (("far", "far0"), ("gw", "gw0")):
                net.run(where, "ethtool", "-L", what, "rx", "1", "tx", "1")
            said(gw, "the receive queues of gw0 changed from 2 to 1")
            assert forwards(gw, 220)["ports"][0]["xdp"]["no-socket"] == fates["no-socket"]


def take_off(net, gw):
    """Removes our program as an operator would; its link is detached, or the interface cleared."""
    listed = subprocess.run(["bpftool", "-j", "link", "show", "pinned", f"{gw.folder()}/link"], capture_output=True, text=True,
                            check=False)
    if listed.returncode == 0:
        done = subprocess.run(["bpftool", "link", "detach", "pinned", f"{gw.folder()}/link"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    else:
        net.ip("gw", "link", "set", "dev", "gw0", "xdp", "off")


def a_program_that_someone_takes_off_is_attached_again():
    with XdpNetwork("gw", "far") as net, XdpGateway(net) as gw:
        for times in (1, 2, 3):
            take_off(net, gw)
            said(gw, "the XDP program was taken off gw0 by someone else: attached it again", times)
            assert gw.program() and os.path.exists(f"{gw.folder()}/settings")
            forwards(gw, 20 * (times - 1))
        gw.dataplane.terminate()
        assert gw.dataplane.wait(30) == 0
        assert gw.program() is None and not os.path.exists(gw.folder())


def a_program_that_came_into_its_place_stays_and_ours_waits():
    with XdpNetwork("gw", "far") as net, XdpGateway(net) as gw:
        gw.dataplane.send_signal(19)  # stopped, so that it does not come first
        take_off(net, gw)
        pin = other_object(net, "xdp")
        try:
            gw.dataplane.send_signal(18)
            said(gw, "was taken off gw0 by someone else, and messages go to the kernel")
            before = gw.program()
            net.run("gw", "bpftool", "net", "detach", "xdp", "dev", "gw0")
            said(gw, "was taken off gw0 by someone else: attached it again")
            assert gw.program() != before
            forwards(gw, 0)
        finally:
            os.unlink(pin)


def an_interface_that_is_deleted_is_said_once():
    with XdpNetwork("gw", "far") as net, XdpGateway(net) as gw:
        net.ip("gw", "link", "del", "gw0")
        said(gw, "interface gw0 was removed (restart weir-dataplane when it is back)")
        wait_for("the link to be shown down", lambda: not gw.stats()["ports"][0]["link"])
        gw.dataplane.terminate()
        assert gw.dataplane.wait(30) == 0, gw.log()
        assert not os.path.exists(gw.folder())


if __name__ == "__main__":
    assert os.path.exists(program("weir-dataplane")), "build first"
    cases = [the_interface_goes_down_and_comes_back,
             the_other_end_goes_down_and_comes_back,
             the_mtu_changes_and_frames_that_do_not_fit_go_to_the_kernel,
             the_number_of_queues_changes_and_what_comes_on_others_goes_to_the_kernel,
             a_program_that_someone_takes_off_is_attached_again,
             a_program_that_came_into_its_place_stays_and_ours_waits,
             an_interface_that_is_deleted_is_said_once]
    main([case for case in cases if case.__name__ in sys.argv[1:] or len(sys.argv) == 1])
