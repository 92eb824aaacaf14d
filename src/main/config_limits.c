/* config_limits.c - hands the floors their limits. */
#include "api/api.h"
#include "main/config.h"
#include "net/server.h"
#include "store/limits.h"

void config_apply_limits(const struct config *c)
{
#define LIMIT(name, ...) net_limits.name = c->net_##name;
#include "net/limits.def"
#undef LIMIT
#define LIMIT(name, ...) api_limits.name = c->api_##name;
#include "api/limits.def"
#undef LIMIT
#define LIMIT(name, ...) store_limits.name = c->store_##name;
#include "store/limits.def"
#undef LIMIT
#define LIMIT(name, ...) engine_limits.name = c->engine_##name;
#include "engine/limits.def"
#undef LIMIT
}
