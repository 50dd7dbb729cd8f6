// SPDX-License-Identifier: MIT
/* The net hook's rtnetlink: what an interface is, and that it was changed. */
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <unistd.h>

#include "net.h"

/* An answer, and what the kernel said of the question. */
struct net_answer {
	struct net_link *link;
	bool given;
	int error;
};

static void net_link_tun(struct nlattr *data, struct net_link *link)
{
	struct nlattr *tun[IFLA_TUN_MAX + 1];

	if (nla_parse_nested(tun, IFLA_TUN_MAX, data, NULL))
		return;
	if (tun[IFLA_TUN_TYPE])
		link->tap = nla_get_u8(tun[IFLA_TUN_TYPE]);
	if (tun[IFLA_TUN_MULTI_QUEUE])
		link->multi_queue = nla_get_u8(tun[IFLA_TUN_MULTI_QUEUE]);
	if (tun[IFLA_TUN_OWNER]) {
		link->owned = true;
		link->owner = nla_get_u32(tun[IFLA_TUN_OWNER]);
	}
}

static void net_link_kind(struct nlattr *info, struct net_link *link)
{
	struct nlattr *parts[IFLA_INFO_MAX + 1];

	if (nla_parse_nested(parts, IFLA_INFO_MAX, info, NULL))
		return;
	if (parts[IFLA_INFO_KIND])
		nla_strlcpy(link->kind, parts[IFLA_INFO_KIND], sizeof(link->kind));
	if (!strcmp(link->kind, "tun") && parts[IFLA_INFO_DATA])
		net_link_tun(parts[IFLA_INFO_DATA], link);
}

static int net_link_parse(struct nlmsghdr *message, struct net_link *link)
{
	struct nlattr *parts[IFLA_MAX + 1];
	const struct ifinfomsg *head = nlmsg_data(message);

	if (nlmsg_parse(message, sizeof(*head), parts, IFLA_MAX, NULL))
		return -1;
	memset(link, 0, sizeof(*link));
	link->index = (unsigned)head->ifi_index;
	link->up = head->ifi_flags & IFF_UP;
	link->promiscuous = head->ifi_flags & IFF_PROMISC;
	link->all_multicast = head->ifi_flags & IFF_ALLMULTI;
	if (parts[IFLA_IFNAME])
		nla_strlcpy(link->name, parts[IFLA_IFNAME], sizeof(link->name));
	if (parts[IFLA_IFALIAS])
		nla_strlcpy(link->alias, parts[IFLA_IFALIAS], sizeof(link->alias));
	if (parts[IFLA_MTU])
		link->mtu = nla_get_u32(parts[IFLA_MTU]);
	if (parts[IFLA_ADDRESS] && nla_len(parts[IFLA_ADDRESS]) == 6)
		memcpy(link->mac, nla_data(parts[IFLA_ADDRESS]), 6);
	/* The flag tells of `ip link` only, the count of bridges, too. */
	if (parts[IFLA_PROMISCUITY] && nla_get_u32(parts[IFLA_PROMISCUITY]))
		link->promiscuous = true;
	if (parts[IFLA_LINKINFO])
		net_link_kind(parts[IFLA_LINKINFO], link);
	return 0;
}

/* --- questions */

static int net_on_link(struct nl_msg *message, void *data)
{
	struct net_answer *answer = data;

	if (answer->link && net_link_parse(nlmsg_hdr(message), answer->link))
		answer->error = EPROTO;
	return NL_OK;
}

static int net_on_ack(struct nl_msg *message, void *data)
{
	struct net_answer *answer = data;

	(void)message;
	answer->given = true;
	return NL_STOP;
}

static int net_on_error(struct sockaddr_nl *from, struct nlmsgerr *message,
			void *data)
{
	struct net_answer *answer = data;

	(void)from;
	answer->given = true;
	answer->error = -message->error;	/* libnl's own codes lose it */
	return NL_STOP;
}

