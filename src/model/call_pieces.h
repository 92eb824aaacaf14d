/* call_pieces.h - what can be told of a call's arguments while they come: of a text that is their first member, or of a list of
 * texts. Arguments are read as far as they have come, again and again. Pure. */
#pragma once
#include "base/buf.h"

/* The string that is the arguments' first member: reads on from *at (0 at first), appends what can be told. */
void call_text_more(struct str arguments, struct str member, size_t *at, struct buf *out);

struct call_list { /* {0} at first */
	size_t at;   /* bytes that were read; 0: the list has not begun */
	bool inside; /* one of its texts */
};
enum call_list_news {
	LIST_WAITS,   /* nothing more can be told yet */
	LIST_BEGINS,  /* a text */
	LIST_GOES_ON, /* it does: this was appended to `out` */
	LIST_ENDS,    /* it is whole */
};
/* The list of strings that is the arguments' first member: what comes next. */
enum call_list_news call_list_next(struct str arguments, struct str member, struct call_list *l, struct buf *out);
