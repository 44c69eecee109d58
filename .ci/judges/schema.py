"""Checks the answers of the sandbox against the vendor's specifications with schemathesis.

Usage: schema.py DISPUTEBOT SCHEMATHESIS FOLDER, where FOLDER holds the vendor's `openapi-*.json`

The specification is trimmed in a temporary folder to the operations that the sandbox has, which is found out by asking
it, and its known faults are mended there: see `mend`.
"""

import base64
import json
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from sandbox import fail, sandbox

# Checks that say something about the sandbox. The specifications name neither all statuses nor all rules for input.
CHECKS = "not_a_server_error,content_type_conformance,response_schema_conformance"
EXAMPLES = 8

# Operations that would take away what the others are asked about: they are asked after those, in a sandbox of their own.
LAST = {
    ("delete", "/issue/{issueIdOrKey}"),
    ("put", "/project/{projectIdOrKey}"),
    ("post", "/project/{projectIdOrKey}/archive"),
    ("put", "/project/{projectIdOrKey}/archive"),
    ("put", "/issue/archive"),
    ("post", "/bulk/issues/move"),
}
# Operations that answer 500 by specification, by flavour: to a wrong id of a transition. All else is checked of them.
MAY_BREAK = {"cloud": set(), "data-center": {("post", "/issue/{issueIdOrKey}/transitions")}}
# The least number of operations that must be found to be there, and of those that are asked last.
LEAST = {"cloud": (55, 5), "data-center": (50, 3)}


def call(site, method, path, body=None, files=None):
    prefix = "/rest/api/3" if site.flavour == "cloud" else "/rest/api/2"
    request = urllib.request.Request(site.url + prefix + path, method=method.upper())
    for name, value in headers(site).items():
        request.add_header(name, value)
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    if files is not None:
        request.add_header("Content-Type", "multipart/form-data; boundary=frame")
        request.data = files
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read()


def headers(site):
    if site.flavour == "cloud":
        signed = "Basic " + base64.b64encode(f"{site.user}:{site.token}".encode()).decode()
    else:
        signed = f"Bearer {site.token}"
    return {"Authorization": signed, "X-Atlassian-Token": "no-check"}


def is_there(site, method, path):
    """Whether the sandbox has an operation: it words an unknown path and an unknown method in its own way."""
    filled = "".join(part if at % 2 == 0 else "1" for at, part in enumerate(path.replace("}", "{").split("{")))
    status, text = call(site, method, filled)
    unknown = b"No endpoint takes this request" in text or b'"status-code"' in text
    return not (status in (404, 405) and unknown)


def furnish(site):
    """Puts something of everything into the sandbox, and gives the values of path parameters that lead to it."""
    is_cloud = site.flavour == "cloud"

    def text(words):
        paragraph = {"type": "paragraph", "content": [{"type": "text", "text": words}]}
        return {"type": "doc", "version": 1, "content": [paragraph]} if is_cloud else words

    def made(path, body):
        status, answer = call(site, "post", path, body)
        if status not in (200, 201):
            fail(f"could not furnish the sandbox: {status} at {path}: {answer.decode()}")
        return json.loads(answer) if answer else None

    fields = {"project": {"key": "DISP"}, "issuetype": {"name": "Task"}, "labels": ["a"], "description": text("why")}
    for summary in ("one", "two"):
        made("/issue", {"fields": {**fields, "summary": summary}})
    comment = made("/issue/DISP-1/comment", {"body": text("said")})
    ends = {"inwardIssue": {"key": "DISP-1"}, "outwardIssue": {"key": "DISP-2"}}
    made("/issueLink", {"type": {"name": "Relates"}, **ends})
    remote = made("/issue/DISP-1/remotelink", {"object": {"url": "https://example.com/", "title": "elsewhere"}})
    call(site, "put", "/issue/DISP-1/properties/judge", {"by": "schemathesis"})
    call(site, "put", "/project/DISP/properties/judge", {"by": "schemathesis"})
    frame = (
        b'--frame\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b\r\n--frame--\r\n'
    )
    _, attached = call(site, "post", "/issue/DISP-1/attachments", files=frame)
    _, issue = call(site, "get", "/issue/DISP-1")
    link = json.loads(issue)["fields"]["issuelinks"][0]["id"]
    return {
        "issueIdOrKey": ["DISP-1", "DISP-404"],
        "projectIdOrKey": ["DISP", "NOPE"],
        "projectKeyOrId": ["DISP", "NOPE"],
        "propertyKey": ["judge", "none"],
        "issueTypeId": ["10001", "1"],
        "commentId": [comment["id"]],
        "linkId": [link, str(remote["id"])],
        "attachmentId": [json.loads(attached)[0]["id"]],
    }


def without_date_times(schema):
    """Times of Jira have an offset without a colon, which the format named in the specification does not allow."""
    if isinstance(schema, dict):
        if schema.get("format") == "date-time":
            del schema["format"]
        for part in schema.values():
            without_date_times(part)
    elif isinstance(schema, list):
        for part in schema:
            without_date_times(part)


