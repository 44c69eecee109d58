"""Judges the reader of SQL Server with Microsoft's own stand-in of that server, which shares nothing with ours.

Usage: mssql.py DISPUTEBOT SERVER; the package `mssql` beside this file is the server, and says what its rows are.
"""

import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile

# As the server has them: the first and the last whole number of eight bytes, and text beyond the basic plane.
ROWS = [
    {
        "dispute_id": "-9223372036854775808",
        "program": "mdrp",
        "manufacturer": "Example Pharma Ω",
        "ndc": "12345-0678-90",
        "product_name": "Größe 𝔸",
        "units_disputed": "2147483647",
        "units_invoiced": "9223372036854775807",
    },
    {"dispute_id": "2", "program": "340b", "manufacturer": "Example Pharma Ω", "ndc": "12345-0678-90", "units_invoiced": "0"},
    {
        "dispute_id": "9223372036854775807",
        "program": "mdrp",
        "manufacturer": "Example Pharma Ω",
        "ndc": "12345-0678-90",
        "units_disputed": "-2147483648",
    },
]


def fail(text):
    raise SystemExit(f"judges: FAILED: {text}")


def expect(condition, text):
    if not condition:
        fail(text)


@contextlib.contextmanager
def started(server):
    process = subprocess.Popen([server], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def preview(binary, folder, code):
    command = [binary, "source", "preview", "--json"]
    ended = subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, timeout=120)
    expect(ended.returncode == code, f"exit code {ended.returncode}: {ended.stderr} {ended.stdout}")
    (shown,) = json.loads(ended.stdout)
    return shown


def main(binary, server):
    with tempfile.TemporaryDirectory() as place, started(server) as port:
        folder = pathlib.Path(place)
        secret = folder / "secret"
        secret.touch(mode=0o600)
        secret.write_text("pw")

        def read_from(table):
            (folder / "disputebot.toml").write_text(
                f'[source]\ndatabase = "sqlserver://127.0.0.1:{port}/claims"\ntable = "{table}"\ntls = "off"\n'
                'user = "reader"\nsecret_file = "secret"\n'
            )

        read_from("dbo.open_disputes")
        shown = preview(binary, folder, 0)
        expect(shown["incomplete"] == [], f"all of it is read: {shown['incomplete']}")
        expect((shown["rows"], shown["rejected"]) == (3, 0), f"three rows, none rejected: {shown}")
        expect(shown["first"] == ROWS, f"each value exactly: {shown['first']}")
        read_from("dbo.gone")
        shown = preview(binary, folder, 4)
        expect("it gives no table" in shown["incomplete"][0], f"a table that is not there: {shown}")
    print("judges: SQL Server: whole numbers, texts and NULL of Microsoft's stand-in come exactly")


if __name__ == "__main__":
    main(*sys.argv[1:])
