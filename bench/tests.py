"""The tests of the kit: t_NAME(kit) measures NAME."""
import json
import os
import select
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from kit import LOG_POLL_S, Box, Failure, make_bundle, median, memory, process, seccomp_profile, usage

KINDS = [  # name, what, kind for emit, MB, bytes in a write, terminal
	("a", "80 B lines, 64 KiB writes", "line:80", 320, 65536, False),
	("a'", "80 B lines, a write each", "line:80", 48, 0, False),
	("b", "8 KiB lines", "line:8192", 512, 65536, False),
	("c", "2 B lines, 64 KiB writes", "line:2", 12, 65536, False),
	("d", "binary, no newline", "bin", 512, 65536, False),
	("e", "terminal, 80 B lines", "line:80", 32, 65536, True),
]
FLOOD_KEYS = ["MB/s", "CPU s/GB", "container's CPU s/GB", "switches/MB", "read+write/MB"]


def flood_figures(box, total):
	"""lets the container of a box flood; the figures of FLOOD_KEYS"""
	m0, c0 = usage(box.monitor_pid), usage(box.pid)
	box.open_gate()
	end, _ = box.wait_log(rb"END \d+")
	m1, c1 = usage(box.monitor_pid), usage(box.pid)
	figures = [total / (end - box.begin()) * 1e3, (m1[0] - m0[0]) / total * 1e9, (c1[0] - c0[0]) / total * 1e9,
		(m1[1] - m0[1]) / total * 1e6, (m1[2] - m0[2]) / total * 1e6]
	return dict(zip(FLOOD_KEYS, figures))


def relay(kit, names, rounds=None):
	for name, what, kind, megabytes, chunk, terminal in KINDS:
		if name not in names:
			continue
		total = kit.bytes(megabytes)

		def one(pair):
			with Box(kit, pair, ["/bin/emit", "flood", kind, str(total), str(chunk)], terminal) as box:
				return flood_figures(box, total)
		kit.measure(f"relay-{name}", f"Log relay, {what}", kit.monitor_pairs(), one, FLOOD_KEYS, rounds)


def t_relay(kit):
	relay(kit, os.environ.get("KINDS", "a a' b c d e").split())


def t_lines(kit):
	"""only the workload that a mark is set for"""
	relay(kit, ["a"], 2 * kit.rounds)


def t_pace(kit):
	for rate in (1000, 10000):
		lines = rate * 2

		def one(pair):
			with Box(kit, pair, ["/bin/emit", "flood", f"pace:{rate}", str(lines * 80), "0"]) as box:
				m0 = usage(box.monitor_pid)
				box.open_gate()
				box.wait_log(rb"END \d+", step=0.05)
				m1 = usage(box.monitor_pid)
				return {"CPU us/line": (m1[0] - m0[0]) / lines * 1e6, "switches/line": (m1[1] - m0[1]) / lines}
		kit.measure(f"pace-{rate}", f"{rate} lines of 80 B a second", kit.monitor_pairs(), one, ["CPU us/line", "switches/line"], 3)


def up_all(kit, pair, count, parallel):
	boxes = [Box(kit, pair, ["/bin/emit", "hold"]) for _ in range(count)]
	begin = time.monotonic()
	try:
		with ThreadPoolExecutor(parallel) as pool:
			list(pool.map(Box.up, boxes))
	except BaseException:
		down_all(boxes)
		raise
	return boxes, time.monotonic() - begin


def down_all(boxes):
	with ThreadPoolExecutor(4) as pool:
		list(pool.map(Box.down, boxes))


def t_idle(kit):
	keys = ["private dirty KiB", "PSS KiB", "RSS KiB", "page tables KiB", "threads", "descriptors"]
	count = int(os.environ.get("COUNT", 20))

	def one(pair):
		boxes, _ = up_all(kit, pair, count, 2)
		try:
			time.sleep(1)  # idle is a while after the start
			each = [memory(b.monitor_pid) for b in boxes]
			return {k: median([m[k] for m in each]) for k in keys}
		finally:
			down_all(boxes)
	kit.measure("idle", f"Idle monitor, one of {count}", kit.monitor_pairs(), one, keys, 3)


