/* tape.c - a recording that was read. */
#include "tape/tape.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { FORMAT = 1, TAPE_PIECE = 1 << 16 };

struct tape_call {
	yyjson_val *item, *args; /* args NULL: it has none */
	bool played;
};

struct tape {
	struct arena arena;
	struct str model;
	int64_t tool_messages; /* of the context */
	struct tape_answer *answers;
	size_t n_answers, cap_answers;
	struct tape_call *calls;
	size_t n_calls, cap_calls;
	yyjson_val *response;
	pthread_mutex_t lock; /* over `played` */
};

/* Room for one more. */
static void *tape_more(void *list, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return list;
	*cap = *cap ? *cap * 2 : 16;
	return xrealloc(list, *cap * size);
}

static bool tape_head(struct tape *t, yyjson_val *v, struct err *e)
{
	if (yyjson_get_sint(json_get(v, S("format"))) != FORMAT)
		return fail(e, ERR_CONFIG, NULL, "it is no recording of a form that this version knows (%d)", FORMAT);
	t->model = json_str(json_get(v, S("model")));
	t->tool_messages = yyjson_get_sint(json_get(v, S("tool_messages")));
	return t->model.n || fail(e, ERR_CONFIG, NULL, "the recording names no model");
}

static bool tape_answer(struct tape *t, yyjson_val *v, struct err *e)
{
	yyjson_val *calls = json_get(v, S("tool_calls")), *one;
	size_t i, n;
	yyjson_arr_foreach(calls, i, n, one) if (!yyjson_is_str(json_get(one, S("name")))) return fail(
	    e, ERR_CONFIG, NULL, "a call has no name");
	t->answers = tape_more(t->answers, t->n_answers, &t->cap_answers, sizeof *t->answers);
	t->answers[t->n_answers++] = (struct tape_answer){json_str(json_get(v, S("content"))),
							  json_str(json_get(v, S("reasoning"))), calls, false};
	return true;
}

static bool tape_call(struct tape *t, yyjson_val *v, struct err *e)
{
	struct tape_call c = {.item = json_get(v, S("item"))};
	struct str args = json_str(json_get(v, S("arguments")));
	if (!yyjson_is_str(json_get(c.item, S("type"))))
		return fail(e, ERR_CONFIG, NULL, "a tool has no item");
	if (args.n && !json_parse(&t->arena, args, &c.args, e))
		return false;
	t->calls = tape_more(t->calls, t->n_calls, &t->cap_calls, sizeof *t->calls);
	t->calls[t->n_calls++] = c;
	return true;
}

static bool tape_line(struct tape *t, yyjson_val *v, struct err *e)
{
	struct str type = json_str(json_get(v, S("type")));
	if (!t->model.n)
		return str_eq(type, S("recording")) ? tape_head(t, v, e)
						    : fail(e, ERR_CONFIG, NULL, "it is no recording");
	if (str_eq(type, S("answer")))
		return tape_answer(t, v, e);
	if (str_eq(type, S("tool")))
		return tape_call(t, v, e);
	if (str_eq(type, S("response")))
		t->response = json_get(v, S("body"));
	return true; /* a kind of line that a later version writes */
}

bool tape_read(struct str bytes, struct tape **ret, struct err *e)
{
	struct tape *t = xalloc(sizeof *t);
	struct err why = {0};
	size_t number = 0;
	bool ok = true;
	pthread_mutex_init(&t->lock, NULL);
	while (ok && bytes.n) {
		struct str line = str_cut(&bytes, '\n');
		yyjson_val *v;
		number++;
		if (line.n)
			ok = json_parse(&t->arena, str_copy(&t->arena, line), &v, &why) && tape_line(t, v, &why);
	}
	if (!ok)
		fail(e, ERR_CONFIG, NULL, "line %zu: %s", number, why.msg);
	else if (!yyjson_is_obj(t->response))
		ok = fail(e, ERR_CONFIG, NULL, "the recording is not whole: its last line, the response, is missing");
	if (ok && t->n_answers)
		t->answers[t->n_answers - 1].last = true;
	if (ok)
		*ret = t;
	else
		tape_close(t);
	return ok;
}

bool tape_open(const char *path, struct tape **ret, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct err why = {0};
	struct buf b;
	ssize_t n = fd < 0 ? -1 : 1;
	char *to;
	buf_init(&b, TAPE_MOST);
	while (n > 0 && (to = buf_room(&b, TAPE_PIECE))) {
		n = read(fd, to, TAPE_PIECE);
		b.n += n > 0 ? (size_t)n : 0;
	}
	bool ok = n >= 0 || fail(e, ERR_CONFIG, NULL, "cannot read %s: %s", path, strerror(errno));
	if (ok && b.over)
		ok = fail(e, ERR_CONFIG, NULL, "%s has more than %d bytes", path, TAPE_MOST);
	if (ok && !tape_read(buf_str(&b), ret, &why))
		ok = fail(e, ERR_CONFIG, NULL, "%s: %s", path, why.msg);
	if (fd >= 0)
		close(fd);
	buf_release(&b);
	return ok;
}

void tape_close(struct tape *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	xfree(t->answers);
	xfree(t->calls);
	arena_free(&t->arena);
	xfree(t);
}

const struct tape_answer *tape_answer_to(const struct tape *t, yyjson_val *request)
{
	yyjson_val *messages = json_get(request, S("messages")), *one;
	size_t i, n, at = 0;
	int64_t results = -t->tool_messages;
	yyjson_arr_foreach(messages, i, n, one) results += str_eq(json_str(json_get(one, S("role"))), S("tool"));
	if (!t->n_answers)
		return NULL;
	while (at + 1 < t->n_answers && (results -= (int64_t)yyjson_arr_size(t->answers[at].calls)) >= 0)
		at++;
	return &t->answers[at];
}

struct str tape_model(const struct tape *t)
{
	return t->model;
}

yyjson_val *tape_response(const struct tape *t)
{
	return t->response;
}

static bool tape_is(const struct tape_call *c, struct str type, struct str name, yyjson_val *args)
{
	struct str label = json_str(json_get(c->item, S("name")));
	if (!str_eq(json_str(json_get(c->item, S("type"))), type) || (name.n && label.n && !str_eq(name, label)))
		return false;
	return !args || !c->args || json_same(args, c->args);
}

yyjson_val *tape_tool(struct tape *t, struct str type, struct str name, yyjson_val *args)
{
	struct tape_call *first = NULL, *next = NULL;
	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < t->n_calls; i++) {
		if (!tape_is(&t->calls[i], type, name, args))
			continue;
		if (!first)
			first = &t->calls[i];
		if (!next && !t->calls[i].played)
			next = &t->calls[i];
	}
	if (!next && first)
		for (size_t i = 0; i < t->n_calls; i++)
			if (tape_is(&t->calls[i], type, name, args))
				t->calls[i].played = false;
	if (!next)
		next = first;
	if (next)
		next->played = true;
	pthread_mutex_unlock(&t->lock);
	return next ? next->item : NULL;
}
