/* s3_xml.h - the small XML of an S3 store's answers, element by element, as it stands.
 *
 * It knows elements, their text and the five entities with numbers. A document type, entities of its own or CDATA,
 * which no such answer has, end it. Nothing is allocated and nothing recurses, so what a store sends costs no more than
 * its length. Pure. Any thread. */
#pragma once
#include "base/arena.h"
#include "base/str.h"

enum s3_xml_what { S3_XML_BEGIN, S3_XML_END };
struct s3_xml {
	struct str rest; /* what is still to be read */
	bool bad;        /* it is no XML that is known here, or was cut off */
};
struct s3_xml_part {
	enum s3_xml_what what;
	struct str name; /* without its namespace */
	struct str text; /* BEGIN: what stands up to the next tag, as written: s3_xml_text() */
};
/* The next begin or end of an element; false: none is left, or x->bad. "<a/>" is a begin. */
bool s3_xml_next(struct s3_xml *x, struct s3_xml_part *ret);
/* A text with its entities replaced, trimmed, in `a`. */
struct str s3_xml_text(struct arena *a, struct str text);
/* The text of the first element of that name; {0}: there is none. */
struct str s3_xml_find(struct arena *a, struct str xml, struct str name);
