/* check_request.c - the model's verdicts on lines of JSON, for tests written in other languages.
 *
 * Each line of stdin is one object; the answer is one line on stdout:
 *   {"request": BODY}  -> {"response": OBJECT, "not_applied": TEXT or null} or {"error": {...}}
 *                         with "kind": "compact" or "input_tokens" the body of that path
 *   {"item": ITEM}     -> {"listed": ITEM} or {"error": {...}}
 *   {"conversation": BODY} -> {"conversation": OBJECT} or {"error": {...}}
 *   {"event": TYPE}    -> {"event": a sample of that type} or {"event": null} */
#include <stdio.h>
#include <stdlib.h>

#include "model/conversation.h"
#include "model/event.h"
#include "model/request_calls.h"
#include "model/response.h"
#include "tools/tools.h"

enum { LINE_MAX_BYTES = 256 << 20 };

static void answer_request(struct jout *o, struct arena *a, yyjson_val *body, struct str kind)
{
	struct request_rules rules = {.kind = REQUEST_CREATE};
	struct create c;
	struct err e = {0};
	if (kind.n)
		rules.kind = str_eq(kind, S("compact")) ? REQUEST_COMPACT : REQUEST_COUNT;
	bool read = create_read(a, body, &rules, &c, &e);
	bool whole = read && !c.previous_response_id.p && !c.conversation.p; /* else calls may stand in what came before */
	if (!read || (whole && !create_check_calls(NULL, 0, &c, c.items, &e))) {
		error_write(o, &e);
		return;
	}
	struct response r = {
		.id = S("resp_1"),
		.req = &c,
		.model = c.model,
		.created_at = 1,
		.completed_at = 2,
		.status = RS_COMPLETED,
		.has_usage = true,
	};
	jo_obj(o);
	jo_key(o, S("response"));
	response_write(o, &r, S(""), true, NULL);
	jo_kstr(o, "not_applied", str_of(c.not_applied));
	jo_obj_end(o);
}

static void answer_item(struct jout *o, struct arena *a, yyjson_val *v)
{
	struct item it;
	struct err e = {0};
	if (!item_read(a, v, "input[0]", &it, &e)) {
		error_write(o, &e);
		return;
	}
	jo_obj(o);
	jo_kraw(o, "listed", item_listed(a, &it, it.id.p ? it.id : S("msg_1")));
	jo_obj_end(o);
}

static void answer_conversation(struct jout *o, struct arena *a, yyjson_val *body)
{
	struct conversation_body b;
	struct err e = {0};
	if (!conversation_read(a, body, CONVERSATION_CREATE, &b, &e)) {
		error_write(o, &e);
		return;
	}
	jo_obj(o);
	jo_key(o, S("conversation"));
	conversation_write(o, S("conv_1"), 1, b.metadata);
	jo_obj_end(o);
}

static void answer_event(struct jout *o, struct str type)
{
	const struct err error = {.code = ERR_ENGINE, .msg = "gone"};
	jo_obj(o);
	jo_key(o, S("event"));
	for (enum event_type t = 0; t < EV_COUNT; t++) {
		struct event ev = {.type = t, .text = S("x"), .item_id = S("id_1"), .raw = S("{}"), .error = &error};
		if (t == EV_IMAGE_PARTIAL)
			ev.raw = S("\"partial_image_index\":0,\"partial_image_b64\":\"\"");
		if (!str_eq(event_rows[t].wire, type))
			continue;
		event_write(o->b, &ev);
		o->comma = true;
		jo_obj_end(o);
		return;
	}
	jo_null(o);
	jo_obj_end(o);
}

static void answer(struct jout *o, struct arena *a, struct str line)
{
	yyjson_val *v;
	struct err e = {0};
	if (!json_parse(a, line, &v, &e))
		error_write(o, &e);
	else if (json_get(v, S("request")))
		answer_request(o, a, json_get(v, S("request")), json_str(json_get(v, S("kind"))));
	else if (json_get(v, S("item")))
		answer_item(o, a, json_get(v, S("item")));
	else if (json_get(v, S("conversation")))
		answer_conversation(o, a, json_get(v, S("conversation")));
	else
		answer_event(o, json_str(json_get(v, S("event"))));
}

int main(void)
{
	tools_register();
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	while ((n = getline(&line, &room, stdin)) > 0) {
		struct arena a = {0};
		struct buf b;
		buf_init(&b, LINE_MAX_BYTES);
		struct jout o = {.b = &b};
		answer(&o, &a, str_trim((struct str){line, (size_t)n}));
		buf_byte(&b, '\n');
		fwrite(b.p, 1, b.n, stdout);
		fflush(stdout);
		buf_release(&b);
		arena_free(&a);
	}
	free(line);
	return 0;
}
