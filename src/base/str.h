/* str.h - borrowed byte strings.
 *
 * A `struct str` points at bytes that somebody else owns; no NUL is promised. {0} is the absent
 * string (p == NULL); an empty one has p != NULL and n == 0. Any thread. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct str {
	const char *p;
	size_t n;
};

#define S(lit) ((struct str){"" lit, sizeof(lit) - 1})
#define STR(lit) {"" lit, sizeof(lit) - 1} /* the same, for static tables */
#define FMT(s) (int)(s).n, (s).p           /* printf("%.*s", FMT(name)) */

/* Wraps a NUL-terminated string; NULL gives {0}. */
struct str str_of(const char *z);
bool str_eq(struct str a, struct str b);
/* Equal when ASCII letters' case is ignored (header names, RFC 9110 5.1). */
bool str_eq_nocase(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
/* Cuts white space (space, tab, CR, LF) from both ends. */
struct str str_trim(struct str s);
/* Offset of the first `c`, or s.n when there is none. */
size_t str_find(struct str s, char c);
/* Is `c` one of `set`? strchr() says yes to a NUL, which clients may send. */
bool char_in(char c, const char *set);
/* Splits at the first `c`: returns what stands before and leaves the rest (after `c`) in *s; with no
 * `c` returns all and leaves *s empty. */
struct str str_cut(struct str *s, char c);
/* Decimal integer, whole string, optional '-'; false on anything else or overflow. */
bool str_int(struct str s, int64_t *ret);
/* Copies into `a`; the copy is NUL-terminated. */
struct str str_copy(struct arena *a, struct str s);
/* printf into `a`; NUL-terminated. */
struct str str_fmt(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Shell-style pattern with '*' and '[a-b]' classes, for model aliases ("o[0-9]*"). */
bool str_match(struct str pattern, struct str s);
