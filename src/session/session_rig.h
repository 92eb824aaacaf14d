/* session_rig.h - what tests of sessions share: calls, and what they put out as text. */
#pragma once
#include "session/python.h"
#include "session/session.h"

struct sessions;

/* One call; what it put out is "p:printed|v:value|i:PNG|". */
struct said {
	struct buf text;
	struct session_result r;
	struct err e;
	bool ok;
	char folder[128];
	struct session_where where;
};
extern struct sessions *rig_sessions;
extern char rig_top[]; /* where the folders are */

/* As argv says: `user`: not root; `plain`: nothing is preloaded. false: it cannot be. */
bool session_rig_open(int argc, char **argv);
/* false: something was left behind. */
bool rig_close(void);
/* false: this machine permits no sessions, and says why. */
bool rig_permitted(void);
/* Waits until sessions are forked from what is preloaded, if that is wanted. */
void rig_warm(void);
/* The caller releases said->text. `ms` 0: 30 seconds. */
struct str rig_run(struct said *s, int64_t key, const char *code, int64_t ms, const _Atomic bool *stop);
/* Is this what was put out (NULL: anything), and how it ended? */
bool rig_expects(int64_t key, const char *code, const char *said, enum session_end end);
#define EXPECT(...) CHECK(rig_expects(__VA_ARGS__))
