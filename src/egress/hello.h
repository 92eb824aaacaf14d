/* hello.h - which name a client of TLS asks for, out of its first bytes. Pure; any thread. */
#pragma once
#include "egress/host.h"

enum hello {
	HELLO_MORE,  /* there is not enough of it */
	HELLO_OTHER, /* it is no TLS */
	HELLO_READ
};
enum { HELLO_MOST = 32768 /* bytes of one; more is none that can be read */ };
/* *name, in small letters, when HELLO_READ: of its server_name (RFC 6066, 3); "": it asks for none, or it cannot be
 * read. */
enum hello hello_read(struct str bytes, char name[HOST_MOST + 1]);
