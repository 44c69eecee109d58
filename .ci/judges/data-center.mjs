// Drives the sandbox as Data Center with `jira.js`, which knows version 2 of the interface as Cloud has it: what both
// products have in common must work.
//
// Usage: node data-center.mjs URL USER TOKEN
import assert from "node:assert/strict";

import { Version2Client } from "jira.js";

const [url, , personalAccessToken] = process.argv.slice(2);
const client = new Version2Client({ host: url, authentication: { oauth2: { accessToken: personalAccessToken } } });

const fields = (summary, more = {}) => ({
  project: { key: "DISP" },
  issuetype: { name: "Task" },
  summary,
  ...more,
});

const info = await client.serverInfo.getServerInfo();
assert.equal(info.deploymentType, "Server");

const text = "h2. Why\n\nBecause of the price.";
const first = await client.issues.createIssue({ fields: fields("made by jira.js", { description: text, labels: ["a"] }) });
const second = await client.issues.createIssue({ fields: fields("another one") });
const read = await client.issues.getIssue({ issueIdOrKey: first.key });
assert.equal(read.fields.description, text);

const found = await client.issueSearch.searchForIssuesUsingJqlPost({
  jql: "project = DISP ORDER BY key",
  fields: ["summary"],
  startAt: 0,
  maxResults: 1,
});
assert.deepEqual([found.total, found.issues.map((issue) => issue.key)], [2, [first.key]]);

const { transitions } = await client.issues.getTransitions({ issueIdOrKey: first.key });
const close = transitions.find((way) => way.to.statusCategory.key === "done");
await client.issues.doTransition({
  issueIdOrKey: first.key,
  transition: { id: close.id },
  fields: { resolution: { name: "Done" } },
});
await client.issues.editIssue({ issueIdOrKey: first.key, update: { labels: [{ add: "judged" }] } });

await client.issueComments.addComment({ issueIdOrKey: first.key, comment: "said by jira.js" });
const { comments } = await client.issueComments.getComments({ issueIdOrKey: first.key });
assert.deepEqual(comments.map((comment) => comment.body), ["said by jira.js"]);

const [file] = await client.issueAttachments.addAttachment({
  issueIdOrKey: first.key,
  attachment: { filename: "members.csv", file: Buffer.from("a,b\n1,2\n") },
});
assert.equal((await client.issueAttachments.getAttachment({ id: file.id })).filename, "members.csv");

await client.issueLinks.linkIssues({
  type: { name: "Relates" },
  inwardIssue: { key: first.key },
  outwardIssue: { key: second.key },
});
await client.issueProperties.setIssueProperty({
  issueIdOrKey: first.key,
  propertyKey: "judge",
  propertyValue: { by: "jira.js" },
});
const property = await client.issueProperties.getIssueProperty({ issueIdOrKey: first.key, propertyKey: "judge" });
assert.deepEqual(property.value, { by: "jira.js" });
await assert.rejects(client.issues.getIssue({ issueIdOrKey: "DISP-404" }));

const last = await client.issues.getIssue({ issueIdOrKey: first.key });
assert.equal(last.fields.status.name, "Done");
assert.equal(last.fields.resolution.name, "Done");
assert.deepEqual(last.fields.labels, ["a", "judged"]);
assert.deepEqual(last.fields.issuelinks.map((link) => link.outwardIssue.key), [second.key]);
assert.equal(last.fields.attachment.length, 1);
await client.issueAttachments.removeAttachment({ id: file.id });
await client.issues.deleteIssue({ issueIdOrKey: second.key });
console.log("jira.js on data-center: ok");
