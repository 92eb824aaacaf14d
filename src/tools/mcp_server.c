/* mcp_server.c - where an MCP server stands, and what may be sent there. */
#include "tools/mcp_server.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tools/mcp_options.h"
#include "wire/fields.h"

#include "net/url.h"

enum { URL_MAX = 4096, LABEL_MAX = 256, HEADERS_MAX = 32, HEADER_MAX = 8192, FILE_MAX = 65536 };

static yyjson_val *mcp_get(yyjson_val *given, struct str key)
{
	yyjson_val *v = json_get(given, key);
	return yyjson_is_null(v) ? NULL : v;
}

/* The value of "name=value". */
static bool mcp_named(const struct str *rows, size_t n, struct str name, struct str *ret)
{
	for (size_t i = 0; i < n && name.n; i++) {
		struct str rest = rows[i], key = str_cut(&rest, '=');
		if (str_eq(str_trim(key), name)) {
			*ret = str_trim(rest);
			return true;
		}
	}
	return false;
}

/* --- addresses -----------------------------------------------------------------------------------------------------
 */

static bool mcp_origin_allowed(const struct mcp_options *o, struct str url)
{
	for (size_t i = 0; i < o->n_allow; i++)
		if (url_same_origin(o->allow[i], url))
			return true;
	return false;
}

/* Plain HTTP tells everybody on the way what is said: only to what the operator has listed. */
static bool mcp_plain_allowed(const struct mcp_options *o, struct str url)
{
	static const struct guard none;
	const char *why;
	return mcp_origin_allowed(o, url) ||
	       (guard_url(&none, url, &why) == GUARD_REFUSED && guard_url(&o->guard, url, &why) == GUARD_OPEN);
}

static bool mcp_url_fits(const struct mcp_options *o, struct str url, const char *path, struct err *e)
{
	struct url u;
	const char *why = "not a valid URL";
	enum guard_verdict verdict = url.n <= URL_MAX ? guard_url(&o->guard, url, &why) : GUARD_BAD_URL;
	if (verdict == GUARD_REFUSED && mcp_origin_allowed(o, url))
		verdict = GUARD_OPEN;
	if (verdict == GUARD_BAD_URL || !url_split(url, &u) || u.fragment)
		return fail(e, ERR_INVALID_VALUE, path, "Invalid 'server_url': %s.",
			    verdict == GUARD_BAD_URL ? why : "a URL with a fragment");
	if (verdict == GUARD_REFUSED)
		return fail(e, ERR_INVALID_VALUE, path,
			    "Invalid 'server_url': its host is %s. The operator of this server can allow it with the "
			    "setting mcp.allow.",
			    why);
	if (str_eq_nocase(u.scheme, S("http")) && !mcp_plain_allowed(o, url))
		return fail(
		    e, ERR_INVALID_VALUE, path,
		    "Invalid 'server_url': it is not https. The operator of this server can allow its origin with "
		    "the setting mcp.allow.");
	return true;
}

/* --- headers ------------------------------------------------------------------------------------------------------ */

static bool mcp_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isalnum((unsigned char)s.p[i]) && !char_in(s.p[i], "!#$%&'*+-.^_`|~"))
			return false;
	return s.n > 0;
}

static bool mcp_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return s.n <= HEADER_MAX;
}

/* What the connection and the protocol say of themselves. */
static bool mcp_ours(struct str name)
{
	static const struct str names[] = {STR("host"),
					   STR("content-length"),
					   STR("transfer-encoding"),
					   STR("connection"),
					   STR("upgrade"),
					   STR("te"),
					   STR("trailer"),
					   STR("expect"),
					   STR("accept"),
					   STR("content-type"),
					   STR("last-event-id"),
					   STR("keep-alive"),
					   STR("proxy-authorization"),
					   STR("proxy-connection"),
					   STR("content-encoding"),
					   STR("accept-encoding")};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_eq_nocase(name, names[i]))
			return true;
	return name.n >= 4 && str_eq_nocase((struct str){name.p, 4}, S("mcp-"));
}

static bool mcp_headers_fit(yyjson_val *given, const char *path, struct err *e)
{
	yyjson_val *key, *val;
	struct str token = json_str(mcp_get(given, S("authorization")));
	size_t i, max;
	char place[128];
	field_path(place, path, "headers");
	if (yyjson_obj_size(mcp_get(given, S("headers"))) > HEADERS_MAX)
		return fail(e, ERR_INVALID_VALUE, place, "Invalid 'headers': more than %d.", HEADERS_MAX);
	yyjson_obj_foreach(mcp_get(given, S("headers")), i, max, key, val)
	{
		struct str name = json_str(key);
		if (!mcp_token(name) || !mcp_value(json_str(val)))
			return fail(e, ERR_INVALID_VALUE, place,
				    "Invalid 'headers': '%.*s' is no header that can be sent.",
				    mcp_token(name) ? (int)name.n : 0, name.p);
		if (mcp_ours(name))
			return fail(e, ERR_INVALID_VALUE, place,
				    "Invalid 'headers': '%.*s' is set by this server itself.", FMT(name));
		if (token.p && str_eq_nocase(name, S("authorization")))
			return fail(e, ERR_MUTUALLY_EXCLUSIVE, place,
				    "Give 'authorization' or a header 'Authorization', not both.");
	}
	field_path(place, path, "authorization");
	return mcp_value(token) || fail(e, ERR_INVALID_VALUE, place, "Invalid 'authorization'.");
}

