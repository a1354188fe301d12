#!/usr/bin/env python3
"""Side-by-side benchmarks of container monitors and OCI runtimes. See README.md.

	bench.py PROGRAMS OURS [--check] [TEST...]     PROGRAMS: directory of the kit's programs, OURS: of tallyman and tallyrun

Tests run in lanes: "cgroup2", where the machine's cgroup2 hierarchy is alone on /sys/fs/cgroup, and "host", the cgroups as
they are, where that is something else. Each lane is a process in a mount namespace of its own (and, for cgroup2, in a cgroup of
its own, which is emptied at the end), started through this file: no mount or process is left behind."""
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile

import marks
from kit import Kit, is_cgroup2
from tests import TESTS

DEFAULT = ["relay", "pace", "idle", "cycle", "exec", "runtime", "attach", "loss", "scale"]
CHECK = ["lines", "idle", "runtime"]
HOST = ["runtime"]  # what is worth the time on cgroup v1 too


def sh(*command):
	subprocess.run(command, check=True)


def empty_cgroup(path):
	"""kills what is left in a cgroup and removes it"""
	with open(path + "/cgroup.events", encoding="ascii") as events:
		with open(path + "/cgroup.kill", "w", encoding="ascii") as f:
			f.write("1")
		poll = select.poll()
		poll.register(events, select.POLLPRI)
		while "populated 1" in events.read() and poll.poll(10000):
			events.seek(0)
	for d, _, _ in os.walk(path, topdown=False):
		os.rmdir(d)


def cgroup_stage(work, stage):
	"""In a mount namespace of its own: makes a cgroup and runs the lane in it, as the root of a cgroup namespace."""
	hierarchy = "/sys/fs/cgroup"
	if not is_cgroup2():
		hierarchy = work + "/cgroup2"
		os.mkdir(hierarchy)
		sh("mount", "-t", "cgroup2", "cgroup2", hierarchy)
	path = f"{hierarchy}/tallybench{os.getpid()}"
	os.mkdir(path)
	try:
		# the child moves itself: of this process, which empties the cgroup later, nothing may be in it
		move = 'echo $$ >"$1/cgroup.procs"; shift; exec unshare -C -m --propagation private "$@"'
		return subprocess.run(["sh", "-ec", move, "sh", path, *stage("run")], check=False).returncode
	finally:
		empty_cgroup(path)


def run_stage(lane, work, programs, ours, names):
	"""In the lane: runs the tests; the results go to a file."""
	if lane == "cgroup2":
		sh("umount", "-R", "/sys/fs/cgroup")
		sh("mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")
		os.mkdir("/sys/fs/cgroup/bench")  # a cgroup with processes could hand no controller on
		with open("/sys/fs/cgroup/bench/cgroup.procs", "w", encoding="ascii") as f:
			f.write(str(os.getpid()))
	sh("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", work + "/t")
	kit = Kit(programs, ours, work, lane)
	for n in names:
		TESTS[n](kit)
	with open(f"{work}/{lane}.json", "w", encoding="utf-8") as f:
		json.dump({"monitors": kit.monitors, "runtimes": kit.runtimes, "results": kit.results, "failures": kit.failures}, f)
	return 0


def run_lane(lane, work, programs, ours, names):
	"""Runs tests in a lane; what run_stage has written, or None."""
	def stage(s):
		return [sys.executable, os.path.abspath(__file__), "--stage", s, lane, work, programs, ours, *names]
	first = "cgroup" if lane == "cgroup2" else "run"
	status = subprocess.run(["unshare", "-m", "--propagation", "private", *stage(first)], check=False).returncode
	if status:
		print(f"bench: lane {lane} ended with status {status}", file=sys.stderr)
		return None
	with open(f"{work}/{lane}.json", encoding="utf-8") as f:
		return json.load(f)


def stage_main(name, lane, work, programs, ours, *names):
	if name == "run":
		return run_stage(lane, work, programs, ours, names)
	return cgroup_stage(work, lambda s: [sys.executable, os.path.abspath(__file__), "--stage", s, lane, work, programs, ours, *names])


def version(path):
	r = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
	return r.stdout.splitlines()[0] if r.stdout else ""


def report(lanes, check):
	"""marks, failures and the JSON file; the exit status"""
	got = {name: r for name, r in lanes.items() if r}
	programs = {n: p for r in got.values() for kind in ("monitors", "runtimes") for n, p in r[kind].items() if n != "floor"}
	print()
	found = marks.check({name: r["results"] for name, r in got.items()}, lanes)
	failures = [f for r in got.values() for f in r["failures"]] + [f"lane {n} ended early" for n, r in lanes.items() if not r]
	for f in failures:
		print(f"bench: failed: {f}", file=sys.stderr)
	out = os.environ.get("JSON", "bench.json")
	with open(out, "w", encoding="utf-8") as f:
		json.dump({"kernel": os.uname().release, "cpus": os.cpu_count(), "load": os.getloadavg(),
			"programs": {n: {"path": p, "version": version(p)} for n, p in programs.items()},
			"lanes": {n: r["results"] for n, r in got.items()}, "marks": found, "failures": failures}, f, indent=1)
	print(f"figures of every round: {out}")
	if failures:
		return 1
	return int(check and (not found or not all(m["met"] for m in found)))


def main(argv):
	if argv[:1] == ["--stage"]:
		return stage_main(*argv[1:])
	check = "--check" in argv
	programs, ours, *names = [a for a in argv if a != "--check"]
	names = names or os.environ.get("BENCH", "").replace(",", " ").split() or (CHECK if check else DEFAULT)
	if not set(names) <= set(TESTS):
		sys.exit(f"bench: tests: {' '.join(TESTS)}")
	if os.geteuid() != 0:
		sys.exit("bench: needs root")
	wanted = {"cgroup2": names}
	if not is_cgroup2() and set(names) & set(HOST):
		wanted["host"] = [n for n in names if n in HOST]
	work = tempfile.mkdtemp(prefix="tallybench.")
	os.mkdir(work + "/t")
	try:
		paths = os.path.abspath(programs), os.path.abspath(ours)
		return report({lane: run_lane(lane, work, *paths, n) for lane, n in wanted.items()}, check)
	finally:
		shutil.rmtree(work)


if __name__ == "__main__":
	sys.exit(main(sys.argv[1:]))
