// SPDX-License-Identifier: BSD-3-Clause
//
// Facts of an interface, see interface.h. Main thread. By ioctl, since /sys shows the interfaces of
// another network namespace where it was mounted in one.
#include "dataplane/interface.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void request_init(struct ifreq *request, const char *name)
{
	memset(request, 0, sizeof(*request));
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", name);
}

static unsigned rx_queues_get(int fd, const char *name)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq request;

	request_init(&request, name);
	request.ifr_data = (void *)&channels;
	if (ioctl(fd, SIOCETHTOOL, &request) < 0)
		return 0;
	return channels.combined_count + channels.rx_count;
}

void interface_get(struct interface *interface, const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request;

	memset(interface, 0, sizeof(*interface));
	if (fd < 0)
		return;
	request_init(&request, name);
	if (ioctl(fd, SIOCGIFINDEX, &request) == 0)
		interface->index = (unsigned)request.ifr_ifindex;
	request_init(&request, name);
	if (ioctl(fd, SIOCGIFMTU, &request) == 0)
		interface->mtu = (unsigned)request.ifr_mtu;
	request_init(&request, name);
	if (ioctl(fd, SIOCGIFFLAGS, &request) == 0)
		interface->up = (request.ifr_flags & IFF_UP) && (request.ifr_flags & IFF_RUNNING);
	interface->rx_queues = rx_queues_get(fd, name);
	close(fd);
}

int interface_mac(const char *name, uint8_t mac[6])
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
	struct ifreq request;

	if (fd < 0)
		return -errno;
	request_init(&request, name);
	if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		err = -errno;
	else
		memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	close(fd);
	return err;
}
