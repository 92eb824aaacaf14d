/* known.h - what is remembered of servers, and how many requests of each are under way. Any thread; one lock. Inside
 * mcp/ alone, but for its beginning and end. */
#pragma once
#include "mcp/client.h"
#include "mcp/way.h"

enum { KNOWN_KEY = 32 };

struct mcp_known *mcp_known_new(void);
void mcp_known_free(struct mcp_known *);
struct mcp_seen *known_seen(struct mcp_known *k); /* seen.h; lives as long */
/* SHA-256 over project, URL and headers. */
void known_key(const struct mcp_server *s, uint8_t ret[KNOWN_KEY]);
/* How it was last spoken to, in `a`; era MCP_UNKNOWN: not known. */
struct mcp_way known_get(struct mcp_known *k, const uint8_t key[KNOWN_KEY], struct arena *a);
/* `way` NULL: forgets; the session of before is gone, or goes on in `way`. */
void known_put(const struct mcp_ask *ask, const uint8_t key[KNOWN_KEY], const struct mcp_way *way);
/* Ends a session that is not remembered any more, within so many milliseconds; none left: it is only forgotten. false:
 * there is none. What is remembered when the process ends is ended by mcp_known_free(). */
bool known_end_one(struct mcp_known *k, int64_t ms);
/* Waits until the server may have one more request; false: the project has too many, or nobody waits any more. */
bool known_enter(const struct mcp_ask *ask, const uint8_t key[KNOWN_KEY], struct mcp_fault *f);
void known_leave(const struct mcp_ask *ask, const uint8_t key[KNOWN_KEY]);
