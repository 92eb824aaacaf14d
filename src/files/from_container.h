/* from_container.h - a container's file, kept as a file of its own. Loop thread. */
#pragma once
#include "door/request.h"

/* Answers a POST /v1/files whose body is JSON: {"container_id", "file_id", "purpose", "filename"?, "expires_after"?}. */
void file_from_container(struct request *rq);
