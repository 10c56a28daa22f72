import assert from "node:assert/strict";
import { test } from "node:test";
import { account, as, enter, expectedFailure, key, look, open, signIn } from "./world.mjs";

// team is somebody with a team of their own, and somebody who is a member of it.
async function team(name) {
  const owner = await account(name);
  const invite = await as(owner)("POST", "/v1/portal/invites", {});
  return { owner, member: await account(`${name}.member`, { tenantName: undefined, inviteToken: invite.token }) };
}

// get is the API as that person asks it.
const get = (path, who) => as(who)("GET", path);

test("a team's provider is set, its key never shown again, and dropped only when one says so", async (t) => {
  const { page } = await open(t);
  const { owner } = await team("prov");
  await enter(page, owner);
  await page.getByRole("button", { name: /^Team/ }).click();
  await page.getByRole("menuitem", { name: "Providers" }).click();
  await page.getByRole("heading", { name: "Providers", exact: true }).waitFor();
  await look(page, "providers-empty");
  await page.getByLabel("Who answers").selectOption("own");
  await page.getByLabel("Kind of provider").selectOption("azure");
  await page.getByLabel("Address").fill("https://my-name.openai.azure.com");
  await page.getByLabel("Deployment", { exact: true }).fill("first");
  await page.getByLabel("Deployments by model").fill("gpt-4o = big\ngpt-4o-mini = small");
  await page.getByLabel("Key").fill("azure-secret");
  await page.getByRole("textbox", { name: "Model", exact: true }).fill("gpt-4o");
  await page.getByRole("textbox", { name: "Models", exact: true }).fill("gpt-4o\ngpt-4o-mini");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByPlaceholder("One is kept", { exact: true }).waitFor();
  const now = await get("/v1/portal/settings/providers", owner);
  assert.deepEqual(now.providerConfig.deploymentMap, { "gpt-4o": "big", "gpt-4o-mini": "small" });
  assert.deepEqual([now.providerConfig.provider, now.providerConfig.deployment, now.providerConfig.hasApiKey, now.availableModels.join()], ["azure", "first", true, "gpt-4o,gpt-4o-mini"]);
  assert.ok(!(await page.content()).includes("azure-secret"));
  await look(page, "providers");

  await page.getByRole("textbox", { name: "Model", exact: true }).fill("gpt-4o-mini");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  assert.equal((await get("/v1/portal/settings/providers", owner)).providerConfig.hasApiKey, true);

  await page.getByLabel("Address").fill("https://other.openai.azure.com");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Drop the key that is kept?" }).waitFor();
  await look(page, "providers-drop");
  assert.equal((await get("/v1/portal/settings/providers", owner)).providerConfig.hasApiKey, true);
  await page.getByRole("button", { name: "Save without the key" }).click();
  await page.getByPlaceholder("None is kept", { exact: true }).waitFor();
  assert.equal((await get("/v1/portal/settings/providers", owner)).providerConfig.hasApiKey, false);
  await page.getByLabel("Who answers").selectOption("inherit");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByLabel("Kind of provider").waitFor({ state: "detached" });
  await page.getByText("Saved.").waitFor();
  assert.equal((await get("/v1/portal/settings/providers", owner)).providerConfig, null);
});

test("a team has a name, a prompt, sealing and limits; a member only looks", async (t) => {
  const { page, allow } = await open(t);
  const { owner, member } = await team("sett");
  await enter(page, owner);
  await page.keyboard.type("gt");
  await page.getByLabel("Name", { exact: true }).fill("The Alps");
  await page.getByLabel("Prompt").fill("Be kind.");
  await page.getByLabel("Keep what is said sealed").check();
  await page.getByLabel("Embeddings by").selectOption("openai");
  await page.getByLabel("Model of embeddings").fill("text-embedding-3-small");
  await look(page, "settings");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await page.getByLabel("Short name").fill("a--");
  allow(expectedFailure);
  const s = await get("/v1/portal/settings", owner);
  assert.deepEqual([s.name, s.systemPrompt, s.sealContent, s.embedder.provider, s.embedder.model], ["The Alps", "Be kind.", true, "openai", "text-embedding-3-small"]);

  await page.getByRole("tab", { name: "Limits" }).click();
  await page.getByLabel("Tokens a minute").fill("5000");
  await page.getByLabel("Dollars a day").fill("0.5");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("0 of 5,000 tokens in the last minute").waitFor();
  await page.getByText("$0 of $0.5 today").waitFor();
  await look(page, "settings-limits");
  assert.deepEqual((await get("/v1/portal/settings", owner)).limits.usdPerDay, 0.5);

  const other = await open(t);
  await enter(other.page, member);
  await other.page.goto("/app/settings");
  await other.page.getByText("An owner of the team can change it.").waitFor();
  assert.ok(await other.page.getByLabel("Name", { exact: true }).isDisabled());
  await look(other.page, "settings-member");
});

