/* transcript.c - a conversation as one text, for a model that is to sum it up. */
#include "turn/transcript.h"

#include "base/map.h"
#include "model/call.h"

enum {
	PIECES = 8,             /* a piece may take this part of the whole */
	PIECE_LEAST = 256,      /* bytes */
	TEXT_LIMIT = 512 << 20, /* of the buffer; bodies are bounded far below */
};

/* The first and the last bytes of a long text, cut between characters. */
static void add_cut(struct buf *b, struct str s, size_t most)
{
	size_t head = most / 2, tail = s.n - most / 2;
	if (s.n <= most) {
		buf_add(b, s);
		return;
	}
	while (head && (s.p[head] & 0xC0) == 0x80)
		head--;
	while (tail < s.n && (s.p[tail] & 0xC0) == 0x80)
		tail++;
	buf_add(b, (struct str){s.p, head});
	buf_add(b, S(" [...] "));
	buf_add(b, (struct str){s.p + tail, s.n - tail});
}

/* A string, or the texts of parts; what is no text is named. */
static void transcript_add_content(struct buf *b, yyjson_val *v, size_t most)
{
	size_t i, max;
	yyjson_val *part;
	if (yyjson_is_str(v))
		add_cut(b, json_str(v), most);
	yyjson_arr_foreach(v, i, max, part)
	{
		struct str text = json_str(json_get(part, S("text"))), type = json_str(json_get(part, S("type")));
		if (!text.p)
			text = json_str(json_get(part, S("refusal")));
		if (i)
			buf_byte(b, '\n');
		if (text.p) {
			add_cut(b, text, most);
			continue;
		}
		buf_byte(b, '[');
		buf_add(b, type);
		buf_byte(b, ']');
	}
}

/* What is asked of a tool: each kind of call has it in a member of its own. */
static void transcript_add_call(struct arena *a, struct buf *b, const struct item *it, size_t most)
{
	static const struct str members[] = {STR("arguments"), STR("input"), STR("action"), STR("operation")};
	buf_add(b, S("Assistant called "));
	buf_add(b, it->name.n ? it->name : str_of(item_rows[it->type].wire));
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		yyjson_val *v = json_get(it->val, members[i]);
		if (!v)
			continue;
		buf_add(b, S(" with "));
		add_cut(b, yyjson_is_str(v) ? json_str(v) : json_text(a, v), most);
	}
}

static struct str speaker(const struct item *it)
{
	if (str_eq(it->role, S("assistant")))
		return S("Assistant: ");
	return str_eq(it->role, S("user")) ? S("User: ") : S("Instruction: ");
}

static void add_piece(struct arena *a, struct buf *b, const struct item *it, size_t most)
{
	unsigned flags = item_rows[it->type].flags;
	if (it->type == ITEM_MESSAGE) {
		buf_add(b, speaker(it));
		transcript_add_content(b, json_get(it->val, S("content")), most);
	} else if (it->type == ITEM_COMPACTION && json_get(it->val, S("summary"))) {
		buf_add(b, S("Summary of what came before: "));
		buf_add(b, json_str(json_get(it->val, S("summary"))));
	} else if (flags & ITEM_CALL) {
		transcript_add_call(a, b, it, most);
	} else if (flags & ITEM_CALL_OUTPUT) {
		yyjson_val *v = json_get(it->val, S("output"));
		struct str told = call_result(a, it);
		buf_add(b, S("The tool returned "));
		if (told.p)
			add_cut(b, told, most);
		else if (yyjson_is_obj(v))
			add_cut(b, json_text(a, v), most);
		else
			transcript_add_content(b, v, most);
	}
}

struct str transcript_write(struct arena *a, const struct item *items, size_t n, size_t most)
{
	struct str *pieces = new_array(a, struct str, n + 1);
	size_t room = most, first = n, each = most / PIECES > PIECE_LEAST ? most / PIECES : PIECE_LEAST;
	struct buf b;
	buf_init(&b, TEXT_LIMIT);
	for (size_t i = n; i-- > 0;) { /* newest first: what is left out is old */
		buf_clear(&b);
		bool summary = items[i].type == ITEM_COMPACTION;
		if (first < n && room == 0 && !summary)
			continue;
		add_piece(a, &b, &items[i], each);
		if (!b.n)
			continue;
		if (b.n > room && first < n && !summary) {
			room = 0;
			continue;
		}
		room -= b.n < room ? b.n : room;
		pieces[i] = str_copy(a, buf_str(&b));
		first = i;
		if (summary) /* it tells all that stands before it */
			break;
	}
	buf_clear(&b);
	for (size_t i = 0; i < n; i++) {
		if (!pieces[i].n)
			continue;
		if (b.n)
			buf_add(&b, S("\n\n"));
		buf_add(&b, pieces[i]);
	}
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

struct item *transcript_open_calls(struct arena *a, const struct item *items, size_t n, size_t *ret_n)
{
	struct map answered = {0}, taken = {0};
	size_t room = 0, k = 0, j, max;
	yyjson_val *one;
	for (size_t i = 0; i < n; i++) {
		room += 1 + yyjson_arr_size(json_get(items[i].val, S("calls")));
		if (item_rows[items[i].type].flags & ITEM_CALL_OUTPUT && items[i].call_id.n)
			map_put(&answered, items[i].call_id, (void *)(uintptr_t)&items[i]);
	}
	struct item *calls = new_array(a, struct item, room + 1);
	for (size_t i = 0; i < n; i++) {
		struct item it = items[i];
		bool call = item_rows[it.type].flags & ITEM_CALL && it.call_id.n;
		if (call && !map_get(&answered, it.call_id) && !map_get(&taken, it.call_id)) {
			calls[k] = it;
			map_put(&taken, it.call_id, &calls[k++]);
		}
		if (it.type != ITEM_COMPACTION)
			continue;
		yyjson_arr_foreach(json_get(items[i].val, S("calls")), j, max, one)
			if (item_view(a, json_text(a, one), &it) && it.call_id.n && !map_get(&answered, it.call_id) &&
			    !map_get(&taken, it.call_id)) {
				calls[k] = it;
				map_put(&taken, it.call_id, &calls[k++]);
			}
	}
	map_release(&answered);
	map_release(&taken);
	*ret_n = k;
	return calls;
}
