import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, symlink, writeFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { call, expectedFailure, look, makeAgent, narrow, open, signIn } from "./world.mjs";

const run = promisify(execFile);

test("an agent is made, told everything, and keeps what the form does not know", async (t) => {
  const { page } = await open(t);
  await signIn(page);
  await page.keyboard.type("ga");
  await page.getByRole("heading", { name: "Agents", exact: true }).waitFor();
  await page.getByLabel("Name of a new agent").fill("Marmot expert");
  await page.getByRole("button", { name: "Make an agent" }).click();
  await page.getByRole("heading", { name: "Marmot expert" }).waitFor();
  const id = page.url().split("/").pop();

  await page.getByLabel("Prompt", { exact: true }).fill("You answer questions about marmots, in one sentence.");
  await page.getByLabel("When a client brings a prompt of its own").selectOption("overwrite");
  await page.getByLabel("Who answers").selectOption("own");
  await page.getByLabel("Address", { exact: true }).fill("https://models.example.com/v1");
  await page.getByLabel("Key", { exact: true }).fill("sk-secret-of-the-agent");
  await page.getByRole("textbox", { name: "Model", exact: true }).fill("m-2");
  await page.getByLabel("Models that clients may ask for").fill("m-2\nm-3");
  await page.getByLabel("It remembers conversations").check();
  await page.getByLabel("Tokens that it is given word for word").fill("2000");
  await page.getByLabel("Model that summarises").fill("m-small");
  await page.getByRole("button", { name: "Add a tool" }).click();
  await page.getByLabel("Name", { exact: true }).nth(1).fill("burrow");
  await page.getByLabel("What it does").fill("Finds the nearest burrow");
  await page.getByLabel("Parameters").fill('{"type": "object", ');
  await page.getByRole("button", { name: "Save as version 2" }).click();
  await page.getByRole("alert").getByText("The parameters of burrow are not JSON").waitFor();
  await page.getByLabel("Parameters").fill('{"type": "object", "properties": {"near": {"type": "string"}}}');
  await page.getByRole("button", { name: "Add a server" }).click();
  await page.getByLabel("Name of the server").fill("station");
  await page.getByLabel("Address", { exact: true }).nth(1).fill("https://tools.example.com/mcp");
  await page.getByLabel("Requests a minute").fill("30");
  await page.getByLabel("Dollars a day").fill("2.5");
  await page.getByLabel("What this change is").fill("the whole of it");
  await look(page, "agent-settings");
  await page.getByRole("button", { name: "Save as version 2" }).click();
  await page.getByText("Saved as version 2.").waitFor();
  const { agent } = await call("GET", `/v1/portal/agents/${id}`);
  assert.equal(agent.systemPrompt, "You answer questions about marmots, in one sentence.");
  assert.deepEqual([agent.providerConfig.provider, agent.providerConfig.baseUrl, agent.providerConfig.model, agent.providerConfig.hasApiKey], ["openai", "https://models.example.com/v1", "m-2", true]);
  assert.deepEqual([agent.mergePolicies.system_prompt, agent.mergePolicies.skills, agent.availableModels.join()], ["overwrite", "merge", "m-2,m-3"]);
  assert.deepEqual([agent.conversations_enabled, agent.conversation_token_limit, agent.conversation_summary_model], [true, 2000, "m-small"]);
  assert.deepEqual(agent.skills, [{ type: "function", function: { name: "burrow", description: "Finds the nearest burrow", parameters: { type: "object", properties: { near: { type: "string" } } } } }]);
  assert.deepEqual(agent.mcpEndpoints, [{ name: "station", url: "https://tools.example.com/mcp" }]);
  assert.deepEqual([agent.limits.requestsPerMinute, agent.limits.tokensPerMinute, agent.limits.usdPerDay], [30, 0, 2.5]);
  assert.equal(await page.getByLabel("Key", { exact: true }).inputValue(), "");
  assert.ok(!(await page.content()).includes("sk-secret-of-the-agent"));

  // What another client has put there stays when the form saves something else.
  const tip = (await call("GET", `/entities/${id}/tip`)).cid;
  await call("PUT", `/entities/${id}`, { expect_tip: tip, properties: { house_colour: "green", skills: [{ ...agent.skills[0], strict: true }] } });
  await page.reload();
  await page.getByLabel("Name", { exact: true }).first().fill("Marmot scholar");
  await page.getByLabel("Name", { exact: true }).first().press("Control+Enter");
  await page.getByText("Saved as version 4.").waitFor();
  await page.getByRole("heading", { name: "Marmot scholar" }).waitFor();
  const now = (await call("GET", `/entities/${id}`)).properties;
  assert.deepEqual([now.house_colour, now.skills[0].strict, now.provider_config.model], ["green", true, "m-2"]);
});