def t_cycle(kit):
	keys = ["create_ms", "start_ms", "start_to_main_ms", "relay_ms", "exit_to_file_ms", "exit_to_command_ms", "exit_to_gone_ms",
		"delete_ms", "total_ms", "cpu_ms", "faults", "csw", "maxrss_kb"]

	def one(pair):
		box = Box(kit, pair, ["/bin/emit", "stamp"])
		try:
			return box.drv("cycle")
		finally:
			box.down()
	kit.measure("cycle", "Create, start, wait, delete", kit.pairs(), one, keys, 4 * kit.rounds, True)


def t_exec(kit):
	keys = ["pid_ms", "code_ms", "gone_ms", "cpu_ms", "faults", "csw", "maxrss_kb"]
	spec = kit.tmp + "/process.json"
	with open(spec, "w", encoding="utf-8") as f:
		json.dump(process(["/bin/emit", "true"]), f)
	boxes = {name: Box(kit, pair, ["/bin/emit", "hold"]) for name, pair in kit.pairs().items()}
	try:
		for b in boxes.values():
			b.up()
		kit.measure("exec", "Exec session of a program that exits at once", boxes, lambda b: b.drv("exec", spec), keys, 4 * kit.rounds, True)
	finally:
		down_all(boxes.values())


def t_runtime(kit):
	keys = ["wall_ms", "cpu_ms", "faults", "csw", "maxrss_kb"]
	for name, title, profile in (("runtime", "", None), ("runtime-seccomp", ", seccomp filter of podman's size", seccomp_profile())):
		bundle = f"{kit.tmp}/bundle-{name}"
		make_bundle(bundle, kit.rootfs, ["/bin/emit", "true"], seccomp=profile)
		run = {r: ["drv", "cmd", path, "--root", f"{kit.tmp}/root-{r}", "run", "--bundle", bundle, f"tallybench{os.getpid()}"]
			for r, path in kit.runtimes.items() if not (profile and r == "floor")}
		kit.measure(name, "Runtime alone, run of a program that exits at once" + title, run, lambda c: kit.json_of(c, c[2]), keys,
			4 * kit.rounds, True)


def t_scale(kit):
	keys = ["containers/s", "delete s"]
	count = int(os.environ.get("COUNT", 40))

	def one(pair):
		boxes, up = up_all(kit, pair, count, 8)
		begin = time.monotonic()
		down_all(boxes)
		return {"containers/s": count / up, "delete s": time.monotonic() - begin}
	kit.measure("scale", f"{count} containers, eight at a time", kit.pairs(), one, keys, 3)


# ---------------------------------------------------------------- attach
class Client:
	"""a program att on a box's attach socket"""

	def __init__(self, kit, box, verb, *args):
		self.p = subprocess.Popen([kit.programs + "/att", verb, box.bundle + "/attach", *args], stdout=subprocess.PIPE, text=True)

	def line(self):
		return self.p.stdout.readline().split()

	def await_served(self, box):
		"""A client is connected before the monitor has accepted it: only output that it gets proves that."""
		end = time.monotonic() + 10
		while not select.select([self.p.stdout], [], [], 0.1)[0]:
			if time.monotonic() > end:
				raise Failure("an attach client is not served")
			box.ping()
		self.line()

	def __enter__(self):
		return self

	def __exit__(self, *_):
		self.p.kill()
		self.p.communicate()


