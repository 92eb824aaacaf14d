/* fields.c - field tables: JSON objects checked and read by rows. */
#include "wire/fields.h"

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

enum {
	PATH = 128,
	LISTED = 900,  /* bytes for a list of supported values */
	QUOTED = 200,  /* bytes of a client's own text that an error repeats */
	COMPARED = 64, /* bytes that near_distance() looks at */
	NEAR = 2,      /* edits up to which a name is suggested */
};

/* --- names and paths ----------------------------------------------------------------------------------- */

/* The nearest place from `at` on, by steps of `by` and before `end`, where a member or an index begins; else where a
 * character does. */
static size_t path_break(const char *path, size_t at, size_t end, int by)
{
	size_t i = at;
	while (i != end && path[i] != '[' && path[i] != '.')
		i += (size_t)by;
	if (i != end)
		return i;
	while (((unsigned char)path[at] & 0xc0) == 0x80)
		at += (size_t)by;
	return at;
}

/* What does not fit leaves the middle out: "input[0].content...filters[0].key". `out` has all PATH - 1 bytes so far. */
static size_t path_elide(char out[PATH], struct str more)
{
	enum { HEAD = 40 };
	char whole[2 * PATH];
	size_t n = more.n < PATH ? more.n : PATH;
	memcpy(whole, out, PATH - 1);
	memcpy(whole + PATH - 1, more.p + (more.n - n), n);
	n += PATH - 1;
	whole[n] = '\0';
	size_t head = path_break(whole, HEAD, HEAD / 2, -1);
	size_t tail = path_break(whole, n - (PATH - 1 - head - 3), n, 1);
	tail += whole[tail] == '.'; /* it has three before it */
	memcpy(out + head, "...", 3);
	memcpy(out + head + 3, whole + tail, n - tail);
	out[head + 3 + n - tail] = '\0';
	return head + 3 + n - tail;
}

/* Paths are made for each member and item that is read, though few of them are told: so they are put together by hand,
 * ten times faster than by snprintf(). */
static size_t fields_put_text(char out[PATH], size_t at, struct str s)
{
	size_t n = s.n < PATH - 1 - at ? s.n : PATH - 1 - at;
	memcpy(out + at, s.p, n);
	out[at + n] = '\0';
	return n < s.n ? path_elide(out, (struct str){s.p + n, s.n - n}) : at + n;
}

static void put_path(char out[PATH], const char *path, struct str name)
{
	size_t at = fields_put_text(out, 0, str_of(path));
	fields_put_text(out, *path ? fields_put_text(out, at, S(".")) : at, name);
}

void field_path(char out[128], const char *path, const char *name)
{
	put_path(out, path, str_of(name));
}

void field_index(char out[128], const char *path, size_t i)
{
	char digits[24];
	size_t from = sizeof digits;
	digits[--from] = ']';
	do
		digits[--from] = (char)('0' + i % 10);
	while (i /= 10);
	digits[--from] = '[';
	fields_put_text(out, fields_put_text(out, 0, str_of(path)), (struct str){digits + from, sizeof digits - from});
}

const char *json_kind_name(yyjson_val *v)
{
	switch (yyjson_get_tag(v) & YYJSON_TAG_MASK) {
	case YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_TRUE:
	case YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_FALSE:
		return "a boolean";
	case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT:
	case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_SINT:
		return "an integer";
	case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL:
		return "a decimal number";
	}
	return yyjson_is_str(v) ? "a string" : yyjson_is_obj(v) ? "an object" : yyjson_is_arr(v) ? "an array" : "null";
}

size_t str_chars(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

unsigned near_distance(struct str a, struct str b)
{
	unsigned row[COMPARED + 1];
	size_t n = a.n < COMPARED ? a.n : COMPARED, m = b.n < COMPARED ? b.n : COMPARED;
	for (unsigned j = 0; j <= m; j++)
		row[j] = j;
	for (unsigned i = 1; i <= n; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= m; j++) {
			unsigned swap = diagonal + (a.p[i - 1] != b.p[j - 1]);
			unsigned less = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
			diagonal = row[j];
			row[j] = swap < less ? swap : less;
		}
	}
	return row[m];
}

