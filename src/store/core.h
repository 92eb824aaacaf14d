/* core.h - what the files of the store share; nobody else includes it. */
#pragma once
#include <pthread.h>

#include "base/arena.h"
#include "base/buf.h"
#include "store/driver.h"
#include "store/folder.h"
#include "store/keys.h"
#include "store/limits.h"
#include "store/rnd.h"
#include "store/seal.h"
#include "store/store.h"

struct keyring;
struct sealer;
struct resealer;
struct lender;
struct sweeper;
struct mail;
struct store_request;

struct store {
	const struct driver *driver;
	struct db *db;
	struct db_reader *reader; /* of those who block: keys, sweeper, opening */
	uint8_t secret[32];
	pthread_mutex_t wait_lock; /* over `waited` of requests without a port */
	pthread_cond_t wait_wake;
	struct keyring *_Atomic keyring;
	struct sweeper *sweeper;
	_Atomic unsigned sweep_conflicts; /* slices in a row that failed so */
	struct sealer *sealer; /* NULL: not started */
	struct resealer *resealer; /* likewise */
	struct node *node;
	struct lender *lender; /* of readers, to threads that block */
	struct inlay_keeper *inlays;
	struct blob_dead *blob_dead;
	struct blob_sweeper *blob_sweeper; /* NULL: files lie where nobody else comes */
};

struct store_port {
	struct store *store;
	struct loop *loop;
	struct db_reader *reader;
	struct buf scratch;          /* for assembling; empty between operations */
	struct store_request *later; /* those that wait for their deferred call */
	struct store_request *batch; /* finished, being completed now */
	struct mail *running;        /* the mail that completes `batch` */
	pthread_mutex_t lock;        /* over what follows */
	pthread_cond_t idle;
	struct store_request *finished, **finished_last;
	size_t in_flight, just_finished;
	struct mail *mail; /* on its way to the loop */
	struct store_port *next_touched;
};

/* --- read.c --- */
bool not_found(struct err *e, struct str id);
