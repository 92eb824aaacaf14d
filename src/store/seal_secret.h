/* seal_secret.h - the master secret that seals rest on. Inside store/ alone. */
#pragma once
#include "store/seal.h"

/* The master secret as a key. `first`: nothing was wrapped with it yet, so it may be made. */
bool master_secret(const struct seal_options *o, bool first, uint8_t out[32], struct err *e);
#define SEAL_LOST                                                                                                      \
	"Should it be lost, what was sealed is lost too; `DELETE FROM seal_key` in the database lets the store "       \
	"start with new keys."
