"""Drives the sandbox with `jira` and `atlassian-python-api`, in both flavours: what real clients do must work.

Usage: clients.py DISPUTEBOT
"""

import io
import sys

from atlassian import Jira
from jira import JIRA, JIRAError

from sandbox import fail, sandbox


def expect(what, found, wanted):
    if found != wanted:
        fail(f"{what}: expected {wanted!r}, but found {found!r}")


def new(summary, **more):
    return {"project": {"key": "DISP"}, "issuetype": {"name": "Task"}, "summary": summary, **more}


def drive_jira(site):
    is_cloud = site.flavour == "cloud"
    # Without retries a refusal shows at once.
    signed = {"basic_auth": (site.user, site.token)} if is_cloud else {"token_auth": site.token}
    client = JIRA(site.url, max_retries=0, **signed)
    expect("the product", client.server_info()["deploymentType"], "Cloud" if is_cloud else "Server")
    expect("the caller", client.myself()["displayName"], "disputebot")

    text = "h2. Why\n\nBecause of the price."
    first = client.create_issue(new("made by jira", description=text, labels=["a", "b"]))
    expect("the text", first.fields.description, text)
    second, third = client.create_issues([new("many 1"), new("many 2")])
    second, third = second["issue"], third["issue"]

    found = client.search_issues("project = DISP AND labels = a ORDER BY key", maxResults=False)
    expect("the search", [issue.key for issue in found], [first.key])
    expect("all issues", len(client.search_issues("project = DISP", maxResults=False)), 3)

    first.update(summary="changed by jira", update={"labels": [{"remove": "b"}, {"add": "c"}]})
    expect("the labels", sorted(client.issue(first.key).fields.labels), ["a", "c"])

    names = [way["name"] for way in client.transitions(first)]
    expect("the ways", names, ["Start work", "Close"])
    client.transition_issue(first, "Start work")
    client.transition_issue(first, "Close", resolution={"name": "Done"})
    closed = client.issue(first.key)
    expect("the end", (closed.fields.status.name, closed.fields.resolution.name), ("Done", "Done"))

    comment = client.add_comment(first, "said by jira")
    comment.update(body="said again by jira")
    expect("the comments", [said.body for said in client.comments(first)], ["said again by jira"])

    for _ in range(2):
        attached = client.add_attachment(first, io.BytesIO(b"a,b\n1,2\n"), "members.csv")
    expect("the file", client.attachment(attached.id).get(), b"a,b\n1,2\n")
    expect("files pile up", len(client.issue(first.key).fields.attachment), 2)
    client.delete_attachment(attached.id)
    expect("the limit", client.attachment_meta()["uploadLimit"] > 0, True)

    client.create_issue_link("Relates", first.key, second.key)
    links = client.issue(first.key).fields.issuelinks
    expect("the link", [link.outwardIssue.key for link in links if hasattr(link, "outwardIssue")], [second.key])
    client.add_issue_property(first.key, "judge", {"by": "jira"})
    expect("the property", client.issue_property(first.key, "judge").value.by, "jira")
    client.add_simple_link(first, {"url": "https://example.com/", "title": "elsewhere"})
    expect("the remote link", client.remote_links(first)[0].object.title, "elsewhere")

    # The client finds the account by a name; on Data Center it is the name.
    client.assign_issue(second, "disputebot")
    expect("the assignee", client.issue(second.key).fields.assignee.displayName, "disputebot")
    client.assign_issue(second, None)
    client.add_watcher(second, "disputebot")
    expect("the watchers", client.watchers(second).watchCount, 1)

    expect("the priorities", [found.name for found in client.priorities()][:2], ["Highest", "High"])
    expect("the project", client.project("DISP").name, "Disputes")
    if not is_cloud:
        # On Cloud the client knows only the create metadata that was removed.
        types = client.project_issue_types("DISP")
        fields = client.project_issue_fields("DISP", issue_type=types[0].id)
        expect("the fields", "summary" in [field.fieldId for field in fields], True)
    try:
        client.create_issue(new("x", priority={"name": "No such"}))
    except JIRAError as refused:
        expect("the refusal", refused.status_code, 400)
    else:
        fail("an unknown priority was taken")
    third.delete()
    expect("what is left", len(client.search_issues("project = DISP", maxResults=False)), 2)


def drive_atlassian(site):
    is_cloud = site.flavour == "cloud"
    if is_cloud:
        client = Jira(url=site.url, username=site.user, password=site.token, cloud=True)
    else:
        client = Jira(url=site.url, token=site.token)
    first = client.create_issue(fields=new("made by atlassian-python-api", description="plain"))["key"]
    second = client.create_issue(fields=new("another one"))["key"]
    expect("the text", client.issue(first)["fields"]["summary"], "made by atlassian-python-api")
    jql = "project = DISP ORDER BY key"
    found = client.enhanced_jql(jql, fields="summary") if is_cloud else client.jql(jql, fields="summary")
    expect("the search", [issue["fields"]["summary"] for issue in found["issues"]][-1], "another one")
    client.update_issue_field(first, {"summary": "changed"})
    expect("the change", client.issue_field_value(first, "summary"), "changed")
    client.set_issue_status(first, "In Progress")
    client.set_issue_status(first, "Done", fields={"resolution": {"name": "Done"}})
    expect("the status", client.get_issue_status(first), "Done")
    client.issue_add_comment(first, "said by atlassian-python-api")
    comments = client.issue_get_comments(first)["comments"]
    expect("the comments", len(comments), 1)
    client.add_attachment_object(first, io.BytesIO(b"x"))
    expect("the file", len(client.issue(first)["fields"]["attachment"]), 1)
    client.create_issue_link(
        {"type": {"name": "Blocks"}, "inwardIssue": {"key": first}, "outwardIssue": {"key": second}}
    )
    expect("the link", len(client.issue(first)["fields"]["issuelinks"]), 1)
    client.put(f"rest/api/2/issue/{first}/properties/judge", data={"by": "atlassian"})
    expect("the property", client.get_issue_property(first, "judge")["value"], {"by": "atlassian"})
    client.create_or_update_issue_remote_links(first, "https://example.com/", "elsewhere", global_id="g")
    client.create_or_update_issue_remote_links(first, "https://example.com/", "again", global_id="g")
    expect("the remote links", len(client.get_issue_remote_links(first)), 1)
    client.delete_issue(second)


def main():
    for flavour in ("cloud", "data-center"):
        for drive in (drive_jira, drive_atlassian):
            with sandbox(sys.argv[1], flavour) as site:
                drive(site)
                print(f"{drive.__name__.removeprefix('drive_')} on {flavour}: ok")


if __name__ == "__main__":
    main()