def attach_flood(kit, pair, total, clients):
	with Box(kit, pair, ["/bin/emit", "flood", "line:80", str(total), "65536"]) as box:
		readers = [Client(kit, box, "sink", str(total)) for _ in range(clients)]
		try:
			for r in readers:
				r.await_served(box)
			figures = flood_figures(box, total)
			seen = [[int(x) for x in r.p.communicate(timeout=10)[0].split()] for r in readers]
			return figures | {"client MB/s": median([n / (last - first) * 1e3 for n, first, last in seen]),
				"clients complete": sum(n >= total for n, _, _ in seen)}
		except subprocess.TimeoutExpired as e:
			raise Failure("a client that reads did not get every byte") from e
		finally:
			for r in readers:
				r.__exit__()


def attach_stuck(kit, pair, total):
	"""how much of a flood reaches the log in 5 s while a client never reads"""
	with Box(kit, pair, ["/bin/emit", "flood", "line:80", str(total), "65536"]) as box, Client(kit, box, "stuck") as client:
		client.line()
		box.ping()  # it shall be a client before the flood, not after
		box.wait_log(rb"PING")
		box.open_gate()
		try:
			box.wait_log(rb"END \d+", 5)
		except Failure:
			pass
		return {"MB in the log": os.path.getsize(box.log) / 1e6}


def attach_stdin(kit, pair, total):
	with Box(kit, pair, ["/bin/emit", "sink"], stdin=True) as box:
		box.wait_log(rb"READY")
		m0 = usage(box.monitor_pid)
		with Client(kit, box, "stdin", str(total), "32768") as client:
			begin = int(client.line()[0])
			_, match = box.wait_log(rb"SINK (\d+) (\d+)")
		m1 = usage(box.monitor_pid)
		return {"MB/s": int(match[1]) / (int(match[2]) - begin) * 1e3, "bytes lost": total - int(match[1]),
			"CPU s/GB": (m1[0] - m0[0]) / total * 1e9}


def attach_echo(kit, pair):
	with Box(kit, pair, ["/bin/emit", "hold"], terminal=True) as box:
		m0 = usage(box.monitor_pid)
		with Client(kit, box, "echo", "1000", "500") as client:
			times = [int(x) / 1e3 for x in client.line()]
		if not times:
			raise Failure("no echo")
		m1 = usage(box.monitor_pid)
		return dict(zip(("p50 us", "p90 us", "p99 us", "max us"), times)) | {"CPU us/key": (m1[0] - m0[0]) / 1020 * 1e6}


def t_attach(kit):
	total, few = kit.bytes(64), 3
	keys = ["MB/s", "client MB/s", "clients complete", "CPU s/GB"]
	for clients in (1, 8):
		kit.measure(f"attach-{clients}", f"Attach, {clients} reading client(s)", kit.monitor_pairs(),
			lambda pair: attach_flood(kit, pair, total, clients), keys, few)
	kit.measure("attach-stuck", f"A client that never reads, {total / 1e6:.0f} MB, 5 s", kit.monitor_pairs(),
		lambda pair: attach_stuck(kit, pair, total), ["MB in the log"], 1)
	kit.measure("attach-stdin", "Stdin through the attach socket", kit.monitor_pairs(),
		lambda pair: attach_stdin(kit, pair, total), ["MB/s", "bytes lost", "CPU s/GB"], few)
	kit.measure("attach-echo", "Keystroke echo: attach socket, terminal, log, attach socket", kit.monitor_pairs(),
		lambda pair: attach_echo(kit, pair), ["p50 us", "p90 us", "p99 us", "max us", "CPU us/key"], few)


# ---------------------------------------------------------------- loss
LOSS_KEYS = ["written", "missing bytes", "lost", "broken", "duplicates", "malformed", "partial", "records"]


def loss(kit, pair, args, seq, kill_after=None, during=None):
	"""bytes in against bytes in the log, for a container that floods to its end, or is killed after so many seconds"""
	with Box(kit, pair, ["/bin/emit", "count", *args]) as box:
		end = time.monotonic() + (kill_after or 60)
		while not box.gone(0.05 if during else max(0, end - time.monotonic())) and time.monotonic() < end:
			if during:
				during(box)
		if kill_after:
			box.kill()
		if not box.gone(60):
			raise Failure("the monitor does not end")
		with open(box.bundle + "/share/count", "rb") as f:
			written = int.from_bytes(f.read(8), "little")
		log = kit.json_of(["klog", *(["seq", str(seq)] if seq else []), *box.logs()], pair[0])
		# a write that the kill cut short is in the log, not in the count
		return log | {"written": written, "missing bytes": max(0, written - log["payload"])}


