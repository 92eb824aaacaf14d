/* taped.c - hosted tools whose calls are answered from a recording. */
#include "tools/taped.h"

#include "model/hosted_server.h"
#include "tape/tape.h"
#include "tools/internal.h"
#include "tools/toolrun.h"

/* The item's members but those that a new one has of its own. */
static struct str taped_members(struct toolrun *run, yyjson_val *item)
{
	static const struct str own[] = {STR("id"), STR("type"), STR("status"), STR(ITEM_OURS_NAME)};
	yyjson_val *key, *v;
	size_t i, n;
	struct buf b;
	struct jout o = {&b, false};
	buf_init(&b, SIZE_MAX / 2);
	yyjson_obj_foreach(item, i, n, key, v)
	{
		bool skip = false;
		for (size_t k = 0; k < sizeof own / sizeof *own; k++)
			skip |= str_eq(json_str(key), own[k]);
		if (skip)
			continue;
		jo_key(&o, json_str(key));
		jo_val(&o, v);
	}
	struct str members = str_copy(&run->arena, buf_str(&b));
	buf_release(&b);
	return members;
}

/* As the model was told of them: [number, url, title]. */
static void taped_sources(struct toolrun *run, yyjson_val *sources)
{
	size_t i, n;
	yyjson_val *one;
	run->result.sources = new_array(&run->arena, struct tool_source, yyjson_arr_size(sources) + 1);
	yyjson_arr_foreach(sources, i, n, one)
	{
		struct str url = json_str(yyjson_arr_get(one, 1)), title = json_str(yyjson_arr_get(one, 2));
		if (url.n)
			run->result.sources[run->result.n_sources++] = (struct tool_source){
			    .url = str_copy(&run->arena, url), .title = str_copy(&run->arena, title)};
	}
}

void taped_run(struct toolrun *run)
{
	const struct hosted *h = &run->tool->face;
	enum item_type type = run->list ? h->server->list : h->item;
	struct err none = {0};
	yyjson_val *args = run->args;
	if (!args && run->text.n)
		json_parse(&run->arena, run->text, &args, &none);
	struct str name = json_str(json_get(run->definition, S("name")));
	yyjson_val *item =
	    tape_tool(run->tools->options.tape, str_of(item_rows[type].wire), name, run->list ? NULL : args);
	if (!item) {
		toolrun_fail(run, "The recording has no such call.");
		return;
	}
	yyjson_val *ours = json_get(item, ITEM_OURS);
	toolrun_running(run);
	run->result.failed = str_eq(json_str(json_get(item, S("status"))), S("failed"));
	run->result.said = str_copy(&run->arena, json_str(json_get(ours, S("told"))));
	run->result.searches = h->searches ? h->searches(item) : 0;
	run->result.members = taped_members(run, item);
	taped_sources(run, json_get(ours, S("sources")));
}
