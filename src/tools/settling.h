/* settling.h - an element of `tools` before anything is made. Worker thread. */
#pragma once
#include "model/hosted.h"

struct settling_data {
	struct str name, url; /* {0}: it has none; a data URL, as the input has it */
};

/* What it names is looked up, and what it means for this turn is settled (tool.h, settles()). */
struct settling {
	int64_t project;
	yyjson_val *given;
	const char *path;
	struct str last;         /* where the last call of the context ran (hosted.h, place); {0}: there was none */
	const struct str *files; /* ids of files that the input names */
	size_t n_files;
	const struct settling_data *data; /* files that the input carries itself */
	size_t n_data;
	struct arena *arena;
	yyjson_val *settled; /* result, an object */
};
