/* chat_judge.c - the parameter `moderation` of chat completions. */
#include "chat/chat_judge.h"

void chat_judge_settle(struct chat *c)
{
	struct buf b;
	struct jout o = {.b = &b};
	buf_init(&b, SIZE_MAX / 2);
	jo_obj(&o);
	jo_key(&o, S("input"));
	verdict_put_all(&o, &c->ending.verdict, 0, 1);
	jo_key(&o, S("output"));
	verdict_put_all(&o, &c->ending.verdict, 1, c->n);
	jo_obj_end(&o);
	c->head.moderation = str_copy(&c->arena, buf_str(&b));
	buf_release(&b);
}

bool chat_judge(struct chat *c, void (*then)(struct verdict *))
{
	struct buf input;
	size_t i, max;
	yyjson_val *message;
	if (!c->req.moderation)
		return false;
	struct str *texts = new_array(&c->arena, struct str, c->n + 1);
	buf_init(&input, SIZE_MAX / 2);
	yyjson_arr_foreach(json_get(c->req.body, S("messages")), i, max, message)
	{
		verdict_text(&input, message);
	}
	texts[0] = buf_str(&input);
	for (i = 0; i < c->n; i++)
		texts[i + 1] = buf_str(&c->runs[i].choice.text);
	c->ending.verdict.done = then;
	bool asks = verdict_start(&c->ending.verdict, &c->arena,
				  &(struct verdict_ask){c->api->api->options.engines, c->api->engine, c->req.moderation, texts, c->n + 1});
	buf_release(&input);
	if (!asks)
		chat_judge_settle(c);
	return asks;
}
