// SPDX-License-Identifier: BSD-3-Clause
//
// Certificate and key of gateway.conf, read and checked before the server starts: a key that is another's, or a
// certificate that is over, is said at the start and not by clients that cannot connect.
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controlplane/agents/desk_inside.h"
#include "controlplane/log.h"

enum { FILE_MAX = 1 << 20 };

// A whole file with a NUL behind it. NULL with errno.
static char *read_file(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = in ? malloc(FILE_MAX + 1) : NULL;
	size_t n;
	int err = errno;

	if (!in)
		return NULL;
	if (text) {
		n = fread(text, 1, FILE_MAX, in);
		err = ferror(in) ? EIO : n == FILE_MAX ? EFBIG : 0;
		text[n] = '\0';
	}
	fclose(in);
	if (text && !err)
		return text;
	free(text);
	errno = err;
	return NULL;
}

static int check_dates(const char *path, const gnutls_datum_t *certificate, char *why, size_t why_size)
{
	gnutls_x509_crt_t *list = NULL;
	unsigned n = 0;
	int err = gnutls_x509_crt_list_import2(&list, &n, certificate, GNUTLS_X509_FMT_PEM, 0);
	time_t from, to;

	if (err < 0) {
		snprintf(why, why_size, "%s: no certificate: %s (a PEM file)", path, gnutls_strerror(err));
		return -EINVAL;
	}
	from = gnutls_x509_crt_get_activation_time(list[0]);
	to = gnutls_x509_crt_get_expiration_time(list[0]);
	for (unsigned i = 0; i < n; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	if (to >= time(NULL) && from <= time(NULL))
		return 0;
	snprintf(why, why_size, "%s: the certificate is %s: give a valid one", path,
		 to < time(NULL) ? "over" : "not valid yet");
	return -EINVAL;
}

static int check_pair(const struct gateway *gateway, const char *certificate, const char *key, char *why,
		      size_t why_size)
{
	const gnutls_datum_t cert = { (unsigned char *)(uintptr_t)certificate, (unsigned)strlen(certificate) };
	const gnutls_datum_t secret = { (unsigned char *)(uintptr_t)key, (unsigned)strlen(key) };
	gnutls_certificate_credentials_t pair;
	int err = check_dates(gateway->tls_cert, &cert, why, why_size);

	if (err)
		return err;
	if (gnutls_certificate_allocate_credentials(&pair) < 0)
		return -ENOMEM;
	err = gnutls_certificate_set_x509_key_mem(pair, &cert, &secret, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(pair);
	if (err == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		snprintf(why, why_size, "%s: it is not the key of %s", gateway->tls_key, gateway->tls_cert);
	else if (err < 0)
		snprintf(why, why_size, "%s: no key: %s (a PEM file without a passphrase)", gateway->tls_key,
			 gnutls_strerror(err));
	return err < 0 ? -EINVAL : 0;
}

int tls_read(const struct gateway *gateway, char **certificate, char **key, char *why, size_t why_size)
{
	if (!gateway->tls_cert)
		return 0;
	*certificate = read_file(gateway->tls_cert);
	if (!*certificate) {
		snprintf(why, why_size, "%s: %s: agents.tls_cert is a PEM file that this user can read",
			 gateway->tls_cert, strerror(errno));
		return -EINVAL;
	}
	*key = read_file(gateway->tls_key);
	if (!*key) {
		snprintf(why, why_size, "%s: %s: agents.tls_key is a PEM file that this user can read",
			 gateway->tls_key, strerror(errno));
		return -EINVAL;
	}
	return check_pair(gateway, *certificate, *key, why, why_size);
}
