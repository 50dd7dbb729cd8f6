// SPDX-License-Identifier: MIT
/* The net hook's /dev/net/tun: an interface is made, or taken over. */
#include <dirent.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <netlink/socket.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "block.h"
#include "net.h"

#ifndef IFF_NO_CARRIER
#define IFF_NO_CARRIER	0x0040	/* 6.2, and some stable kernels */
#endif

#define NET_FILE	"/dev/net/tun"
#define NET_MARK	"udrv"	/* what an alias of ours begins with */
/* A dead driver's io_uring lets go of its files a little later. */
#define NET_PATIENCE_MS	2000

static struct ifreq net_request(const struct usr_net *net)
{
	struct ifreq request = { .ifr_flags = 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", net->name);
	return request;
}

/* --- the file */

static int net_tap_file(void)
{
	int fd = open(NET_FILE, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && (errno == ENOENT || errno == ENODEV) &&
	    !usr_block_load("tun"))
		fd = open(NET_FILE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == EACCES || errno == EPERM)
		return usr_fail(EACCES, "usr_net_new: %s may not be opened: `chmod 666 %s` is how most systems have it",
				NET_FILE, NET_FILE);
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO ||
	    errno == EOPNOTSUPP)
		return usr_fail(ENODEV, "usr_net_new: there is no %s: `modprobe tun` (a kernel without it lacks CONFIG_TUN)",
				NET_FILE);
	return usr_fail(errno, "usr_net_new: cannot open %s: %s", NET_FILE,
			strerror(errno));
}

/* Has this process a tap of that name?  /proc/PID/fdinfo/N says so. */
static bool net_tap_is_held(const char *pid, const char *name)
{
	char path[300], text[512], wanted[32];
	struct dirent *entry;
	bool found = false;
	DIR *files;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo", pid);
	snprintf(wanted, sizeof(wanted), "iff:\t%s\n", name);
	files = opendir(path);
	while (files && !found && (entry = readdir(files))) {
		if (entry->d_name[0] == '.')
			continue;
		if (usr_sysfs_bytes(text, sizeof(text), "/proc/%s/fdinfo/%s", pid,
				    entry->d_name) > 0)
			found = strstr(text, wanted);
	}
	if (files)
		closedir(files);
	return found;
}

