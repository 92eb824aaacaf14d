/* facts.h - what is known of one engine, settled. Inside engine/ alone. */
#pragma once
#include "engine/table.h"

/* Works out g->traits anew. With the lock held. */
void engine_settle(struct engine *g);
/* Its family, as far as it is known. With the lock held. */
enum dialect engine_dialect(const struct engine *g);
/* NULL: it has no such model. With the lock held. */
const struct listing *engine_listing(const struct engine *g, struct str model);
/* Forgets the models; the rest stays. */
void facts_free(struct engine_facts *f);
extern const char *const engine_pass_local[], *const engine_pass_plain[];
