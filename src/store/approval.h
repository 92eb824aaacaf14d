/* approval.h - requests for an approval: which wait, what was answered here, and which answers were used. Included where
 * it is asked for.
 *
 * A request that a stored response ends with is a row as long as its response is there; its words are those of the item
 * (mcp_approval_request) that the response keeps. Who operates the server may answer it here; a turn uses the answer, or
 * one that its client sends: once. A used row stays until the request could not be answered any more
 * (api.approval_days), also of requests that nobody keeps. Rules as in store.h; what is not there is ERR_NOT_FOUND. */
#pragma once
#include "store/store.h"

enum approval_answer { APPROVAL_NONE, APPROVAL_GIVEN, APPROVAL_REFUSED };

struct stored_approval {
	struct id id, response;
	struct str item, body; /* the request, and its response without output: JSON */
	struct str reason;     /* {0}: none */
	enum approval_answer answer;
	int64_t answered_at, used_at, expires_at; /* seconds; 0: not yet */
};
struct approval_page {
	struct stored_approval *list;
	size_t n;
	bool has_more;
};
/* One, used or not. */
void store_get_approval(struct store_port *p, struct store_op *op, int64_t project, struct str id, struct arena *a,
			struct stored_approval *ret);
/* Those that were not used yet; `before` is not asked. */
void store_list_approvals(struct store_port *p, struct store_op *op, int64_t project, const struct page_query *q,
			  struct arena *a, struct approval_page *ret);
/* Answers one; what was approved may still be refused until it is used. ERR_BAD_REQUEST: it was answered before. */
void store_answer_approval(struct store_port *p, struct store_op *op, int64_t project, struct str id, bool approve,
			   struct str reason);

/* What is known of a request: nothing of one that nobody keeps and nobody answered. */
struct approval_state {
	enum approval_answer answer;
	struct str reason;
	bool used;
	int64_t used_by; /* key of the response */
};
void store_approval_states(struct store_port *p, struct store_op *op, int64_t project, const struct id *ids, size_t n,
			   struct arena *a, struct approval_state *ret);
/* The answers that a turn goes on with. */
struct approval_use {
	struct id id;
	bool approve;
};
/* All are used by that response from now on, durably, or none: ERR_BAD_REQUEST when one was before, or was refused here
 * and now is to be approved. */
void store_approvals_use(struct store_port *p, struct store_op *op, int64_t project, const struct id *by,
			 const struct approval_use *uses, size_t n, int64_t days);
