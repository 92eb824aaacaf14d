/* seen.h - how servers have answered so far, for people: a bounded table in memory, forgotten with the process.
 *
 * A row is a project's and an address's, whatever credentials were sent. Addresses are kept without user, password and
 * query, which may be credentials. Any thread; one lock. */
#pragma once
#include "mcp/client.h"

struct seen_tool {
	struct str name;
	bool read_only; /* the server's own word */
};
struct seen_server {
	struct str url, revision, fault; /* revision {0}: none was found; fault: of the last that failed, {0}: none did */
	int64_t listed_at, called_at, failed_at; /* seconds; 0: never */
	int64_t lists, calls, failures;          /* failures: of both */
	struct seen_tool *tools;                 /* as last listed, at most mcp_limits.tools */
	size_t n_tools, left_out;
};

struct mcp_seen;
struct mcp_seen *seen_new(void);
void seen_free(struct mcp_seen *s);
/* What came of one of them. */
struct seen_note {
	const struct mcp_server *server;
	struct str revision;         /* {0}: not known */
	const struct mcp_list *list; /* NULL: a call */
	const struct mcp_fault *f;   /* kind NONE: it worked */
};
void seen_note(struct mcp_seen *s, const struct seen_note *n);
/* An address as rows have it, in `a`. */
struct str seen_url(struct arena *a, struct str url);
/* The project's, last asked first, copied into `a`. */
size_t seen_list(struct mcp_seen *s, int64_t project, struct arena *a, struct seen_server **ret);
