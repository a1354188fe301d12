"""The marks that the programs have to reach, as ratios to peers measured in the same rounds."""
from typing import NamedTuple

from kit import ratio


class Mark(NamedTuple):
	"""figure of ours / figure of the peer has to be at least (">=") or at most ("<=") bound"""
	what: str
	lane: str
	test: str
	key: str
	ours: str
	peer: str
	sign: str
	bound: float

	def measured(self, results):
		return ratio(results.get(self.lane, {}).get(self.test, {}), self.ours, self.peer, self.key)

	def met(self, x):
		return x >= self.bound if self.sign == ">=" else x <= self.bound  # never true for nan: not measured is missed


MARKS = [
	Mark("log relay of 80 B lines, MB/s", "cgroup2", "relay-a", "MB/s", "tallyman", "conmon", ">=", 2),
	Mark("log relay of 80 B lines, CPU per GB", "cgroup2", "relay-a", "CPU s/GB", "tallyman", "conmon", "<=", 0.5),
	Mark("idle monitor, private dirty memory", "cgroup2", "idle", "private dirty KiB", "tallyman", "conmon", "<=", 1 / 3),
	Mark("run of true, wall time", "cgroup2", "runtime", "wall_ms", "tallyrun", "crun", "<=", 1),
	Mark("run of true, wall time", "cgroup2", "runtime", "wall_ms", "tallyrun", "runc", "<=", 1 / 4),
	Mark("run of true, CPU time", "host", "runtime", "cpu_ms", "tallyrun", "runc", "<=", 1 / 4),
]


def check(results, lanes):
	"""prints the marks of these lanes whose test was run; the JSON of each, with "met" """
	found = []
	for m in MARKS:
		if m.lane not in lanes or m.test not in results.get(m.lane, {}):
			continue
		x = m.measured(results)
		found.append(m._asdict() | {"measured": x if x == x else None, "met": m.met(x)})
		print(f"{'met   ' if m.met(x) else 'MISSED'}  {x:6.3f}  ({m.sign} {m.bound:.3g})  {m.what}, {m.ours} / {m.peer}, {m.lane}")
	return found
