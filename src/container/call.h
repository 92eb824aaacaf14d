/* call.h - something runs in a container: it has begun, durably; at its end what it has made becomes files with ids.
 *
 * A call that has begun and whose end was never written was cut off by an end of the server. It is never run again by
 * itself: the next call in that container says so once (`cut`). All functions block: worker threads, any. */
#pragma once
#include "container/cntr_files.h"
#include "container/network.h"
#include "session/session.h"

struct cntr_call {
	struct cntrs *cntrs;
	struct container of;
	struct id id;
	int64_t cut;                /* earlier calls that were cut off */
	char folder[4096];          /* on the host */
	char skills[4096];
	struct session_mount mounts[2]; /* of its skills, and of the authorities that it trusts, where it has some */
	struct network_way way;     /* where it has a network */
	struct arena arena;         /* of the way */
	struct session_where where; /* for session.h */
};
/* The container is held until the end, and one call at a time has it, so that what is made is whose who made it; others
 * wait, wait_ms at most (ERR_REQUEST_TIMEOUT), or until *stop is set. Fails as container_living() and folder_ready(). */
bool cntr_call_begin(struct cntrs *c, const struct container *of, int64_t wait_ms, const _Atomic bool *stop,
		     struct cntr_call *ret, struct err *e);

/* A file that was made or changed, or a picture that was shown. */
struct cntr_made {
	struct container_file file;
	bool shown; /* a picture that the call showed; named after its id */
	bool fresh; /* it was not there before */
};
struct cntr_found {
	struct cntr_made *at;
	size_t n;
	bool cut; /* there is more in the folder than is kept count of */
};
/* `pictures`: PNG images that were shown; they become files. Bytes are synced before rows are written, rows before it
 * returns. false: that could not be written and
 * nothing is known of files; once the server has ended the call counts as cut off. */
bool cntr_call_end(struct cntr_call *call, const struct str *pictures, size_t n, struct arena *a,
		   struct cntr_found *ret, struct err *e);