def reopen(box):
	"""renames the log and has the monitor open a new one"""
	box.renamed = getattr(box, "renamed", 0) + 1
	os.rename(box.log, f"{box.log}.{100000 - box.renamed}")
	with open(box.bundle + "/ctl", "w", encoding="ascii") as f:
		f.write("2 0 0\n")
	end = time.monotonic() + 10
	while not os.path.exists(box.log):
		if time.monotonic() > end:
			raise Failure("the log is not opened again")
		time.sleep(LOG_POLL_S)


def t_loss(kit):
	endless, few = str(10**12), 2
	every = kit.monitor_pairs()
	real = {m: p for m, p in every.items() if m != "floor"}
	kit.measure("loss-kill", "Loss: SIGKILL in a burst, a write for each line", every,
		lambda p: loss(kit, p, ["seq:80", endless, "0"], 80, 0.5), LOSS_KEYS, few)
	kit.measure("loss-kill-bulk", "Loss: SIGKILL in a burst, 64 KiB writes", every,
		lambda p: loss(kit, p, ["seq:80", endless, "65536"], 80, 0.3), LOSS_KEYS, few)
	kit.measure("loss-exit", "Loss: exit at the end of a burst", every,
		lambda p: loss(kit, p, ["seq:80", str(kit.bytes(80)), "65536"], 80), LOSS_KEYS, few)
	kit.measure("loss-binary", "Loss: binary in 100-byte writes", every,
		lambda p: loss(kit, p, ["bin", str(kit.bytes(10)), "100"], 0), LOSS_KEYS, few)
	kit.measure("loss-reopen", "Loss: rename and reopen every 50 ms", real,
		lambda p: loss(kit, p, ["seq:80", endless, "65536"], 80, 0.6, reopen), LOSS_KEYS, few)


def in_log(path):
	"""the numbers of the lines in a log, each where it ends"""
	seen, rest = [], {b"stdout": b"", b"stderr": b""}
	with open(path, "rb") as f:
		for record in f:
			_, stream, flag, content = record.rstrip(b"\n").split(b" ", 3)
			rest[stream] += content
			if flag == b"F":
				seen.append(int(rest[stream]))
				rest[stream] = b""
	return seen


def order(kit, pair, lines, rate):
	"""how the log orders what a program wrote to stdout and stderr in turn: how often a line stands behind a later one, and
	by how many lines at most"""
	with Box(kit, pair, ["/bin/emit", "both", str(lines), str(rate)]) as box:
		if not box.gone(120):
			raise Failure("the monitor does not end")
		seen = in_log(box.log)
	if sorted(seen) != list(range(lines)):
		raise Failure(f"{len(seen)} of {lines} lines are in the log")
	newest, behind, farthest = -1, 0, 0
	for n in seen:
		behind += n < newest
		farthest = max(farthest, newest - n)
		newest = max(newest, n)
	return {"inversions/10,000 lines": behind / lines * 1e4, "farthest": farthest}


def t_order(kit):
	real = {m: p for m, p in kit.monitor_pairs().items() if m != "floor"}
	for rate, what in ((500, "500 lines a second"), (5000, "5,000 lines a second"), (0, "as fast as the pipes take them")):
		lines = min(rate * 4 or 40000, 40000)
		kit.measure(f"order-{rate}", f"Order of stdout and stderr, {what}", real,
			lambda p, lines=lines, rate=rate: order(kit, p, lines, rate), ["inversions/10,000 lines", "farthest"])


TESTS = {name[2:]: f for name, f in list(globals().items()) if name.startswith("t_")}