/* Takes the message, NULL if it could not be made.  Return: 0, or an errno. */
static int net_ask(struct nl_sock *asker, struct nl_msg *message,
		   struct net_link *link)
{
	struct net_answer answer = { .link = link };
	int result;

	if (!message)
		return ENOMEM;
	nl_socket_modify_cb(asker, NL_CB_VALID, NL_CB_CUSTOM, net_on_link, &answer);
	nl_socket_modify_cb(asker, NL_CB_ACK, NL_CB_CUSTOM, net_on_ack, &answer);
	nl_socket_modify_err_cb(asker, NL_CB_CUSTOM, net_on_error, &answer);
	result = nl_send_auto(asker, message);
	nlmsg_free(message);
	while (result >= 0 && !answer.given)
		result = nl_recvmsgs_default(asker);
	return answer.given ? answer.error : EIO;
}

static struct nl_msg *net_message(int type, const char *name, unsigned index)
{
	struct ifinfomsg head = { .ifi_index = (int)index };
	struct nl_msg *message = nlmsg_alloc_simple(type, 0);

	if (message && (nlmsg_append(message, &head, sizeof(head), NLMSG_ALIGNTO) ||
			(name && nla_put_string(message, IFLA_IFNAME, name)))) {
		nlmsg_free(message);
		return NULL;
	}
	return message;
}

int usr_net_link_get(struct nl_sock *asker, const char *name, unsigned index,
		     struct net_link *link)
{
	errno = net_ask(asker, net_message(RTM_GETLINK, name, index), link);
	return errno ? -1 : 0;
}

int usr_net_link_set_alias(struct nl_sock *asker, unsigned index,
			   const char *alias)
{
	struct nl_msg *message = net_message(RTM_NEWLINK, NULL, index);

	if (message && nla_put_string(message, IFLA_IFALIAS, alias)) {
		nlmsg_free(message);
		message = NULL;
	}
	errno = net_ask(asker, message, NULL);
	return errno ? -1 : 0;
}

/* --- changes */

/* What usr_net_link_heard() looks for. */
struct net_rumour {
	unsigned index;
	bool heard;
};

static int net_on_change(struct nl_msg *message, void *data)
{
	struct nlmsghdr *head = nlmsg_hdr(message);
	const struct ifinfomsg *link = nlmsg_data(head);
	struct net_rumour *rumour = data;
	struct nlattr *below;

	if (head->nlmsg_type != RTM_NEWLINK && head->nlmsg_type != RTM_DELLINK)
		return NL_OK;
	/* What stands on ours (a VLAN, a macvlan) may have changed it unsaid. */
	below = nlmsg_find_attr(head, sizeof(*link), IFLA_LINK);
	if ((unsigned)link->ifi_index == rumour->index ||
	    (below && nla_get_u32(below) == rumour->index))
		rumour->heard = true;
	return NL_OK;
}

struct nl_sock *usr_net_link_socket(bool listen)
{
	struct nl_sock *socket = nl_socket_alloc();

	if (!socket || nl_connect(socket, NETLINK_ROUTE))
		goto fail;
	if (!listen)
		return socket;
	nl_socket_disable_seq_check(socket);
	if (nl_socket_add_memberships(socket, RTNLGRP_LINK, 0) ||
	    nl_socket_set_nonblocking(socket))
		goto fail;
	return socket;

fail:
	nl_socket_free(socket);
	usr_fail(EIO, "usr_net_new: no rtnetlink socket: %s", strerror(errno));
	return NULL;
}

bool usr_net_link_heard(struct nl_sock *listener, unsigned index)
{
	struct net_rumour rumour = { .index = index };
	int result;

	nl_socket_modify_cb(listener, NL_CB_VALID, NL_CB_CUSTOM, net_on_change,
			    &rumour);
	do {
		result = nl_recvmsgs_default(listener);
		/* It was told too much at a time: something may be lost. */
		if (result < 0 && result != -NLE_AGAIN && result != -NLE_INTR)
			rumour.heard = true;
	} while (result >= 0 || result == -NLE_INTR || result == -NLE_NOMEM);
	return rumour.heard;
}
