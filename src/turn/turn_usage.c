/* turn_usage.c - what a turn has used. */
#include "turn/turn_usage.h"

#include "quota/prices.h"
#include "turn/turn_kind.h"
#include "turn/turn_machine.h"

enum { ROWS = 4 };

static int64_t turn_usage_items(const struct turn *t, enum item_type type)
{
	int64_t n = 0;
	for (const struct out_item *it = t->out.first; it; it = it->next)
		n += it->type == type && it->done;
	return n;
}

static struct usage_numbers turn_usage_tokens(const struct turn *t)
{
	const struct usage *u = &t->response.usage;
	return (struct usage_numbers){
	    .requests = 1, .input = u->input, .cached = u->cached, .output = u->output, .reasoning = u->reasoning};
}

const struct usage_add *turn_usage(struct turn *t, size_t *n)
{
	const struct usage_numbers none = {0}, tokens = turn_usage_tokens(t);
	const struct picture_usage *pictures = &t->response.pictures;
	int64_t drawn = turn_usage_items(t, ITEM_IMAGE_GENERATION_CALL),
		found = turn_usage_items(t, ITEM_FILE_SEARCH_CALL), searched = t->response.web_searches;
	const struct {
		enum usage_kind kind;
		struct usage_numbers n;
	} rows[ROWS] = {
	    {USAGE_COMPLETIONS, tokens.input + tokens.output && !t->call.counting ? tokens : none},
	    {USAGE_IMAGES, {.requests = drawn, .units = drawn, .input = pictures->input, .output = pictures->output}},
	    {USAGE_WEB_SEARCHES, {.requests = searched > 0, .units = searched}},
	    {USAGE_FILE_SEARCHES, {.requests = found > 0, .units = found}},
	};
	size_t most = 0;
	for (size_t i = 0; i < ROWS; i++) /* mostly one */
		most += rows[i].n.requests > 0;
	struct usage_add *list = most ? new_array(&t->arena, struct usage_add, most) : NULL;
	*n = 0;
	for (size_t i = 0; i < ROWS; i++) {
		if (!rows[i].n.requests)
			continue;
		list[*n] = (struct usage_add){.project = t->project,
					      .key = t->reader.asker.key.key,
					      .model = t->response.model,
					      .kind = rows[i].kind,
					      .batch = t->call.low,
					      .n = rows[i].n};
		prices_apply(&list[(*n)++]);
	}
	return list;
}

bool turn_usage_alone(struct turn *t, struct store_op *op)
{
	size_t n;
	const struct usage_add *list = turn_usage(t, &n);
	if (n)
		store_add_usage(t->api->store, op, list, n);
	return n > 0;
}

static struct allowance_ask turn_usage_ask(const struct turn *t, size_t bytes)
{
	const struct sampling *s = &t->req.sampling;
	return (struct allowance_ask){.bytes = bytes, .most = s->has_max_output_tokens ? s->max_output_tokens : 0};
}

bool turn_usage_begin(struct turn *t, struct request *rq, size_t bytes)
{
	struct allowance_ask ask = turn_usage_ask(t, bytes);
	if (t->kind && t->kind->request == REQUEST_COUNT)
		return true;
	ask.headers = t->reader.form != REPLY_WS && !t->req.background;
	ask.waits = t->req.background;
	return allowance_begin(rq, &t->reader.hold, &ask, turn_error(t));
}

bool turn_usage_run(struct turn *t, struct err *e)
{
	struct allowance_ask ask = turn_usage_ask(t, t->key.body.n);
	struct quota_shown shown;
	struct quota_who who = {t->project, t->reader.asker.key.key};
	struct quota_want want = {allowance_tokens(&ask), true};
	return quota_begin(t->api->api->options.quotas, &t->reader.hold, who, want, &shown, e);
}

void turn_usage_settle(struct turn *t)
{
	size_t n = 0;
	if (t->reader.hold.all) {
		const struct usage_add *used = turn_usage(t, &n);
		quota_end(&t->reader.hold, used, n);
	}
}
