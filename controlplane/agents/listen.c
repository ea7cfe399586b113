// SPDX-License-Identifier: BSD-3-Clause
//
// Listening sockets of the agents' API. A Unix socket that a killed predecessor left is replaced, one that somebody
// listens on is not.
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "controlplane/agents/desk_inside.h"
#include "rules/address.h"

enum { BACKLOG = 256 };

static const char *mend(int err, bool tcp)
{
	switch (err) {
	case EADDRINUSE:
		return tcp ? ": end the other program, or choose another port" : ": end the other program";
	case EADDRNOTAVAIL:
		return ": no interface of this machine has that address";
	case EACCES:
		return tcp ? ": this user may not: choose a port above 1023" : ": this user may not write there";
	default:
		return "";
	}
}

// Says why, closes, and leaves the error in errno. `what` is a path, or with `tcp` an address.
static int fail(int fd, const char *what, bool tcp, char *why, size_t why_size)
{
	int err = errno;

	snprintf(why, why_size, "%s: %s%s", what, strerror(err), mend(err, tcp));
	if (fd >= 0)
		close(fd);
	errno = err;
	return -1;
}

// Removes a socket that nobody listens on.
static int clear(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	err = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? -EADDRINUSE : -errno;
	close(fd);
	if (err == -ECONNREFUSED)
		err = unlink(address->sun_path) < 0 ? -errno : 0;
	return err == -ENOENT ? 0 : err;
}

int listen_unix(const char *path, char *why, size_t why_size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return fail(-1, path, false, why, why_size);
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	err = clear(&address);
	if (err) {
		errno = -err;
		return fail(-1, path, false, why, why_size);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0660) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return fail(fd, path, false, why, why_size);
	return fd;
}

int listen_tcp(const struct gateway *gateway, char *why, size_t why_size)
{
	const struct gateway_listen *listen_at = &gateway->agents_listen;
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} address = { .in6 = { .sin6_family = listen_at->family == 4 ? AF_INET : AF_INET6 } };
	int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
	char text[PREFIX_TEXT], what[PREFIX_TEXT + 40];
	socklen_t size = listen_at->family == 4 ? sizeof(address.in) : sizeof(address.in6);

	prefix_format(listen_at->address, listen_at->family, listen_at->family == 4 ? 32 : 128, text);
	text[strcspn(text, "/")] = '\0';
	snprintf(what, sizeof(what), "agents.listen, %s port %u", text, listen_at->port);
	if (listen_at->family == 4) {
		memcpy(&address.in.sin_addr, listen_at->address, 4);
		address.in.sin_port = htons(listen_at->port);
	} else {
		memcpy(&address.in6.sin6_addr, listen_at->address, 16);
		address.in6.sin6_port = htons(listen_at->port);
	}
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (listen_at->family == 6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(fd, &address.any, size) < 0 || listen(fd, BACKLOG) < 0)
		return fail(fd, what, true, why, why_size);
	return fd;
}
