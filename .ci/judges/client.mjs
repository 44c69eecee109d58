// Drives the sandbox as Cloud with `jira.js`, which checks every answer: what it does not understand fails here. Data
// Center is driven by `data-center.mjs`.
//
// Usage: node client.mjs URL USER TOKEN
import assert from "node:assert/strict";

import { Version2Client, Version3Client } from "jira.js";

const [url, email, apiToken] = process.argv.slice(2);
const config = { host: url, authentication: { basic: { email, apiToken } } };
const three = new Version3Client(config);
const two = new Version2Client(config);

const fields = (summary, more = {}) => ({
  project: { key: "DISP" },
  issuetype: { name: "Task" },
  summary,
  ...more,
});

const info = await three.serverInfo.getServerInfo();
assert.equal(info.deploymentType, "Cloud");
const myself = await three.myself.getCurrentUser();
assert.equal(myself.displayName, "disputebot");

const first = await three.issues.createIssue({ fields: fields("made by jira.js", { description: "plain text" }) });
const second = await two.issues.createIssue({ fields: fields("by version 2", { description: "h2. Why" }) });
const read = await three.issues.getIssue({ issueIdOrKey: first.key });
assert.equal(read.fields.description.content[0].content[0].text, "plain text");
const markup = await two.issues.getIssue({ issueIdOrKey: second.key });
assert.equal(markup.fields.description, "h2. Why");

const found = await three.issueSearch.searchForIssuesUsingJqlEnhancedSearchPost({
  jql: "project = DISP ORDER BY key",
  fields: ["summary"],
});
assert.deepEqual(found.issues.map((issue) => issue.key), [first.key, second.key]);

const { transitions } = await three.issues.getTransitions({ issueIdOrKey: first.key });
const close = transitions.find((way) => way.to.statusCategory.key === "done");
await three.issues.doTransition({
  issueIdOrKey: first.key,
  transition: { id: close.id },
  fields: { resolution: { name: "Done" } },
});
await three.issues.editIssue({ issueIdOrKey: first.key, update: { labels: [{ add: "judged" }] } });

await three.issueComments.addComment({ issueIdOrKey: first.key, comment: "said by jira.js" });
const { comments } = await three.issueComments.getComments({ issueIdOrKey: first.key });
assert.equal(comments[0].body.content[0].content[0].text, "said by jira.js");

const [file] = await three.issueAttachments.addAttachment({
  issueIdOrKey: first.key,
  attachment: { filename: "members.csv", file: Buffer.from("a,b\n1,2\n") },
});
const stored = await three.issueAttachments.getAttachment({ id: file.id });
assert.equal(stored.filename, "members.csv");

await three.issueLinks.linkIssues({
  type: { name: "Relates" },
  inwardIssue: { key: first.key },
  outwardIssue: { key: second.key },
});
await three.issueProperties.setIssueProperty({
  issueIdOrKey: first.key,
  propertyKey: "judge",
  propertyValue: { by: "jira.js" },
});
const property = await three.issueProperties.getIssueProperty({ issueIdOrKey: first.key, propertyKey: "judge" });
assert.deepEqual(property.value, { by: "jira.js" });
const remote = { issueIdOrKey: first.key, globalId: "g", object: { url: "https://example.com/", title: "elsewhere" } };
await three.issueRemoteLinks.createOrUpdateRemoteIssueLink(remote);
await three.issueRemoteLinks.createOrUpdateRemoteIssueLink(remote);
const remotes = await three.issueRemoteLinks.getRemoteIssueLinks({ issueIdOrKey: first.key });
assert.equal(remotes.length, 1);

await three.issues.assignIssue({ issueIdOrKey: second.key, accountId: myself.accountId });
await three.issueWatchers.addWatcher({ issueIdOrKey: second.key, accountId: myself.accountId });
await assert.rejects(three.issues.getIssue({ issueIdOrKey: "DISP-404" }));

const types = await three.issues.getCreateIssueMetaIssueTypes({ projectIdOrKey: "DISP" });
assert.ok((types.issueTypes ?? types.createMetaIssueType).length > 0);
const permissions = await three.permissions.getMyPermissions({ permissions: "CREATE_ISSUES", projectKey: "DISP" });
assert.equal(permissions.permissions.CREATE_ISSUES.havePermission, true);

await three.issueAttachments.removeAttachment({ id: file.id });
await three.issues.deleteIssue({ issueIdOrKey: second.key });
const last = await three.issues.getIssue({ issueIdOrKey: first.key });
assert.equal(last.fields.status.name, "Done");
assert.equal(last.fields.attachment.length, 0);
console.log("jira.js on cloud: ok");
