// SPDX-License-Identifier: MIT
/*
 * udrv-start: what takes privileges before a driver's service starts without.
 *
 *	udrv-start [--uinput NAME]... [--tap|--untap] DEVICE
 *
 * Run by a unit's ExecStartPre=+.  Opens the device, and /dev/uinput, and has
 * systemd keep both for the driver; makes the TAP interface, and gives it to the
 * user that the service runs as.  After a restart the device is open already.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <udrv.h>
#include <unistd.h>
#include "../../drivers/service.h"

#define TAP_FILE	"/dev/net/tun"
#define UINPUT_FILE	"/dev/uinput"
#define MOST_UINPUTS	4
/* As libudrv's net hook marks what is its own. */
#define ALIAS		"udrv "
/* A dead driver's io_uring lets go of its interface a little later. */
#define PATIENCE_MS	5000
#define LOOK_MS		20
#define BARRIER_US	(30 * 1000000ull)

static const char usage[] =
"usage: udrv-start [--uinput NAME]... [--tap|--untap] DEVICE\n"
"\n"
"Prepare the start of a driver's service; run by its unit, as root.\n"
"\n"
"  DEVICE           is opened, and kept by systemd for the driver\n"
"  --uinput NAME    so is /dev/uinput, by this name\n"
"  --tap            make a TAP interface for the service's user; it is called\n"
"                   $UDRV_INTERFACE, or by the device's place: udrv-p0s5\n"
"  --untap          only remove that interface, if the device is gone\n"
"  --help           this text\n";

__attribute__((format(printf, 1, 2)))
static int complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("udrv-start: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return 1;
}

/* Return: 0, or 1 after a complaint. */
static int keep(int fd, const char *name, const char *file)
{
	int error;

	service_forget(name);		/* of a start that came to nothing */
	error = service_keep(fd, name) ? errno : 0;
	close(fd);
	if (!error)
		return 0;
	if (error == ESRCH)
		return complain("no service manager is there to keep %s: a unit runs this, not you",
				file);
	return complain("systemd does not keep %s: %s", file, strerror(error));
}

static int open_device(const char *device)
{
	int fd = usr_open(device, O_RDWR);

	if (fd >= 0)
		return keep(fd, SERVICE_DEVICE, device);
	if (errno == EBUSY)	/* from before a restart, or the driver will tell */
		return 0;
	return complain("%s", usr_error());
}

static int open_uinput(const char *name)
{
	int fd = open(UINPUT_FILE, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return keep(fd, name, UINPUT_FILE);
	return complain("cannot open %s: %s: `modprobe uinput` helps where the kernel has it",
			UINPUT_FILE, strerror(errno));
}

/* ----------------------------------------------------------------- interface */

static void read_line(const char *interface, const char *what, char *text,
		      int size)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", interface, what);
	text[0] = '\0';
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(text, size, file))
		text[strcspn(text, "\n")] = '\0';
	fclose(file);
}

/* Systemd gave the service's directory to the service's user. */
static int service_user(uid_t *user)
{
	const char *directory = getenv("RUNTIME_DIRECTORY");
	struct stat about;

	if (directory && !stat(directory, &about)) {
		*user = about.st_uid;
		return 0;
	}
	return complain("whose is the interface to be?  The unit has no RuntimeDirectory= of one directory");
}

/* One that is there must be of our making: root could take any. */
static int may_take(const char *interface, uid_t user)
{
	char alias[64], owner[32];

	read_line(interface, "owner", owner, sizeof(owner));
	read_line(interface, "ifalias", alias, sizeof(alias));
	if (!strncmp(alias, ALIAS, strlen(ALIAS)) ||
	    (owner[0] && strtoul(owner, NULL, 10) == user))
		return 0;
	return complain("there is an interface %s already, and it is not one of udrv's: choose another name, by UDRV_INTERFACE= in the unit's environment",
			interface);
}

static int attach(int tun, const char *interface)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000 };

	for (int i = 0; i < PATIENCE_MS / LOOK_MS; i++) {
		struct ifreq request = {
			.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
		};

		strcpy(request.ifr_name, interface);
		if (!ioctl(tun, TUNSETIFF, &request))
			return 0;
		if (errno != EBUSY)
			break;
		nanosleep(&pause, NULL);
	}
	return -1;
}

