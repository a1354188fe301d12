"""Candidates, containers, measuring and tables of the benchmarks."""
import json
import os
import re
import select
import shutil
import signal
import statistics
import subprocess
import sys
import time

PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
LOG_POLL_S = 0.002  # watching the log by inotify would disturb what is measured: an event for each write


def is_cgroup2():
	return os.path.exists("/sys/fs/cgroup/cgroup.procs")


def find_candidates(variable, peers, ours, floor):
	"""name -> path: the installed peers and ours, or what the environment variable lists ("name=path ..."); the floor"""
	found = {n: p for n, _, p in (x.partition("=") for x in os.environ.get(variable, "").split())}
	if not found:
		found = {n: shutil.which(n, path=PATH) for n in peers} | {os.path.basename(ours): ours}
	found = {n: os.path.abspath(p) for n, p in found.items() if p}
	for name, path in found.items():
		if not os.access(path, os.X_OK):
			sys.exit(f"bench: {name}: {path} is not an executable")
	return found | {"floor": floor}


# ---------------------------------------------------------------- what a candidate gets to run
def process(args, terminal=False):
	"""the process object of config.json, as podman's in shape and size"""
	return {
		"terminal": terminal, "user": {"uid": 0, "gid": 0}, "args": args, "cwd": "/", "noNewPrivileges": True,
		"env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
		"capabilities": {k: CAPABILITIES for k in ("bounding", "effective", "permitted")},
		"rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
	}