static int net_tap_busy(const char *name)
{
	char comm[64] = "";
	struct dirent *entry;
	DIR *all = opendir("/proc");
	int pid = 0;

	while (all && !pid && (entry = readdir(all)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
		    net_tap_is_held(entry->d_name, name))
			pid = atoi(entry->d_name);
	if (all)
		closedir(all);
	if (!pid || !usr_sysfs_read(comm, sizeof(comm), "/proc/%d/comm", pid))
		return usr_fail(EBUSY, "usr_net_new: %s is in use: somebody serves it",
				name);
	return usr_fail(EBUSY, "usr_net_new: %s is in use: process %d (%s) serves it",
			name, pid, comm);
}

/* --- whose is it? */

/* Made by a driver before us, handed over by root, or the caller's own. */
static int net_tap_may_take(const struct net_link *link)
{
	bool marked = !strncmp(link->alias, NET_MARK, strlen(NET_MARK));

	if (strcmp(link->kind, "tun") || link->tap != IFF_TAP)
		return usr_fail(EEXIST, "usr_net_new: there is an interface %s already, and it is no tap but %s: choose another name",
				link->name, link->kind[0] ? link->kind : "a device's");
	if (link->multi_queue)
		return usr_fail(EEXIST, "usr_net_new: %s is a tap with many queues, which is not for a driver: choose another name, or make it without multi_queue",
				link->name);
	if (!marked && !(link->owned && link->owner == geteuid()))
		return usr_fail(EEXIST, "usr_net_new: %s is somebody else's tap: choose another name, or hand it over with `ip link set %s alias %s`",
				link->name, link->name, NET_MARK);
	return 0;
}

static int net_tap_denied(const struct usr_net *net, bool exists)
{
	if (exists)
		return usr_fail(EPERM, "usr_net_new: %s is another user's: run as that user or with CAP_NET_ADMIN",
				net->name);
	return usr_fail(EPERM, "usr_net_new: making %s needs CAP_NET_ADMIN: run as root, or have root make it: `ip tuntap add %s mode tap user %d vnet_hdr`",
			net->name, net->name, (int)geteuid());
}

/* TUNSETIFF, and again for a while as long as a dead driver's file is there. */
static int net_tap_attach(struct usr_net *net, struct ifreq *request)
{
	const struct timespec while_ms = { .tv_nsec = 10000000 };
	uint64_t end = usr_block_now_ms() + NET_PATIENCE_MS;

	for (;;) {
		struct ifreq each = *request;

		if (!ioctl(net->tap.fd, TUNSETIFF, &each)) {
			*request = each;
			return 0;
		}
		if (errno != EBUSY || request->ifr_flags & IFF_TUN_EXCL ||
		    usr_block_now_ms() > end)
			return -1;
		nanosleep(&while_ms, NULL);
	}
}

static int net_tap_take(struct usr_net *net, bool exists)
{
	struct ifreq request = net_request(net);
	unsigned known = 0;

	request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	if (!ioctl(net->tap.fd, TUNGETFEATURES, &known) && known & IFF_NO_CARRIER)
		request.ifr_flags |= IFF_NO_CARRIER;
	if (!exists)
		request.ifr_flags |= (short)IFF_TUN_EXCL;
	if (!net_tap_attach(net, &request)) {
		snprintf(net->name, sizeof(net->name), "%s", request.ifr_name);
		return 0;
	}
	if (errno == EBUSY)
		return net_tap_busy(net->name);
	if (errno == EPERM)
		return net_tap_denied(net, exists);
	return usr_fail(errno, "usr_net_new: the kernel refuses %s: %s", net->name,
			strerror(errno));
}

/* --- what it is to be */

static int net_tap_offloads(const struct usr_net *net)
{
	unsigned wanted = net->what.offloads, offloads = 0;
	int size = USR_NET_HEADER, yes = 1;

	if (wanted & USR_NET_SUM)
		offloads |= TUN_F_CSUM;
	if (wanted & USR_NET_TSO4)
		offloads |= TUN_F_TSO4;
	if (wanted & USR_NET_TSO6)
		offloads |= TUN_F_TSO6;
	if (ioctl(net->tap.fd, TUNSETVNETHDRSZ, &size) ||
	    ioctl(net->tap.fd, TUNSETVNETLE, &yes) ||
	    ioctl(net->tap.fd, TUNSETOFFLOAD, offloads))
		return usr_fail(errno, "usr_net_new: %s cannot have the offloads: %s",
				net->name, strerror(errno));
	return 0;
}

/* Did the kernel make the address up?  Only sysfs tells. */
static bool net_tap_mac_is_random(const struct usr_net *net)
{
	char type[8];

	return !usr_sysfs_read(type, sizeof(type),
			       "/sys/class/net/%s/addr_assign_type", net->name) ||
	       atoi(type) == 1;
}

static int net_tap_set_mac(const struct usr_net *net)
{
	struct ifreq request = net_request(net);

	/* By the tap's own file it needs no privilege. */
	request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(request.ifr_hwaddr.sa_data, net->what.mac, 6);
	if (ioctl(net->tap.fd, SIOCSIFHWADDR, &request))
		return usr_fail(errno, "usr_net_new: %s cannot have the address %02x:%02x:%02x:%02x:%02x:%02x: %s",
				net->name, net->what.mac[0], net->what.mac[1],
				net->what.mac[2], net->what.mac[3],
				net->what.mac[4], net->what.mac[5],
				strerror(errno));
	return 0;
}

int usr_net_tap_set_mtu(const struct usr_net *net, uint32_t mtu)
{
	struct ifreq request = net_request(net);

	request.ifr_mtu = (int)mtu;
	if (!ioctl(net->tap.control, SIOCSIFMTU, &request))
		return 0;
	if (errno == EPERM)
		return usr_fail(EPERM, "setting the MTU of %s needs CAP_NET_ADMIN: run as root, or have root do `ip link set %s mtu %u`",
				net->name, net->name, mtu);
	return usr_fail(errno, "%s cannot have the MTU %u: %s", net->name, mtu,
			strerror(errno));
}

static int net_tap_mtu(struct usr_net *net, const struct net_link *link)
{
	uint32_t mtu = net->what.mtu ? net->what.mtu : link->mtu;

	if (mtu > net->what.max_mtu)
		mtu = net->what.max_mtu;
	return mtu == link->mtu ? 0 : usr_net_tap_set_mtu(net, mtu);
}

/* Without the privilege the alias is as the administrator made it. */
static int net_tap_mark(struct usr_net *net)
{
	char alias[200];

	snprintf(alias, sizeof(alias), "%s: %s", NET_MARK, net->what.about);
	if (usr_net_link_set_alias(net->asker, net->index, alias) && errno != EPERM)
		return usr_fail(errno, "usr_net_new: cannot mark %s as a driver's: %s",
				net->name, strerror(errno));
	return 0;
}

int usr_net_tap_keep(const struct usr_net *net)
{
	if (ioctl(net->tap.fd, TUNSETPERSIST, 1))
		return usr_fail(errno, "usr_net_new: %s cannot outlive its driver: %s",
				net->name, strerror(errno));
	return 0;
}

static int net_tap_prepare(struct usr_net *net, bool exists)
{
	struct net_link link;

	if (usr_net_link(net, false, 0, false) || net_tap_offloads(net))
		return -1;
	if (usr_net_link_get(net->asker, net->name, 0, &link))
		return usr_fail(errno, "usr_net_new: rtnetlink does not know %s: %s",
				net->name, strerror(errno));
	net->index = link.index;
	net->tap.made = !exists || !strncmp(link.alias, NET_MARK ":",
					    strlen(NET_MARK ":"));
	if ((!exists || (!net->tap.made && net_tap_mac_is_random(net))) &&
	    net_tap_set_mac(net))
		return -1;
	if (net_tap_mtu(net, &link))
		return -1;
	return (!exists || net->tap.made) && net_tap_mark(net) ? -1 : 0;
}

/* Sockets are of the namespace they are made in. */
static int net_tap_sockets(struct usr_net *net)
{
	net->asker = usr_net_link_socket(false);
	net->listener = net->asker ? usr_net_link_socket(true) : NULL;
	if (!net->listener)
		return -1;
	net->tap.control = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (net->tap.control < 0)
		return usr_fail(errno, "usr_net_new: no socket: %s", strerror(errno));
	return 0;
}

static void net_tap_sockets_close(struct usr_net *net)
{
	nl_socket_free(net->asker);		/* NULL is fine */
	nl_socket_free(net->listener);
	if (net->tap.control >= 0)
		close(net->tap.control);
	net->asker = net->listener = NULL;
	net->tap.control = -1;
}

int usr_net_tap_open(struct usr_net *net)
{
	struct net_link link;
	bool exists = !strchr(net->name, '%');

	if (net_tap_sockets(net))
		return -1;
	if (exists && usr_net_link_get(net->asker, net->name, 0, &link)) {
		if (errno != ENODEV)
			return usr_fail(errno, "usr_net_new: cannot ask rtnetlink for %s: %s",
					net->name, strerror(errno));
		exists = false;
	}
	if (exists && net_tap_may_take(&link))
		return -1;
	net->tap.fd = net_tap_file();
	if (net->tap.fd < 0)
		return -1;
	return net_tap_take(net, exists) || net_tap_prepare(net, exists) ? -1 : 0;
}

void usr_net_tap_close(struct usr_net *net)
{
	if (net->tap.fd >= 0)
		close(net->tap.fd);
	net->tap.fd = -1;
	net_tap_sockets_close(net);
}

/* --- later */

USR_API int usr_net_remove(struct usr_net *net)
{
	if (!net->tap.made)
		return 0;
	if (ioctl(net->tap.fd, TUNSETPERSIST, 0))
		return usr_fail(errno, "usr_net_remove: %s stays: %s", net->name,
				strerror(errno));
	return 0;
}

static void net_tap_speed(const struct usr_net *net, unsigned mbps,
			  bool full_duplex)
{
	struct {
		struct ethtool_link_settings head;
		uint32_t masks[3 * 127];
	} link = { .head = { .cmd = ETHTOOL_GLINKSETTINGS } };
	struct ifreq request = net_request(net);

	request.ifr_data = (char *)&link;
	/* The first call tells how long the masks are, as a negative number. */
	if (ioctl(net->tap.control, SIOCETHTOOL, &request) ||
	    link.head.link_mode_masks_nwords >= 0)
		return;
	link.head.link_mode_masks_nwords = (int8_t)-link.head.link_mode_masks_nwords;
	if (ioctl(net->tap.control, SIOCETHTOOL, &request))
		return;
	link.head.cmd = ETHTOOL_SLINKSETTINGS;
	link.head.speed = mbps ? mbps : (uint32_t)SPEED_UNKNOWN;
	link.head.duplex = mbps ? full_duplex ? DUPLEX_FULL : DUPLEX_HALF :
			   DUPLEX_UNKNOWN;
	ioctl(net->tap.control, SIOCETHTOOL, &request);
}

USR_API int usr_net_link(struct usr_net *net, bool up, unsigned mbps,
			 bool full_duplex)
{
	int carrier = up;

	net_tap_speed(net, up ? mbps : 0, full_duplex);
	if (ioctl(net->tap.fd, TUNSETCARRIER, &carrier))
		return usr_fail(errno, "usr_net_link: cannot set the carrier of %s: %s",
				net->name, strerror(errno));
	return 0;
}

bool usr_net_tap_name(const struct usr_net *net, char name[IFNAMSIZ])
{
	struct ifreq request = { .ifr_flags = 0 };

	if (ioctl(net->tap.fd, TUNGETIFF, &request))
		return false;
	memcpy(name, request.ifr_name, IFNAMSIZ);
	return true;
}

int usr_net_tap_follow(struct usr_net *net)
{
	int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = ioctl(net->tap.fd, TUNGETDEVNETNS);
	struct usr_net old = *net;
	struct net_link link;
	int result = -1;

	net->asker = net->listener = NULL;
	net->tap.control = -1;
	if (here >= 0 && there >= 0 && !setns(there, CLONE_NEWNET)) {
		result = net_tap_sockets(net);
		if (setns(here, CLONE_NEWNET))
			result = -1;
	}
	if (!result)
		result = usr_net_link_get(net->asker, net->name, 0, &link);
	if (!result) {
		net->index = link.index;
		net_tap_sockets_close(&old);
	} else {
		net_tap_sockets_close(net);
		*net = old;
	}
	if (here >= 0)
		close(here);
	if (there >= 0)
		close(there);
	return result;
}
