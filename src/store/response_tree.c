/* response_tree.c - the turns that hang together. */
#include "store/response_tree.h"

#include "base/clock.h"
#include "store/context.h"
#include "store/lend.h"
#include "store/sealed.h"
#include "wire/json.h"

enum { ITEM_LOOKED = 256 << 10 /* bytes; of a larger item the text is not looked for */ };

struct tree_walk {
	struct store *store;
	struct arena *arena;
	struct db_reader *reader;
	struct response_tree *ret;
	int64_t project, now;
	struct id id; /* asked for */
	bool conversation, found;
	int64_t tip; /* where the walk stands on its way up */
	int64_t path[TREE_UP]; /* from the asked one up */
	size_t n_path;
	struct tree_node node; /* being read */
	int64_t asked, said;   /* keys of its items */
	struct str text;
};

static bool tree_query(struct tree_walk *w, enum statement stmt, const struct bind *b, unsigned n, row_fn *row,
		       struct err *e)
{
	return sealed_query(w->store, w->reader, stmt, b, n, row, w, e);
}

/* --- how an item reads ------------------------------------------------------------------------------------------- */

static struct str tree_text_of(yyjson_val *v)
{
	yyjson_val *content = json_get(v, S("content")), *part;
	size_t i, max;
	struct str text = json_str(content);
	yyjson_arr_foreach(content, i, max, part)
	{
		if (!text.n)
			text = json_str(json_get(part, S("text")));
	}
	if (!text.n)
		text = json_str(json_get(v, S("name")));
	return text.n ? text : json_str(json_get(v, S("type")));
}

static bool tree_on_item(void *ctx, const struct cell *cells)
{
	struct tree_walk *w = ctx;
	struct arena scratch = {0};
	struct err ignored = {0};
	yyjson_val *v;
	if (cells[1].s.n <= ITEM_LOOKED && json_parse(&scratch, str_copy(&scratch, cells[1].s), &v, &ignored)) {
		struct str text = tree_text_of(v);
		size_t n = text.n;
		for (n = n > TREE_TEXT ? TREE_TEXT : n; n && n < text.n && (text.p[n] & 0xc0) == 0x80;)
			n--;
		w->text = str_copy(w->arena, (struct str){text.p, n});
	}
	arena_free(&scratch);
	return false;
}

static bool tree_item(struct tree_walk *w, int64_t key, struct str *ret, struct err *e)
{
	const struct bind b[] = {INT(key), INT(w->project)};
	w->text = (struct str){0};
	bool ok = !key || tree_query(w, STMT_ITEM_GET, b, 2, tree_on_item, e);
	*ret = w->text;
	return ok;
}

/* --- nodes ------------------------------------------------------------------------------------------------------- */

/* The last key of what is new before the output, and that of the output. */
static void tree_keys(struct tree_walk *w, struct str packed, size_t n_own, size_t n_output)
{
	struct key_walk walk = {packed, 0};
	size_t n = keys_count(packed);
	int64_t key = 0;
	w->asked = w->said = 0;
	for (size_t i = 0; i < n && keys_next(&walk, &key); i++) {
		size_t left = n - 1 - i;
		if (left == n_output && n_own > n_output)
			w->asked = key;
		if (left == 0 && n_output)
			w->said = key;
	}
}

/* key, rnd, status, created_at, body of the response (NULL: it was deleted); parent, n_own, n_output, keys */
static bool tree_on_node(void *ctx, const struct cell *cells)
{
	struct tree_walk *w = ctx;
	w->node = (struct tree_node){.key = cells[0].i, .parent = cells[5].i};
	if (cells[1].s.n)
		response_row_read(cells, w->arena, &w->node.row);
	w->found = true;
	tree_keys(w, cells[8].s, (size_t)cells[6].i, (size_t)cells[7].i);
	return false;
}

static size_t tree_at(const struct tree_walk *w, int64_t key)
{
	size_t i = 0;
	while (i < w->ret->n && w->ret->list[i].key != key)
		i++;
	return i;
}

static bool tree_add(struct tree_walk *w, int64_t key, int64_t parent, struct err *e)
{
	const struct bind b[] = {INT(key), INT(w->project), INT(w->now)};
	w->found = false;
	if (!tree_query(w, STMT_TREE_NODE, b, 3, tree_on_node, e) || !w->found)
		return w->found || e->code == ERR_NONE;
	if (!parent)
		w->node.parent = 0;
	int64_t asked = w->asked, said = w->said;
	if (!tree_item(w, asked, &w->node.asked, e) || !tree_item(w, said, &w->node.said, e))
		return false;
	w->ret->list[w->ret->n++] = w->node;
	return true;
}

