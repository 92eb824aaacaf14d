/* run_events.c - the events of a background run in the form of a batch. */
#include "replay/run_events.h"

#include <string.h>

/* Before each event: its length, and the length of its string delta (-1: none). */
struct lead {
	uint32_t n;
	int32_t delta;
};

void run_event_pack(struct buf *b, int64_t delta, struct str json)
{
	struct lead lead = {(uint32_t)json.n, (int32_t)delta};
	buf_add(b, (struct str){(const char *)&lead, sizeof lead});
	buf_add(b, json);
}

/* Every event begins with its type (model/event.c). */
static struct str run_events_name_of(struct str json)
{
	struct str lead = S("{\"type\":\"");
	if (!str_starts(json, lead))
		return (struct str){0};
	const char *p = json.p + lead.n, *end = memchr(p, '"', json.n - lead.n);
	return end ? (struct str){p, (size_t)(end - p)} : (struct str){0};
}

bool run_entry_next(struct str *rest, struct run_event *ret)
{
	struct lead lead;
	if (rest->n < sizeof lead)
		return false;
	memcpy(&lead, rest->p, sizeof lead);
	if (lead.n > rest->n - sizeof lead)
		return false;
	ret->json = (struct str){rest->p + sizeof lead, lead.n};
	ret->name = lead.delta == RUN_EVENT_KEPT ? (struct str){0} : run_events_name_of(ret->json);
	ret->delta = lead.delta;
	*rest = (struct str){rest->p + sizeof lead + lead.n, rest->n - sizeof lead - lead.n};
	return true;
}

bool run_event_next(struct str *rest, struct run_event *ret)
{
	bool any;
	do
		any = run_entry_next(rest, ret);
	while (any && ret->delta == RUN_EVENT_KEPT);
	return any;
}