/* --- elements ----------------------------------------------------------------------------------------------------- */

static bool mcp_connector_fits(const struct mcp_options *o, struct str id, const char *path, struct err *e)
{
	struct str url;
	return mcp_named(o->connectors, o->n_connectors, id, &url) ||
	       fail(
		   e, ERR_UNSUPPORTED_VALUE, path,
		   "Unsupported value: '%.*s'. This server knows no address for it: its operator can give one with the "
		   "setting mcp.connectors (%.*s=https://...).",
		   FMT(id), FMT(id));
}

bool mcp_server_fits(yyjson_val *given, const char *path, struct err *e)
{
	const struct mcp_options *o = &mcp_options;
	struct str label = json_str(json_get(given, S("server_label"))),
		   url = json_str(mcp_get(given, S("server_url"))), ignored;
	struct str connector = json_str(mcp_get(given, S("connector_id"))),
		   tunnel = json_str(mcp_get(given, S("tunnel_id")));
	char place[128];
	field_path(place, path, "server_label");
	if (!label.n || label.n > LABEL_MAX || !mcp_value(label))
		return fail(e, ERR_INVALID_VALUE, place, "Invalid 'server_label': a name of at most %d bytes.",
			    LABEL_MAX);
	field_path(place, path, "tunnel_id");
	if (tunnel.p)
		return fail(e, ERR_UNSUPPORTED_VALUE, place,
			    "Unsupported value: 'tunnel_id'. This version serves no tunnels: "
			    "give 'server_url' or 'connector_id'.");
	field_path(place, path, "server_url");
	if (url.p && connector.p)
		return fail(e, ERR_MUTUALLY_EXCLUSIVE, path, "Give one of 'server_url' and 'connector_id', not both.");
	if (!url.p && !connector.p && !mcp_named(o->servers, o->n_servers, label, &ignored))
		return fail(e, ERR_MISSING_PARAMETER, place,
			    "One of 'server_url' and 'connector_id' must be provided: '%.*s' is no "
			    "server that the operator has named (mcp.servers).",
			    FMT(label));
	if (!mcp_headers_fit(given, path, e) || (url.p && !mcp_url_fits(o, url, place, e)))
		return false;
	field_path(place, path, "connector_id");
	return !connector.p || mcp_connector_fits(o, connector, place, e);
}

/* A file of the operator with a header a line. */
static bool mcp_file_headers(struct arena *a, struct str file, struct str *ret, size_t *n, struct err *e)
{
	char *text = arena_bytes(a, FILE_MAX);
	FILE *f = fopen(str_copy(a, file).p, "re");
	struct str rest = {text, f ? fread(text, 1, FILE_MAX, f) : 0};
	if (!f)
		return fail(e, ERR_CONFIG, NULL, "the headers of this server cannot be read (mcp.server_headers)");
	fclose(f);
	while (rest.n && *n < HEADERS_MAX) {
		struct str line = str_trim(str_cut(&rest, '\n'));
		if (line.n && line.p[0] != '#')
			ret[(*n)++] = line;
	}
	return true;
}

bool mcp_server_of(yyjson_val *given, int64_t project, struct arena *a, struct mcp_server *ret, struct err *e)
{
	const struct mcp_options *o = &mcp_options;
	struct str label = json_str(json_get(given, S("server_label"))),
		   token = json_str(mcp_get(given, S("authorization"))), file;
	struct str connector = json_str(mcp_get(given, S("connector_id")));
	struct str *headers = new_array(a, struct str, 2 * HEADERS_MAX + 2);
	yyjson_val *key, *val;
	size_t i, max, n = 0;
	*ret = (struct mcp_server){
	    .url = json_str(mcp_get(given, S("server_url"))), .headers = headers, .project = project};
	if (ret->url.p) {
		ret->guard = mcp_origin_allowed(o, ret->url) ? NULL : &o->guard;
	} else if (connector.p) {
		if (!mcp_named(o->connectors, o->n_connectors, connector, &ret->url))
			return fail(e, ERR_CONFIG, NULL,
				    "this server knows no address for it any more (mcp.connectors)");
	} else { /* the operator's own credentials go to the operator's own address alone */
		if (!mcp_named(o->servers, o->n_servers, label, &ret->url))
			return fail(e, ERR_CONFIG, NULL,
				    "the operator has named no such server any more (mcp.servers)");
		if (mcp_named(o->headers, o->n_headers, label, &file) && !mcp_file_headers(a, file, headers, &n, e))
			return false;
	}
	yyjson_obj_foreach(mcp_get(given, S("headers")), i, max, key, val) headers[n++] =
	    str_fmt(a, "%.*s: %.*s", FMT(json_str(key)), FMT(json_str(val)));
	if (token.n)
		headers[n++] = str_fmt(a, "Authorization: Bearer %.*s", FMT(token));
	ret->n_headers = n;
	return true;
}