/* --- the walk ---------------------------------------------------------------------------------------------------- */

static bool tree_on_parent(void *ctx, const struct cell *cells)
{
	struct tree_walk *w = ctx;
	w->path[w->n_path++] = cells[0].i;
	w->tip = cells[1].i;
	return false;
}

static bool tree_up(struct tree_walk *w, int64_t key, struct err *e)
{
	w->tip = key;
	for (size_t before = SIZE_MAX; w->tip && w->n_path < TREE_UP && w->n_path != before;) {
		const struct bind b[] = {INT(w->tip), INT(w->project)};
		before = w->n_path;
		if (!tree_query(w, STMT_TREE_PARENT, b, 2, tree_on_parent, e))
			return false;
	}
	w->ret->cut |= w->tip && w->n_path == TREE_UP;
	return true;
}

struct tree_children {
	struct tree_walk *walk;
	int64_t keys[TREE_NODES + 1];
	size_t n;
};

static bool tree_on_child(void *ctx, const struct cell *cells)
{
	struct tree_children *c = ctx;
	c->keys[c->n++] = cells[0].i;
	return c->n < TREE_NODES + 1;
}

static bool tree_down(struct tree_walk *w, int64_t parent, struct err *e)
{
	struct tree_children *c = new (w->arena, struct tree_children);
	const struct bind b[] = {INT(parent), INT(w->project), INT(TREE_NODES + 1)};
	c->walk = w;
	if (!sealed_query(w->store, w->reader, STMT_TREE_CHILDREN, b, 3, tree_on_child, c, e))
		return false;
	for (size_t i = 0; i < c->n; i++) {
		if (tree_at(w, c->keys[i]) < w->ret->n)
			continue;
		w->ret->cut |= w->ret->n == TREE_NODES;
		if (w->ret->n < TREE_NODES && !tree_add(w, c->keys[i], parent, e))
			return false;
	}
	return true;
}

static bool tree_on_response(void *ctx, const struct cell *cells)
{
	struct tree_walk *w = ctx;
	w->found = rnd_equal(cells[0].s, &w->id) && (!cells[2].i || cells[2].i > w->now);
	w->tip = w->id.key;
	return false;
}

static bool tree_on_conversation(void *ctx, const struct cell *cells)
{
	struct tree_walk *w = ctx;
	w->found = rnd_equal(cells[0].s, &w->id);
	w->tip = cells[3].i;
	return false;
}

static bool tree_not_found(struct err *e)
{
	return fail(e, ERR_NOT_FOUND, NULL, "There is no response or conversation of that id.");
}

static bool tree_read(struct db_reader *r, void *ctx, struct err *e)
{
	struct tree_walk *w = ctx;
	const struct bind b[] = {INT(w->id.key), INT(w->project)};
	w->reader = r;
	if (!tree_query(w, w->conversation ? STMT_CONVERSATION_GET : STMT_RESPONSE_HEAD, b, 2,
			w->conversation ? tree_on_conversation : tree_on_response, e))
		return false;
	if (!w->found)
		return tree_not_found(e);
	if (w->tip && !tree_up(w, w->tip, e))
		return false;
	for (size_t i = w->n_path; i-- > 0;)
		if (!tree_add(w, w->path[i], i + 1 < w->n_path ? w->path[i + 1] : 0, e))
			return false;
	for (size_t i = 0; i < w->ret->n && w->ret->n < TREE_NODES; i++)
		if (!tree_down(w, w->ret->list[i].key, e))
			return false;
	return true;
}

bool response_tree(struct store *s, int64_t project, struct str id, struct arena *a, struct response_tree *ret,
		   struct err *e)
{
	struct tree_walk *w = new (a, struct tree_walk);
	*w = (struct tree_walk){.store = s, .arena = a, .ret = ret, .project = project, .now = clock_wall_s()};
	*ret = (struct response_tree){.list = new_array(a, struct tree_node, TREE_NODES)};
	w->conversation = id_parse(id, "conv", &w->id);
	if (!w->conversation && !id_parse(id, "resp", &w->id))
		return tree_not_found(e);
	return lent_read(s, tree_read, w, e);
}
