/* upgrade.h - a connection that leaves HTTP behind. Loop thread. */
#pragma once
#include "net/exchange.h"

/* What a connection becomes after 101: bytes both ways. Embedded in whoever speaks the other protocol. */
struct exchange_tap {
	void (*read)(struct exchange_tap *, struct str bytes); /* borrowed; exchange_end() is allowed inside */
	void (*drain)(struct exchange_tap *);                  /* the server is going: say good-bye */
};
/* Bytes of answers that the kernel has not taken over. */
size_t exchange_waiting(const struct exchange *x);
/* Answers 101 Switching Protocols to `protocol`, with the headers added before. From here on `tap` gets what
 * comes, exchange_write() sends bytes as they are, and exchange_end() closes after them. */
void exchange_upgrade(struct exchange *x, struct str protocol, struct exchange_tap *tap, struct reader *r);
