/* Moving interfaces by rtnetlink(7). An interface loses its addresses on the way: they are read before and set again. */
#include "runtime/net_devices.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "common/error.h"

/* The kernel answers at once; this is for one that does not. */
#define TIMEOUT_S 10

struct request {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
	};
	char attributes[512];
};

static int open_netlink(void)
{
	const struct timeval limit = { .tv_sec = TIMEOUT_S };
	auto_fd fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0)
		return -errno;
	return steal_fd(&fd);
}

static void begin(struct request *r, unsigned short type, unsigned short flags, size_t body)
{
	memset(r, 0, sizeof *r);
	r->head.nlmsg_type = type;
	r->head.nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags);
	r->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
}

static void put(struct request *r, unsigned short type, const void *data, size_t size)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));

	g_return_if_fail(NLMSG_ALIGN(r->head.nlmsg_len) + RTA_SPACE(size) <= sizeof *r);
	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(size);
	memcpy(RTA_DATA(a), data, size);
	r->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len));
}

static ssize_t receive(int fd, void *buf, size_t size)
{
	ssize_t n;

	do
		n = recv(fd, buf, size, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Sends it and waits for the kernel's yes or no. */
static int ask(int fd, struct request *r)
{
	char buf[4096] __attribute__((aligned(8)));
	const struct nlmsghdr *answer = (const struct nlmsghdr *)buf;
	ssize_t n;

	r->head.nlmsg_flags |= NLM_F_ACK;
	if (send(fd, r, r->head.nlmsg_len, 0) < 0)
		return -errno;
	n = receive(fd, buf, sizeof buf);
	if (n < 0)
		return (int)n;
	if (!NLMSG_OK(answer, (size_t)n) || answer->nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return ((const struct nlmsgerr *)NLMSG_DATA(answer))->error;
}

/* What of an address is set again: a whole request, but for the interface's number. */
static void keep_address(const struct nlmsghdr *m, int index, GArray *addresses)
{
	const struct ifaddrmsg *a = NLMSG_DATA(m);
	int left = (int)IFA_PAYLOAD(m);
	uint32_t flags = a->ifa_flags;
	struct request r;

	if ((int)a->ifa_index != index || a->ifa_scope != RT_SCOPE_UNIVERSE)
		return;
	begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof *a);
	r.address = *a;
	for (const struct rtattr *x = IFA_RTA(a); RTA_OK(x, left); x = RTA_NEXT(x, left)) {
		if (x->rta_type == IFA_FLAGS && RTA_PAYLOAD(x) >= sizeof flags)
			memcpy(&flags, RTA_DATA(x), sizeof flags);
		if ((x->rta_type == IFA_ADDRESS || x->rta_type == IFA_LOCAL || x->rta_type == IFA_BROADCAST) &&
			RTA_PAYLOAD(x) <= 16)
			put(&r, x->rta_type, RTA_DATA(x), RTA_PAYLOAD(x));
	}
	/* The others were given for a time by somebody on the host. */
	if (flags & IFA_F_PERMANENT)
		g_array_append_val(addresses, r);
}

static int read_addresses(int fd, int index, GArray *addresses)
{
	g_autofree char *buf = g_malloc(65536);
	struct request r;

	begin(&r, RTM_GETADDR, NLM_F_DUMP, sizeof r.address);
	if (send(fd, &r, r.head.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = receive(fd, buf, 65536);
		int left = (int)n;

		if (n < 0)
			return (int)n;
		for (const struct nlmsghdr *m = (const void *)buf; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
			if (m->nlmsg_type == NLMSG_DONE)
				return 0;
			if (m->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)NLMSG_DATA(m))->error;
			if (m->nlmsg_type == RTM_NEWADDR)
				keep_address(m, index, addresses);
		}
	}
}

/* Of the interface with this name in the namespace of an ordinary socket; -errno. */
static int index_of(int socket_fd, const char *name)
{
	struct ifreq q = { 0 };

	g_strlcpy(q.ifr_name, name, sizeof q.ifr_name);
	return ioctl(socket_fd, SIOCGIFINDEX, &q) < 0 ? -errno : q.ifr_ifindex;
}

struct sides {
	int ns_fd;                            /* the container's network namespace */
	int host_link, host_socket;           /* in ours */
	int container_link, container_socket; /* in that one */
};

static void sides_clear(struct sides *s)
{
	fd_close(&s->ns_fd);
	fd_close(&s->host_link);
	fd_close(&s->host_socket);
	fd_close(&s->container_link);
	fd_close(&s->container_socket);
}

static int open_sockets(int *ret_link, int *ret_socket)
{
	*ret_link = open_netlink();
	if (*ret_link < 0)
		return *ret_link;
	*ret_socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (*ret_socket < 0)
		*ret_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return *ret_socket < 0 ? -errno : 0;
}

/* Sockets belong to the namespace that they were made in: for those of the container we go there. */
static bool open_sides(struct sides *s, pid_t pid, int ns_fd, GError **error)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/ns/net", pid);
	auto_fd own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int r;

	s->ns_fd = ns_fd < 0 ? open(path, O_RDONLY | O_CLOEXEC) : fcntl(ns_fd, F_DUPFD_CLOEXEC, 3);
	if (own < 0 || s->ns_fd < 0)
		return fail_errno(error, "open network namespace of process %d", pid);
	r = open_sockets(&s->host_link, &s->host_socket);
	if (r == 0 && setns(s->ns_fd, CLONE_NEWNET) < 0)
		r = -errno;
	if (r < 0)
		return fail_with(error, r, "enter network namespace of process %d", pid);
	r = open_sockets(&s->container_link, &s->container_socket);
	if (setns(own, CLONE_NEWNET) < 0)
		return fail_errno(error, "return to the own network namespace");
	return r == 0 || fail_with(error, r, "open sockets in the network namespace of process %d", pid);
}

/* Down to "set up", one step after the other; *ret_what is the one that failed. */
static int move(const struct sides *s, const char *from, const char *to, GArray *addresses, const char **ret_what)
{
	struct request r;
	int index, err;

	*ret_what = "find the interface";
	index = index_of(s->host_socket, from);
	if (index < 0)
		return index;
	*ret_what = "read its addresses";
	err = read_addresses(s->host_link, index, addresses);
	if (err < 0)
		return err;
	*ret_what = "move it into the container's network namespace";
	begin(&r, RTM_NEWLINK, 0, sizeof r.link);
	r.link.ifi_index = index;
	put(&r, IFLA_NET_NS_FD, &s->ns_fd, sizeof s->ns_fd);
	put(&r, IFLA_IFNAME, to, strlen(to) + 1);
	err = ask(s->host_link, &r);
	if (err < 0)
		return err;
	*ret_what = "find it in the container";
	index = index_of(s->container_socket, to);
	if (index < 0)
		return index;
	*ret_what = "set its addresses";
	for (guint i = 0; i < addresses->len && err == 0; i++) {
		struct request *a = &g_array_index(addresses, struct request, i);

		a->address.ifa_index = (uint32_t)index;
		err = ask(s->container_link, a);
	}
	if (err < 0)
		return err;
	*ret_what = "set it up";
	begin(&r, RTM_NEWLINK, 0, sizeof r.link);
	r.link.ifi_index = index;
	r.link.ifi_flags = r.link.ifi_change = IFF_UP;
	return ask(s->container_link, &r);
}

bool net_devices_move(const struct spec_linux *l, pid_t pid, int ns_fd, GError **error)
{
	struct sides s = { -1, -1, -1, -1, -1 };
	bool ok = !l->n_net_devices || open_sides(&s, pid, ns_fd, error) || fail_prefix(error, "linux.netDevices");

	for (size_t i = 0; i < l->n_net_devices && ok; i++) {
		const struct spec_net_device *d = &l->net_devices[i];
		g_autoptr(GArray) addresses = g_array_new(FALSE, FALSE, sizeof(struct request));
		const char *what = NULL;
		int err = move(&s, d->host_name, d->name ? d->name : d->host_name, addresses, &what);

		ok = err == 0 || fail_with(error, err, "linux.netDevices.%s: %s", d->host_name, what);
	}
	sides_clear(&s);
	return ok;
}