def seccomp_profile():
	"""an allow list as long as podman's: every system call the C library's headers know, but for a few"""
	deny = {"ptrace", "kexec_load", "mount", "umount2", "pivot_root", "reboot", "swapon", "swapoff", "init_module",
		"delete_module", "bpf", "personality"}
	macros = subprocess.run(["cc", "-E", "-dM", "-include", "asm/unistd.h", "-x", "c", os.devnull],
		capture_output=True, text=True, check=True).stdout
	names = sorted(set(re.findall(r"#define __NR_(\w+)", macros)) - deny)
	return {
		"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
		"syscalls": [
			{"names": names, "action": "SCMP_ACT_ALLOW"},
			{"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]},
		],
	}


def mounts():
	secure = ["nosuid", "noexec", "nodev"]
	table = [
		("/proc", "proc", "proc", []),
		("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
		("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
		("/dev/shm", "tmpfs", "shm", secure + ["mode=1777", "size=65536k"]),
		("/dev/mqueue", "mqueue", "mqueue", secure),
		("/sys", "sysfs", "sysfs", secure + ["ro"]),
		("/sys/fs/cgroup", "cgroup", "cgroup", secure + ["relatime", "ro"]),
	]
	return [dict(destination=d, type=t, source=s, options=o) for d, t, s, o in table]


def make_bundle(path, rootfs, args, terminal=False, seccomp=None, share=None):
	"""A bundle without device rules (with them crun 1.8 needs CAP_SYS_RESOURCE); share is bound to /bench."""
	os.makedirs(path)
	os.symlink(rootfs, path + "/rootfs")
	binds = [dict(destination="/bench", type="bind", source=share, options=["bind", "rw"])] if share else []
	spaces = ["pid", "network", "ipc", "uts", "mount"] + ["cgroup"] * is_cgroup2()  # as podman: only on v2
	config = {
		"ociVersion": "1.0.2", "hostname": "bench", "process": process(args, terminal),
		"root": {"path": rootfs, "readonly": True}, "mounts": mounts() + binds,
		"linux": {
			"namespaces": [{"type": t} for t in spaces],
			"maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
				"/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
			"readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
		} | ({"seccomp": seccomp} if seccomp else {}),
	}
	with open(path + "/config.json", "w", encoding="utf-8") as f:
		json.dump(config, f)


class Failure(RuntimeError):
	"""a candidate did not do its work"""


class Box:
	"""One container under a monitor and a runtime; use it in a with statement."""
	count = 0

	def __init__(self, kit, pair, args, terminal=False, stdin=False, extra=()):
		Box.count += 1
		self.kit, self.pair = kit, pair
		self.id = f"tallybench{os.getpid()}-{Box.count}"
		self.work, self.bundle, self.log = (f"{kit.tmp}/{d}/{self.id}" for d in ("work", "bundle", "log"))
		for d in ("work", "bundle", "log"):
			os.makedirs(f"{kit.tmp}/{d}", exist_ok=True)
		make_bundle(self.bundle, kit.rootfs, args, terminal, share=self.bundle + "/share")
		os.mkdir(self.bundle + "/share")
		os.mkfifo(self.bundle + "/share/gate")
		self.gate = os.open(self.bundle + "/share/gate", os.O_RDWR | os.O_CLOEXEC)
		monitor, runtime = kit.paths(pair)
		self.delete = [runtime, "--root", f"{kit.tmp}/root-{pair[1]}", "delete", self.id]
		self.options = ["-m", monitor, "-r", runtime, "-R", self.delete[2], "-b", self.bundle, "-w", self.work, "-c", self.id,
			"-l", self.log] + ["-t"] * terminal + ["-i"] * stdin + [x for e in extra for x in ("-a", e)]
		self.pid = self.monitor_pid = 0
		self.fds = []

	def drv(self, verb, *more):
		return self.kit.json_of(["drv", *self.options, verb, *more], "+".join(self.pair))

	def __enter__(self):
		try:
			self.up()
		except BaseException:
			self.down()
			raise
		return self

	def __exit__(self, *_):
		self.down()

	def up(self):
		self.pid = self.drv("up")["pid"]
		with open(self.work + "/monitor.pid", encoding="ascii") as f:
			self.monitor_pid = int(f.read())
		self.fds = [os.pidfd_open(self.monitor_pid)]
		try:
			self.fds.append(os.pidfd_open(self.pid))
		except ProcessLookupError:
			pass

	def ping(self):
		"""has the waiting flood print a line"""
		os.write(self.gate, b"p")

	def open_gate(self):
		os.write(self.gate, b"x")

	def gone(self, seconds):
		"""whether the monitor ends in time"""
		p = select.poll()
		p.register(self.fds[0], select.POLLIN)
		return bool(p.poll(seconds * 1000))

	def kill(self):
		"""SIGKILL for the container's first process, by pidfd: its pid may be someone else's by now."""
		try:
			for fd in self.fds[1:]:
				signal.pidfd_send_signal(fd, signal.SIGKILL)
		except ProcessLookupError:
			pass

	def down(self):
		if self.fds:
			self.kill()
			if not self.gone(20):
				signal.pidfd_send_signal(self.fds[0], signal.SIGKILL)
				self.gone(20)
		for fd in self.fds + [self.gate]:
			os.close(fd)
		self.fds = []
		subprocess.run(self.delete, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=60)
		for f in self.logs():
			os.unlink(f)
		for d in (self.work, self.bundle):
			shutil.rmtree(d, ignore_errors=True)

	def logs(self):
		"""every file of the log, oldest first"""
		d, name = os.path.split(self.log)
		numbers = [f[len(name) + 1:] for f in os.listdir(d) if f.startswith(name + ".")]
		old = sorted((int(n) for n in numbers if n.isdigit()), reverse=True)
		return [f"{self.log}.{n}" for n in old] + [self.log] * os.path.exists(self.log)

	def wait_log(self, pattern, seconds=60, step=LOG_POLL_S):
		"""the time (ns) at which the pattern is first seen near the end of the log, and the match"""
		end = time.monotonic() + seconds
		while time.monotonic() < end:
			try:
				with open(self.log, "rb") as f:
					f.seek(max(0, os.fstat(f.fileno()).st_size - 400))
					match = re.search(pattern, f.read())
				if match:
					return time.monotonic_ns(), match
			except FileNotFoundError:
				pass
			time.sleep(step)
		raise Failure(f"{pattern} is not in the log after {seconds} s")

	def begin(self):
		"""the time (ns) at which the flood began"""
		with open(self.log, "rb") as f:
			return int(re.search(rb"BEGIN (\d+)", f.read(4096)).group(1))


# ---------------------------------------------------------------- figures of a process
def read(path):
	with open(path, encoding="ascii") as f:
		return f.read()


def usage(pid):
	"""CPU seconds, context switches, read and write calls so far"""
	cpu = switches = 0
	for t in os.listdir(f"/proc/{pid}/task"):
		cpu += int(read(f"/proc/{pid}/task/{t}/schedstat").split()[0])
		switches += sum(int(x) for x in re.findall(r"ctxt_switches:\s+(\d+)", read(f"/proc/{pid}/task/{t}/status")))
	return cpu / 1e9, switches, sum(int(x) for x in re.findall(r"sysc[rw]: (\d+)", read(f"/proc/{pid}/io")))


def memory(pid):
	"""KiB of a process, and what else it holds"""
	m = {k: int(v) for k, v in re.findall(r"(\w+):\s+(\d+) kB", read(f"/proc/{pid}/smaps_rollup"))}
	status = read(f"/proc/{pid}/status")
	return {
		"private dirty KiB": m["Private_Dirty"], "PSS KiB": m["Pss"], "RSS KiB": m["Rss"],
		"page tables KiB": int(re.search(r"VmPTE:\s+(\d+)", status)[1]),
		"threads": int(re.search(r"Threads:\s+(\d+)", status)[1]), "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
	}


# ---------------------------------------------------------------- measuring
def median(values):
	return statistics.median(values) if values else float("nan")


def ratio(samples, name, base, key):
	"""the median of the ratios of the rounds, so that what slows a whole round does not count; nan without figures"""
	both = [(a[key], b[key]) for a, b in zip(samples.get(name, []), samples.get(base, [])) if a and b and key in a and key in b]
	return median([a / b for a, b in both if b])


def number(x):
	if x != x:
		return "-"
	return f"{x:.0f}" if abs(x) >= 100 or x == int(x) else f"{x:.1f}" if abs(x) >= 10 else f"{x:.2f}" if abs(x) >= 1 else f"{x:.3f}"


class Kit:
	"""Paths, settings and results of one lane."""

	def __init__(self, programs, ours, work, lane):
		self.programs, self.lane = programs, lane
		self.tmp, self.rootfs = work + "/t", work + "/t/rootfs"
		self.monitors = find_candidates("MONITOR", ["conmon"], ours + "/tallyman", programs + "/floor-mon")
		self.runtimes = find_candidates("RUNTIME", ["runc", "crun"], ours + "/tallyrun", programs + "/floor-run")
		if not is_cgroup2():
			self.runtimes.pop("crun", None)  # crun 1.8 refuses cgroup v1 and hybrid here
		self.rounds = int(os.environ.get("N", 5))
		self.scale = float(os.environ.get("SCALE", 1))
		self.results, self.failures = {}, []
		self.make_rootfs()

	def make_rootfs(self):
		for d in "bin proc dev sys tmp etc bench".split():
			os.makedirs(f"{self.rootfs}/{d}")
		shutil.copy(self.programs + "/emit", self.rootfs + "/bin/emit")

	def paths(self, pair):
		return self.monitors[pair[0]], self.runtimes[pair[1]]

	def monitor_pairs(self):
		"""every monitor, with the runtime that costs least"""
		return {m: (m, "floor") for m in self.monitors}

	def pairs(self):
		"""peers with peers, ours with ours, floor with floor"""
		kin = {"conmon": ["runc", "crun"], "tallyman": ["tallyrun"], "floor": ["floor"]}
		return {f"{m}+{r}": (m, r) for m in self.monitors for r in kin.get(m, self.runtimes) if r in self.runtimes}

	def json_of(self, command, who):
		"""what a program of the kit prints"""
		r = subprocess.run([f"{self.programs}/{command[0]}", *command[1:]], capture_output=True, text=True, check=False, timeout=120)
		if r.returncode:
			raise Failure(f"{who}: {command[0]} ended with {r.returncode}: {r.stderr.strip()}")
		return json.loads(r.stdout)

	def bytes(self, megabytes):
		return int(megabytes * self.scale * 1e6)

	def measure(self, test, title, candidates, one, keys, rounds=None, least=False):
		"""Every round runs each candidate once, in turn, so that a noisy machine hurts all alike. Prints a table of medians;
		in brackets the ratio to the first candidate."""
		samples = {name: [] for name in candidates}
		for _ in range(rounds or self.rounds):
			for name, what in candidates.items():
				try:
					samples[name].append(one(what))
				except (Failure, OSError, ValueError, subprocess.SubprocessError) as e:
					self.failures.append(f"{test}: {name}: {e}")
					print(f"bench: {self.failures[-1]}", file=sys.stderr, flush=True)
					samples[name].append(None)
		self.results[test] = samples
		self.show(title, samples, keys, least)

	def show(self, title, samples, keys, least):
		base = next(iter(samples))
		rows = [[""] + list(samples)]
		for key in keys:
			row = [key]
			for name, got in samples.items():
				values = [x[key] for x in got if x and key in x]
				cell = number(median(values))
				if least and values:
					cell += " / " + number(min(values))
				if name != base:
					r = ratio(samples, name, base, key)
					cell += f" ({r:.2f})" if r == r else ""
				row.append(cell)
			rows.append(row)
		width = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
		print(f"\n{title}, {self.lane}" + (" (median / least)" if least else ""))
		for r in rows:
			print("  " + r[0].ljust(width[0]) + "".join("  " + c.rjust(w) for c, w in zip(r[1:], width[1:])))
		sys.stdout.flush()
