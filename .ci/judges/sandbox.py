"""Starts `disputebot sandbox` for a judge, and ends it with a look at what was left."""

import contextlib
import re
import signal
import subprocess


class Sandbox:
    """Where it answers and how to sign in."""

    def __init__(self, flavour, url, user, token):
        self.flavour, self.url, self.user, self.token = flavour, url, user, token


def fail(text):
    raise SystemExit(f"judges: FAILED: {text}")


@contextlib.contextmanager
def sandbox(binary, flavour, may_ask_for_anything=False):
    command = [binary, "sandbox", "--port", "0", "--flavour", flavour]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found = {}
    for line in process.stdout:
        for name, pattern in (
            ("url", r"^board\s+(\S+)"),
            ("user", r'user = "(.+)"'),
            ("token", r"DISPUTEBOT_JIRA_TOKEN=(\S+)"),
        ):
            match = re.search(pattern, line)
            if match:
                found[name] = match.group(1)
        if "token" in found:
            break
    if len(found) != 3:
        fail(f"the sandbox did not say where it is: {found} {process.stderr.read()}")
    try:
        yield Sandbox(flavour, **found)
    finally:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    left = [line for line in told.splitlines() if "unknown to the sandbox" in line]
    if left and not may_ask_for_anything:
        fail("a client asked for what the sandbox does not have:\n" + "\n".join(left))
