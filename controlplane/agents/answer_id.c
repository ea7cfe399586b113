// SPDX-License-Identifier: BSD-3-Clause
//
// Ids for answers. Sealed bytes: version (1), arrival (8, big-endian), spool value whose payload ends where the body
// began, HMAC-SHA256 of all that (32). Nothing is read of an id before its seal is found good; the seal is compared in
// constant time.
#include "controlplane/agents/answer_id.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERSION = 1, PREFIX = 9, SEAL = 32 };

static int make_key(const char *path, struct answer_key *key)
{
	int fd, err = 0;

	if (gnutls_rnd(GNUTLS_RND_KEY, key->bytes, sizeof(key->bytes)) < 0)
		return -EIO;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, key->bytes, sizeof(key->bytes)) != (ssize_t)sizeof(key->bytes))
		err = -ENOSPC;
	else if (fsync(fd) < 0)
		err = -errno;
	close(fd);
	if (err)
		unlink(path);
	return err;
}

static int read_key(int fd, struct answer_key *key)
{
	uint8_t bytes[ANSWER_KEY_SIZE + 1];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	if (n < 0)
		return -errno;
	if (n != ANSWER_KEY_SIZE)
		return -EBADMSG;
	memcpy(key->bytes, bytes, sizeof(key->bytes));
	return 0;
}

int answer_key_open(const char *path, struct answer_key *key, char *why, size_t why_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err;

	if (fd >= 0) {
		err = read_key(fd, key);
		close(fd);
	} else {
		err = errno == ENOENT ? make_key(path, key) : -errno;
	}
	if (err == -EBADMSG)
		snprintf(why, why_size, "%s: not a key of %d bytes: remove it (older messages cannot be answered then)",
			 path, (int)ANSWER_KEY_SIZE);
	else if (err)
		snprintf(why, why_size, "%s: %s: let this user read and write it", path, strerror(-err));
	return err;
}

static int seal(const struct answer_key *key, const uint8_t *bytes, size_t n, uint8_t out[SEAL])
{
	return gnutls_hmac_fast(GNUTLS_MAC_SHA256, key->bytes, sizeof(key->bytes), bytes, n, out) < 0 ? -EIO : 0;
}

// Seals `n` bytes, with SEAL bytes of room behind them, and writes them in base64.
static int close_up(const struct answer_key *key, uint8_t *bytes, size_t n, char out[ANSWER_ID_SIZE])
{
	gnutls_datum_t raw = { bytes, (unsigned)(n + SEAL) }, text;
	int err = seal(key, bytes, n, bytes + n);

	if (err)
		return err;
	if (gnutls_base64_encode2(&raw, &text) < 0)
		return -ENOMEM;
	if (text.size < ANSWER_ID_SIZE) {
		memcpy(out, text.data, text.size);
		out[text.size] = '\0';
	} else {
		err = -E2BIG;
	}
	gnutls_free(text.data);
	return err;
}

int answer_id_format(const struct answer_key *key, const struct spool_message *message, char out[ANSWER_ID_SIZE])
{
	struct spool_message head = *message;
	uint8_t *bytes;
	int size, err;

	if (head.record.body_offset > head.record.payload_length)
		return -EINVAL;
	if (head.record.body_offset > ANSWER_HEAD_MAX)
		return -E2BIG;
	head.record.payload_length = head.record.body_offset;
	size = spool_value_size(&head);
	if (size < 0)
		return size;
	bytes = malloc(PREFIX + (size_t)size + SEAL);
	if (!bytes)
		return -ENOMEM;
	bytes[0] = VERSION;
	for (unsigned i = 0; i < 8; i++)
		bytes[1 + i] = (uint8_t)(message->arrival >> (56 - 8 * i));
	spool_value_format(&head, bytes + PREFIX);
	err = close_up(key, bytes, PREFIX + (size_t)size, out);
	free(bytes);
	return err;
}

// Takes apart what this gateway once sealed; what came otherwise is not here.
static int take_apart(struct answer_origin *origin, size_t n)
{
	uint64_t arrival = 0;
	int err;

	if (origin->bytes[0] != VERSION)
		return -EBADMSG;
	err = spool_value_parse(origin->bytes + PREFIX, n - PREFIX, &origin->message, &origin->names);
	for (unsigned i = 0; i < 8; i++)
		arrival = arrival << 8 | origin->bytes[1 + i];
	origin->message.arrival = arrival;
	return err;
}

int answer_id_parse(const struct answer_key *key, const char *id, struct answer_origin *origin)
{
	gnutls_datum_t text = { (unsigned char *)(uintptr_t)id, (unsigned)strnlen(id, ANSWER_ID_SIZE) }, raw;
	uint8_t wanted[SEAL];
	size_t n;
	int err;

	if (text.size == 0 || text.size >= ANSWER_ID_SIZE || gnutls_base64_decode2(&text, &raw) < 0)
		return -EBADMSG;
	n = raw.size < SEAL ? 0 : raw.size - SEAL;
	err = n <= PREFIX ? -EBADMSG : seal(key, raw.data, n, wanted);
	if (!err && gnutls_memcmp(wanted, raw.data + n, SEAL) != 0)
		err = -EBADMSG;
	*origin = (struct answer_origin){ .bytes = raw.data };
	if (!err)
		err = take_apart(origin, n);
	if (err) {
		gnutls_free(raw.data);
		origin->bytes = NULL;
	}
	return err;
}

void answer_origin_fini(struct answer_origin *origin)
{
	gnutls_free(origin->bytes);
	origin->bytes = NULL;
}
