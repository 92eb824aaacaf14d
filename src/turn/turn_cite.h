/* turn_cite.h - citations in the text of a turn that has sources (tools/cite.h). Loop thread. */
#pragma once
#include "turn/turn.h"

/* The turn's texts can cite. */
bool turn_cites(const struct turn *t);
/* A piece of text of an open item, as deltas and annotations. */
void turn_cite_text(struct turn *t, struct out_item *it, struct str piece, struct str logprobs);
/* The text part ends: what waited goes out. */
void turn_cite_close(struct turn *t, struct out_item *it);
/* The text is whole: files in containers that it links to, and pictures that the call before it showed. */
void turn_cite_links(struct turn *t, struct out_item *it);
/* The item's citations, made at the first: thousands of open texts have none. */
struct out_cites *turn_cites_of(struct turn *t, struct out_item *it);
/* The annotations of its open part, joined by commas. */
struct str turn_cites_json(const struct out_item *it);
/* A part begins, or is over. */
void turn_cites_clear(struct out_item *it);
/* The last text is whole. Results that were used and not cited are named in a closing line (tools.sources_listed). */
void turn_cite_finish(struct turn *t);
