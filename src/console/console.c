/* console.c - the console's page and its files, and signing in. */
#include <string.h>

#include "door/request.h"
#include "door/sign_in.h"
#include "wire/json.h"

#define FILE(name, bytes, type)                                                                                        \
	extern const unsigned char console_##bytes##_bytes[];                                                          \
	extern const size_t console_##bytes##_bytes_n;
#include "console/files.def"
#undef FILE

static const struct console_file {
	struct str name, type;
	const unsigned char *bytes;
	const size_t *n;
} files[] = {
#define FILE(name, bytes, type) {STR(name), STR(type), console_##bytes##_bytes, &console_##bytes##_bytes_n},
#include "console/files.def"
#undef FILE
};

/* Nothing is fetched from elsewhere, no script stands in a page, and nobody may frame it. */
static const struct str policy = STR("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: "
				     "blob:; connect-src 'self'; base-uri 'none'; "
				     "form-action 'none'; frame-ancestors 'none'");

static void file_send(struct request *rq, const struct console_file *f)
{
	exchange_add_header(rq->x, S("Content-Security-Policy"), policy);
	exchange_add_header(rq->x, S("X-Content-Type-Options"), S("nosniff"));
	exchange_add_header(rq->x, S("Referrer-Policy"), S("no-referrer"));
	exchange_add_header(rq->x, S("Cache-Control"), S("no-cache"));
	exchange_send(rq->x, 200, f->type, (struct str){(const char *)f->bytes, *f->n});
}

/* GET /console: as a folder, so that the page's relative names are under it. */
void console_page(struct request *rq)
{
	exchange_add_header(rq->x, S("Location"), S("/console/index.html"));
	exchange_send(rq->x, 307, S("text/plain"), S(""));
}

void console_file(struct request *rq)
{
	struct err e = {0};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (str_eq(files[i].name, rq->args[0])) {
			file_send(rq, &files[i]);
			return;
		}
	fail(&e, ERR_NOT_FOUND, NULL, "The console has no file of that name.");
	answer_error(rq->x, &e);
}

static void cookie_set(struct request *rq, const char *secret, int seconds)
{
	struct str value =
	    str_fmt(exchange_arena(rq->x), "antiphon_console=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s",
		    secret, seconds, exchange_request(rq->x)->tls ? "; Secure" : "");
	exchange_add_header(rq->x, S("Set-Cookie"), value);
}

/* POST /console/api/sign_in {"link"?}: with a link's secret, or with the cookie of before, or while nothing is locked.
 */
void console_sign_in(struct request *rq)
{
	struct sign_ins *all = rq->api->api->sign_ins;
	char secret[SIGN_IN_TEXT] = "";
	struct err e = {0};
	yyjson_val *v = NULL;
	if (!auth_page(rq, &e) || !json_parse(exchange_arena(rq->x), exchange_request(rq->x)->body, &v, &e)) {
		answer_error(rq->x, &e);
		return;
	}
	struct str link = json_str(json_get(v, S("link")));
	bool asked = exchange_header(rq->x, S("x-antiphon-console")).n > 0;
	bool known = asked && sign_in_check(all, auth_session(rq));
	if (asked && !known && link.n && sign_in_take(all, link, secret))
		known = true;
	else if (asked && !known && auth_unlocked(rq)) {
		sign_in_open(all, secret); /* it stays in when the first key is made */
		known = true;
	}
	if (!known) {
		fail(&e, ERR_NO_KEY, NULL,
		     "%s run `antiphon console` on the server's machine and open the link that it prints.",
		     link.n ? "This link was used already, or is older than ten minutes. For a new one:"
			    : "Sign in first:");
		answer_error(rq->x, &e);
		return;
	}
	if (*secret)
		cookie_set(rq, secret, SIGN_IN_SECONDS);
	answer_json(rq, 200, S("{\"signed_in\":true}"));
}

void console_sign_out(struct request *rq)
{
	sign_in_end(rq->api->api->sign_ins, auth_session(rq));
	cookie_set(rq, "", 0);
	answer_json(rq, 200, S("{\"signed_in\":false}"));
}