static int name_it(const char *interface, const char *device)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/net/%s/ifalias", interface);
	file = fopen(path, "we");
	if (!file || fprintf(file, ALIAS "%s", device) < 0 || fclose(file))
		return complain("cannot name %s: %s", interface, strerror(errno));
	return 0;
}

static int make_interface(const char *interface, const char *device)
{
	char path[64];
	uid_t user = 0;
	int tun, status = 0;

	snprintf(path, sizeof(path), "/sys/class/net/%s", interface);
	if (service_user(&user) || (!access(path, F_OK) && may_take(interface, user)))
		return 1;
	tun = open(TAP_FILE, O_RDWR | O_CLOEXEC);
	if (tun < 0)
		return complain("cannot open %s: %s: `modprobe tun` helps where the kernel has it",
				TAP_FILE, strerror(errno));
	if (attach(tun, interface) || ioctl(tun, TUNSETOWNER, (unsigned long)user) ||
	    ioctl(tun, TUNSETPERSIST, 1ul))
		status = complain("cannot make the interface %s: %s", interface,
				  strerror(errno));
	if (!status)
		status = name_it(interface, device);
	close(tun);
	return status;
}

/*
 * A driver that is told to stop removes its interface; one whose device was
 * unplugged under it could not know that it was for good.
 */
static int remove_interface(const char *interface, const char *device)
{
	char path[64];
	int tun, status = 0;

	snprintf(path, sizeof(path), "/dev/udrv/%s", device);
	if (!access(path, F_OK))
		return 0;
	snprintf(path, sizeof(path), "/sys/class/net/%s", interface);
	if (access(path, F_OK) || may_take(interface, (uid_t)-1))
		return 0;
	tun = open(TAP_FILE, O_RDWR | O_CLOEXEC);
	if (tun < 0 || attach(tun, interface) || ioctl(tun, TUNSETPERSIST, 0ul))
		status = complain("cannot remove the interface %s: %s", interface,
				  strerror(errno));
	if (tun >= 0)
		close(tun);
	return status;
}

/* ------------------------------------------------------------------- command */

struct wishes {
	const char *uinput[MOST_UINPUTS];
	int uinputs;
	bool tap, untap;
	const char *device;
};

static int wrong(const char *what)
{
	fprintf(stderr, "udrv-start: %s; see udrv-start --help\n", what);
	return 2;
}

/* Return: 0; 2 after a complaint; -1: help was given. */
static int parse(struct wishes *wishes, int argc, char **argv)
{
	static const struct option options[] = {
		{ "uinput", required_argument, NULL, 'u' },
		{ "tap", no_argument, NULL, 't' },
		{ "untap", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return -1;
		}
		if (option == 't')
			wishes->tap = true;
		else if (option == 'n')
			wishes->untap = true;
		else if (option != 'u')
			return 2;	/* getopt_long() said what */
		else if (wishes->uinputs == MOST_UINPUTS)
			return wrong("--uinput is too often there");
		else
			wishes->uinput[wishes->uinputs++] = optarg;
	}
	if (argc - optind != 1)
		return wrong("it takes one device");
	wishes->device = argv[optind];
	return 0;
}

int main(int argc, char **argv)
{
	struct wishes wishes = { .uinputs = 0 };
	char interface[SERVICE_INTERFACE_SIZE];
	int status = parse(&wishes, argc, argv);

	if (status)
		return status < 0 ? 0 : status;
	if (wishes.tap || wishes.untap)
		status = service_interface(wishes.device, interface) ?
			 complain("UDRV_INTERFACE is no interface's name: 1 to %d letters, digits and -_.",
				  SERVICE_INTERFACE_SIZE - 1) : 0;
	if (wishes.untap)
		return status ? status : remove_interface(interface, wishes.device);
	if (!status)
		status = open_device(wishes.device);
	for (int i = 0; i < wishes.uinputs && !status; i++)
		status = open_uinput(wishes.uinput[i]);
	if (wishes.tap && !status)
		status = make_interface(interface, wishes.device);
	/* What was sent must be with the manager before the driver is started. */
	if (!status && sd_notify_barrier(false, BARRIER_US) < 0)
		status = complain("systemd did not take the files in time");
	return status;
}
