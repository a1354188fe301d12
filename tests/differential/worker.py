"""Runs the cases of the differential test on one monitor; see run. Reads a job on stdin, writes the facts as JSON.

It is the reaper of everything that the monitors leave behind, and has the sockets of journal and syslog; it waits for what happens, with a
deadline, and ends what is still there by then."""
import ctypes
import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import termios
import time

DEADLINE = 60.0
HANGS = 3.0
ROOT = "/run/d"
RECORDS = ("$D", "$D/bundle", "$D/exits", "$D/persist")
NOT_FACTS = ("$D/fake/go", "$D/fake/ready", "$D/fake/pid", "$D/fake/container")
DEFAULT_DO = "printf 'one\\ntwo\\n'; printf 'three\\n' >&2; printf 'four'; exit 3"
GATE = 'echo $$ >"$FAKE/container"; echo >"$FAKE/ready"; read -r _ <"$FAKE/go"; '


class Gone(Exception):
    """The deadline has passed."""


class Scene:
    """One monitor on one command line."""

    def __init__(self, job, case, journal, syslog):
        self.job, self.case, self.journal, self.syslog = job, case, journal, syslog
        self.facts, self.exits, self.names = [], {}, {}
        self.sync = self.attach = self.start = None
        self.sync_lines, self.attach_lines = [], []
        self.pid = None
        self.deadline = time.monotonic() + (HANGS if job["peer"] and "hangs" in case else DEADLINE)

    # --- the set-up ---

    def expand(self, text):
        return text.replace("$RT", self.job["runtime"]).replace("$ID", self.job["id"]).replace("$D", ROOT)

    def prepare(self):
        shutil.rmtree(ROOT, ignore_errors=True)
        for name in ("bundle", "exits", "persist", "sock", "fake", "tmp"):
            os.makedirs(f"{ROOT}/{name}")
        with open(f"{ROOT}/process.json", "w", encoding="ascii") as spec:
            spec.write("{}")
        for name in ("ready", "go"):
            os.mkfifo(f"{ROOT}/fake/{name}")
        self.ready = os.open(f"{ROOT}/fake/ready", os.O_RDWR | os.O_NONBLOCK)
        self.go = os.open(f"{ROOT}/fake/go", os.O_RDWR | os.O_NONBLOCK)
        if "prepare" in self.case:
            subprocess.run(["sh", "-ec", self.expand(self.case["prepare"])], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)

    def environment(self):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "TMPDIR": f"{ROOT}/tmp", "TOOLS": os.environ["TOOLS"],
               "FAKE": f"{ROOT}/fake", "FAKE_CMD": self.case.get("first", "") + GATE + self.case.get("do", DEFAULT_DO),
               "FAKE_MODE": self.case.get("mode", "ok"), "FAKE_TEXT": self.case.get("text", "")}
        for pair in self.case["env"]:
            name, _, value = self.expand(pair).partition("=")
            env[name] = value
        return env

    def pipe(self, key, default, number, env, kind=socket.SOCK_SEQPACKET):
        """One of the pipes to the caller: (our end, the monitor's end)."""
        how = self.case.get(key, default)
        name = {"sync": "_OCI_SYNCPIPE", "start": "_OCI_STARTPIPE", "attach": "_OCI_ATTACHPIPE"}[key]
        if how == "none":
            return None, None
        if how not in ("yes", "end"):
            env[name] = how
            return None, None
        env[name] = str(number)
        return socket.socketpair(socket.AF_UNIX, kind)

    def launch(self):
        env = self.environment()
        self.sync, sync = self.pipe("sync", "yes", 3, env)
        self.start, start = self.pipe("start", "yes", 4, env, socket.SOCK_STREAM)
        self.attach, attach = self.pipe("attach", "none", 5, env)
        if self.start:
            self.start.send(b"\0")
            if self.case.get("start") == "end":
                self.start.shutdown(socket.SHUT_WR)
        self.pid = os.fork()
        if self.pid == 0:
            self.become_monitor([sync, start, attach], env)
        for end in (sync, start, attach):
            if end:
                end.close()
        self.names[self.pid] = "FOREGROUND"

    def become_monitor(self, ends, env):
        try:
            os.setpgid(0, 0)
            high = [fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, 100) if end else None for end in ends]
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            for number, name in ((1, "stdout"), (2, "stderr")):
                os.dup2(os.open(f"{ROOT}/{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), number)
            os.closerange(3, 100)
            for number, fd in enumerate(high, 3):
                if fd is not None:
                    os.dup2(fd, number)
            os.chdir(ROOT)
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            for number in (signal.SIGPIPE, signal.SIGXFSZ): # which Python ignores
                signal.signal(number, signal.SIG_DFL)
            os.umask(int(self.case.get("umask", "022"), 8))
            args = [self.expand(arg) for arg in self.case["args"]]
            os.execve(self.job["monitor"], [self.job["monitor"]] + args, env)
        finally:
            os._exit(120)

    # --- what happens ---

    def read_pipe(self, sock, lines):
        data = sock.recv(65536)
        if data:
            lines.append(data.decode("utf-8", "backslashreplace"))
            return sock
        sock.close()
        lines.append("EOF")
        return None

    def reap(self):
        """True while there are children."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self.exits[pid] = os.waitstatus_to_exitcode(status)

    def step(self, extra=()):
        """Waits for the next event of any kind; returns the extra descriptors that are readable."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise Gone
        fds = [s for s in (self.sync, self.attach) if s] + [self.journal.sock, self.syslog.sock, WAKE] + list(extra)
        ready = select.select(fds, [], [], min(left, 1.0))[0]
        if WAKE in ready:
            os.read(WAKE, 4096)
        if self.sync in ready:
            self.sync = self.read_pipe(self.sync, self.sync_lines)
        if self.attach in ready:
            self.attach = self.read_pipe(self.attach, self.attach_lines)
        for log in (self.journal, self.syslog):
            if log.sock in ready:
                log.receive()
        return [fd for fd in extra if fd in ready]

    def until(self, condition):
        while not condition():
            if time.monotonic() > self.deadline:
                raise Gone
            time.sleep(0.002) # what has no event: somebody else's descriptors, what is left in a FIFO

    def runs(self):
        """Waits for the container: true when it has reported and its monitor has detached, false if all is over."""
        reported = False
        while True:
            children = self.reap()
            foreground = self.pid not in self.exits
            if not children:
                return False
            if reported and (self.in_foreground() or not foreground) and \
                    (self.case.get("sync", "yes") != "yes" or self.sync_lines or self.told_late()):
                return True
            if self.attach_lines and self.start and self.case.get("start") != "end": # the caller of --exec-attach: attached, now go on
                self.start.send(b"\0")
                self.start = None
            if self.step([self.ready]):
                os.read(self.ready, 100)
                reported = True

    def in_foreground(self):
        return any(re.match("--sync(=|$)", arg) for arg in self.case["args"])

    def told_late(self):
        """An exec session without --api-version says nothing before its end."""
        args = self.case["args"]
        return ("-e" in args or "--exec" in args) and not any(a.startswith("--api-version") for a in args)

    def find_names(self):
        """The processes that numbers may stand for."""
        for name, path in (("RUNTIME", "fake/pid"), ("CONTAINER", "pidfile"), ("CONTAINER", f"pidfile-{self.job['id']}"),
                           ("CONTAINER", "fake/container"), ("MONITOR", "monitor.pid")):
            try:
                with open(f"{ROOT}/{path}", encoding="ascii") as file:
                    pid = int(file.read())
            except (OSError, ValueError):
                continue
            self.names[pid] = name

    def find_monitor(self):
        """The container's parent, once its runtime has gone; false if the monitor has gone too."""
        self.find_names()
        with open(f"{ROOT}/fake/container", encoding="ascii") as file:
            container = int(file.read())

        def inherited():
            parent = parent_of(container)
            return parent == os.getpid() or os.readlink(f"/proc/{parent}/exe") == self.job["monitor"]
        self.until(inherited)
        self.monitor = parent_of(container)
        self.names.setdefault(self.monitor, "MONITOR")
        return self.monitor != os.getpid()

    def drive(self):
        """From the launch to the end of everything."""
        if self.runs() and self.find_monitor():
            if self.sync_lines: # else nothing says how far it has come
                self.tree("running")
            self.describe_monitor()
            if "ctl" in self.case:
                self.write_ctl()
            client = self.connect() if "client" in self.case else None
            if "signal" in self.case:
                os.kill(self.monitor, signal.Signals["SIG" + self.case["signal"]])
            if self.case.get("go") != "no":
                os.write(self.go, b"\n")
            if client:
                self.read_client(client)
        else:
            os.write(self.go, b"\n")
        self.find_names()
        while self.reap() or self.sync:
            self.step()

    def write_ctl(self):
        with open(f"{ROOT}/bundle/ctl", "r+b", buffering=0) as fifo:
            fifo.write(self.case["ctl"].encode().decode("unicode_escape").encode("latin-1"))
            left = bytearray(4)

            def drained():
                fcntl.ioctl(fifo, termios.FIONREAD, left, True)
                return struct.unpack("i", left)[0] == 0
            self.until(drained)

    def connect(self):
        """A client that the monitor has taken in."""
        def accepted():
            with open("/proc/net/unix", encoding="utf-8") as sockets:
                fields = [line.split() for line in sockets if line.rstrip().endswith("/attach")]
            return not any(inode == "0" for *_, inode, _ in fields) # what waits to be accepted has none
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client.connect(f"{ROOT}/bundle/attach")
        self.until(accepted)
        if self.case["client"]:
            client.send(self.case["client"].encode().decode("unicode_escape").encode("latin-1"))
        client.shutdown(socket.SHUT_WR)
        return client

    def read_client(self, client):
        streams = {}
        while True:
            self.reap()
            if self.step([client]):
                try:
                    data = client.recv(65536)
                except ConnectionResetError:
                    self.fact("client", "reset")
                    break
                if not data:
                    break
                if len(data) > 8193:
                    self.fact("client", f"a packet of {len(data)} bytes")
                streams.setdefault(data[0], bytearray()).extend(data[1:])
        for kind, data in sorted(streams.items()):
            self.fact("client", f"{kind} {text_of(bytes(data))}")
        self.fact("client", "EOF")
        client.close()

    # --- the facts ---

    def fact(self, kind, text):
        self.facts.append(f"{kind} {text}")

    def named(self, text):
        """A text in which numbers are pids: by what they stand for."""
        for pid, name in self.names.items():
            text = re.sub(rf"(?<![\w-]){pid}(?!\w)", name, text)
        return text

    def normal(self, text):
        """What must differ from run to run is given a name."""
        text = text.replace(os.environ["TOOLS"], "$TOOLS").replace(ROOT, "$D").replace(self.job["runtime"], "$RT")
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}([+-]\d\d:\d\d|Z)", "TIME", text)
        text = re.sub(r"pipe:\[\d+\]", "PIPE", text)
        text = re.sub(r"(/pid)\.\w{6}\b", r"\1.XXXXXX", text)
        text = re.sub(r"conmon-term\.\w{6}", "conmon-term.XXXXXX", text)
        return text

    def describe_monitor(self):
        with open(f"/proc/{self.monitor}/status", encoding="ascii") as file:
            status = dict(line.split(":", 1) for line in file)
        for key in ("Umask", "SigIgn"):
            self.fact("monitor", f"{key} {status[key].strip()}")
        self.fact("monitor", f"leads a session: {os.getsid(self.monitor) == self.monitor}")
        for what in ("cwd", "fd/0", "fd/1", "fd/2"):
            self.fact("monitor", f"{what} {self.normal(os.readlink(f'/proc/{self.monitor}/{what}'))}")

    def tree(self, when):
        """Everything in $D and in the default socket directory: names, types, modes, contents."""
        entries = []
        for top in (ROOT, "/run/crio"):
            for directory, dirs, files in os.walk(top):
                entries += [f"{directory}/{name}" for name in dirs + files]
        for path in sorted(entries):
            short = self.normal(path)
            if short.startswith("$D/fake/") and when == "running" or short in NOT_FACTS:
                continue
            short = re.sub(r"\.\w{6}$", ".XXXXXX", short) if os.path.dirname(short) in RECORDS else short
            try:
                info = os.lstat(path)
                detail = self.contents(path, info)
            except FileNotFoundError:
                continue
            self.fact(when, f"{short} {stat.filemode(info.st_mode)}")
            for line in detail:
                self.fact(when, f"{short}: {line}")

    def contents(self, path, info):
        """A line for each line of a file, as the order of records of two streams is nobody's promise."""
        if stat.S_ISLNK(info.st_mode):
            return ["-> " + self.normal(os.readlink(path))]
        if not stat.S_ISREG(info.st_mode):
            return []
        if path.endswith("exit.json"):
            return ["{...}"]
        with open(path, "rb") as file:
            data = file.read()
        lines = [self.normal(text_of(line)[:400]) for line in data.splitlines(keepends=True)]
        if path.startswith(f"{ROOT}/fake/argv"):
            return [f"{number} {line}" for number, line in enumerate(lines)]
        if "pid" in os.path.basename(path):
            lines = [self.named(line) for line in lines]
        lines = [self.named(line) if line.startswith("LISTEN_PID=") else line for line in lines]
        # Bash blocks signals now and then.
        return sorted(line for line in lines if not (path.startswith(f"{ROOT}/fake/") and line.startswith("SigBlk")))

    def conclude(self):
        for kind, lines in (("sync", self.sync_lines), ("attach", self.attach_lines)):
            for number, line in enumerate(lines):
                self.fact(kind, f"{number} {self.named(self.normal(line))!r}" if line != "EOF" else line)
        self.fact("status", str(self.exits.pop(self.pid, "none")))
        for pid, name in self.names.items():
            if name == "MONITOR":
                self.fact("monitor", f"ended with {self.exits.get(pid, 'none')}")
        self.tree("ended")
        for entry in self.journal.take():
            self.fact("journal", self.normal(entry))
        for message in self.syslog.take():
            self.fact("syslog", self.normal(message))
        return sorted(self.facts)

    def end_everything(self):
        """After the deadline: our children, until there are none; each is unreaped, so that its number is its own."""
        while self.reap():
            for pid in children_of(os.getpid()):
                self.fact("left", process_name(pid))
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def run(self):
        self.prepare()
        self.launch()
        try:
            self.drive()
        except Gone:
            self.fact("deadline", "passed")
            self.end_everything()
        facts = self.conclude()
        for fd in (self.ready, self.go):
            os.close(fd)
        for sock in (self.sync, self.attach, self.start):
            if sock:
                sock.close()
        return facts


class Journal:
    """A socket that takes log messages, and what was sent to it."""

    def __init__(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path)
        self.sock.setblocking(False)
        self.entries = []

    def receive(self):
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self.sock, 1 << 20, 4)
            except BlockingIOError:
                return
            for fd in fds: # a large entry comes as a file
                data += os.pread(fd, 1 << 24, 0)
                os.close(fd)
            self.entries.append(data)

    def take(self):
        """The fields of all entries, each with the number of its entry."""
        self.receive()
        entries, self.entries = self.entries, []
        return [f"{number} {field}" for number, data in enumerate(sorted(entries, key=priority)) for field in self.fields(data)]

    @staticmethod
    def fields(data):
        while data:
            line, _, data = data.partition(b"\n")
            if b"=" not in line: # a length in 8 bytes, then the value
                length = struct.unpack("<Q", data[:8])[0]
                line += b"=" + data[8:8 + length]
                data = data[8 + length + 1:]
            yield text_of(line)


