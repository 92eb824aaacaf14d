/* console_webhooks.c - the deliveries of a webhook endpoint: what waits and what is over; sending one again. */
#include "console/console_page.h"
#include "door/errand.h"
#include "news/run_news.h"
#include "store/past_delivery.h"

static void deliveries_put(struct jout *o, const struct past_delivery *d)
{
	char id[ID_MAX];
	jo_obj(o);
	jo_kstr(o, "id", id_text(id, "evt", &d->event));
	jo_kstr(o, "type", d->type);
	jo_kstr(o, "subject", d->subject);
	jo_kstr(o, "status", d->ended_at ? (d->delivered ? S("delivered") : S("given_up")) : S("waiting"));
	jo_kint(o, "created_at", d->created_at);
	jo_kint(o, "ended_at", d->ended_at);
	jo_kint(o, "next_try_at", d->due_ms / 1000);
	jo_kint(o, "tries", d->tries);
	jo_kint(o, "answer", d->answer);
	jo_kstr(o, "reason", d->fault);
	jo_obj_end(o);
}

static bool deliveries_work(struct errand *er, struct err *e)
{
	const struct console_page *page = er->more;
	struct past_deliveries all;
	struct jout o = errand_out(er);
	if (!past_delivery_list(er->store, er->project, er->args[0], page->before, page->limit, &er->arena, &all, e))
		return false;
	jo_obj(&o);
	jo_key(&o, S("data"));
	jo_arr(&o);
	for (size_t i = 0; i < all.n; i++)
		deliveries_put(&o, &all.list[i]);
	jo_arr_end(&o);
	console_put_next(&o, all.next, &er->arena);
	jo_obj_end(&o);
	return true;
}

void console_deliveries_list(struct request *rq)
{
	errand_begin(rq, deliveries_work, sizeof(struct console_page), console_page_read);
}

/* --- once more --------------------------------------------------------------------------------------------------- */

struct delivery_asked {
	struct run_news *news;
};

static bool delivery_again_work(struct errand *er, struct err *e)
{
	const struct delivery_asked *asked = er->more;
	struct jout o = errand_out(er);
	if (!past_delivery_again(er->store, er->project, er->args[0], er->args[1], e))
		return false;
	run_tell(asked->news, RUNS_ANY, RUN_NEWS); /* whoever delivers looks into the outbox */
	jo_obj(&o);
	jo_kstr(&o, "id", er->args[1]);
	jo_kstr(&o, "status", S("waiting"));
	jo_obj_end(&o);
	return true;
}

static bool delivery_again_read(struct errand *er, void *more, struct err *e)
{
	(void)e;
	((struct delivery_asked *)more)->news = er->rq->api->api->news;
	return true;
}

void console_delivery_again(struct request *rq)
{
	errand_begin(rq, delivery_again_work, sizeof(struct delivery_asked), delivery_again_read);
}
