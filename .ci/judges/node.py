"""Runs `client.mjs` against the sandbox.

Usage: node.py DISPUTEBOT FOLDER, where FOLDER holds `node_modules`
"""

import shutil
import subprocess
import sys
from pathlib import Path

from sandbox import fail, sandbox

binary, folder = sys.argv[1:]
# Modules are looked for beside the script.
script = Path(shutil.copy(Path(__file__).with_name("client.mjs"), folder))
with sandbox(binary, "cloud") as site:
    ended = subprocess.run(["node", script, site.url, site.user, site.token], check=False)
if ended.returncode != 0:
    fail(f"jira.js ended with {ended.returncode}")