test("masking rules are set, and a retention that deletes is asked about first", async (t) => {
  const { page, allow } = await open(t);
  allow(expectedFailure);
  const { owner } = await team("mask");
  await enter(page, owner);
  await page.goto("/app/settings?tab=recording");
  await page.getByText("No rule: everything is kept as it was said.").waitFor();
  await look(page, "recording-empty");
  await page.getByRole("button", { name: "Add a rule" }).click();
  await page.getByRole("button", { name: "Add a rule" }).click();
  const second = page.getByRole("list", { name: "Rules" }).getByRole("listitem").nth(1);
  await second.getByLabel("Name of the rule").fill("patients");
  await second.getByLabel("What it finds").selectOption("");
  await second.getByLabel("Regular expression").fill("MRN-(");
  await page.getByRole("button", { name: "Save the rules" }).click();
  await page.getByRole("alert").waitFor();
  await second.getByLabel("Regular expression").fill("MRN-\\d{6}");
  await second.getByLabel("Only at").fill("$..notes");
  await second.getByLabel("Replaced by").fill("[patient]");
  await page.getByRole("button", { name: "Save the rules" }).click();
  await page.getByText("Saved. They hold from now on.").waitFor();
  assert.deepEqual((await get("/api/monitoring/masking", owner)).rules, [
    { name: "Email addresses", pattern: "email" },
    { name: "patients", pattern: "MRN-\\d{6}", path: "$..notes", replacement: "[patient]" },
  ]);
  await look(page, "recording");

  await page.getByLabel("Days").fill("30");
  await page.getByRole("button", { name: "Set it" }).click();
  await page.getByRole("heading", { name: "Delete what was said?" }).waitFor();
  await look(page, "recording-delete");
  assert.equal((await get("/api/monitoring/retention", owner)).days, null);
  await page.getByRole("button", { name: "Delete after 30 days" }).click();
  await page.getByText("Now it is deleted 30 days after the end of a run.").waitFor();
  assert.equal((await get("/api/monitoring/retention", owner)).days, 30);
  await page.getByLabel("Days").fill("");
  await page.getByRole("button", { name: "Keep it for ever" }).click();
  await page.getByText("Now it is kept for ever.").waitFor();
  assert.equal((await get("/api/monitoring/retention", owner)).days, null);
});

test("who is in no team is told how to get into one", async (t) => {
  const { page, allow } = await open(t);
  allow(expectedFailure);
  await signIn(page, key);
  for (const path of ["/app/agents", "/app/providers", "/app/settings", "/app/agents/01ARZ3NDEKTSV4RRFFQ69G5FAV"]) {
    await page.goto(path);
    await page.getByRole("heading", { name: "This belongs to a team" }).waitFor();
  }
  await look(page, "no-team");
  await page.getByRole("link", { name: "Sign in with an account" }).click();
  await page.getByLabel("Email").waitFor();
});

test("a telephone has room for the team's pages", async (t) => {
  const { page } = await open(t, { viewport: { width: 360, height: 740 } });
  const { owner } = await team("phone");
  await enter(page, owner);
  for (const [path, ready] of [
    ["/app/providers", "The team's provider"],
    ["/app/settings", "For every agent"],
    ["/app/settings?tab=limits", "Of each key"],
    ["/app/settings?tab=recording", "How long it is kept"],
    ["/app/agents", "No agent yet"],
  ]) {
    await page.goto(path);
    await page.getByRole("heading", { name: ready }).waitFor();
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${path} is ${over} pixels too wide`);
    await look(page, `team-phone-${path.replace(/\W+/g, "-")}`);
  }
});