class Syslog(Journal):
    """The same for syslog: texts, without their times."""

    def take(self):
        self.receive()
        entries, self.entries = self.entries, []
        return [re.sub(r"^(<\d+>)(\w{3} [ \d]\d [\d:]{8} )?([\w-]+)(\[\d+\])?: ", r"\1 \3: ", text_of(entry)) for entry in entries]


def own_dev():
    """A /dev of our own, with what is in the other, so that a socket can be made there."""
    subprocess.run("mkdir /run/dev; mount --rbind /dev /run/dev; mount -t tmpfs -o mode=755 tmpfs /dev", shell=True, check=True)
    for name in os.listdir("/run/dev"):
        old, new = f"/run/dev/{name}", f"/dev/{name}"
        if os.path.islink(old) or name == "ptmx": # which looks for pts beside itself
            os.symlink("pts/ptmx" if name == "ptmx" else os.readlink(old), new)
            continue
        if os.path.isdir(old):
            os.mkdir(new)
        else:
            with open(new, "w", encoding="ascii"):
                pass
        subprocess.run(["mount", "--rbind", old, new], check=True)
    if os.path.lexists("/dev/log"):
        os.unlink("/dev/log")


def priority(entry):
    """Sorts by stream, keeps the order within one."""
    return re.findall(rb"PRIORITY=(\d)", entry)


def text_of(data):
    return data.decode("utf-8", "backslashreplace").replace("\n", "\\n").replace("\r", "\\r").replace("\0", "\\0")


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def process_name(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return "?"


def children_of(parent):
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and parent_of(int(name)) == parent:
                found.append(int(name))
        except OSError:
            continue
    return found


def main():
    job = json.load(sys.stdin)
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) # PR_SET_CHILD_SUBREAPER
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
    os.umask(0o022)
    os.mkdir("/run/crio")
    own_dev()
    journal, syslog = Journal("/run/systemd/journal/socket"), Syslog("/dev/log")
    facts = {}
    for case in job["cases"]:
        facts[case["name"]] = Scene(job, case, journal, syslog).run()
        for name in os.listdir("/run/crio"):
            os.unlink(f"/run/crio/{name}")
    with open(job["out"], "w", encoding="utf-8") as out:
        json.dump(facts, out)


WAKE, WAKE_WRITE = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
signal.signal(signal.SIGCHLD, lambda *_: None)
signal.set_wakeup_fd(WAKE_WRITE)
main()
