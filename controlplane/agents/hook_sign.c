// SPDX-License-Identifier: BSD-3-Clause
//
// Secrets and signatures of webhooks. Secrets are never logged, not even where they are wrong. Any thread.
#include "controlplane/agents/hook_sign.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "whsec_"

enum { SECRET_FILE_MAX = 4096, SHA256 = 32 };

static int fail(int err, char *why, size_t why_size, const char *text)
{
	snprintf(why, why_size, "%s", text);
	return err;
}

// One line, without what ends it. NULL, or what is wrong.
static const char *parse_line(const char *line, size_t length, struct hook_secrets *secrets)
{
	const size_t prefix = strlen(PREFIX);
	gnutls_datum_t text, key = { 0 };
	const char *fault = NULL;

	if (secrets->n == HOOK_SECRETS)
		return "there are more than 4 secrets in it";
	if (length <= prefix || memcmp(line, PREFIX, prefix) != 0)
		return "a line in it is no secret (whsec_ and base64 of 24 to 64 bytes)";
	text = (gnutls_datum_t){ (unsigned char *)(uintptr_t)(line + prefix), (unsigned)(length - prefix) };
	if (gnutls_base64_decode2(&text, &key) < 0)
		return "a secret in it is no base64 behind whsec_";
	if (key.size < HOOK_KEY_MIN || key.size > HOOK_KEY_MAX)
		fault = "a secret in it is not of 24 to 64 bytes";
	if (!fault) {
		memcpy(secrets->secret[secrets->n].key, key.data, key.size);
		secrets->secret[secrets->n++].length = key.size;
	}
	gnutls_memset(key.data, 0, key.size);
	gnutls_free(key.data);
	return fault;
}

int hook_secrets_parse(const char *text, size_t length, struct hook_secrets *secrets, char *why, size_t why_size)
{
	const char *end = text + length, *fault = NULL;

	*secrets = (struct hook_secrets){ 0 };
	while (text < end && !fault) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((newline ? newline : end) - text), n = line;

		while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t' || text[n - 1] == '\r'))
			n--;
		if (n > 0 && *text != '#')
			fault = parse_line(text, n, secrets);
		text += line + 1;
	}
	if (!fault && secrets->n == 0)
		fault = "there is no secret in it (a line: whsec_ and base64 of 24 to 64 bytes)";
	if (!fault)
		return 0;
	hook_secrets_fini(secrets);
	return fail(-EINVAL, why, why_size, fault);
}

static const char *file_fault(const struct stat *stat)
{
	if (!S_ISREG(stat->st_mode))
		return "it is no regular file";
	if (stat->st_mode & (S_IRWXO | S_IWGRP | S_IXGRP))
		return "others can read or change it (chmod 640, or 600)";
	return stat->st_size > SECRET_FILE_MAX ? "it is larger than 4,096 bytes" : NULL;
}

int hook_secrets_read(const char *path, struct hook_secrets *secrets, char *why, size_t why_size)
{
	char text[SECRET_FILE_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err = 0;
	const char *fault;
	struct stat stat;
	ssize_t n = 0;

	*secrets = (struct hook_secrets){ 0 };
	if (fd < 0) {
		err = -errno;
		return fail(err, why, why_size, strerror(-err));
	}
	if (fstat(fd, &stat) < 0 || (n = read(fd, text, sizeof(text))) < 0)
		err = -errno;
	fault = err ? strerror(-err) : file_fault(&stat);
	close(fd);
	if (fault)
		err = fail(err ? err : -EACCES, why, why_size, fault);
	else
		err = hook_secrets_parse(text, (size_t)n, secrets, why, why_size);
	gnutls_memset(text, 0, sizeof(text));
	return err;
}

void hook_secrets_fini(struct hook_secrets *secrets)
{
	gnutls_memset(secrets, 0, sizeof(*secrets));
}

static int sign_one(const uint8_t *key, size_t key_length, const char *head, const char *body, size_t length,
		    char signature[HOOK_SIGNATURE])
{
	uint8_t mac[SHA256];
	const gnutls_datum_t raw = { mac, sizeof(mac) };
	gnutls_datum_t text = { 0 };
	gnutls_hmac_hd_t hmac;
	int err = gnutls_hmac_init(&hmac, GNUTLS_MAC_SHA256, key, key_length);

	if (err < 0)
		return -EIO;
	err = gnutls_hmac(hmac, head, strlen(head));
	if (err >= 0)
		err = gnutls_hmac(hmac, body, length);
	gnutls_hmac_deinit(hmac, mac);
	if (err < 0 || gnutls_base64_encode2(&raw, &text) < 0)
		return -EIO;
	snprintf(signature, HOOK_SIGNATURE, "v1,%.*s", (int)text.size, (const char *)text.data);
	gnutls_free(text.data);
	return 0;
}

int hook_sign(const struct hook_secrets *secrets, const char *id, uint64_t timestamp_s, const char *body,
	      size_t length, char signatures[HOOK_SIGNATURES + 1])
{
	char head[160];
	size_t at = 0;

	if ((size_t)snprintf(head, sizeof(head), "%s.%llu.", id, (unsigned long long)timestamp_s) >= sizeof(head))
		return -EIO;
	signatures[0] = '\0';
	for (unsigned i = 0; i < secrets->n; i++) {
		char one[HOOK_SIGNATURE];
		int err = sign_one(secrets->secret[i].key, secrets->secret[i].length, head, body, length, one);

		if (err)
			return err;
		at += (size_t)snprintf(signatures + at, HOOK_SIGNATURES + 1 - at, "%s%s", i ? " " : "", one);
	}
	return 0;
}
