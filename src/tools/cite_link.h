/* cite_link.h - links to files in containers, in a text that is whole.
 *
 * "[plot](sandbox:/mnt/data/plot.png)": what is cited is exactly the address, in code points; the text stays as it is. The name
 * after /mnt/data/ must be that of a file which is known, as it is or percent-encoded, and must end there. Pure. */
#pragma once
#include "tools/cite.h"

/* Each is told to sink->cited() in the order of the text. Sources of other kinds are not looked at. */
void cite_links(struct str text, const struct cite_source *sources, size_t n, struct cite_sink *sink);
