/* blob_content.h - a stored file's bytes as an answer: read by a worker as the client takes them. Loop thread. */
#pragma once
#include "door/request.h"

struct blob_file {
	int fd;                    /* 0: the blob of `key`; else the file that is read instead, and closed */
	int64_t key, bytes;        /* the blob (store/blob.h), and how long it is known to be */
	struct str filename, type; /* type {0}: application/octet-stream */
	struct str plain;          /* another name for clients that know no other alphabet; {0}: none */
};
/* Answers: whole, or cut where the blob has another length. A browser is told to save it, never to show it. The strings
 * live as long as the request. Nobody else watches the exchange. */
void blob_content(struct request *rq, const struct blob_file *f);
