/* request_calls.c - calls and their outputs, over the whole context of a request. */
#include "base/map.h"
#include "model/program.h"

struct seen { /* one call, by its call_id */
	struct str id;
	const struct item *call;
	bool answered, waits;
};

/* A call that was cut off waits for no output (it leaves the context), nor does an asynchronous one, nor our own search. What comes of
 * a program is ours to say; its calls are in progress until they are answered. */
static bool waits(const struct item *it)
{
	struct str status = json_str(json_get(it->val, S("status")));
	if (it->type == ITEM_PROGRAM)
		return false;
	if (it->caller.n)
		return !str_eq(status, S("incomplete"));
	if (yyjson_is_true(json_get(it->val, S("async"))))
		return false;
	if (it->type == ITEM_TOOL_SEARCH_CALL && !str_eq(json_str(json_get(it->val, S("execution"))), S("client")))
		return false;
	return !status.p || str_eq(status, S("completed"));
}

/* "custom_tool_call" as "custom tool call". */
static const char *spoken(enum item_type type, char out[64])
{
	struct str wire = str_of(item_rows[type].wire);
	size_t n = wire.n < 63 ? wire.n : 63;
	for (size_t i = 0; i < n; i++)
		out[i] = wire.p[i] == '_' ? ' ' : wire.p[i];
	out[n] = 0;
	return out;
}

/* A program's call needs its program; once that has ended, nobody waits for the call. */
static bool request_calls_program(const struct map *calls, const struct seen *one, bool *open, struct err *e)
{
	char words[64];
	const struct seen *program = one->call->caller.n ? map_get(calls, one->call->caller) : NULL;
	*open = !program || !program->answered;
	if (!one->call->caller.n || (program && program->call->type == ITEM_PROGRAM))
		return true;
	return fail(e, ERR_BAD_REQUEST, "input", "No program found for %s with caller_id %.*s.", spoken(one->call->type, words),
		    FMT(one->call->caller));
}

static bool request_calls_walk(struct map *calls, struct seen *seen, size_t *n, const struct create *c,
			       const struct item *items, size_t n_items, struct err *e)
{
	char words[64];
	for (size_t i = 0; i < n_items; i++) {
		const struct item *it = &items[i];
		unsigned flags = item_rows[it->type].flags;
		struct seen *call = it->call_id.p ? map_get(calls, it->call_id) : NULL;
		if (flags & ITEM_CALL && it->call_id.p && !call) {
			seen[*n] = (struct seen){.id = it->call_id, .call = it, .waits = waits(it)};
			map_put(calls, it->call_id, &seen[*n]);
			if (it->type == ITEM_LOCAL_SHELL_CALL && it->id.n) /* outputs name either */
				map_put(calls, it->id, &seen[*n]);
			++*n;
		}
		if (!(flags & ITEM_CALL_OUTPUT) || !it->call_id.p)
			continue;
		if (!call && it->type == ITEM_TOOL_SEARCH_OUTPUT)
			continue;
		if (!call)
			return fail(e, ERR_BAD_REQUEST, "input", "No tool call found for %s with call_id %.*s.",
				    spoken(it->type, words), FMT(it->call_id));
		call->answered = true;
		if (!program_output_fits(c, call->call, it, e))
			return false;
	}
	return true;
}

static bool check_duplicates(const struct create *c, struct err *e)
{
	struct map ids = {0};
	bool fine = true;
	for (size_t i = 0; fine && i < c->n_items; i++) {
		struct str id = c->items[i].id;
		if (!id.n)
			continue;
		if (map_get(&ids, id))
			fine = fail(e, ERR_BAD_REQUEST, "input",
				    "Duplicate item found with id %.*s. Remove duplicate items from your input and try "
				    "again.",
				    FMT(id));
		else
			map_put(&ids, id, &c->items[i]);
	}
	map_release(&ids);
	return fine;
}

bool create_check_calls(const struct item *history, size_t n_history, const struct create *c, const struct item *input,
                        struct err *e)
{
	if (!check_duplicates(c, e))
		return false;
	char words[64];
	struct seen *seen = xalloc((n_history + c->n_items + 1) * sizeof *seen);
	struct map calls = {0};
	size_t n = 0;
	bool fine = request_calls_walk(&calls, seen, &n, c, history, n_history, e) &&
		    request_calls_walk(&calls, seen, &n, c, input, c->n_items, e);
	for (size_t i = 0; fine && i < n; i++) {
		bool open;
		fine = request_calls_program(&calls, &seen[i], &open, e);
		if (fine && open && seen[i].waits && !seen[i].answered)
			fine = fail(e, ERR_BAD_REQUEST, "input", "No tool output found for %s %.*s.",
				    spoken(seen[i].call->type, words), FMT(seen[i].id));
	}
	map_release(&calls);
	xfree(seen);
	return fine;
}
