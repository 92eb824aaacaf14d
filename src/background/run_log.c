/* run_log.c - the events of a background run on their way to the store. */
#include "background/run_log.h"

#include "base/log.h"

enum { BATCH_MS = 20, BATCH_BYTES = 65536, AGAIN_MS = 1000 };

void run_log_open(struct run_log *log, struct api_loop *al, int64_t key, int64_t holder, int64_t seq)
{
	*log = (struct run_log){.api = al, .key = key, .holder = holder, .seq = seq, .last_ms = -BATCH_MS};
	buf_init(&log->open, SIZE_MAX / 2);
	buf_init(&log->body, SIZE_MAX / 2);
	buf_init(&log->sending, SIZE_MAX / 2);
	buf_init(&log->sent_body, SIZE_MAX / 2);
}

void run_log_close(struct run_log *log)
{
	store_cancel(&log->op);
	timer_cancel(&log->beat);
	buf_release(&log->open);
	buf_release(&log->body);
	buf_release(&log->sending);
	buf_release(&log->sent_body);
}

static void on_beat(struct timer *t);

bool run_log_full(const struct run_log *log)
{
	return log->open.n >= (size_t)api_limits.run_log_bytes;
}

static void on_appended(struct store_op *op, const struct err *e)
{
	struct run_log *log = OWNER(op, struct run_log, op);
	if (e->code == ERR_CONFLICT) {
		log->lost(log);
		return;
	}
	if (e->code != ERR_NONE) {
		log_at(LOG_ERROR, "events of a background response could not be saved", "error=\"%s\"", e->msg);
		timer_start(log->api->loop, &log->beat, AGAIN_MS, on_beat);
		return;
	}
	log->under_way = false;
	if (log->room && !run_log_full(log))
		log->room(log);
	run_tell(log->api->api->news, log->key, RUN_NEWS);
	void (*synced)(struct run_log *) = log->synced;
	if (log->idle) {
		log->idle(log);
	} else if (log->n) {
		timer_start(log->api->loop, &log->beat, BATCH_MS, on_beat);
	} else if (synced) {
		log->synced = NULL;
		synced(log);
	}
}

static void swap(struct buf *a, struct buf *b)
{
	struct buf c = *a;
	*a = *b;
	*b = c;
}

static void on_beat(struct timer *t)
{
	struct run_log *log = OWNER(t, struct run_log, beat);
	if (!log->under_way) {
		buf_clear(&log->sending);
		buf_clear(&log->sent_body);
		swap(&log->open, &log->sending);
		swap(&log->body, &log->sent_body);
		log->sent = (struct run_batch){log->seq, log->n, buf_str(&log->sending)};
		log->seq += log->n;
		log->n = 0;
		log->under_way = true;
	}
	log->last_ms = loop_now_ms(log->api->loop);
	log->op.done = on_appended;
	store_run_append(log->api->store, &log->op, log->key, log->holder, &log->sent, buf_str(&log->sent_body));
}

void run_log_add(struct run_log *log, int64_t delta, struct str json)
{
	struct loop *l = log->api->loop;
	run_event_pack(&log->open, delta, json);
	log->n++;
	if (log->under_way || log->idle)
		return;
	/* The first one after a silence need not wait: what comes with it in this turn of the loop goes with it. */
	int64_t due = log->last_ms + BATCH_MS - loop_now_ms(l);
	if (log->open.n >= BATCH_BYTES || due < 0)
		due = 0;
	if (!log->beat.loop || due == 0)
		timer_start(l, &log->beat, due, on_beat);
}

void run_log_keep(struct run_log *log, int index, struct str item)
{
	struct buf b;
	buf_init(&b, SIZE_MAX / 2);
	buf_fmt(&b, "{\"output_index\":%d,\"item\":", index);
	buf_add(&b, item);
	buf_byte(&b, '}');
	run_event_pack(&log->open, RUN_EVENT_KEPT, buf_str(&b));
	buf_release(&b);
}

bool run_log_synced(struct run_log *log, void (*synced)(struct run_log *))
{
	bool all = !log->under_way && !log->n;
	log->synced = all ? NULL : synced;
	return all;
}

bool run_log_stop(struct run_log *log)
{
	if (!log->under_way)
		timer_cancel(&log->beat);
	return !log->under_way;
}
