/* config_limits.c - hands the floors their limits, and the network its guard. */
#include "api/api.h"
#include "index/index_limits.h"
#include "index/skill_limits.h"
#include "mcp/limits.h"
#include "sandbox/sandbox.h"
#include "main/config.h"
#include "net/fetch.h"
#include "net/server.h"
#include "session/limits.h"
#include "store/limits.h"
#include "tools/tools.h"

bool config_apply_limits(struct config *c, struct err *e)
{
#define LIMIT(name, ...) net_limits.name = c->net_##name;
#include "net/limits.def"
#undef LIMIT
#define LIMIT(name, ...) fetch_limits.name = c->fetch_##name;
#include "net/fetch_limits.def"
#undef LIMIT
#define LIMIT(name, ...) api_limits.name = c->api_##name;
#include "door/limits.def"
#undef LIMIT
#define LIMIT(name, ...) store_limits.name = c->store_##name;
#include "store/limits.def"
#undef LIMIT
#define LIMIT(name, ...) engine_limits.name = c->engine_##name;
#include "engine/limits.def"
#undef LIMIT
#define LIMIT(name, ...) index_limits.name = c->index_##name;
#include "index/limits.def"
#undef LIMIT
#define LIMIT(name, ...) skill_limits.name = c->skills_##name;
#include "index/skill_limits.def"
#undef LIMIT
#define LIMIT(name, ...) tools_limits.name = c->tools_##name;
#include "tools/limits.def"
#undef LIMIT
#define LIMIT(name, ...) web_limits.name = c->web_search_##name;
#include "tools/web_limits.def"
#undef LIMIT
#define LIMIT(name, ...) mcp_limits.name = c->mcp_##name;
#include "mcp/limits.def"
#undef LIMIT
#define LIMIT(name, ...) sandbox_limits.name = c->sandbox_##name;
#include "sandbox/limits.def"
#undef LIMIT
#define LIMIT(name, ...) session_limits.name = c->session_##name;
#include "session/limits.def"
#undef LIMIT
	sandbox_limits_only = str_eq(c->api_sandbox, S("limits"));
	return guard_read(&c->arena, c->fetch_allow.at, c->fetch_allow.n, &fetch_guard, e);
}
