/* response_tree.h - the turns that hang together: what a response continues, and all that continues these. For the console.
 * Blocks: worker threads.
 *
 * At most TREE_UP turns are walked up and TREE_NODES given; those between the first and the asked one come before others. */
#pragma once
#include "store/response_row.h"
#include "store/store.h"

enum { TREE_UP = 200, TREE_NODES = 500, TREE_TEXT = 120 };
struct tree_node {
	struct response_row row; /* of one that was deleted: its id is {0} */
	int64_t key, parent;     /* parent 0: none, or it is not among the nodes */
	struct str asked, said;  /* how its last new input item and its last output item begin: at most TREE_TEXT bytes; {0}: none */
};
struct response_tree {
	struct tree_node *list; /* each after its parent */
	size_t n;
	bool cut; /* there are more */
};
/* `id`: a response's, or a conversation's (the turns of its newest one; none when it has had none). ERR_NOT_FOUND. */
bool response_tree(struct store *s, int64_t project, struct str id, struct arena *a, struct response_tree *ret,
		   struct err *e);