/* A client's own text for an error: at most QUOTED bytes, cut between characters. */
static struct str fields_quoted(struct str s)
{
	if (s.n > QUOTED) {
		s.n = QUOTED;
		while (s.n && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
			s.n--;
	}
	return s;
}

/* --- failures ------------------------------------------------------------------------------------------ */

bool field_type(yyjson_val *v, const char *path, const char *expected, struct err *e)
{
	if (!*path)
		return fail(e, ERR_INVALID_TYPE, NULL, "Invalid body: expected %s, but got %s instead.", expected,
			    json_kind_name(v));
	return fail(e, ERR_INVALID_TYPE, path, "Invalid type for '%s': expected %s, but got %s instead.", path,
		    expected, json_kind_name(v));
}

/* 'a' and 'b'; 'a', 'b', and 'c'. */
static void list_values(char out[LISTED], const char *const *values, const char *word)
{
	size_t n = 0, at = 0;
	while (values[n])
		n++;
	out[0] = 0;
	for (size_t i = 0; i < n && at < LISTED; i++) {
		const char *between = i == 0 ? "" : i + 1 < n ? ", " : n == 2 ? " " : ", ";
		const char *last = i && i + 1 == n ? word : "";
		int wrote = snprintf(out + at, LISTED - at, "%s%s'%s'", between, last, values[i]);
		at += wrote > 0 ? (size_t)wrote : 0;
	}
}

bool field_enum(struct str got, const char *path, const char *const *values, struct err *e)
{
	char list[LISTED];
	list_values(list, values, "and ");
	return fail(e, ERR_INVALID_VALUE, path, "Invalid value: '%.*s'. Supported values are: %s.",
		    FMT(fields_quoted(got)), list);
}

/* One of a suggestion list's names; nothing when the body has it already. */
static bool near_and_unsent(const struct field *f, struct str key, yyjson_val *obj)
{
	unsigned d = near_distance(f->name, key);
	return d <= NEAR && d < key.n && d < f->name.n && !json_get(obj, f->name);
}

static bool unknown(const struct field *f, yyjson_val *obj, const char *path, struct str key, struct err *e)
{
	enum { SUGGESTED = 3 };
	char place[PATH], list[LISTED], name[QUOTED + 1];
	char names[SUGGESTED][COMPARED];
	const char *values[SUGGESTED + 1] = {NULL};
	size_t n = 0;
	for (; f->name.p && n < SUGGESTED; f++)
		if (near_and_unsent(f, key, obj)) {
			snprintf(names[n], COMPARED, "%.*s", FMT(f->name));
			values[n] = names[n];
			n++;
		}
	snprintf(name, sizeof name, "%.*s", FMT(fields_quoted(key)));
	field_path(place, path, name);
	list_values(list, values, "or ");
	return fail(e, ERR_UNKNOWN_PARAMETER, place, "Unknown parameter: '%s%s%s'.%s%s%s", path, *path ? "." : "", name,
		    n ? " Did you mean " : "", list, n ? "?" : "");
}

/* Numbers as the API writes them: no ".0" on whole ones. */
static const char *num_text(char out[64], double v)
{
	if (v == floor(v) && fabs(v) < 1e19) {
		snprintf(out, 64, "%.0f", v);
		return out;
	}
	struct buf b;
	buf_init(&b, 63);
	struct jout o = {.b = &b};
	jo_num(&o, v);
	snprintf(out, 64, "%.*s", FMT(buf_str(&b)));
	buf_release(&b);
	return out;
}

/* --- one kind each ------------------------------------------------------------------------------------- */

static bool limited_above(const struct field *f)
{
	return f->max >= f->min && (f->max != 0 || f->min != 0);
}

static bool number_in_range(const struct field *f, yyjson_val *v, const char *path, struct err *e)
{
	bool whole = f->kind == F_INT;
	double got = yyjson_get_num(v), max = f->max, min = f->min;
	bool top = limited_above(f), bottom = f->min != 0 || f->max != 0;
	char limit[64], text[64];
	if (whole && !top) { /* what an int64_t holds */
		max = 9223372036854774784.0;
		top = true;
	}
	if (whole && !bottom) {
		min = -9223372036854774784.0;
		bottom = true;
	}
	if (bottom && got < min)
		return fail(e, whole ? ERR_INT_BELOW_MIN : ERR_NUM_BELOW_MIN, path,
			    "Invalid '%s': %s below minimum value. Expected a value >= %s, but got %s instead.", path,
			    whole ? "integer" : "decimal", num_text(limit, min), num_text(text, got));
	if (top && got > max)
		return fail(e, whole ? ERR_INT_ABOVE_MAX : ERR_NUM_ABOVE_MAX, path,
			    "Invalid '%s': %s above maximum value. Expected a value <= %s, but got %s instead.", path,
			    whole ? "integer" : "decimal", num_text(limit, max), num_text(text, got));
	return true;
}

static bool check_int(const struct field *f, yyjson_val *v, const char *path, struct err *e)
{
	double d = yyjson_get_num(v);
	if (!yyjson_is_num(v) || d != floor(d))
		return field_type(v, path, "an integer", e);
	return number_in_range(f, v, path, e);
}

static bool check_num(const struct field *f, yyjson_val *v, const char *path, struct err *e)
{
	if (!yyjson_is_num(v))
		return field_type(v, path, "a decimal", e);
	return number_in_range(f, v, path, e);
}

static bool length_in_range(const struct field *f, size_t n, const char *path, const char *a, enum err_code above,
			    enum err_code below, enum err_code empty, struct err *e)
{
	const char *thing = a[1] == 'n' ? a + 3 : a + 2; /* without its article */
	if (f->min == 0 && f->max == 0)
		return true;
	if (limited_above(f) && (double)n > f->max)
		return fail(
		    e, above, path,
		    "Invalid '%s': %s too long. Expected %s with maximum length %.0f, but got %s with length %zu "
		    "instead.",
		    path, thing, a, f->max, a, n);
	if ((double)n >= f->min)
		return true;
	if (n == 0)
		return fail(
		    e, empty, path,
		    "Invalid '%s': empty %s. Expected %s with minimum length %.0f, but got an empty %s instead.", path,
		    thing, a, f->min, thing);
	return fail(
	    e, below, path,
	    "Invalid '%s': %s too short. Expected %s with minimum length %.0f, but got %s with length %zu instead.",
	    path, thing, a, f->min, a, n);
}

/* "^[class]+$", the one shape the API's own patterns have, matched without compiling; -1: another shape. */
static int matches_class(const char *pattern, struct str s)
{
	size_t n = strlen(pattern), last = n - 3; /* at ']' */
	bool in[256] = {false};
	if (n < 6 || memcmp(pattern, "^[", 2) || memcmp(pattern + last, "]+$", 3) || pattern[2] == '^' ||
	    strpbrk(pattern + 2, "[\\") || strchr(pattern, ']') != pattern + last)
		return -1;
	for (size_t i = 2; i < last; i++) {
		unsigned char from = (unsigned char)pattern[i], to = from;
		if (i + 2 < last && pattern[i + 1] == '-') {
			to = (unsigned char)pattern[i + 2];
			i += 2;
		}
		for (unsigned c = from; c <= to; c++)
			in[c] = true;
	}
	for (size_t i = 0; i < s.n; i++)
		if (!in[(unsigned char)s.p[i]])
			return 0;
	return s.n > 0;
}

static bool matches(const char *pattern, struct str s)
{
	int quick = matches_class(pattern, s);
	if (quick >= 0)
		return quick;
	regex_t re;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB))
		return true; /* a pattern of ours that does not compile is seen in tests, never blamed on a client */
	regmatch_t all = {.rm_so = 0, .rm_eo = (regoff_t)s.n};
	bool hit = regexec(&re, s.p, 1, &all, REG_STARTEND) == 0;
	regfree(&re);
	return hit;
}

