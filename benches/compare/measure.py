"""One run of one contender, and many in turn: wall time, processor time, peak memory, exit code and count."""
import os
import statistics
import subprocess
import tempfile
import threading
import time


class Run:
    """What one run took. `anon` is sampled only on request, and then the times are not to be used."""

    def __init__(self, wall, cpu, count, anon=0):
        self.wall, self.cpu, self.count, self.anon = wall, cpu, count, anon


class Failed(Exception):
    pass


def once(contender, scratch, sample=False):
    argv = [part.replace("{scratch}", scratch) for part in contender.argv]
    env = {**os.environ, **contender.env}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        child = subprocess.Popen(argv, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=env)
        watch = Watch(child.pid) if sample else None
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = code = os.waitstatus_to_exitcode(status)
        anon = watch.stop() if watch else 0
        out.seek(0), err.seek(0)
        stdout, stderr = out.read(), err.read()
    if code not in contender.good:
        last = stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise Failed(f"exit {code} {' '.join(last)[:120]}")
    count = contender.scanned(stdout, stderr) if contender.scanned else None
    if contender.scanned and not count:
        raise Failed("scanned nothing")
    return Run(wall, used.ru_utime + used.ru_stime, count, anon)


class Watch(threading.Thread):
    """Samples a process's anonymous resident memory every two milliseconds: what it took for itself, without the pages
    of files that it maps (RssFile), which the system may drop at will."""

    def __init__(self, pid):
        super().__init__()
        self.path, self.peak, self.over = f"/proc/{pid}/status", 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.002):
            try:
                with open(self.path, encoding="ascii", errors="replace") as status:
                    text = status.read()
            except OSError:
                return
            at = text.find("RssAnon:")
            if at >= 0:
                self.peak = max(self.peak, int(text[at + 8:].split(None, 1)[0]) * 1024)

    def stop(self):
        self.over.set()
        self.join()
        return self.peak


class Result:
    """All runs of one contender, or why there are none."""

    def __init__(self, contender):
        self.contender, self.runs, self.failed = contender, [], None

    def wall(self):
        return statistics.median(run.wall for run in self.runs)

    def cpu(self):
        return statistics.median(run.cpu for run in self.runs)

    def count(self):
        return self.runs[0].count

    def row(self, ours):
        name = f"| {self.contender.name} | {self.contender.version_line()} |"
        if self.failed:
            return f"{name} {self.failed} | | | | | |"
        walls = [run.wall for run in self.runs]
        return (f"{name} {self.wall():.3f} | {min(walls):.3f} – {max(walls):.3f} | {self.cpu():.3f} | "
                f"{self.wall() / ours.wall():.2f} | {self.cpu() / ours.cpu():.2f} | {self.count() or ''} |")


HEAD = ["| contender | version | median s | range | cpu s | wall ÷ keyward's | cpu ÷ keyward's | scanned |",
        "|---|---|---|---|---|---|---|---|"]


def in_turns(contenders, runs, slow=()):
    """Each once to warm the caches, then `runs` times, taking turns, so that a slow minute hurts all alike. Those named
    in `slow` run at most twice: they take minutes. A contender that ends badly or scans nothing is failed, never fast."""
    results = {contender.name: Result(contender) for contender in contenders}
    for turn in range(runs + 1):
        for result in results.values():
            if not result.contender.known():
                result.failed = "not on PATH"
            if result.failed or turn > 2 and result.contender.name in slow:
                continue
            with tempfile.TemporaryDirectory() as scratch:
                try:
                    run = once(result.contender, scratch)
                except Failed as why:
                    result.failed = f"failed: {why}"
                    continue
            if turn:
                result.runs.append(run)
    return results


def table(results):
    ours = next(iter(results.values()))
    if ours.failed:
        raise SystemExit(f"{ours.contender.name}: {ours.failed}")
    return "\n".join(HEAD + [result.row(ours) for result in results.values()])
