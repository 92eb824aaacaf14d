/* approval.c - which requests for an approval have been answered. */
#include "store/approval.h"

#include "base/clock.h"
#include "store/look.h"

void store_approvals_use(struct store_port *p, struct store_op *op, int64_t project, const struct id *ids, size_t n,
			 int64_t days)
{
	static const struct str used = STR("This approval request was answered before: an answer counts once.");
	int64_t now = clock_wall_s();
	struct store_request *r = request_new(p, op, n + 1, 4 * n + 1, n * (used.n + 1));
	ADD(r, STMT_APPROVAL_EXPIRE, INT(now));
	for (size_t i = 0; i < n; i++) {
		ADD(r, STMT_APPROVAL_USE, INT(ids[i].key), INT(project), INT(now),
		    INT(id_made_at(&ids[i]) + days * 86400));
		request_must(r, ERR_BAD_REQUEST, used);
	}
	request_send(r);
}