static bool check_str(const struct field *f, yyjson_val *v, const char *path, struct err *e)
{
	if (!yyjson_is_str(v))
		return field_type(v, path, "a string", e);
	struct str s = json_str(v);
	size_t n = f->min != 0 || f->max != 0 ? str_chars(s) : 0;
	if (!length_in_range(f, n, path, "a string", ERR_STRING_TOO_LONG, ERR_STRING_TOO_SHORT, ERR_EMPTY_STRING, e))
		return false;
	if (f->pattern && !matches(f->pattern, s))
		return fail(
		    e, ERR_INVALID_VALUE, path,
		    "Invalid '%s': string does not match pattern. Expected a string that matches the pattern '%s'.",
		    path, f->pattern);
	return true;
}

static bool check_enum(const struct field *f, yyjson_val *v, const char *path, struct err *e)
{
	char list[LISTED], expected[LISTED + 16];
	if (!yyjson_is_str(v)) {
		list_values(list, f->values, "or ");
		snprintf(expected, sizeof expected, "one of %s", list);
		return field_type(v, path, expected, e);
	}
	for (const char *const *s = f->values; *s; s++)
		if (str_eq(json_str(v), str_of(*s)))
			return true;
	return field_enum(json_str(v), path, f->values, e);
}

static bool check_array(const struct field *f, yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	const struct field *item = f->item;
	char place[PATH];
	size_t i, max;
	yyjson_val *one;
	if (!yyjson_is_arr(v)) {
		bool strings = item && (item->kind == F_STR || item->kind == F_ENUM);
		bool objects = f->sub || (item && item->kind == F_OBJECT);
		return field_type(v, path,
				  strings   ? "an array of strings"
				  : objects ? "an array of objects"
					    : "an array",
				  e);
	}
	if (!length_in_range(f, yyjson_arr_size(v), path, "an array", ERR_ARRAY_TOO_LONG, ERR_ARRAY_TOO_SHORT,
			     ERR_EMPTY_ARRAY, e))
		return false;
	if (!item && !f->sub)
		return true;
	yyjson_arr_foreach(v, i, max, one)
	{
		field_index(place, path, i);
		if (item && !field_value(item, one, place, ctx, e))
			return false;
		if (f->sub && !fields_read(f->sub, one, place, NULL, NULL, ctx, e))
			return false;
	}
	return true;
}

