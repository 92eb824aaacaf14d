/* config_limits.c - hands the floors their limits, and the network its guard. */
#include "main/config_limits.h"

#include "api/api.h"
#include "container/limits.h"
#include "egress/egress.h"
#include "fleet/limits.h"
#include "index/index_limits.h"
#include "index/skill_limits.h"
#include "mcp/limits.h"
#include "measure/measure.h"
#include "sandbox/sandbox.h"
#include "main/config.h"
#include "net/fetch.h"
#include "net/server.h"
#include "quota/quota.h"
#include "script/limits.h"
#include "session/limits.h"
#include "store/blob_options.h"
#include "store/limits.h"
#include "tools/mcp_options.h"
#include "tools/tools.h"
#include "trace/exporter.h"

static bool config_named(const struct config_list *list, const char *setting, bool url, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		struct str rest = list->at[i], name = str_cut(&rest, '=');
		if (!str_trim(name).n || !str_trim(rest).n ||
		    (url && !str_starts(str_trim(rest), S("http://")) && !str_starts(str_trim(rest), S("https://"))))
			return fail(e, ERR_CONFIG, NULL, "%s: '%.*s' is not name=%s", setting, FMT(list->at[i]),
				    url ? "URL" : "FILE");
	}
	return true;
}

/* Origins are told from addresses by their scheme. */
static bool config_mcp(struct config *c, struct err *e)
{
	struct str *blocks = new_array(&c->arena, struct str, c->mcp_allow.n + 1);
	struct err why = {0};
	size_t n = 0;
	for (size_t i = 0; i < c->mcp_allow.n; i++)
		if (!str_starts(c->mcp_allow.at[i], S("http://")) && !str_starts(c->mcp_allow.at[i], S("https://")))
			blocks[n++] = c->mcp_allow.at[i];
	mcp_options = (struct mcp_options){.allow = c->mcp_allow.at,
					   .n_allow = c->mcp_allow.n,
					   .servers = c->mcp_servers.at,
					   .n_servers = c->mcp_servers.n,
					   .headers = c->mcp_server_headers.at,
					   .n_headers = c->mcp_server_headers.n,
					   .connectors = c->mcp_connectors.at,
					   .n_connectors = c->mcp_connectors.n,
					   .skip = str_eq(c->mcp_list_failure, S("skip"))};
	if (!guard_read(&c->arena, blocks, n, &mcp_options.guard, &why))
		return fail(e, ERR_CONFIG, NULL, "mcp.allow: an entry is neither an origin (http://10.0.0.5:8000) nor an address or "
						 "block of addresses (10.0.0.0/8)");
	return config_named(&c->mcp_servers, "mcp.servers", true, e) &&
	       config_named(&c->mcp_server_headers, "mcp.server_headers", false, e) &&
	       config_named(&c->mcp_connectors, "mcp.connectors", true, e);
}

static bool config_egress(struct config *c, struct err *e)
{
	int64_t *ports = new_array(&c->arena, int64_t, c->egress_ports.n + 1);
	struct err why = {0};
	egress_options = (struct egress_options){
	    .domains = {c->egress_domains.at, c->egress_domains.n}, .ports = ports, .n_ports = c->egress_ports.n};
	for (size_t i = 0; i < c->egress_domains.n; i++)
		if (!host_entry_fits(c->egress_domains.at[i]))
			return fail(e, ERR_CONFIG, NULL, "egress.domains: '%.*s' is neither a host (example.com), nor those below it (*.example.com), "
							 "nor all (*)", FMT(c->egress_domains.at[i]));
	for (size_t i = 0; i < c->egress_ports.n; i++)
		if (!str_int(c->egress_ports.at[i], &ports[i]) || ports[i] < 1 || ports[i] > 65535)
			return fail(e, ERR_CONFIG, NULL, "egress.ports: '%.*s' is no port", FMT(c->egress_ports.at[i]));
	return guard_read(&c->arena, c->egress_allow.at, c->egress_allow.n, &egress_options.guard, &why) ||
	       fail(e, ERR_CONFIG, NULL, "egress.allow: an entry is neither an address nor a block of addresses (10.0.0.0/8)");
}

