/* limits_write.h - limits of keys and projects as their owner is shown them and sets them: by the admin socket and by
 * commands. Blocks: threads that may. */
#pragma once
#include "quota/quota.h"
#include "wire/json.h"
#include "wire/jout.h"

/* {"key": id} or {"project": name}, and "limits": {NAME: "60" | "20.50" | "none"}. `q` NULL: no server runs. */
bool limits_change(struct store *s, struct quotas *q, yyjson_val *body, struct err *e);
/* {"data": [{"key" or "project", "limits": {NAME: "60"}}]}, of all that have some. */
bool limits_write(struct store *s, struct jout *o, struct err *e);
