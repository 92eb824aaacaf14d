/* key_write.h - an API key as its owner is shown it: by the console and by the admin socket. Any thread. */
#pragma once
#include "store/keys.h"
#include "wire/jout.h"

/* `secret`: of a key just made; NULL: it is shown no more. */
void key_write(struct jout *o, const struct key_info *k, const char *secret);
