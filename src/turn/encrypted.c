/* encrypted.c - reasoning and compactions that a client keeps for us. */
#include "turn/encrypted.h"

#include <stdio.h>

#include "store/seal.h"
#include "turn/turn.h"

static struct str type_name(enum item_type type)
{
	return str_of(item_rows[type].wire);
}

struct str encrypted_seal(struct turn *t, struct str content)
{
	return seal_text(t->api->api->options.store, t->project, type_name(ITEM_REASONING), content, &t->arena);
}

static bool open_text(struct turn *t, enum item_type type, struct str sealed, struct str *content, const char *path, struct err *e)
{
	struct err why = {0};
	char param[128];
	if (seal_open(t->api->api->options.store, t->project, type_name(type), sealed, &t->arena, content, &why))
		return true;
	snprintf(param, sizeof param, "%s.encrypted_content", path ? path : "");
	return fail(e, why.code, param, "%s", why.msg);
}

bool encrypted_open(struct turn *t, struct item *it, const char *path, struct err *e)
{
	struct str sealed = json_str(json_get(it->val, S("encrypted_content"))), content, json;
	if ((it->type != ITEM_REASONING && it->type != ITEM_COMPACTION) || (it->type == ITEM_REASONING && !sealed.n))
		return true;
	struct err unread = {0}; /* behind the return of most items: it is large */
	if (!open_text(t, it->type, sealed, &content, path, path ? e : &unread))
		return !path;
	if (str_eq(content, S("[]"))) /* from an event that came before the text */
		return true;
	if (it->type == ITEM_COMPACTION)
		return item_view(&t->arena, content, it) || fail(e, ERR_INTERNAL, path, "A sealed text could not be read.");
	if (content.n && content.p[0] == '{') /* with what its engine wants back (turn_origin.h) */
		json = str_fmt(&t->arena, "{\"type\":\"reasoning\",%.*s", (int)content.n - 1, content.p + 1);
	else
		json = str_fmt(&t->arena, "{\"type\":\"reasoning\",\"content\":%.*s}", FMT(content));
	struct str id = it->id; /* it was not sealed: the client's */
	if (!item_view(&t->arena, json, it))
		return fail(e, ERR_INTERNAL, path, "A sealed text could not be read.");
	it->id = id;
	return true;
}
