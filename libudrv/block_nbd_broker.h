/* SPDX-License-Identifier: MIT */
/*
 * NBD's broker: does for an unprivileged server what takes CAP_SYS_ADMIN.
 *
 * A program (udrv-nbd) that the system starts for each connection to a socket,
 * and that lives as long as the server.  One message asks, one answers; with the
 * answer to CONNECT and REPLACE comes the server's end of the disk's connection,
 * with that to SYNC, which does not wait for the disk, a file that a second
 * answer is read from when it is done.  A disk is its maker's: of the same unit,
 * or the same user where there is none.
 */
#ifndef UDRV_BLOCK_NBD_BROKER_H
#define UDRV_BLOCK_NBD_BROKER_H

#include "../include/udrv_block.h"

#define NBD_BROKER_SOCKET	"/run/udrv/nbd"

enum nbd_wish {
	NBD_WISH_CONNECT = 1,	/* what, but for buffers */
	NBD_WISH_REPLACE,	/* what.number, max_transfer; limits if it has any */
	NBD_WISH_DISCONNECT,	/* what.number */
	NBD_WISH_SYNC,		/* what.number, mounts */
};

struct nbd_question {
	uint32_t size;		/* of this: both sides are of one version */
	uint32_t wish;
	uint32_t limits;	/* what has outage_s and answer_s */
	uint32_t mounts;	/* write mounted filesystems back, too */
	struct usr_block_disk what;
};

struct nbd_answer {
	int32_t error;		/* 0, or an errno */
	int32_t number;		/* of the disk */
	char why[400];		/* with an error: a sentence */
};

/* Return: a connection to it, or -1; EPERM: there is none for us. */
int usr_nbd_broker_open(void);

/* As those of the same name in block_nbd.h; @broker is opened anew if it broke. */
int usr_nbd_broker_connect(int *broker, struct usr_block_disk *what);
int usr_nbd_broker_replace(int *broker, int number,
			   const struct usr_block_disk *limits,
			   unsigned max_transfer);
int usr_nbd_broker_disconnect(int *broker, int number);

/* Return: a file that is readable when it is done; or -1. */
int usr_nbd_broker_sync(int *broker, int number, bool mounts);

/* Of that file.  Return: 0, or an errno. */
int usr_nbd_broker_verdict(int socket);

#endif
