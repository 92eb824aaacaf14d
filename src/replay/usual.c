/* usual.c - what the events of a usual response look like, made by those who write the real ones. */
#include "replay/usual.h"

#include <stdint.h>

#include "model/event.h"
#include "model/response.h"

static void usual_response(struct buf *ret, enum event_type type, enum response_status status)
{
	static const struct str asked = STR("{\"model\":\"\",\"input\":\"\",\"stream\":true}");
	const struct request_rules rules = {.kind = REQUEST_CREATE};
	struct arena a = {0};
	struct err e = {0};
	struct create req = {0};
	struct buf json;
	yyjson_val *body;
	buf_init(&json, SIZE_MAX / 2);
	if (json_parse(&a, asked, &body, &e) && create_read(&a, body, &rules, &req, &e)) {
		struct response r = {.id = S("resp_"), .req = &req, .status = status, .has_usage = status == RS_COMPLETED};
		struct jout o = {.b = &json};
		response_write(&o, &r, S(""), false, NULL);
		event_write(ret, &(struct event){.type = type, .raw = buf_str(&json)});
	}
	buf_release(&json);
	arena_free(&a);
}

void usual_events(struct buf *ret)
{
	const struct str item = STR("msg_");
	usual_response(ret, EV_COMPLETED, RS_COMPLETED);
	event_write(ret, &(struct event){.type = EV_PART_ADDED, .item_id = item,
	                                 .raw = S("{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\"\"}")});
	event_write(ret, &(struct event){.type = EV_ITEM_ADDED,
	                                 .raw = S("{\"id\":\"msg_\",\"type\":\"message\",\"status\":\"in_progress\","
	                                          "\"content\":[],\"role\":\"assistant\"}")});
	event_write(ret, &(struct event){.type = EV_TEXT_DELTA, .item_id = item, .text = S(" ")});
	usual_response(ret, EV_CREATED, RS_IN_PROGRESS);
}
