/* attach_read.c - one picture or file, read and checked. */
#include "attach/attach_read.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "attach/attach_file.h"
#include "door/options.h"
#include "net/fetch.h"
#include "wire/image.h"
#include "wire/json.h"

static bool is_image(const struct attachment *at)
{
	return at->part.kind == PART_IMAGE;
}

static int64_t most(const struct attachment *at)
{
	return is_image(at) ? api_limits.image_bytes : api_limits.document_bytes;
}

static bool attach_read_too_large(struct attachment *at)
{
	return attachment_fail(at, is_image(at) ? ERR_IMAGE_FILE_TOO_LARGE : ERR_FILE_TOO_LARGE,
	                       "The %s is larger than %lld bytes (api.%s).", is_image(at) ? "image" : "file", (long long)most(at),
	                       is_image(at) ? "image_bytes" : "document_bytes");
}

/* --- the bytes ------------------------------------------------------------------------------------------- */

/* "data:<type>[;...][;base64],<data>" (RFC 2397) or plain base64. */
static bool from_data(struct attachment *at, struct str *type, struct str *bytes)
{
	struct str data = at->part.text, head = {0};
	if (data.n >= 5 && str_eq_nocase((struct str){data.p, 5}, S("data:"))) {
		data = (struct str){data.p + 5, data.n - 5};
		head = str_cut(&data, ',');
		*type = str_trim(str_cut(&head, ';'));
	}
	if ((int64_t)(data.n / 4 * 3) > most(at))
		return attach_read_too_large(at);
	char *out = arena_bytes(&at->arena, data.n / 4 * 3 + 4);
	size_t n = 0;
	const char *end = data.p;
	bool ok = sodium_base642bin((unsigned char *)out, data.n / 4 * 3 + 4, data.p, data.n, " \r\n\t", &n, &end,
	                            sodium_base64_VARIANT_ORIGINAL) == 0 && end == data.p + data.n;
	if (!ok) /* some leave the padding out */
		ok = sodium_base642bin((unsigned char *)out, data.n / 4 * 3 + 4, data.p, data.n, " \r\n\t", &n, &end,
		                       sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 && end == data.p + data.n;
	if (!ok)
		return attachment_fail(at, is_image(at) ? ERR_INVALID_BASE64_IMAGE : ERR_INVALID_VALUE,
		                       "Invalid base64 data: the %s cannot be decoded.", is_image(at) ? "image" : "file");
	*bytes = (struct str){out, n};
	return true;
}

static bool from_file(struct attachment *at, struct str *bytes)
{
	struct err e = {0};
	struct buf b;
	buf_init(&b, (size_t)most(at));
	bool ok = blob_read(at->store, at->blob, &b, &e);
	if (!ok && e.code == ERR_NOT_FOUND)
		attachment_fail(at, is_image(at) ? ERR_IMAGE_NOT_FOUND : ERR_NOT_FOUND, "%s", e.msg);
	else if (!ok)
		attachment_fail(at, e.code, "%s", e.msg);
	else if (b.over)
		ok = attach_read_too_large(at);
	if (ok)
		*bytes = str_copy(&at->arena, buf_str(&b));
	buf_release(&b);
	return ok;
}

static bool fetched(struct attachment *at, const struct fetch_answer *got, struct str *type, struct str *bytes)
{
	enum err_code bad = is_image(at) ? ERR_DOWNLOAD_IMAGE : ERR_DOWNLOAD_FILE;
	struct str url = at->part.text;
	url.n = url.n < 300 ? url.n : 300;
	if (got->fault == FETCH_TOO_LARGE)
		return attach_read_too_large(at);
	if (got->fault == FETCH_BAD_URL || got->fault == FETCH_REFUSED)
		return attachment_fail(at, is_image(at) ? ERR_INVALID_IMAGE_URL : ERR_INVALID_VALUE,
		                       "Invalid URL '%.*s': it %s %s.", FMT(url),
		                       got->fault == FETCH_REFUSED ? "leads to" : "is", got->why);
	if (got->fault != FETCH_OK)
		return attachment_fail(at, bad, "Error while downloading %.*s: %s (%s).", FMT(url), got->why,
		                       fetch_fault_name(got->fault));
	if (got->status != 200)
		return attachment_fail(at, bad, "Error while downloading %.*s. Upstream status code: %d.", FMT(url), got->status);
	*type = str_copy(&at->arena, got->content_type.p ? got->content_type : S(""));
	*bytes = str_copy(&at->arena, buf_str(&got->body));
	return true;
}

static bool from_url(struct attachment *at, struct str *type, struct str *bytes)
{
	struct fetch f = {.url = at->part.text, .guard = &fetch_guard, .follow = true, .max_bytes = most(at),
	                  .cancelled = at->cancelled};
	struct fetch_answer got;
	fetch_run(&f, &got);
	bool ok = fetched(at, &got, type, bytes);
	fetch_release(&got);
	return ok;
}

/* --- pictures -------------------------------------------------------------------------------------------- */

static bool check_image(struct attachment *at, struct str bytes, struct image_head *h)
{
	bool ok = image_head(bytes, h);
	if (!bytes.n)
		return attachment_fail(at, ERR_EMPTY_IMAGE, "The image is empty.");
	if (h->kind == IMAGE_NONE)
		return attachment_fail(at, ERR_IMAGE_MEDIA_TYPE, "You uploaded an unsupported image. Please make sure your image has "
		                       "one of the following formats: ['png', 'jpeg', 'gif', 'webp'].");
	if (!ok)
		return attachment_fail(at, ERR_IMAGE_PARSE, "The image data you provided does not represent a valid image.");
	if ((int64_t)h->width * h->height > api_limits.image_pixels)
		return attachment_fail(at, ERR_IMAGE_TOO_LARGE, "The image has %u x %u pixels; at most %lld together are taken "
		                       "(api.image_pixels).", h->width, h->height, (long long)api_limits.image_pixels);
	return true;
}

static bool is_digit(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

bool attachment_is_plain(struct str url)
{
	static const struct str fronts[] = {/* with the first bytes of such files */
	    STR("data:image/png;base64,iVBORw0KGg"), STR("data:image/jpeg;base64,/9j/"),
	    STR("data:image/gif;base64,R0lGOD"), STR("data:image/webp;base64,UklGR")};
	bool known = false;
	for (size_t i = 0; i < sizeof fronts / sizeof *fronts; i++)
		known |= str_starts(url, fronts[i]);
	str_cut(&url, ',');
	size_t n = url.n;
	for (int pad = 0; pad < 2 && n && url.p[n - 1] == '='; pad++)
		n--;
	for (size_t i = 0; i < n && known; i++)
		known = is_digit(url.p[i]);
	return known && url.n % 4 == 0;
}

static bool attach_read_image(struct attachment *at, struct str bytes)
{
	struct image_head h;
	if (!check_image(at, bytes, &h))
		return false;
	struct prompt_part part = at->part;
	/* Engines' decoders are stricter than ours: no parameters, line breaks, missing padding, wrong names. */
	if (part.from != FROM_DATA || !attachment_is_plain(part.text))
		part.text = attachment_data_url(&at->arena, image_type(h.kind), bytes);
	part.from = FROM_DATA;
	return attachment_put(at, part);
}

void attachment_read(struct attachment *at)
{
	struct str type = S(""), bytes = S("");
	bool ok = at->part.from == FROM_DATA  ? from_data(at, &type, &bytes)
	          : at->part.from == FROM_URL ? from_url(at, &type, &bytes)
	                                      : from_file(at, &bytes);
	if (!ok)
		return;
	if (is_image(at))
		attach_read_image(at, bytes);
	else
		attachment_read_file(at, type, bytes);
}
