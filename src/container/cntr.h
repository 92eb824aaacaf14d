/* cntr.h - containers are made, used, dropped.
 *
 * All functions block: worker threads, any. Errors are those of store/container.h; a file that is not there is "No such
 * File object: x". */
#pragma once
#include "container/cntr_files.h"
#include "wire/json.h"

struct cntr_want {
	struct id id;                    /* key 0: a new one */
	struct str name;
	yyjson_val *network;     /* a network_policy that fits (network.h); NULL: none */
	yyjson_val *skills;      /* as a request has them, checked (cntr_skills.h); NULL: none */
	const char *skills_path; /* where the request has them */
	int64_t minutes, memory;         /* 0: the default */
	const struct str *files;         /* ids of files to be copied in */
	size_t n_files;
};
/* One that is not there among the files, and nothing is made. */
bool cntr_make(struct cntrs *c, int64_t project, const struct cntr_want *w, struct arena *a, struct container *ret,
	       struct err *e);
/* One that lives; it was used just now. */
bool cntr_use(struct cntrs *c, int64_t project, struct str id, struct arena *a, struct container *ret, struct err *e);
/* Gone at once; what runs in it ends, its folder goes soon. */
bool cntr_drop(struct cntrs *c, const struct container *of, struct err *e);
/* Likewise, of one that nobody has put anything into or run anything in; another stays. */
void cntr_drop_unused(struct cntrs *c, int64_t key);