test("who saves late puts their change on top of the other's", async (t) => {
  const { page, allow } = await open(t);
  allow(expectedFailure);
  const agent = await makeAgent("Late agent");
  await signIn(page);
  await page.goto(`/app/agents/${agent.id}`);
  await page.getByLabel("Prompt", { exact: true }).fill("Mine.");
  await call("PUT", `/v1/portal/agents/${agent.id}`, { conversationTokenLimit: 1234 });
  await page.getByRole("button", { name: "Save as version 2" }).click();
  await page.getByText("Somebody else changed this agent").waitFor();
  await look(page, "agent-late");
  await page.getByRole("button", { name: "Save mine on top of theirs" }).click();
  await page.getByText("Saved as version 3.").waitFor();
  const now = (await call("GET", `/v1/portal/agents/${agent.id}`)).agent;
  assert.deepEqual([now.systemPrompt, now.conversation_token_limit], ["Mine.", 1234]);
});

test("what holds for an agent says where it comes from", async (t) => {
  const { page } = await open(t);
  await call("PATCH", "/v1/portal/settings", { skills: [{ type: "function", function: { name: "calendar" } }] });
  const agent = await makeAgent("Resolved agent", { systemPrompt: "Be brief.", mcpEndpoints: [{ name: "station", url: "https://tools.example.com/mcp" }] });
  await signIn(page);
  await page.goto(`/app/agents/${agent.id}?tab=resolved`);
  await page.getByRole("row").filter({ hasText: /^PromptBe brief.agent$/ }).waitFor();
  await page.getByRole("row").filter({ hasText: /^Toolscalendar, called by the clientteam Default$/ }).waitFor();
  await page.getByRole("row").filter({ hasText: /^Answers bym-1server$/ }).waitFor();
  await look(page, "agent-resolved");
});

test("versions of an agent are compared and restored", async (t) => {
  const { page } = await open(t);
  const agent = await makeAgent("Versioned agent", { systemPrompt: "First." });
  await call("PUT", `/v1/portal/agents/${agent.id}`, { systemPrompt: "Second.", note: "the second try" });
  await signIn(page);
  await page.goto(`/app/agents/${agent.id}?tab=versions`);
  await page.getByText("the second try").waitFor();
  await page.getByRole("row", { name: "system_prompt First. Second." }).waitFor();
  await look(page, "agent-versions");
  await page.getByRole("listitem").filter({ hasText: "Version 1" }).getByRole("button", { name: "Restore" }).click();
  await page.getByText(/^Version 3,/).waitFor();
  await page.getByRole("tab", { name: "Settings" }).click();
  assert.equal(await page.getByLabel("Prompt", { exact: true }).inputValue(), "First.");
  assert.equal((await call("GET", `/v1/portal/agents/${agent.id}`)).agent.systemPrompt, "First.");
});

