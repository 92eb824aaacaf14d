/* relay_form.c - a multipart form on its way to an engine. */
#include "relay/relay_form.h"

#include "base/id.h"
#include "net/body_sink.h"
#include "wire/multipart.h"

enum { PARTS = 64, FIELD_MOST = 131072 /* bytes of a field that is taken here */, EARLY_MOST = 256 * 1024 };

struct relay_form {
	struct relay *relay;
	const struct relay_form_calls *calls;
	struct body_sink sink;
	struct multipart form;
	struct str mark;  /* "--boundary" of what goes to the engine */
	struct buf early; /* until the engine's call stands */
	struct buf value; /* of a field that is taken here ... */
	struct str name;  /* ... its name; {0}: the part goes on as it comes */
	struct arena names;
	bool going, held;
};

/* --- to the engine --- */

static bool relay_form_put(struct relay_form *f, struct str bytes)
{
	if (f->going)
		return http_call_write(&f->relay->call, bytes);
	buf_add(&f->early, bytes);
	return f->early.n < EARLY_MOST;
}

/* A quote in a name would end it (RFC 7578 4.2). */
static void relay_form_quote(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '"')
			buf_add(b, S("%22"));
		else
			buf_byte(b, s.p[i]);
}

static void relay_form_head(struct relay_form *f, const struct multipart_head *h)
{
	struct buf b;
	buf_init(&b, 4 * MULTIPART_HEAD);
	buf_fmt(&b, "%.*s\r\nContent-Disposition: form-data; name=\"", FMT(f->mark));
	relay_form_quote(&b, h->name);
	if (h->filename.p) {
		buf_add(&b, S("\"; filename=\""));
		relay_form_quote(&b, h->filename);
	}
	buf_add(&b, S("\"\r\n"));
	if (h->type.n)
		buf_fmt(&b, "Content-Type: %.*s\r\n", FMT(h->type));
	buf_add(&b, S("\r\n"));
	relay_form_put(f, buf_str(&b));
	buf_release(&b);
}

void relay_form_add(struct relay *r, struct str name, struct str value)
{
	relay_form_head(r->form, &(struct multipart_head){.name = name});
	relay_form_put(r->form, value);
	relay_form_put(r->form, S("\r\n"));
}

/* --- the parts --- */

static struct relay_form *form_of(struct multipart *m)
{
	return OWNER(m, struct relay_form, form);
}

static bool relay_form_on_part(struct multipart *m, const struct multipart_head *h, struct err *e)
{
	struct relay_form *f = form_of(m);
	const struct relay_kind *kind = f->relay->kind;
	bool model = str_eq(h->name, S("model")), take = model;
	if (h->filename.p || (!model && !kind->part)) {
		relay_form_head(f, h);
		return true;
	}
	if (kind->part && !kind->part(f->relay, str_copy(&f->names, h->name), &take, e))
		return false;
	if (take) {
		f->name = str_copy(&f->names, h->name);
		buf_clear(&f->value);
	} else {
		relay_form_head(f, h);
	}
	return true;
}

static bool relay_form_on_bytes(struct multipart *m, struct str bytes, struct err *e)
{
	struct relay_form *f = form_of(m);
	if (f->name.p) {
		buf_add(&f->value, bytes);
		return !f->value.over ||
		       fail(e, ERR_STRING_TOO_LONG, f->name.p, "Invalid '%.*s': string too long.", FMT(f->name));
	}
	if (!relay_form_put(f, bytes) && !f->held) {
		f->held = true;
		exchange_hold(f->relay->rq->x, true);
	}
	return true;
}

