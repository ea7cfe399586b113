// SPDX-License-Identifier: BSD-3-Clause
//
// TAP devices, see tap.h. Main thread. We speak to /dev/net/tun itself and not through DPDK's net_tap:
// docs/decisions/016-kernel-interface.md says why.
#include "dataplane/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <rte_mbuf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SEGMENTS_MAX = 64 };

static struct ifreq request_for(const char *name)
{
	struct ifreq request = { 0 };

	memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	return request;
}

static int device_make(int fd, const char *name)
{
	struct ifreq request = request_for(name);

	request.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
	return ioctl(fd, TUNSETIFF, &request) < 0 ? -errno : 0;
}

static int interface_set_up(int fd, const char *name, const uint8_t mac[6], unsigned mtu)
{
	struct ifreq request = request_for(name);
	int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (socket_fd < 0)
		return -errno;
	tap_carrier(fd, false);
	request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(request.ifr_hwaddr.sa_data, mac, 6);
	if (ioctl(socket_fd, SIOCSIFHWADDR, &request) < 0)
		err = -errno;
	request.ifr_mtu = (int)mtu;
	if (err == 0 && ioctl(socket_fd, SIOCSIFMTU, &request) < 0)
		err = -errno;
	if (err == 0 && ioctl(socket_fd, SIOCGIFFLAGS, &request) < 0)
		err = -errno;
	request.ifr_flags |= IFF_UP;
	if (err == 0 && ioctl(socket_fd, SIOCSIFFLAGS, &request) < 0)
		err = -errno;
	close(socket_fd);
	return err;
}

static const char *how_to_mend(int err)
{
	switch (err) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		return "modprobe tun; a container needs --device /dev/net/tun";
	case -EPERM:
	case -EACCES:
		return "it needs CAP_NET_ADMIN: run as root, or by the unit weir-dataplane";
	case -EBUSY:
	case -EINVAL:
		return "the name is taken: ip link show; choose another for the port's key kernel";
	default:
		return "leave out the port's key kernel to run without";
	}
}

int tap_open(const char *name, const uint8_t mac[6], unsigned mtu, char *why, size_t why_size)
{
	const char *what = "/dev/net/tun";
	int fd = open(what, O_RDWR | O_CLOEXEC | O_NONBLOCK), err = fd < 0 ? -errno : 0;

	if (err == 0) {
		what = "cannot be made";
		err = device_make(fd, name);
	}
	if (err == 0) {
		what = "cannot be set up";
		err = interface_set_up(fd, name, mac, mtu);
	}
	if (err == 0)
		return fd;
	snprintf(why, why_size, "kernel interface %s: %s: %s (%s)", name, what, strerror(-err),
		 how_to_mend(err));
	if (fd >= 0)
		close(fd);
	return err;
}

bool tap_write(int fd, const struct rte_mbuf *mbuf)
{
	struct iovec piece[SEGMENTS_MAX];
	int n = 0;

	for (; mbuf && n < SEGMENTS_MAX; mbuf = mbuf->next)
		piece[n++] = (struct iovec){ rte_pktmbuf_mtod(mbuf, void *), mbuf->data_len };
	return !mbuf && writev(fd, piece, n) > 0;
}

int tap_read(int fd, struct rte_mbuf *mbuf)
{
	uint16_t room = rte_pktmbuf_tailroom(mbuf);
	ssize_t n = read(fd, rte_pktmbuf_mtod(mbuf, void *), room);

	if (n <= 0)
		return n < 0 && errno == EBADFD ? -EBADFD : 0;
	if (n == room)
		return -EMSGSIZE; // cut off, or nearly so
	mbuf->data_len = (uint16_t)n;
	mbuf->pkt_len = (uint32_t)n;
	return 1;
}

void tap_carrier(int fd, bool up)
{
	int carrier = up;

	(void)ioctl(fd, TUNSETCARRIER, &carrier);
}
