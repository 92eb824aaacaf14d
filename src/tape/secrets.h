/* secrets.h - JSON without what must not be given away: keys, tokens, credentials of servers. Pure.
 *
 * Members are known by their names (secrets.def), wherever they stand, and left out. In texts, what follows "Bearer "
 * or looks like a key ("sk-...") becomes "[removed]"; the rest is what the user gave and is kept. */
#pragma once
#include "wire/json.h"

void secrets_out(struct jout *o, yyjson_val *v);
/* A text alone, as a JSON string; {0} gives null. */
void secrets_text_out(struct jout *o, struct str s);
