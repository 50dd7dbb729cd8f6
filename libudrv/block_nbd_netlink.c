// SPDX-License-Identifier: MIT
/* The few messages that make, mend and remove an NBD disk. */
#include <linux/nbd-netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "block_nbd.h"

#ifndef NBD_FLAG_ROTATIONAL
#define NBD_FLAG_ROTATIONAL (1 << 4)	/* 6.12 */
#endif

/* What the kernel answered to the last message. */
struct nbd_verdict {
	bool given;
	int error;
};

static int usr_nbd_on_error(struct sockaddr_nl *from, struct nlmsgerr *message,
			    void *data)
{
	struct nbd_verdict *verdict = data;

	(void)from;
	verdict->given = true;
	verdict->error = message->error;	/* libnl's own codes lose it */
	return NL_STOP;
}

static int usr_nbd_on_ack(struct nl_msg *message, void *data)
{
	struct nbd_verdict *verdict = data;

	(void)message;
	verdict->given = true;
	return NL_STOP;
}

int usr_nbd_netlink_open(struct nl_sock **netlink, int *family)
{
	struct nl_sock *opened = nl_socket_alloc();

	*netlink = opened;
	if (!opened)
		return usr_fail(ENOMEM, "no memory for a netlink socket");
	if (genl_connect(opened))
		return usr_fail(errno ? errno : EIO, "no generic netlink: %s",
				strerror(errno));
	*family = genl_ctrl_resolve(opened, NBD_GENL_FAMILY_NAME);
	if (*family >= 0)
		return 0;
	if (usr_block_load("nbd"))
		return -1;
	*family = genl_ctrl_resolve(opened, NBD_GENL_FAMILY_NAME);
	if (*family < 0)
		return usr_fail(EOPNOTSUPP, "module nbd is loaded, but has no netlink family");
	return 0;
}

void usr_nbd_netlink_close(struct nl_sock *netlink)
{
	if (netlink)
		nl_socket_free(netlink);
}

/* Takes the message, NULL if it could not be made. */
static int usr_nbd_netlink_call(struct nl_sock *netlink, struct nl_msg *message)
{
	struct nbd_verdict verdict = { .error = 0 };
	int result;

	if (!message)
		return -ENOMEM;
	nl_socket_modify_cb(netlink, NL_CB_ACK, NL_CB_CUSTOM, usr_nbd_on_ack,
			    &verdict);
	nl_socket_modify_err_cb(netlink, NL_CB_CUSTOM, usr_nbd_on_error, &verdict);
	result = nl_send_auto(netlink, message);
	nlmsg_free(message);
	while (result >= 0 && !verdict.given)
		result = nl_recvmsgs_default(netlink);
	if (!verdict.given)
		return -EIO;
	return verdict.error;
}

static struct nl_msg *usr_nbd_message(int family, int command, int number)
{
	struct nl_msg *message = nlmsg_alloc();

	if (message &&
	    (!genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, 0,
			  (uint8_t)command, NBD_GENL_VERSION) ||
	     nla_put_u32(message, NBD_ATTR_INDEX, (uint32_t)number))) {
		nlmsg_free(message);
		return NULL;
	}
	return message;
}

static int usr_nbd_put_socket(struct nl_msg *message, int socket)
{
	struct nlattr *all, *one;

	all = nla_nest_start(message, NBD_ATTR_SOCKETS);
	one = all ? nla_nest_start(message, NBD_SOCK_ITEM) : NULL;
	if (!one || nla_put_u32(message, NBD_SOCK_FD, (uint32_t)socket))
		return -1;
	nla_nest_end(message, one);
	nla_nest_end(message, all);
	return 0;
}

static int usr_nbd_put_limits(struct nl_msg *message,
			      const struct usr_block_disk *what)
{
	/*
	 * Without a time-out for requests the kernel never sends those again
	 * that a dead server had.
	 */
	return nla_put_u64(message, NBD_ATTR_TIMEOUT, what->answer_s) ||
		nla_put_u64(message, NBD_ATTR_DEAD_CONN_TIMEOUT, what->outage_s);
}

static uint64_t usr_nbd_flags(const struct usr_block_disk *what)
{
	uint64_t flags = NBD_FLAG_HAS_FLAGS;

	if (what->flags & USR_BLOCK_CACHE)
		flags |= NBD_FLAG_SEND_FLUSH;
	if (what->flags & USR_BLOCK_DISCARD)
		flags |= NBD_FLAG_SEND_TRIM;
	if (what->flags & USR_BLOCK_READ_ONLY)
		flags |= NBD_FLAG_READ_ONLY;
	if (what->flags & USR_BLOCK_ROTATIONAL)
		flags |= NBD_FLAG_ROTATIONAL;
	return flags;
}

int usr_nbd_netlink_connect(struct nl_sock *netlink, int family,
			    const struct usr_block_disk *what, int socket)
{
	struct nl_msg *message = usr_nbd_message(family, NBD_CMD_CONNECT,
						 what->number);

	if (message &&
	    (nla_put_u64(message, NBD_ATTR_SIZE_BYTES, what->bytes) ||
	     nla_put_u64(message, NBD_ATTR_BLOCK_SIZE_BYTES, what->block_size) ||
	     nla_put_u64(message, NBD_ATTR_SERVER_FLAGS, usr_nbd_flags(what)) ||
	     /* None, and not what whoever had the number before left. */
	     nla_put_u64(message, NBD_ATTR_CLIENT_FLAGS, 0) ||
	     usr_nbd_put_limits(message, what) ||
	     usr_nbd_put_socket(message, socket))) {
		nlmsg_free(message);
		message = NULL;
	}
	return usr_nbd_netlink_call(netlink, message);
}

/* @what: new limits, or NULL to leave them. */
int usr_nbd_netlink_reconfigure(struct nl_sock *netlink, int family, int number,
				const struct usr_block_disk *what, int socket)
{
	struct nl_msg *message = usr_nbd_message(family, NBD_CMD_RECONFIGURE,
						 number);

	if (message && ((what && usr_nbd_put_limits(message, what)) ||
			usr_nbd_put_socket(message, socket))) {
		nlmsg_free(message);
		message = NULL;
	}
	return usr_nbd_netlink_call(netlink, message);
}

int usr_nbd_netlink_disconnect(struct nl_sock *netlink, int family, int number)
{
	return usr_nbd_netlink_call(netlink,
				    usr_nbd_message(family, NBD_CMD_DISCONNECT,
						    number));
}
