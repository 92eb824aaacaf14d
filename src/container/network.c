/* network.c - which hosts a container may reach. */
#include "container/network.h"

#include "store/seal.h"
#include "wire/fields.h"

#define SEALED S("container_secrets")
#define PROXY "http://127.0.0.1:3128"
_Static_assert(SESSION_GATE_PORT == 3128, "PROXY names the gate");

static yyjson_val *network_list(yyjson_val *policy, struct str member)
{
	return str_eq(json_str(json_get(policy, S("type"))), S("allowlist")) ? json_get(policy, member) : NULL;
}

/* --- what is asked for ------------------------------------------------------------------------------------------- */

static bool network_domain_fits(struct str domain, const char *path, struct err *e)
{
	if (!host_entry_fits(domain) || str_eq(domain, S("*")))
		return fail(e, ERR_INVALID_VALUE, path,
			    "Invalid '%s': '%.*s' is no name of a host: no scheme, port, path or address; "
			    "'*.example.com' means those below it.",
			    path, (int)(domain.n < 100 ? domain.n : 100), domain.p);
	return host_covered(&egress_options.domains, domain) ||
	       fail(e, ERR_INVALID_VALUE, path,
		    "Invalid '%s': containers of this server may not reach '%.*s' (egress.domains).", path,
		    FMT(domain));
}

static bool network_secret_fits(yyjson_val *secret, const struct host_list *allowed, const char *path, struct err *e)
{
	struct str domain = json_str(json_get(secret, S("domain"))), name = json_str(json_get(secret, S("name"))),
		   value = json_str(json_get(secret, S("value")));
	char place[128];
	field_path(place, path, "domain");
	if (!host_fits(domain) || !host_in(allowed, domain))
		return fail(e, ERR_INVALID_VALUE, place, "Invalid '%s': a secret is for one host of 'allowed_domains'.",
			    place);
	field_path(place, path, "name");
	if (!secret_name_fits(name))
		return fail(
		    e, ERR_INVALID_VALUE, place,
		    "Invalid '%s': programs find it as an environment variable: letters, digits and '_', at most 64.",
		    place);
	field_path(place, path, "value");
	return (secret_value_fits(value) && (int64_t)value.n <= egress_limits.secret_bytes) ||
	       fail(e, ERR_INVALID_VALUE, place,
		    "Invalid '%s': it goes into headers: no control characters, at most %lld bytes "
		    "(egress.secret_bytes).",
		    place, (long long)egress_limits.secret_bytes);
}

static bool network_secrets_fit(yyjson_val *secrets, const struct host_list *allowed, const char *path, struct err *e)
{
	yyjson_val *one;
	size_t i, max;
	char place[128];
	if (yyjson_arr_size(secrets) > SECRETS_MOST)
		return fail(e, ERR_INVALID_VALUE, path, "Invalid '%s': at most %d secrets.", path, SECRETS_MOST);
	yyjson_arr_foreach(secrets, i, max, one)
	{
		field_index(place, path, i);
		if (!network_secret_fits(one, allowed, place, e))
			return false;
	}
	return true;
}

static struct host_list network_hosts(yyjson_val *policy, struct arena *a)
{
	yyjson_val *list = network_list(policy, S("allowed_domains")), *one;
	struct str *at = new_array(a, struct str, yyjson_arr_size(list) + 1);
	struct host_list ret = {.at = at};
	size_t i, max;
	yyjson_arr_foreach(list, i, max, one) at[ret.n++] = json_str(one);
	return ret;
}

bool network_fits(yyjson_val *policy, const char *path, struct err *e)
{
	char list[128], place[128];
	struct arena a = {0};
	if (!network_list(policy, S("allowed_domains")))
		return true;
	if (!egress_options.domains.n)
		return fail(e, ERR_UNSUPPORTED_VALUE, path,
			    "Unsupported value: 'allowlist'. Containers of this server have no network: the setting "
			    "egress.domains names no host.");
	struct host_list allowed = network_hosts(policy, &a);
	field_path(list, path, "allowed_domains");
	bool ok = true;
	for (size_t i = 0; ok && i < allowed.n; i++) {
		field_index(place, list, i);
		ok = network_domain_fits(allowed.at[i], place, e);
	}
	field_path(list, path, "domain_secrets");
	ok = ok && network_secrets_fit(network_list(policy, S("domain_secrets")), &allowed, list, e);
	arena_free(&a);
	return ok;
}

/* --- as it is kept ----------------------------------------------------------------------------------------------- */

static struct str network_shown(yyjson_val *policy, struct arena *a)
{
	yyjson_val *domains = network_list(policy, S("allowed_domains"));
	return domains ? str_fmt(a, "{\"type\":\"allowlist\",\"allowed_domains\":%.*s}", FMT(json_text(a, domains)))
		       : (struct str){0};
}

void network_keep(struct cntrs *c, int64_t project, yyjson_val *policy, struct arena *a, struct container *ret)
{
	yyjson_val *secrets = network_list(policy, S("domain_secrets"));
	ret->policy = network_shown(policy, a);
	ret->secrets = secrets ? seal_text(cntrs_store(c), project, SEALED, json_text(a, secrets), a) : (struct str){0};
}