/* At most so many characters of one end. The bytes are a client's: NULs count, and strlen() knows nothing of it. */
static struct str first_chars(struct str s, size_t chars)
{
	size_t n = 0;
	for (; n < s.n; n++)
		if (((unsigned char)s.p[n] & 0xc0) != 0x80 && chars-- == 0)
			break;
	return (struct str){s.p, n};
}

static struct str last_chars(struct str s, size_t chars)
{
	size_t at = s.n;
	while (at > 0 && chars > 0)
		chars -= ((unsigned char)s.p[--at] & 0xc0) != 0x80;
	return (struct str){s.p + at, s.n - at};
}

bool field_key(char place[128], const char *path, struct str k, unsigned most, struct err *e)
{
	size_t n = str_chars(k);
	put_path(place, path, fields_quoted(k));
	if (most && n > most)
		return fail(
		    e, ERR_NAME_TOO_LONG, place,
		    "Invalid property name in '%s': '%.*s...%.*s' is too long. Expected a string with maximum length "
		    "%u, but got a string with length %zu instead.",
		    path, FMT(first_chars(k, 3)), FMT(last_chars(k, 3)), most, n);
	return true;
}

static bool check_pair(const struct field *f, yyjson_val *key, yyjson_val *val, const char *path, struct err *e)
{
	char place[PATH];
	if (!field_key(place, path, json_str(key), f->max_key, e))
		return false;
	struct field value = {.kind = F_STR, .max = f->max_val};
	return check_str(&value, val, place, e);
}

