/* hosted_parts.h - what a hosted tool says of its items, in parts. Included by hosted.h. */
#pragma once
#include "model/event.h"
#include "model/item.h"
#include "model/teller.h"

enum { HOSTED_TYPES = 4, HOSTED_ITEMS = 4, HOSTED_MEMBERS = 8 };

/* A member of its items that clients see only when `include` asks: the include value, the object that it stands in
 * ({0}: the item itself), the member, and the JSON that stands there otherwise ({0}: it is left out). */
struct hosted_hidden {
	struct str include, object, member, shown;
};
/* A member of its items as it is while the item has only begun; json {0}: it is not there yet, or it is the place. */
struct hosted_fresh {
	struct str member, json;
};
/* A text of its items that is told in events of its own between TOOL_BEGUN and TOOL_RUNS. */
struct hosted_text {
	struct str member; /* {0}: there is none */
	enum event_type delta, done;
	bool arguments; /* it is the arguments themselves, told at once; else that member of them, as it comes */
	enum event_type added; /* the member is a list of texts, each begun by this event; 0: it is one text */
	bool raw; /* arguments that are no JSON object are this text: so some models write code */
};
/* A list in its items of which some elements have pictures. */
struct hosted_pictures {
	struct str list, url; /* the list; the member of an element that has a picture's address. {0}: there are none */
};
/* What came of a call as an item of its own, behind the call's. */
struct hosted_result {
	enum item_type type; /* ITEM_NONE: the call's own item has it */
	struct hosted_fresh fresh[HOSTED_MEMBERS]; /* a member that the arguments have, too, is theirs */
	/* The events between output_item.added and .done. */
	void (*tell)(struct teller *to, const struct told *at, yyjson_val *item);
	/* The members of one that nothing came of, and why; args NULL: they are not known. begun: it may have run in part. */
	void (*blank)(struct jout *o, yyjson_val *args, struct str why, bool begun);
};
/* Items beside its calls, and what is told of them between output_item.added and .done; 0: nothing. */
struct hosted_extra {
	enum item_type type;
	enum event_type begun, ended, failed;
	struct hosted_fresh fresh;
};
