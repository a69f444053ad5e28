#!/usr/bin/env python3
"""`keyward manifest init` in a terminal (a pty): it asks, asks again, and writes. tests/tools/manifest_init.py KEYWARD"""
import os
import pty
import select
import subprocess
import sys
import tempfile
import time


def talk(keyward, directory, answers):
    """Answers each question (its words, what to type); the exit code and all that was shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(directory)
        os.execv(keyward, [keyward, "manifest", "init"])
    shown, until = b"", time.monotonic() + 60
    waiting = list(answers)
    seen = 0
    while time.monotonic() < until:
        if waiting and waiting[0][0].encode() in shown[seen:]:
            seen = len(shown)
            os.write(terminal, waiting.pop(0)[1].encode() + b"\n")
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                more = os.read(terminal, 4096)
            except OSError:  # the other end is gone
                break
            if not more:
                break
            shown += more
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def main():
    keyward = os.path.realpath(sys.argv[1])
    with tempfile.TemporaryDirectory() as directory:
        app = os.path.join(directory, "mailer")
        os.mkdir(app)
        code, shown = talk(keyward, app, [
            ("Name [mailer]:", ""),
            ("What is it for:", "Sends \"mail\""),
            ("Who answers for it", "group:default/a b"),
            ("which it cannot be", "group:default/ops"),
            ("Business unit:", ""),
            ("an answer is needed", "marketing"),
            ("Data class", "secret"),
            ("use public, internal", "internal"),
            ("Tier", ""),
        ])
        assert code == 0 and "wrote catalog-info.yaml" in shown, shown
        check = subprocess.run([keyward, "check", app], capture_output=True, text=True, check=False)
        assert check.returncode == 0, check.stdout + check.stderr
        with open(os.path.join(app, "catalog-info.yaml"), encoding="utf-8") as written:
            text = written.read()
        assert 'name: "mailer"' in text and "tier: prototype" in text, text
        code, shown = talk(keyward, app, [])
        assert code == 2 and "--force" in shown, shown
        os.remove(os.path.join(app, "catalog-info.yaml"))
        code, shown = talk(keyward, app, [("Name [mailer]:", "a b"), ("Name [mailer]:", "c d"), ("Name [mailer]:", "e f")])
        assert code == 2 and "give --name" in shown, shown
        assert not os.listdir(app), "nothing is written"
    print("manifest init in a terminal: ok")


main()
