/* cntr_files.h - where files of containers come from. Inside container/ alone. */
#pragma once
#include "container/cntr.h"
#include "store/file.h"

/* A file of /v1/files; ret may be NULL. */
bool cntr_source(struct cntrs *c, int64_t project, struct str file, struct arena *a, struct stored_file *ret,
		 struct err *e);
