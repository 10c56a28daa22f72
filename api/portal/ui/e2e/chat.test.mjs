import assert from "node:assert/strict";
import { test } from "node:test";
import { call, expectedFailure, key, look, makeAgent, open, signIn, url } from "./world.mjs";

const model = process.env.STEMMA_MODEL;
const station = process.env.STEMMA_STATION;

async function talk(page, agent) {
  await page.goto(`/app/agents/${agent.id}?tab=chat`);
  await page.getByRole("log").waitFor();
}

async function say(page, text) {
  await page.getByRole("textbox", { name: /^Message to/ }).fill(text);
  await page.keyboard.press("Enter");
}

// told goes on with the model's answer in steps, or waits for what it was told.
async function told(path) {
  const answer = await fetch(model + path, { signal: AbortSignal.timeout(60_000) });
  assert.ok(answer.ok, `${path}: ${answer.status}`);
}

// recorded waits for the run of an answer, which is written down behind it.
async function recorded(agent, status) {
  for (let tries = 0; tries < 300; tries++) {
    const { traces } = await call("GET", `/v1/portal/traces?agent_id=${agent.id}`);
    const found = traces.find((t) => t.status === status);
    if (found) return found;
    await new Promise((go) => setTimeout(go, 100));
  }
  assert.fail(`no run of ${agent.name} is ${status}`);
}

test("an answer comes word by word, with its tokens and cost, and is a run", async (t) => {
  const { page } = await open(t);
  const agent = await makeAgent("Stepper");
  await signIn(page);
  await talk(page, agent);
  await look(page, "chat-empty");
  await say(page, "Count in steps");
  const reply = page.getByRole("article", { name: "Stepper" });
  await reply.getByText("One", { exact: true }).waitFor();
  assert.ok(await page.getByRole("button", { name: "Stop" }).isVisible());
  await told("/next");
  await reply.getByText("One, two", { exact: true }).waitFor();
  await told("/next");
  await reply.getByText("One, two, three.").waitFor();
  await reply.getByText(/tokens/).waitFor();
  await reply.getByText(/^cost \$0\.0/).waitFor();
  await recorded(agent, "completed");
  await reply.getByRole("link", { name: "The recorded run" }).click();
  await page.getByRole("heading", { name: "Stepper" }).waitFor();
  await page.getByText("m-1 of openai answered").waitFor();
  await page.getByText("Ended: completed").waitFor();
  await page.getByText("What the model was sent").click();
  await page.getByText('"content": "Count in steps"').waitFor();
  await look(page, "call");
  await page.getByRole("link", { name: "Stepper" }).click();
  await page.getByText("completed").waitFor();
  await look(page, "agent-runs");
});

test("Stop ends the model's work too, and keeps what had come", async (t) => {
  const { page } = await open(t);
  const agent = await makeAgent("Endless");
  await signIn(page);
  await talk(page, agent);
  await say(page, "Go on for ever");
  const reply = page.getByRole("article", { name: "Endless" });
  await reply.getByText("It goes on and").waitFor();
  await page.getByRole("button", { name: "Stop" }).click();
  await reply.getByText("Stopped.").waitFor();
  await told("/stopped");
  const run = await recorded(agent, "cancelled");
  assert.equal((await call("GET", `/v1/portal/traces/${run.id}`)).run.partial, true);
  await look(page, "chat-stopped");
  // The next question goes with what was said before, as this agent does not remember.
  await say(page, "And now?");
  await page.getByText('You have said 2 things, the last of them "And now?".').waitFor();
  // Who leaves the page has stopped it as well.
  await say(page, "Go on for ever");
  await page.getByText("It goes on and").nth(1).waitFor();
  await page.getByRole("tab", { name: "Settings" }).click();
  await told("/stopped");
});

test("tools are shown with their input and output, sources with their quotes", async (t) => {
  const { page } = await open(t);
  const form = new FormData();
  form.set("name", "alps");
  form.set("files", new Blob(["The weather in Bern is told by a station on the roof."]), "bern.md");
  const made = await fetch(`${url}/v1/portal/knowledge-bases`, { method: "POST", headers: { Authorization: `ApiKey ${key}` }, body: form });
  assert.ok(made.ok, await made.text());
  const agent = await makeAgent("Weather agent", { mcpEndpoints: [{ name: "station", url: station }], knowledgeBaseRef: "alps", conversationsEnabled: true });
  await signIn(page);
  await talk(page, agent);
  await say(page, "How is the weather in Bern?");
  const reply = page.getByRole("article", { name: "Weather agent" });
  await reply.getByText("It is sunny in Bern.").waitFor();
  await reply.getByText("Called weather").click();
  await reply.getByText('"city": "Bern"').waitFor();
  await reply.getByText("sunny in Bern", { exact: true }).waitFor();
  await reply.getByText("1 source").click();
  await reply.getByRole("blockquote").getByText("told by a station on the roof").waitFor();
  await look(page, "chat-tools");
  await reply.getByRole("link", { name: "bern.md" }).click();
  await page.getByRole("heading", { name: "bern.md" }).waitFor();
});

