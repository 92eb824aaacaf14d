/* sign_in.h - who has signed in to the console with a browser.
 *
 * A link is good once and for ten minutes; it becomes a session, which the browser keeps in a cookie (HttpOnly, SameSite=Strict)
 * and which ends after twelve hours or with the process. Links and sessions are kept as hashes, at most
 * SIGN_INS of each, the oldest first out. What a session may do is all that the owner of this machine may. All functions: any thread. */
#pragma once
#include "base/str.h"

enum { SIGN_IN_TEXT = 44 /* with its NUL */, SIGN_INS = 64, SIGN_IN_LINK_SECONDS = 600, SIGN_IN_SECONDS = 12 * 3600 };

struct sign_ins;
struct sign_ins *sign_ins_new(void);
void sign_ins_free(struct sign_ins *s);
/* A new link's secret. */
void sign_in_link(struct sign_ins *s, char ret[SIGN_IN_TEXT]);
/* A new session's, without a link: for who may do everything already. */
void sign_in_open(struct sign_ins *s, char ret[SIGN_IN_TEXT]);
/* Takes a link's secret, which is used up, for a session's. false: there is no such link, or no more. */
bool sign_in_take(struct sign_ins *s, struct str link, char ret[SIGN_IN_TEXT]);
bool sign_in_check(struct sign_ins *s, struct str session);
void sign_in_end(struct sign_ins *s, struct str session);
