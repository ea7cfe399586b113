// SPDX-License-Identifier: BSD-3-Clause
//
// coap_serve: a CoAP server of weir's decoder, answers and memory of repetitions over a UDP socket on loopback, for clients
// that no one here wrote. Prints its port, then a line for each datagram: reason, kind, and what was told before (0: it is
// new). A message's channel says what becomes of it: email is refused, chat is busy, voice is answered later, what goes to
// the other channels is accepted. Ends when standard input does.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/decode/coap_answer.h"
#include "dataplane/repeat.h"

enum { EMAIL = 2, CHAT = 3, VOICE = 4, LIFETIME_S = 247, MEMORY = 1 << 16, ROOM = 1500 };

struct server {
	int fd;
	struct sockaddr_in own, client;
	struct repeat repeat;
	uint16_t id;
};

static void fail(const char *what)
{
	perror(what);
	exit(3);
}

static void open_server(struct server *server)
{
	uint8_t secret[SIPHASH_KEY_SIZE];
	socklen_t size = sizeof(server->own);

	server->own = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	server->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (server->fd < 0 || bind(server->fd, (struct sockaddr *)&server->own, size) != 0 ||
	    getsockname(server->fd, (struct sockaddr *)&server->own, &size) != 0)
		fail("socket");
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret) ||
	    repeat_init(&server->repeat, MEMORY, LIFETIME_S, secret) != 0)
		fail("memory");
	printf("%u\n", ntohs(server->own.sin_port));
	fflush(stdout);
}

static void reply(struct server *server, const uint8_t *out, int length)
{
	if (length < 0)
		fail("no room");
	if (length > 0 && sendto(server->fd, out, (size_t)length, 0, (struct sockaddr *)&server->client,
				 sizeof(server->client)) != length)
		fail("send");
}

// What was told to this message before; it will be told its answer.
static uint32_t claim(struct server *server, uint16_t id)
{
	struct repeat_ends ends = { server->client.sin_port, server->own.sin_port, id, 4, { 0 } };
	uint64_t key;
	uint32_t told;

	memcpy(ends.address, &server->client.sin_addr, 4);
	memcpy(ends.address + 4, &server->own.sin_addr, 4);
	key = repeat_key(&server->repeat, &ends);
	told = repeat_claim(&server->repeat, key, 0);
	repeat_put(&server->repeat, key, REPEAT_OWNERS);
	return told;
}

static void answer(struct server *server, const struct coap_origin *origin, unsigned channel)
{
	struct coap_answer answer = { coap_status_code(WEIR_STATUS_ACCEPTED), ++server->id, 0, "thank you", 9 };
	uint8_t out[ROOM];

	if (channel == EMAIL)
		answer = (struct coap_answer){ coap_status_code(WEIR_STATUS_REFUSED), ++server->id, 0, "not here", 8 };
	else if (channel == CHAT)
		answer = (struct coap_answer){ coap_status_code(WEIR_STATUS_BUSY), ++server->id, 30, "we are busy", 11 };
	if (channel == VOICE) {
		reply(server, out, coap_acknowledge_format(out, ROOM, origin));
		reply(server, out, coap_later_format(out, ROOM, origin, &answer, origin->type));
		return;
	}
	reply(server, out, coap_answer_format(out, ROOM, origin, &answer));
}

static void serve(struct server *server)
{
	uint8_t in[65536], out[ROOM];
	socklen_t size = sizeof(server->client);
	ssize_t length = recvfrom(server->fd, in, sizeof(in), 0, (struct sockaddr *)&server->client, &size);
	struct coap_message message;
	struct coap_origin origin;
	enum weir_reason reason;
	uint32_t told = 0;

	if (length < 0)
		fail("receive");
	reason = coap_parse(in, (unsigned)length, &message);
	coap_origin_get(&origin, in, &message);
	if (message.kind == COAP_TRIAGE) {
		told = claim(server, message.id);
		answer(server, &origin, message.channel);
	} else {
		reply(server, out, coap_service_format(out, ROOM, &origin, ++server->id));
	}
	printf("%s %u %u\n", weir_reason_name(reason), message.kind, told);
	fflush(stdout);
}

int main(void)
{
	struct server server = { 0 };
	struct pollfd news[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .events = POLLIN } };

	open_server(&server);
	news[1].fd = server.fd;
	while (poll(news, 2, -1) > 0) {
		if (news[0].revents)
			break;
		serve(&server);
	}
	repeat_fini(&server.repeat);
	close(server.fd);
	return 0;
}