struct str mcp_server_address(struct arena *a, yyjson_val *given)
{
	struct str url = json_str(mcp_get(given, S("server_url"))),
		   connector = json_str(mcp_get(given, S("connector_id")));
	struct url u;
	if (connector.p)
		return str_fmt(a, "connector:%.*s", FMT(connector));
	if (!url_split(url, &u))
		return str_fmt(a, "named:%.*s", FMT(json_str(json_get(given, S("server_label")))));
	char *host = (char *)str_copy(a, u.host).p;
	for (size_t i = 0; i < u.host.n; i++)
		host[i] = (char)tolower((unsigned char)host[i]);
	return str_fmt(a, "%s://%s:%d%.*s%.*s",
		       u.scheme.n == 5 ? "https" : "http",
		       host, u.port, FMT(u.path), FMT(u.query));
}

/* --- the echo ------------------------------------------------------------------------------------------------------
 */

/* A query string may hold a key. */
static void mcp_echo_url(struct jout *o, struct str url)
{
	size_t at = str_find(url, '?');
	struct arena a = {0};
	if (at < url.n)
		jo_str(o, str_fmt(&a, "%.*s?<redacted>", (int)at, url.p));
	else
		jo_str(o, url);
	arena_free(&a);
}

static void mcp_echo_filter(struct jout *o, yyjson_val *filter)
{
	jo_obj(o);
	jo_member_or_null(o, filter, S("read_only"));
	jo_key(o, S("tool_names"));
	if (yyjson_is_arr(json_get(filter, S("tool_names"))))
		jo_val(o, json_get(filter, S("tool_names")));
	else
		jo_null(o);
	jo_obj_end(o);
}

static void mcp_echo_allowed(struct jout *o, yyjson_val *allowed)
{
	jo_key(o, S("allowed_tools"));
	if (yyjson_is_obj(allowed))
		mcp_echo_filter(o, allowed);
	else if (allowed)
		jo_val(o, allowed);
	else
		jo_null(o);
}

static void mcp_echo_approval(struct jout *o, yyjson_val *rule)
{
	static const struct str kinds[] = {STR("always"), STR("never")};
	jo_key(o, S("require_approval"));
	if (!yyjson_is_obj(rule)) {
		jo_str(o, rule ? json_str(rule) : S("always"));
		return;
	}
	jo_obj(o);
	for (size_t i = 0; i < 2; i++) {
		jo_key(o, kinds[i]);
		if (yyjson_is_obj(json_get(rule, kinds[i])))
			mcp_echo_filter(o, json_get(rule, kinds[i]));
		else
			jo_null(o);
	}
	jo_obj_end(o);
}

void mcp_server_echo(struct jout *o, yyjson_val *given, yyjson_val *settled)
{
	yyjson_val *headers = mcp_get(given, S("headers")), *key, *val;
	size_t i, max;
	jo_obj(o);
	jo_kstr(o, "type", S("mcp"));
	if (mcp_get(given, S("allowed_callers")))
		jo_member(o, given, S("allowed_callers"));
	mcp_echo_allowed(o, mcp_get(given, S("allowed_tools")));
	if (mcp_get(given, S("authorization")))
		jo_kstr(o, "authorization", S("<redacted>"));
	if (mcp_get(given, S("connector_id")))
		jo_member(o, given, S("connector_id"));
	jo_member(o, given, S("defer_loading"));
	jo_key(o, S("headers"));
	if (headers) {
		jo_obj(o);
		yyjson_obj_foreach(headers, i, max, key, val)
		{
			jo_key(o, json_str(key));
			jo_str(o, S("<redacted>"));
		}
		jo_obj_end(o);
	} else {
		jo_null(o);
	}
	mcp_echo_approval(o, mcp_get(given, S("require_approval")));
	jo_member_or_null(o, given, S("server_description"));
	jo_member(o, given, S("server_label"));
	jo_key(o, S("server_url"));
	if (mcp_get(given, S("server_url")))
		mcp_echo_url(o, json_str(mcp_get(given, S("server_url"))));
	else
		jo_null(o);
	jo_obj_end(o);
}