static bool check_map(const struct field *f, yyjson_val *v, const char *path, struct err *e)
{
	size_t i, max, n = yyjson_obj_size(v);
	yyjson_val *key, *val;
	if (!yyjson_is_obj(v))
		return field_type(v, path, "a metadata object", e);
	if (limited_above(f) && (double)n > f->max)
		return fail(
		    e, ERR_OBJECT_TOO_BIG, path,
		    "Invalid '%s': too many properties. Expected an object with at most %.0f properties, but got an "
		    "object with %zu properties instead.",
		    path, f->max, n);
	yyjson_obj_foreach(v, i, max, key, val) if (!check_pair(f, key, val, path, e)) return false;
	return true;
}

static bool check_kind(const struct field *f, yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	switch (f->kind) {
	case F_BOOL:
		return yyjson_is_bool(v) || field_type(v, path, "a boolean", e);
	case F_INT:
		return check_int(f, v, path, e);
	case F_NUM:
		return check_num(f, v, path, e);
	case F_STR:
		return check_str(f, v, path, e);
	case F_ENUM:
		return check_enum(f, v, path, e);
	case F_OBJECT:
		if (!yyjson_is_obj(v))
			return field_type(v, path, "an object", e);
		return !f->sub || fields_read(f->sub, v, path, NULL, NULL, ctx, e);
	case F_ARRAY:
		return check_array(f, v, path, ctx, e);
	case F_MAP:
		return check_map(f, v, path, e);
	case F_ANY:
		return true;
	}
	return true;
}

bool field_value(const struct field *f, yyjson_val *v, const char *path, void *ctx, struct err *e)
{
	if (f->nullable && yyjson_is_null(v))
		return true;
	return check_kind(f, v, path, ctx, e) && (!f->check || f->check(v, path, ctx, e));
}

/* --- objects ------------------------------------------------------------------------------------------- */

static bool fields_known(const struct field *f, const char *const *tolerated, struct str key)
{
	for (; f->name.p; f++)
		if (str_eq(f->name, key))
			return true;
	for (; tolerated && *tolerated; tolerated++)
		if (str_eq(str_of(*tolerated), key))
			return true;
	return false;
}

static void fields_fill(const struct field *f, yyjson_val *v, char *out)
{
	if (f->has_at > 0)
		*(bool *)(out + f->has_at) = true;
	if (f->at < 0)
		return;
	char *to = out + f->at;
	switch (f->kind) {
	case F_BOOL:
		*(bool *)to = yyjson_get_bool(v);
		break;
	case F_INT:
		*(int64_t *)to = yyjson_is_real(v) ? (int64_t)yyjson_get_real(v) : yyjson_get_sint(v);
		break;
	case F_NUM:
		*(double *)to = yyjson_get_num(v);
		break;
	case F_STR:
	case F_ENUM:
		*(struct str *)to = json_str(v);
		break;
	default:
		*(yyjson_val **)to = v;
	}
}

bool fields_read(const struct field *f, yyjson_val *obj, const char *path, const char *const *tolerated, void *out,
		 void *ctx, struct err *e)
{
	char place[PATH];
	size_t i, max;
	yyjson_val *key, *val;
	if (!yyjson_is_obj(obj))
		return field_type(obj, path, "an object", e);
	yyjson_obj_foreach(obj, i, max, key, val) if (!fields_known(f, tolerated, json_str(key))) return unknown(
	    f, obj, path, json_str(key), e);
	for (; f->name.p; f++) {
		yyjson_val *v = json_get(obj, f->name);
		if (!v && !f->required)
			continue; /* before any text is made: most rows of a request */
		put_path(place, path, f->name);
		if (!v)
			return fail(e, ERR_MISSING_PARAMETER, place, "Missing required parameter: '%s'.", place);
		if (!field_value(f, v, place, ctx, e))
			return false;
		if (out && !(f->nullable && yyjson_is_null(v)))
			fields_fill(f, v, out);
	}
	return true;
}