test("Markdown is shown, and nothing else of it gets into the page", async (t) => {
  const { page } = await open(t);
  const agent = await makeAgent("Writer");
  await signIn(page);
  await talk(page, agent);
  await say(page, "Write markdown");
  const reply = page.getByRole("article", { name: "Writer" });
  await reply.getByText("is text.").waitFor();
  await reply.getByRole("heading", { name: "Marmots" }).waitFor();
  assert.equal(await reply.getByRole("listitem").count(), 4);
  assert.equal(await reply.locator("strong").textContent(), "sleep");
  assert.equal(await reply.locator("pre").textContent(), "if (cold) sleep();");
  assert.equal(await reply.getByRole("cell").count(), 2);
  assert.deepEqual(await reply.locator(".markdown a").evaluateAll((all) => all.map((a) => [a.href, a.rel])), [["https://example.org/a", "noopener noreferrer nofollow"]]);
  assert.equal(await reply.locator("img").count(), 0);
  await reply.getByText("<img src=x onerror=alert(1)>").waitFor();
  await look(page, "chat-markdown");
});

test("conversations are remembered, found again, kept apart, and deleted", async (t) => {
  const { page } = await open(t);
  const agent = await makeAgent("Rememberer", { conversationsEnabled: true });
  await signIn(page);
  await talk(page, agent);
  await page.getByLabel("Partition", { exact: true }).fill("people");
  await say(page, "First");
  await page.getByText('You have said 1 things, the last of them "First".').waitFor();
  await page.waitForURL(/c=/);
  await say(page, "Second");
  await page.getByText('You have said 2 things, the last of them "Second".').waitFor();
  await page.reload();
  await page.getByText('You have said 2 things, the last of them "Second".').waitFor();
  assert.equal(await page.getByLabel("Partition", { exact: true }).inputValue(), "people");
  await say(page, "Third");
  await page.getByText('You have said 3 things, the last of them "Third".').waitFor();
  await page.getByText(/6 messages, people$/).waitFor();
  await look(page, "chat-conversations");

  await page.getByRole("button", { name: "New conversation" }).click();
  await page.getByText("Ask Rememberer something.").waitFor();
  await say(page, "Anew");
  await page.getByText('You have said 1 things, the last of them "Anew".').waitFor();
  await page.waitForURL(/c=/);
  const list = page.getByRole("complementary", { name: "Conversations" });
  await list.getByText(/2 messages$/).waitFor();
  await list.getByRole("listitem").filter({ hasText: "people" }).getByRole("link").click();
  await page.getByText('"Third"').waitFor();
  await list.getByLabel("Of the partition").selectOption({ label: "people" });
  await list.getByText(/2 messages$/).waitFor({ state: "detached" });
  await list.getByRole("button", { name: /^Delete the conversation/ }).click();
  await look(page, "chat-delete");
  await page.getByRole("button", { name: "Delete the conversation", exact: true }).click();
  await page.getByText("None in this partition.").waitFor();
  await page.getByText("Ask Rememberer something.").waitFor();
  await list.getByRole("button", { name: "Delete this partition" }).click();
  await list.getByText(/2 messages$/).waitFor();
  const left = await call("GET", `/v1/portal/conversations?agent_id=${agent.id}`);
  assert.equal(left.conversations.length, 1);
  assert.ok(!(await call("GET", "/v1/portal/partitions")).partitions.some((p) => p.id === "people"));
});

test("what goes wrong is said with what can be done", async (t) => {
  const { page, allow } = await open(t);
  allow(expectedFailure);
  const down = await makeAgent("Broken", { providerConfig: { provider: "openai", baseUrl: `${model}/down/v1`, model: "m-1", apiKey: "sk-1" } });
  const bounded = await makeAgent("Bounded", { limits: { requestsPerMinute: 1 } });
  const choosy = await makeAgent("Choosy", { providerConfig: { provider: "openai", baseUrl: `${model}/v1`, model: "m-1", apiKey: "sk-1" } });
  await signIn(page);
  await talk(page, down);
  await say(page, "Hello?");
  await page.getByRole("alert").getByText(/The engine is being repaired/).waitFor();
  await page.getByRole("alert").getByRole("link", { name: "the settings of this agent" }).waitFor();
  await look(page, "chat-down");
  await call("PUT", `/v1/portal/agents/${down.id}`, { providerConfig: { baseUrl: `${model}/v1`, apiKey: "sk-1" } });
  await page.getByRole("button", { name: "Ask again" }).click();
  await page.getByText('You have said 1 things, the last of them "Hello?".').waitFor();
  assert.equal(await page.getByRole("article", { name: "You" }).count(), 1);

  await talk(page, bounded);
  await say(page, "One");
  await page.getByText(/You have said 1 things/).waitFor();
  await say(page, "Two");
  await page.getByRole("alert").getByText(/The limit of 1 requests a minute of this key is reached/).waitFor();
  const wait = page.getByRole("button", { name: /^Ask again in \d+ s$/ });
  await wait.waitFor();
  assert.ok(await wait.isDisabled());
  await look(page, "chat-limit");

  await talk(page, choosy);
  await say(page, "Answer as another model");
  await page.getByRole("alert").getByText(/The model m-1 does not exist/).waitFor();
});

test("a telephone has room for a conversation", async (t) => {
  const { page } = await open(t, { viewport: { width: 360, height: 740 } });
  const agent = await makeAgent("Pocket agent", { conversationsEnabled: true, availableModels: ["m-1", "m-2-with-a-rather-long-name"] });
  await signIn(page);
  await talk(page, agent);
  await say(page, `Write markdown ${"verylongword".repeat(20)}`);
  await page.getByText("is text.").waitFor();
  await page.getByText(/tokens/).waitFor();
  await page.waitForURL(/c=/);
  await page.waitForFunction(() => document.querySelector(".thread .end").getBoundingClientRect().bottom <= innerHeight); // one reads on
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
  await look(page, "chat-phone");
});
