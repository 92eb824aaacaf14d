/* s3_credentials.h - with whose key the store is asked.
 *
 * From a file as Amazon's tools have it: lines "aws_access_key_id = ...", "aws_secret_access_key = ..." and, where
 * there is one, "aws_session_token = ..." below "[default]" (or below nothing); it must be its owner's alone. Without a
 * file from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. They are never logged. Any
 * thread. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct s3_credentials {
	struct str id, secret, token; /* token {0}: none */
};
/* Copied into `a`. ERR_CONFIG */
bool s3_credentials_read(struct str file, struct arena *a, struct s3_credentials *ret, struct err *e);