def mend(flavour, path, operation):
    """Mends what is known to be wrong in the vendor's files."""
    for response in operation["responses"].values():
        # An empty schema stands where there is no body as well.
        if all(body.get("schema", {}) == {} for body in response.get("content", {}).values()):
            response.pop("content", None)
    if path in ("/issue/bulk", "/bulk/issues/move"):
        # A body of the wrong form is refused as everywhere else.
        operation["responses"].get("400", {}).pop("content", None)
    ok = operation["responses"].get("200", {}).get("content", {}).get("application/json")
    if flavour == "cloud" or ok is None:
        return
    # Data Center types many lists as what is in them, and pages too.
    lists = ("/field", "/priority", "/resolution", "/status", "/statuscategory", "/user/search",
             "/user/assignable/search", "/issue/{issueIdOrKey}/attachments",
             "/project/{projectIdOrKey}/components", "/project/{projectIdOrKey}/versions",
             "/project/{projectIdOrKey}/statuses")
    pages = ("/priority/page", "/resolution/page", "/project/{projectIdOrKey}/version",
             "/issue/createmeta/{projectIdOrKey}/issuetypes",
             "/issue/createmeta/{projectIdOrKey}/issuetypes/{issueTypeId}")
    schema = ok["schema"]
    if path.endswith("/properties/{propertyKey}") or path == "/issue/{issueIdOrKey}/remotelink":
        # A property is any JSON, not a string; remote links are a list, or one if asked for by global id.
        ok["schema"] = {"type": "object"} if "properties" in path else {}
        return
    if path in pages and schema.get("type") != "array":
        ok["schema"] = {"type": "object", "required": ["values"],
                        "properties": {"values": {"type": "array", "items": schema}}}
    elif path in lists and schema.get("type") != "array" and "Wrapper" not in schema.get("$ref", ""):
        ok["schema"] = {"type": "array", "items": schema}


def trim(site, spec, values, is_wanted):
    prefix = "/rest/api/3" if site.flavour == "cloud" else "/api/2"
    kept = {}
    for path, operations in spec["paths"].items():
        if not path.startswith(prefix + "/"):
            continue
        bare = path.removeprefix(prefix)
        for method, operation in operations.items():
            if method not in ("get", "post", "put", "delete") or not is_wanted((method, bare)):
                continue
            if not is_there(site, method, bare):
                continue
            mend(site.flavour, bare, operation)
            for parameter in operation.get("parameters", []):
                name = parameter["name"]
                if parameter["in"] == "path":
                    if name == "id":
                        name = "commentId" if "comment" in bare else "attachmentId"
                    if name in values:
                        parameter["schema"] = {"type": "string", "enum": values[name]}
            kept.setdefault(path, {})[method] = operation
    spec["paths"] = kept
    # Data Center states its addresses from `/rest` on.
    spec["servers"] = [{"url": site.url if site.flavour == "cloud" else site.url + "/rest"}]
    return spec, sum(len(operations) for operations in kept.values())


def judge(binary, schemathesis, flavour, file, is_wanted, least, checks=CHECKS):
    vendors = json.loads(file.read_text())
    without_date_times(vendors)
    schemas = vendors["components"]["schemas"]
    # The history has null where a field had no value.
    for name in ("ChangeDetails", "ChangeItemBean"):
        for schema in schemas.get(name, {}).get("properties", {}).values():
            schema["nullable"] = True
    # Fields are anything, not objects only.
    schemas.get("IssueBean", {}).get("properties", {}).get("fields", {})["additionalProperties"] = True
    with sandbox(binary, flavour, may_ask_for_anything=True) as site, tempfile.TemporaryDirectory() as temporary:
        spec, count = trim(site, vendors, furnish(site), is_wanted)
        if count < least:
            fail(f"{flavour}: only {count} operations of the specification were found in the sandbox")
        trimmed = Path(temporary) / "trimmed.json"
        trimmed.write_text(json.dumps(spec))
        command = [schemathesis, "run", str(trimmed), "--url", spec["servers"][0]["url"], "--checks", checks,
                   "--max-examples", str(EXAMPLES), "--seed", "1", "--phases", "examples,coverage,fuzzing",
                   "--mode", "all", "--warnings", "off", "--suppress-health-check", "all", "--no-shrink"]
        for header, value in headers(site).items():
            command += ["--header", f"{header}: {value}"]
        ended = subprocess.run(command, cwd=temporary, check=False)
        if ended.returncode != 0:
            fail(f"schemathesis found faults in the sandbox as {flavour}")
        print(f"schemathesis on {flavour}: {count} operations ok")


def main():
    binary, schemathesis, folder = sys.argv[1:]
    for flavour, name in (("cloud", "openapi-cloud.json"), ("data-center", "openapi-dc-10.3.json")):
        may_break, (least, least_last) = MAY_BREAK[flavour], LEAST[flavour]
        file = Path(folder) / name
        judge(binary, schemathesis, flavour, file, lambda found: found not in LAST | may_break, least)
        judge(binary, schemathesis, flavour, file, lambda found: found in LAST, least_last)
        if may_break:
            checks = CHECKS.replace("not_a_server_error,", "")
            judge(binary, schemathesis, flavour, file, lambda found: found in may_break, len(may_break), checks)


if __name__ == "__main__":
    main()
