/* format.c - the string formats of JSON Schema that structured outputs know. */
#include "wire/format.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { HOSTNAME = 253, LABEL = 63 };

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool format_take(struct str *s, char c)
{
	if (!s->n || s->p[0] != c)
		return false;
	s->p++;
	s->n--;
	return true;
}

/* Exactly n digits; -1 when they aren't there. */
static int format_take_number(struct str *s, size_t n)
{
	int v = 0;
	if (s->n < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!digit(s->p[i]))
			return -1;
		v = v * 10 + (s->p[i] - '0');
	}
	s->p += n;
	s->n -= n;
	return v;
}

static size_t take_digits(struct str *s)
{
	size_t n = 0;
	while (n < s->n && digit(s->p[n]))
		n++;
	s->p += n;
	s->n -= n;
	return n;
}

static bool take_date(struct str *s)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = format_take_number(s, 4);
	if (year < 0 || !format_take(s, '-'))
		return false;
	int month = format_take_number(s, 2);
	if (month < 1 || month > 12 || !format_take(s, '-'))
		return false;
	int day = format_take_number(s, 2);
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}

static bool take_time(struct str *s)
{
	int hour = format_take_number(s, 2);
	if (hour < 0 || hour > 23 || !format_take(s, ':'))
		return false;
	int minute = format_take_number(s, 2);
	if (minute < 0 || minute > 59 || !format_take(s, ':'))
		return false;
	int second = format_take_number(s, 2);
	if (second < 0 || second > 60) /* 60: a leap second */
		return false;
	if (format_take(s, '.') && take_digits(s) == 0)
		return false;
	if (format_take(s, 'Z') || format_take(s, 'z'))
		return true;
	if (!format_take(s, '+') && !format_take(s, '-'))
		return false;
	hour = format_take_number(s, 2);
	if (hour < 0 || hour > 23 || !format_take(s, ':'))
		return false;
	minute = format_take_number(s, 2);
	return minute >= 0 && minute <= 59;
}

static bool is_date(struct str s)
{
	return take_date(&s) && s.n == 0;
}

static bool is_time(struct str s)
{
	return take_time(&s) && s.n == 0;
}

static bool is_date_time(struct str s)
{
	return take_date(&s) && (format_take(&s, 'T') || format_take(&s, 't') || format_take(&s, ' ')) &&
	       take_time(&s) && s.n == 0;
}

/* Units in the order given, each at most once; how many there were, or -1. */
static int take_units(struct str *s, const char *units)
{
	int n = 0;
	while (s->n && digit(s->p[0])) {
		take_digits(s);
		const char *unit = s->n && char_in(s->p[0], units) ? strchr(units, s->p[0]) : NULL;
		if (!unit)
			return -1;
		units = unit + 1;
		s->p++;
		s->n--;
		n++;
	}
	return n;
}

static bool is_duration(struct str s)
{
	if (!format_take(&s, 'P'))
		return false;
	struct str weeks = s;
	if (take_units(&weeks, "W") == 1 && weeks.n == 0)
		return true;
	int date = take_units(&s, "YMD"), time = 0;
	if (date < 0)
		return false;
	if (format_take(&s, 'T')) {
		time = take_units(&s, "HMS");
		if (time <= 0)
			return false;
	}
	return s.n == 0 && date + time > 0;
}

static bool is_hostname(struct str s)
{
	if (s.n == 0 || s.n > HOSTNAME)
		return false;
	do {
		struct str label = str_cut(&s, '.');
		if (label.n == 0 || label.n > LABEL || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!letter(label.p[i]) && !digit(label.p[i]) && label.p[i] != '-')
				return false;
	} while (s.n);
	return true;
}

static bool is_email(struct str s)
{
	struct str local = str_cut(&s, '@');
	if (local.n == 0 || local.p[0] == '.' || local.p[local.n - 1] == '.')
		return false;
	for (size_t i = 0; i < local.n; i++)
		if ((unsigned char)local.p[i] <= ' ' || local.p[i] == 0x7f || strchr("()<>,;:\\\"[]", local.p[i]))
			return false;
	return is_hostname(s);
}

static bool is_address(struct str s, int family)
{
	char text[64];
	unsigned char address[16];
	if (s.n >= sizeof text || memchr(s.p, 0, s.n))
		return false;
	snprintf(text, sizeof text, "%.*s", FMT(s));
	return inet_pton(family, text, address) == 1;
}

static bool is_ipv4(struct str s)
{
	return is_address(s, AF_INET);
}

static bool is_ipv6(struct str s)
{
	return is_address(s, AF_INET6);
}

static bool is_uuid(struct str s)
{
	if (s.n != 36)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? c != '-' : !digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F'))
			return false;
	}
	return true;
}

bool string_fits_format(struct str format, struct str text)
{
	static const struct {
		const char *name;
		bool (*is)(struct str);
	} formats[] = {
	    {"date-time", is_date_time}, {"date", is_date},   {"time", is_time},
	    {"duration", is_duration},   {"email", is_email}, {"hostname", is_hostname},
	    {"ipv4", is_ipv4},           {"ipv6", is_ipv6},   {"uuid", is_uuid},
	};
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (str_eq(str_of(formats[i].name), format))
			return formats[i].is(text);
	return true;
}
