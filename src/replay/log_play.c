/* log_play.c - the events of a background run told to one reader. */
#include "replay/log_play.h"

#include "news/run_news.h"
#include "replay/run_events.h"
#include "store/store.h"

enum { READ_BYTES = 262144 };

struct log_play {
	struct arena arena, page; /* page: what was read last */
	struct api_loop *api;
	struct reply *reply;
	struct reply_owner reader;
	struct run_watch watch;
	struct store_op op;
	int64_t project, next; /* next: number of the event that comes next */
	struct str id, rest;   /* rest: of the batch that is being told */
	int64_t at;            /* number of its first event */
	struct run_events got;
	size_t batch;
	bool stale; /* there may be more than was read */
};

static void play_free(struct log_play *p)
{
	run_watch_stop(&p->watch);
	store_cancel(&p->op);
	arena_free(&p->page);
	struct arena a = p->arena;
	arena_free(&a);
}

/* The next event of what was read. */
static bool next_event(struct log_play *p, struct run_event *ev)
{
	for (;;) {
		if (run_event_next(&p->rest, ev)) {
			if (p->at++ < p->next)
				continue;
			p->next = p->at;
			return true;
		}
		if (p->batch == p->got.n)
			return false;
		p->rest = p->got.batches[p->batch].events;
		p->at = p->got.batches[p->batch++].seq;
	}
}

static void log_play_on_read(struct store_op *op, const struct err *e);

static void log_play_read_more(struct log_play *p)
{
	arena_free(&p->page);
	p->page = (struct arena){0};
	p->rest = (struct str){0};
	p->batch = 0;
	p->stale = false;
	p->op.done = log_play_on_read;
	store_run_read(p->api->store, &p->op, p->project, p->id, p->next, READ_BYTES, &p->page, &p->got);
}

static void play(struct log_play *p)
{
	struct run_event ev;
	while (!reply_full(p->reply)) {
		if (next_event(p, &ev)) {
			reply_event(p->reply, ev.name, ev.json, p->next - 1, ev.delta);
			continue;
		}
		if (p->got.ended) {
			reply_end(p->reply, 200, S(""));
			play_free(p);
		} else if (p->stale) {
			log_play_read_more(p);
		}
		return; /* log_play_on_read(), log_play_on_news() or log_play_on_room() comes */
	}
}

static void log_play_on_read(struct store_op *op, const struct err *e)
{
	struct log_play *p = OWNER(op, struct log_play, op);
	if (e->code == ERR_NONE) {
		/* A page that was cut off has a sequel. */
		p->stale |= !p->got.ended && p->got.n && p->got.batches[p->got.n - 1].seq + p->got.batches[p->got.n - 1].n > p->next;
		play(p);
		return;
	}
	if (reply_open_head(p->reply))
		reply_fail(p->reply, e);
	else
		reply_drop(p->reply); /* deleted, or its time is over */
	play_free(p);
}

static void log_play_on_news(struct run_watch *w)
{
	struct log_play *p = OWNER(w, struct log_play, watch);
	p->stale = true;
	if (!p->op.request)
		play(p);
}

static void log_play_on_gone(struct reply_owner *o)
{
	play_free(OWNER(o, struct log_play, reader));
}

static void log_play_on_room(struct reply_owner *o)
{
	struct log_play *p = OWNER(o, struct log_play, reader);
	if (!p->op.request)
		play(p);
}

static struct log_play *play_new(struct api_loop *al, int64_t project, struct str id, int64_t after)
{
	struct arena a = {0};
	struct log_play *p = new(&a, struct log_play);
	struct id key;
	p->id = str_copy(&a, id);
	p->arena = a;
	p->api = al;
	p->project = project;
	p->next = after + 1;
	p->reader = (struct reply_owner){log_play_on_gone, log_play_on_room};
	if (id_parse(id, "resp", &key)) /* before the first read, so that nothing falls between */
		run_watch_start(al->api->news, key.key, RUN_NEWS, al->loop, &p->watch, log_play_on_news);
	return p;
}

void log_play(struct api_loop *al, struct reply *r, int64_t project, struct str id, int64_t after)
{
	struct log_play *p = play_new(al, project, id, after);
	p->reply = r;
	reply_give(r, &p->reader);
	log_play_read_more(p);
}

void log_play_request(struct request *rq, struct str id, int64_t after, bool obfuscate)
{
	struct log_play *p = play_new(rq->api, rq->project, id, after);
	p->reply = reply_open(rq->x, REPLY_SSE, &p->reader);
	if (obfuscate)
		reply_obfuscate(p->reply, id);
	log_play_read_more(p);
}

bool made_in_background(struct arena *a, struct str json)
{
	struct err e = {0};
	yyjson_val *v;
	return json_parse(a, json, &v, &e) && yyjson_is_true(json_get(v, S("background")));
}