/* NULL: none. */
static bool network_secrets(struct cntrs *c, const struct container *of, struct arena *a, yyjson_val **ret,
			    struct err *e)
{
	struct str plain;
	*ret = NULL;
	return !of->secrets.n || (seal_open(cntrs_store(c), of->project, SEALED, of->secrets, a, &plain, e) &&
				  json_parse(a, plain, ret, e));
}

bool network_is(struct cntrs *c, const struct container *of, yyjson_val *policy, struct arena *a)
{
	yyjson_val *has, *asked = network_list(policy, S("domain_secrets"));
	struct err ignored = {0};
	return str_eq(of->policy, network_shown(policy, a)) && network_secrets(c, of, a, &has, &ignored) &&
	       (has && asked ? json_same(has, asked) : !has && !asked);
}

struct str network_told(struct cntrs *c, const struct container *of, yyjson_val *policy, struct arena *a)
{
	yyjson_val *hosts = NULL, *secrets = network_list(policy, S("domain_secrets")), *one;
	struct err ignored = {0};
	struct buf b;
	size_t i, max;
	if (!policy && of->policy.n && json_parse(a, of->policy, &policy, &ignored))
		network_secrets(c, of, a, &secrets, &ignored);
	hosts = network_list(policy, S("allowed_domains"));
	if (!hosts)
		return (struct str){0};
	buf_init(&b, SIZE_MAX / 2);
	struct jout o = {.b = &b};
	jo_obj(&o);
	jo_kraw(&o, "hosts", json_text(a, hosts));
	jo_key(&o, S("secrets"));
	jo_arr(&o);
	yyjson_arr_foreach(secrets, i, max, one)
	{
		jo_obj(&o);
		jo_member(&o, one, S("name"));
		jo_member(&o, one, S("domain"));
		jo_obj_end(&o);
	}
	jo_arr_end(&o);
	jo_obj_end(&o);
	struct str text = str_copy(a, buf_str(&b));
	buf_release(&b);
	return text;
}

/* --- as a box gets it -------------------------------------------------------------------------------------------- */

static void *network_gate_open(const struct session_gate *gate, int listener)
{
	const struct network_way *w =
	    (const struct network_way *)((const char *)gate - offsetof(struct network_way, gate));
	return egress_open(w->egress, w->key, &w->policy, listener);
}

static void network_gate_close(void *opened)
{
	egress_close(opened);
}

/* Programs look in different places for the same two things. */
static void network_environment(struct network_way *w, struct arena *a)
{
	static const char *const fixed[] = {"HTTP_PROXY=" PROXY,
					    "http_proxy=" PROXY,
					    "HTTPS_PROXY=" PROXY,
					    "https_proxy=" PROXY,
					    "NO_PROXY=localhost,127.0.0.1,::1",
					    "no_proxy=localhost,127.0.0.1,::1",
					    "SSL_CERT_FILE=" NETWORK_AUTHORITIES,
					    "CURL_CA_BUNDLE=" NETWORK_AUTHORITIES,
					    "REQUESTS_CA_BUNDLE=" NETWORK_AUTHORITIES,
					    "GIT_SSL_CAINFO=" NETWORK_AUTHORITIES,
					    "PIP_CERT=" NETWORK_AUTHORITIES,
					    "NODE_EXTRA_CA_CERTS=" NETWORK_AUTHORITIES};
	const size_t n_fixed = sizeof fixed / sizeof *fixed;
	_Static_assert(sizeof fixed / sizeof *fixed + SECRETS_MOST <= SESSION_GATE_ENV, "they fit");
	for (size_t i = 0; i < n_fixed; i++)
		w->env[i] = fixed[i];
	for (size_t i = 0; i < w->policy.n_secrets; i++) {
		const struct secret *s = &w->policy.secrets[i];
		w->env[n_fixed + i] = str_fmt(a, "%.*s=%.*s", FMT(s->name), FMT(s->stand_in)).p;
	}
	w->gate = (struct session_gate){.open = network_gate_open,
					.close = network_gate_close,
					.env = w->env,
					.n_env = n_fixed + w->policy.n_secrets};
}

bool network_open(struct cntrs *c, const struct container *of, struct arena *a, struct network_way *ret, struct err *e)
{
	yyjson_val *policy, *list, *one;
	size_t i, max;
	*ret = (struct network_way){.egress = cntrs_egress(c), .key = of->id.key};
	if (!json_parse(a, of->policy, &policy, e) || !network_secrets(c, of, a, &list, e) ||
	    !egress_authorities(ret->egress, &ret->authorities, e))
		return false;
	struct secret *secrets = new_array(a, struct secret, yyjson_arr_size(list) + 1);
	yyjson_arr_foreach(list, i, max, one)
	{
		char *stand_in = arena_bytes(a, SECRET_STAND_IN);
		struct str name = json_str(json_get(one, S("name")));
		egress_stand_in(ret->egress, of->id.key, name, stand_in);
		secrets[i] = (struct secret){json_str(json_get(one, S("domain"))), name,
					     json_str(json_get(one, S("value"))), str_of(stand_in)};
	}
	ret->policy = (struct egress_policy){network_hosts(policy, a), secrets, yyjson_arr_size(list)};
	network_environment(ret, a);
	return true;
}
