/* way.c - how a server is spoken to: the revisions of MCP, and the ladder from one to the next. */
#include "mcp/way.h"

#include <sodium.h>
#include <string.h>

#define MODERN "2026-07-28"
#define NEWEST_LEGACY "2025-11-25"
#define META "io.modelcontextprotocol/"
#define CLIENT "{\"name\":\"antiphon\",\"version\":\"" ANTIPHON_VERSION "\"}"

enum { HEADER_MISMATCH = -32020, LACKS_CAPABILITY = -32021, OTHER_VERSION = -32022 };

static const struct str way_legacy[] = {STR(NEWEST_LEGACY), STR("2025-06-18"), STR("2025-03-26"), STR("2024-11-05")};

/* --- the ladder ------------------------------------------------------------------------------------------------- */

static bool way_knows(struct str version)
{
	for (size_t i = 0; i < sizeof way_legacy / sizeof *way_legacy; i++)
		if (str_eq(way_legacy[i], version))
			return true;
	return false;
}

/* The newest of the server's versions that the handshake can offer. */
static bool way_offered(const struct rpc *m, struct str *version)
{
	size_t i, max;
	yyjson_val *one;
	for (size_t k = 0; k < sizeof way_legacy / sizeof *way_legacy; k++)
		yyjson_arr_foreach(json_get(m->data, S("supported")), i, max,
				   one) if (str_eq(json_str(one), way_legacy[k]))
		{
			*version = way_legacy[k];
			return true;
		}
	return false;
}

enum mcp_step mcp_after_modern(const struct mcp_heard *h, struct str *version)
{
	*version = way_legacy[0];
	if (h->status == 200 && h->m && h->m->kind == RPC_RESULT)
		return MCP_USE;
	if (h->m && h->m->kind == RPC_ERROR) {
		if (h->m->code == OTHER_VERSION)
			return way_offered(h->m, version) ? MCP_INITIALIZE : MCP_STOP;
		if (h->m->code == HEADER_MISMATCH || h->m->code == LACKS_CAPABILITY)
			return MCP_STOP;
	}
	switch (h->status) {
	case 200:
	case 202:
	case 400:
	case 404:
	case 405:
	case 406:
	case 415:
		return MCP_INITIALIZE;
	default: /* who is refused for who he is, is not let in by an older door */
		return MCP_STOP;
	}
}

enum mcp_step mcp_after_initialize(const struct mcp_heard *h, struct str *version)
{
	if (h->status == 200 && h->m && h->m->kind == RPC_RESULT) {
		*version = json_str(json_get(h->m->result, S("protocolVersion")));
		return way_knows(*version) ? MCP_USE : MCP_STOP;
	}
	if (h->m && h->m->kind == RPC_ERROR && h->m->code == OTHER_VERSION)
		return MCP_STOP;
	return h->status == 400 || h->status == 404 || h->status == 405 ? MCP_STREAM : MCP_STOP;
}

static bool way_says(struct str text, struct str word)
{
	for (size_t i = 0; i + word.n <= text.n; i++)
		if (str_eq_nocase((struct str){text.p + i, word.n}, word))
			return true;
	return false;
}

enum mcp_loss mcp_session_lost(const struct mcp_way *way, const struct mcp_heard *h)
{
	if (way->era != MCP_LEGACY || !way->session.n || (h->m && h->m->kind == RPC_RESULT))
		return MCP_KEPT;
	if (h->status == 404)
		return MCP_LOST;
	if (h->status != 400)
		return MCP_KEPT;
	struct str said = h->m ? h->m->message : (struct str){0};
	return way_says(said, S("session")) || way_says(said, S("initialized")) ? MCP_LOST : MCP_PERHAPS;
}

/* --- requests --------------------------------------------------------------------------------------------------- */

enum { HEADERS = 6 };

struct str mcp_header_value(struct arena *a, struct str value)
{
	bool plain = value.n && value.p[0] != ' ' && value.p[value.n - 1] != ' ' && !str_starts(value, S("=?"));
	for (size_t i = 0; i < value.n; i++)
		plain &= (value.p[i] >= ' ' && value.p[i] < 0x7f) || (value.p[i] == '\t' && i && i < value.n - 1);
	if (plain)
		return value;
	size_t room = sodium_base64_encoded_len(value.n, sodium_base64_VARIANT_ORIGINAL);
	char *coded = arena_bytes(a, room);
	sodium_bin2base64(coded, room, (const unsigned char *)value.p, value.n, sodium_base64_VARIANT_ORIGINAL);
	return str_fmt(a, "=?base64?%s?=", coded);
}

void mcp_post(struct arena *a, const struct mcp_way *way, const struct mcp_request *r, struct mcp_post *ret)
{
	bool modern = way->era == MCP_MODERN || way->era == MCP_UNKNOWN;
	struct str comma = r->members.n ? S(",") : S(""), params;
	struct str *headers = new_array(a, struct str, HEADERS);
	size_t n = 0;
	headers[n++] = S("Content-Type: application/json");
	headers[n++] = S("Accept: application/json, text/event-stream");
	if (modern) {
		params = str_fmt(a,
				 "{%.*s%.*s\"_meta\":{\"" META "protocolVersion\":\"" MODERN "\",\"" META
				 "clientInfo\":" CLIENT ",\"" META "clientCapabilities\":{}}}",
				 FMT(r->members), FMT(comma));
		headers[n++] = S("MCP-Protocol-Version: " MODERN);
		headers[n++] = str_fmt(a, "Mcp-Method: %.*s", FMT(r->method));
		if (r->name.p)
			headers[n++] = str_fmt(a, "Mcp-Name: %.*s", FMT(mcp_header_value(a, r->name)));
	} else {
		params = str_fmt(a, "{%.*s}", FMT(r->members));
		if (way->version.n)
			headers[n++] = str_fmt(a, "MCP-Protocol-Version: %.*s", FMT(way->version));
		if (way->session.n)
			headers[n++] = str_fmt(a, "Mcp-Session-Id: %.*s", FMT(way->session));
	}
	*ret = (struct mcp_post){.headers = headers, .n = n};
	ret->body = rpc_request(a, r->id, r->method, r->id || r->members.n ? params : (struct str){0});
}

struct str mcp_initialize(struct arena *a, int64_t id, struct str version)
{
	return rpc_request(
	    a, id, S("initialize"),
	    str_fmt(a, "{\"protocolVersion\":\"%.*s\",\"capabilities\":{},\"clientInfo\":" CLIENT "}", FMT(version)));
}
