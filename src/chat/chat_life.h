/* chat_life.h - a chat completion while it is made, for chat.c, which frees it, chat_tell.c and chat_account.c. Loop thread. */
#pragma once
#include "attach/attach.h"
#include "chat/chat_web.h"
#include "door/account.h"
#include "door/allowance.h"
#include "door/grace.h"
#include "door/live.h"
#include "engine/verdict.h"
#include "net/reply.h"

struct chat;

struct chat_run { /* one choice being made */
	struct chat *chat;
	struct engine_call call;
	struct chat_choice choice;
	struct prompt prompt; /* a copy: truncation drops messages from it */
	bool begun, ended;
};

struct chat_clocks {
	struct timer deadline;
	struct deferred rest; /* of long work: others go first */
	struct grace grace; /* its client left */
	struct phases phases; /* where its time goes */
	struct live live;     /* how others see it meanwhile */
};

struct chat_asked {
	struct asker asker;
	struct request *request; /* as long as the reply is there */
	bool low;                /* its calls let all others go before them */
	struct quota_hold hold;  /* what it takes of its asker's limits */
	bool counted;            /* what it used stands in a row, or soon will */
};

struct chat_ending {
	struct deferred finish; /* never inside an engine's callback: its memory is ours */
	struct verdict verdict; /* chat_judge.h */
	struct store_op keep;
};

struct chat {
	struct arena arena;
	struct api_loop *api;
	struct chat *next, *prev;
	int64_t project;
	struct id id;
	struct chat_create req;
	struct chat_head head;
	struct engine_model model;
	struct attach attach;
	struct chat_run *runs;
	size_t n, left, asked; /* choices; not ended; whose call was begun */
	struct chat_web web; /* in place of engine calls where it searches */
	struct usage usage;
	struct reply *reply; /* NULL: the reader left */
	struct reply_owner reader;
	enum reply_form form;
	struct attempt *attempt;
	struct err error;
	struct chat_asked by;
	struct chat_ending ending;
	struct chat_clocks clocks;
	int64_t seq;
};