static bool relay_form_on_part_end(struct multipart *m, struct err *e)
{
	struct relay_form *f = form_of(m);
	struct relay *r = f->relay;
	struct str name = f->name, value = str_copy(&f->names, buf_str(&f->value));
	f->name = (struct str){0};
	if (!name.p) {
		relay_form_put(f, S("\r\n"));
		return true;
	}
	if (!utf8_valid(value))
		return fail(e, ERR_INVALID_VALUE, name.p, "Invalid '%.*s': not valid UTF-8.", FMT(name));
	if (!str_eq(name, S("model")))
		return r->kind->took(r, name, value, e);
	r->at.model = ability_renamed(r->api->api->options.engines, &r->arena, r->kind->path, &r->at, value);
	relay_form_add(r, name, r->at.model);
	return true;
}

static const struct multipart_events relay_form_parts = {relay_form_on_part, relay_form_on_bytes,
							 relay_form_on_part_end};

/* --- the body --- */

static struct relay_form *form_of_sink(struct body_sink *k)
{
	return OWNER(k, struct relay_form, sink);
}

static bool relay_form_on_piece(struct body_sink *k, struct str bytes, struct err *e)
{
	struct relay_form *f = form_of_sink(k);
	if (!f->relay->error.code)
		multipart_feed(&f->form, bytes, &f->relay->error);
	*e = f->relay->error;
	return !e->code;
}

static void relay_form_on_end(struct body_sink *k)
{
	struct relay_form *f = form_of_sink(k);
	struct relay *r = f->relay;
	if (!r->error.code && multipart_end(&f->form, &r->error)) {
		if (r->kind->add)
			r->kind->add(r);
		relay_form_put(f, str_fmt(&f->names, "%.*s--\r\n", FMT(f->mark)));
		if (f->going)
			http_call_finish(&r->call);
	}
	f->calls->ended(r);
}

static void relay_form_on_cut(struct body_sink *k)
{
	struct relay_form *f = form_of_sink(k);
	f->calls->dropped(f->relay);
}

static void relay_form_unhold(struct relay_form *f)
{
	if (f->held && !f->relay->ended)
		exchange_hold(f->relay->rq->x, false);
	f->held = false;
}

static void relay_form_on_room(struct http_call *call)
{
	relay_form_unhold(OWNER(call, struct relay, call)->form);
}

/* --- life --- */

bool relay_form_begin(struct relay *r, const struct relay_form_calls *calls, struct err *e)
{
	char id[ID_MAX];
	struct relay_form *f = xalloc(sizeof *f);
	*f = (struct relay_form){
	    .relay = r, .calls = calls, .sink = {relay_form_on_piece, relay_form_on_end, relay_form_on_cut}};
	f->mark = str_fmt(&f->names, "--%.*s", FMT(id_random(id, "antiphon")));
	buf_init(&f->early, SIZE_MAX / 2); /* bounded by the hold, and by what one read brings */
	buf_init(&f->value, FIELD_MOST);
	r->form = f;
	if (!multipart_init(&f->form, &relay_form_parts, exchange_header(r->rq->x, S("content-type")), PARTS, e))
		return false;
	exchange_sink(r->rq->x, &f->sink, api_limits.file_bytes);
	return true;
}

void relay_form_free(struct relay *r)
{
	struct relay_form *f = r->form;
	if (!f)
		return;
	multipart_release(&f->form);
	buf_release(&f->early);
	buf_release(&f->value);
	arena_free(&f->names);
	xfree(f);
	r->form = NULL;
}

struct str relay_form_type(struct relay *r)
{
	struct str mark = r->form->mark;
	return str_fmt(&r->arena, "Content-Type: multipart/form-data; boundary=%.*s\r\n", (int)mark.n - 2, mark.p + 2);
}

void relay_form_go(struct relay *r)
{
	struct relay_form *f = r->form;
	f->going = true;
	r->call.on_room = relay_form_on_room;
	bool room = http_call_write(&r->call, buf_str(&f->early));
	buf_release(&f->early);
	if (r->ended)
		http_call_finish(&r->call);
	else if (room)
		relay_form_unhold(f);
}

void relay_form_failed(struct relay *r)
{
	relay_form_unhold(r->form);
}
