/* internal.h - what the files of tools/ share. */
#pragma once
#include "tools/tool.h"

struct web_cache;

struct tools {
	struct tools_options options;
	struct web_cache *cache; /* NULL: nothing is kept */
};