test("a key is made, works as the page says, and is revoked", async (t) => {
  const { page } = await open(t);
  const agent = await makeAgent("Agent with keys", { limits: { requestsPerMinute: 600 } });
  await signIn(page);
  await page.goto(`/app/agents/${agent.id}?tab=keys`);
  await page.getByRole("heading", { name: "No key yet" }).waitFor();
  await page.getByLabel("Name of a new key").fill("website");
  await page.getByRole("button", { name: "Make a key" }).click();
  const fresh = await page.locator(".fresh code").textContent();
  assert.match(fresh, /^loom_sk_/);
  await page.getByRole("list", { name: "Keys" }).getByText("of 600 requests in the last minute").waitFor();
  await look(page, "agent-keys");

  const curl = await page.getByRole("region", { name: "curl" }).textContent();
  const said = JSON.parse((await run("sh", ["-c", curl.replace("curl ", "curl -sS ")])).stdout);
  assert.equal(said.choices[0].message.content, 'You have said 1 things, the last of them "Hello".');
  const modules = resolve("../../../testdata/recorder/js/node_modules");
  if (existsSync(join(modules, "openai"))) {
    const folder = await mkdtemp(join(tmpdir(), "stemma-snippet-"));
    t.after(() => rm(folder, { recursive: true }));
    await symlink(modules, join(folder, "node_modules"));
    await writeFile(join(folder, "ask.mjs"), await page.getByRole("region", { name: "JavaScript, with openai" }).textContent());
    const { stdout } = await run("node", [join(folder, "ask.mjs")]);
    assert.equal(stdout, 'You have said 1 things, the last of them "Hello".');
  } else t.diagnostic("the openai package is not installed: make js");

  await page.getByRole("button", { name: "Revoke website" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Revoke website" }).click();
  await look(page, "agent-key-revoke");
  await page.getByRole("button", { name: "Revoke the key" }).click();
  await page.getByText("revoked", { exact: true }).waitFor();
  const refused = JSON.parse((await run("sh", ["-c", curl.replace("curl ", "curl -sS ")])).stdout);
  assert.equal(refused.error.code, "invalid_api_key");
});

test("an agent is deleted, and its page says so", async (t) => {
  const { page, allow } = await open(t);
  const agent = await makeAgent("Doomed agent");
  await signIn(page);
  await page.goto("/app/agents");
  await page.getByRole("link", { name: "Doomed agent", exact: true }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("button", { name: "Delete the agent" }).click();
  await page.getByRole("list", { name: "Agents" }).waitFor();
  await page.getByRole("link", { name: "Doomed agent", exact: true }).waitFor({ state: "detached" });
  await look(page, "agents");
  await assert.rejects(call("GET", `/v1/portal/agents/${agent.id}`));
  allow(expectedFailure);
  await page.goto(`/app/agents/${agent.id}`);
  await page.getByRole("alert").getByText(/there is no agent/).waitFor();
});

test("a telephone has room for agents", async (t) => {
  const { page } = await open(t, { viewport: { width: 360, height: 740 } });
  const agent = await makeAgent("Agent on a telephone with a rather long name", { systemPrompt: "word ".repeat(80), mcpEndpoints: [{ name: "station", url: "https://a-very-long-name-of-a-host.tools.example.com/and/a/path/mcp" }] });
  await signIn(page);
  for (const [tab, ready] of [
    ["", "What it is"],
    ["?tab=chat", ""],
    ["?tab=resolved", ""],
    ["?tab=versions", "Versions"],
    ["?tab=keys", "How a program asks"],
    ["?tab=runs", "Nobody has asked it yet"],
  ]) {
    await page.goto(`/app/agents/${agent.id}${tab}`);
    await page.getByRole("heading", { name: /Agent on a telephone/ }).waitFor();
    if (ready) await page.getByRole("heading", { name: ready }).waitFor();
    else await page.getByRole(tab.includes("chat") ? "log" : "table").waitFor();
    await narrow(page, `the agent's page${tab}`);
    await look(page, `agent-phone${tab.replace("?tab=", "-")}`);
  }
  await page.goto("/app/agents");
  await page.getByRole("list", { name: "Agents" }).waitFor();
  await narrow(page, "the list of agents");
  await look(page, "agents-phone");
});
