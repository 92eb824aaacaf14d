/* playback.c - a replay told to one more reader. */
#include "replay/playback.h"

#include "net/reply.h"
#include "replay/replay.h"

struct playback {
	struct arena arena;
	struct follower follower;
	struct reply *reply;
	struct reply_owner reader;
	struct deferred begin; /* the first events, too, leave from the loop and not from inside the handler */
	int64_t after;
};

static void playback_free(struct playback *p)
{
	follow_stop(&p->follower);
	defer_cancel(&p->begin);
	struct arena a = p->arena;
	arena_free(&a);
}

static void playback_play(struct playback *p)
{
	struct replay_event ev;
	bool ended = false;
	while (!reply_full(p->reply) && follow_next(&p->follower, &ev, &ended))
		if (ev.seq > p->after)
			reply_event(p->reply, event_rows[ev.type].wire, ev.json, ev.seq, ev.delta);
	if (!ended)
		return; /* more() or room() comes */
	reply_end(p->reply, 200, S(""));
	playback_free(p);
}

static void on_more(struct follower *f)
{
	playback_play(OWNER(f, struct playback, follower));
}

static void playback_on_begin(struct deferred *d)
{
	playback_play(OWNER(d, struct playback, begin));
}

static void playback_on_room(struct reply_owner *o)
{
	playback_play(OWNER(o, struct playback, reader));
}

static void playback_on_gone(struct reply_owner *o)
{
	playback_free(OWNER(o, struct playback, reader));
}

bool playback_start(struct request *rq, int64_t project, struct str id, int64_t after, int obfuscate, bool ended_only)
{
	struct api_loop *al = rq->api;
	struct arena a = {0};
	struct playback *p = new(&a, struct playback);
	id = str_copy(&a, id);
	if (!follow_start(al->api->replays, project, id, al->loop, &p->follower, on_more)) {
		arena_free(&a);
		return false;
	}
	if (ended_only && !follow_ended(&p->follower)) {
		follow_stop(&p->follower);
		arena_free(&a);
		return false;
	}
	p->arena = a;
	p->after = after;
	p->reader = (struct reply_owner){playback_on_gone, playback_on_room};
	p->reply = reply_open(rq->x, REPLY_SSE, &p->reader);
	if (obfuscate > 0 || (obfuscate < 0 && follow_obfuscated(&p->follower)))
		reply_obfuscate(p->reply, id);
	defer_start(al->loop, &p->begin, playback_on_begin);
	return true;
}