static void config_blobs(const struct config *c)
{
#define LIMIT(name, ...) s3_limits.name = c->blobs_##name;
#include "s3/limits.def"
#undef LIMIT
#define LIMIT(name, ...) blob_limits.name = c->blobs_##name;
#include "store/blob_limits.def"
#undef LIMIT
	bool s3 = str_eq(c->blobs_place, S("s3")), shared = str_eq(c->blobs_place, S("shared"));
	blob_options = (struct blob_options){.where = s3 ? BLOBS_S3 : shared ? BLOBS_SHARED : BLOBS_FOLDER,
					     .dir = c->blobs_dir,
					     .s3 = {.url = c->blobs_url,
						    .bucket = c->blobs_bucket,
						    .prefix = c->blobs_prefix,
						    .region = c->blobs_region,
						    .virtual_host = str_eq(c->blobs_address, S("host")),
						    .ca_file = c->blobs_ca_file,
						    .credentials_file = c->blobs_credentials_file}};
}

static void config_copy_limits(const struct config *c)
{
#define LIMIT(name, ...) net_limits.name = c->net_##name;
#include "net/limits.def"
#undef LIMIT
#define LIMIT(name, ...) trace_limits.name = c->otel_##name;
#include "trace/limits.def"
#undef LIMIT
#define LIMIT(name, ...) measure_limits.name = c->metrics_##name;
#include "measure/limits.def"
#undef LIMIT
#define LIMIT(name, ...) fetch_limits.name = c->fetch_##name;
#include "net/fetch_limits.def"
#undef LIMIT
#define LIMIT(name, ...) api_limits.name = c->api_##name;
#include "door/limits.def"
#undef LIMIT
#define LIMIT(name, ...) quota_limits.name = c->quota_##name;
#include "quota/limits.def"
#undef LIMIT
#define LIMIT(name, ...) store_limits.name = c->store_##name;
#include "store/limits.def"
#undef LIMIT
#define LIMIT(name, ...) engine_limits.name = c->engine_##name;
#include "engine/limits.def"
#undef LIMIT
#define LIMIT(name, ...) fleet_limits.name = c->fleet_##name;
#include "fleet/limits.def"
#undef LIMIT
#define LIMIT(name, ...) index_limits.name = c->index_##name;
#include "index/limits.def"
#undef LIMIT
#define LIMIT(name, ...) container_limits.name = c->containers_##name;
#include "container/limits.def"
#undef LIMIT
#define LIMIT(name, ...) skill_limits.name = c->skills_##name;
#include "index/skill_limits.def"
#undef LIMIT
#define LIMIT(name, ...) tools_limits.name = c->tools_##name;
#include "tools/limits.def"
#undef LIMIT
#define LIMIT(name, ...) web_limits.name = c->web_search_##name;
#include "tools/web_limits.def"
#undef LIMIT
#define LIMIT(name, ...) mcp_limits.name = c->mcp_##name;
#include "mcp/limits.def"
#undef LIMIT
#define LIMIT(name, ...) sandbox_limits.name = c->sandbox_##name;
#include "sandbox/limits.def"
#undef LIMIT
#define LIMIT(name, ...) session_limits.name = c->session_##name;
#include "session/limits.def"
#undef LIMIT
#define LIMIT(name, ...) script_limits.name = c->programs_##name;
#include "script/limits.def"
#undef LIMIT
#define LIMIT(name, ...) egress_limits.name = c->egress_##name;
#include "egress/limits.def"
#undef LIMIT
}

bool config_apply_limits(struct config *c, struct err *e)
{
	config_copy_limits(c);
	config_blobs(c);
	sandbox_limits_only = str_eq(c->api_sandbox, S("limits"));
	return config_mcp(c, e) && config_egress(c, e) && guard_read(&c->arena, c->fetch_allow.at, c->fetch_allow.n, &fetch_guard, e);
}
