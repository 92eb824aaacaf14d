/* secret.h - secrets of hosts: put into what is sent, taken out of what comes back. Pure; one thread at a time. */
#pragma once
#include "base/buf.h"

struct secret {
	struct str domain, name, value; /* the one host that it is for; what it is called inside */
	struct str stand_in;            /* what programs inside have of it */
};
enum { SECRET_STAND_IN = 64, SECRETS_MOST = 32 };

/* A value as one of a header: without control characters. */
bool secret_value_fits(struct str value);
/* A name as one of an environment variable. */
bool secret_name_fits(struct str name);
/* Has the host one? */
bool secret_of(const struct secret *list, size_t n, struct str host);
/* `text` with the stand-ins of the host's secrets replaced. true: there were some. */
bool secret_put_in(const struct secret *list, size_t n, struct str host, struct str text, struct buf *out);

/* The value of an Authorization of the scheme Basic (RFC 7617), where its credentials have a stand-in: written with the secret. *credentials: as
 * they are written, base64, in `out`. false: it is another, and nothing was written. */
bool secret_put_in_basic(const struct secret *list, size_t n, struct str host, struct str text, struct buf *out,
			 struct str *credentials);

/* Bytes that pass: each secret of the host becomes as many '*', wherever it was cut. */
struct secret_veil {
	const struct secret *list;
	size_t n;
	struct str host, credentials; /* credentials: another secret; {0}: there are none */
	struct buf held;              /* may be the beginning of one */
};
void secret_veil_init(struct secret_veil *v, const struct secret *list, size_t n, struct str host, struct str credentials);
/* What can pass now is added to `out`. `last`: all of it. */
void secret_veil_pass(struct secret_veil *v, struct str in, bool last, struct buf *out);
void secret_veil_release(struct secret_veil *v);
