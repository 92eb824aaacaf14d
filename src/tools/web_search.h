/* web_search.h - what the command line asks about the tool web_search. Any thread. */
#pragma once
#include "tools/tools.h"

/* NULL, or why no search of the web is possible as things are configured and how to mend that, in one line. */
const char *web_search_lacks(const struct tools_options *o);
/* The environment variable of that provider's key; NULL: it has none. */
const char *web_search_key_env(struct str provider);
