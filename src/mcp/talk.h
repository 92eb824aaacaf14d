/* talk.h - one exchange with a server over HTTP: a request goes out, its answer is read out of a body or a stream.
 *
 * Worker threads alone. Inside mcp/ alone. */
#pragma once
#include "mcp/client.h"
#include "mcp/way.h"
#include "net/fetch.h"
#include "wire/sse.h"

struct mcp_talk {
	const struct mcp_ask *ask;
	struct arena *a; /* what was heard lies there */
	const struct mcp_way *way;
	int64_t id;        /* the request's; 0: no answer is waited for */
	int64_t max_bytes; /* of the answer */
	bool fresh;        /* on a connection of its own: libcurl sends again what a kept one has swallowed */
	/* --- what came of it --- */
	int status;
	bool answered, whole; /* whole: the HTTP exchange itself went well */
	struct rpc answer;    /* answered; or the error of an HTTP error's body, whatever its id */
	bool has_answer;
	struct str session, challenge; /* Mcp-Session-Id, WWW-Authenticate; {0}: none */
	enum fetch_fault fault;
	char why[256];
	/* --- talk.c's own --- */
	struct fetch_answer *got;
	struct sse sse;
	struct sse_resume resume;
	struct buf text;
	bool typed, streams, moved; /* moved: something came since the stream was opened */
	struct err bad;
};
/* Sends and hears. Polls a stream that ended before its answer. What came is in *t. */
void mcp_talk(struct mcp_talk *t, const struct mcp_post *post);
/* A POST whose answer does not matter: a notification, a refusal. `url` {0}: the server's. False: it did not arrive. */
bool mcp_tell(const struct mcp_ask *ask, const struct mcp_post *post, struct str url, int64_t ms, int *status);
/* Says that its session is not needed any more (DELETE); what comes of it does not matter. */
void mcp_leave(const struct mcp_server *s, const struct mcp_way *way, int64_t ms);
/* One event of a stream, as a message of the peer; answers what it asks. For stream.c. */
bool mcp_hear(struct mcp_talk *t, struct str data, struct str url);
/* How long the ask may still take, at most `most`; at least 1. */
int64_t mcp_left_ms(const struct mcp_ask *ask, int64_t most);
/* The media type alone. */
bool mcp_is_type(struct str content_type, struct str want);
