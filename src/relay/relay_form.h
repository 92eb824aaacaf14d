/* relay_form.h - a multipart form on its way to an engine: taken apart, and put together anew while it comes.
 *
 * Inside of relay/. At most a few pieces lie in memory: who falls behind holds the other. Loop thread. */
#pragma once
#include "relay/relay.h"

struct relay_form_calls {
	void (*ended)(struct relay *r);   /* the body has come, or not: r->error */
	void (*dropped)(struct relay *r); /* the client left, or was told already */
};
/* Takes the body. false: *e, and nothing is taken. */
bool relay_form_begin(struct relay *r, const struct relay_form_calls *calls, struct err *e);
/* The engine's call stands: what came before goes to it. */
void relay_form_go(struct relay *r);
/* The client may be told r->error now, or at its next piece. */
void relay_form_failed(struct relay *r);
void relay_form_free(struct relay *r);
/* A further field, once before the end. */
void relay_form_add(struct relay *r, struct str name, struct str value);
/* "Content-Type: multipart/form-data; ...\r\n" */
struct str relay_form_type(struct relay *r);
