/* pools.h - the sets of threads that calls of tools run on (pools.def). */
#pragma once

enum tool_pool {
#define POOL(ID, ...) POOL_##ID,
#include "tools/pools.def"
#undef POOL
	POOLS
};
