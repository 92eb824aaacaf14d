/* console_keys.c - the console's API keys, and what keys and projects may use. */
#include "door/errand.h"
#include "door/key_write.h"
#include "door/limits_write.h"
#include "door/request.h"

static void on_key(void *ctx, const struct key_info *k)
{
	key_write(ctx, k, NULL);
}

static bool keys_list_work(struct errand *er, struct err *e)
{
	struct jout o = errand_out(er);
	jo_obj(&o);
	jo_kstr(&o, "object", S("list"));
	jo_key(&o, S("data"));
	jo_arr(&o);
	bool ok = key_list(er->store, on_key, &o, e);
	jo_arr_end(&o);
	jo_obj_end(&o);
	return ok;
}

static bool key_create_work(struct errand *er, struct err *e)
{
	struct jout o = errand_out(er);
	struct str name = json_str(json_get(er->body, S("name"))), project = json_str(json_get(er->body, S("project")));
	struct key_info info = {0};
	char secret[KEY_TEXT];
	if (!name.n || name.n > 100)
		return fail(e, ERR_INVALID_VALUE, "name", "A key needs a name of 1 to 100 characters.");
	if (!key_create(er->store, &(struct key_making){.name = name, .project = project}, secret, &info, e))
		return false;
	key_write(&o, &info, secret);
	return true;
}

static bool key_revoke_work(struct errand *er, struct err *e)
{
	struct jout o = errand_out(er);
	if (!key_revoke(er->store, er->args[0], e))
		return false;
	jo_obj(&o);
	jo_kstr(&o, "id", er->args[0]);
	jo_kbool(&o, "revoked", true);
	jo_obj_end(&o);
	return true;
}

void console_keys_list(struct request *rq)
{
	errand_begin(rq, keys_list_work, 0, NULL);
}

void console_key_create(struct request *rq)
{
	errand_begin(rq, key_create_work, 0, NULL);
}

void console_key_revoke(struct request *rq)
{
	errand_begin(rq, key_revoke_work, 0, NULL);
}

/* --- limits ------------------------------------------------------------------------------------------------------ */

struct limits_asked {
	struct quotas *quotas;
};

static bool limits_read(struct errand *er, void *more, struct err *e)
{
	(void)e;
	((struct limits_asked *)more)->quotas = er->rq->api->api->options.quotas;
	return true;
}

static bool limits_list_work(struct errand *er, struct err *e)
{
	struct jout o = errand_out(er);
	return limits_write(er->store, &o, e);
}

static bool limits_set_work(struct errand *er, struct err *e)
{
	const struct limits_asked *asked = er->more;
	return limits_change(er->store, asked->quotas, er->body, e) && limits_list_work(er, e);
}

void console_limits_list(struct request *rq)
{
	errand_begin(rq, limits_list_work, 0, NULL);
}

void console_limits_set(struct request *rq)
{
	errand_begin(rq, limits_set_work, sizeof(struct limits_asked), limits_read);
}
