/* approval.h - which requests for an approval have been answered: an answer counts once. Included where it is asked
 * for.
 *
 * Rows live until what they are about could not be answered any more (api.approval_days). */
#pragma once
#include "store/store.h"

/* All of them are answered from now on, durably, or none: ERR_BAD_REQUEST when one was before. */
void store_approvals_use(struct store_port *p, struct store_op *op, int64_t project, const struct id *ids, size_t n,
			 int64_t days);
