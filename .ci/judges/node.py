"""Runs `client.mjs` and `data-center.mjs` against the sandbox, each in its flavour.

Usage: node.py DISPUTEBOT FOLDER, where FOLDER holds `node_modules`
"""

import shutil
import subprocess
import sys
from pathlib import Path

from sandbox import fail, sandbox

binary, folder = sys.argv[1:]
for flavour, name in (("cloud", "client.mjs"), ("data-center", "data-center.mjs")):
    # Modules are looked for beside the script.
    script = Path(shutil.copy(Path(__file__).with_name(name), folder))
    with sandbox(binary, flavour) as site:
        ended = subprocess.run(["node", script, site.url, site.user, site.token], check=False)
    if ended.returncode != 0:
        fail(f"jira.js ended with {ended.returncode} on {flavour}")
