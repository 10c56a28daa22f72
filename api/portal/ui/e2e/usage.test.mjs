import assert from "node:assert/strict";
import { test } from "node:test";
import { account, as, enter, look, narrow, open, url } from "./world.mjs";

// ask has an agent asked through the gateway, as its clients do.
async function ask(key, model) {
  const answer = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" }, body: JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] }) });
  await answer.text();
  return answer.status;
}

test("a team learns how to make its first call, and then sees what it spends", async (t) => {
  const owner = await account("uma");
  const api = as(owner);
  const { page } = await open(t);
  await enter(page, owner);
  await page.getByRole("heading", { name: /No agent of uma's team was asked anything in the last seven days/ }).waitFor();
  await page.getByRole("link", { name: "Make an agent" }).waitFor();
  await look(page, "home-first-call");

  const agents = [];
  for (const name of ["Letters", "Ledger"]) agents.push((await api("POST", "/v1/portal/agents", { name })).agent);
  const keys = [];
  for (const a of agents) keys.push((await api("POST", "/v1/portal/api-keys", { name: "k", agentId: a.id })).key);
  await page.reload();
  const glance = page.getByRole("region", { name: "Seven days of uma's team" });
  await glance.getByRole("link", { name: /Letters|Ledger/ }).waitFor();
  assert.equal(await page.locator(".first-call").textContent(), `curl ${url}/v1/chat/completions \\\n  -H "Authorization: Bearer $KEY" \\\n  -H "Content-Type: application/json" \\\n  -d '{"messages":[{"role":"user","content":"Hello"}]}'`);

  for (const [key, model, want] of [[keys[0], "m-1", 200], [keys[0], "m-1", 200], [keys[1], "m-1", 200], [keys[1], "m-broken", 400]]) assert.equal(await ask(key, model), want);
  // A call is counted with the commit that writes it down, after its answer.
  let sum = {};
  for (let tries = 0; sum.totalRequests !== 4 && tries < 600; tries++) {
    await new Promise((go) => setTimeout(go, 100));
    sum = await api("GET", "/v1/portal/analytics/summary?window=168");
  }
  assert.deepEqual([sum.totalRequests, sum.totalErrors, sum.totalTokens, sum.estimatedCostUSD], [4, 1, 4500, 0.006]);

  await page.reload();
  await glance.getByText("4,500").waitFor();
  await glance.getByText("$0.006").waitFor();
  await glance.getByRole("img", { name: /Calls by day/ }).locator("canvas").waitFor();
  await look(page, "home-usage");
  await glance.getByRole("link", { name: "Usage by model and agent" }).click();
  await page.getByRole("table", { name: "Usage by agent" }).getByRole("row", { name: /^Letters 2 0 % 3,000/ }).waitFor();
  await page.getByRole("table", { name: "Usage by agent" }).getByRole("row", { name: /^Ledger 2 50 % 1,500/ }).waitFor();
  await page.getByRole("table", { name: "Usage by model" }).getByRole("row", { name: /^m-1 3 0 % 4,500/ }).waitFor();
  await page.getByText("The same as a table").click();
  await page.getByRole("table", { name: "Usage over time" }).getByRole("row").nth(1).waitFor();
  await look(page, "usage");
  await page.getByRole("button", { name: "30 days" }).click();
  await page.waitForURL(/days=30/);
  await page.getByRole("table", { name: "Usage by model" }).waitFor();

  const { page: small } = await open(t, { viewport: { width: 360, height: 740 } });
  await enter(small, owner, "/app/usage?days=1");
  await small.getByRole("table", { name: "Usage by model" }).waitFor();
  assert.equal(await small.getByRole("button", { name: "a day" }).getAttribute("aria-pressed"), "true");
  await look(small, "usage-phone");
  await narrow(small, "usage");
});

test("figures of the teams below are added where one asks for them", async (t) => {
  const owner = await account("vic");
  const api = as(owner);
  const { subtenant } = await api("POST", "/v1/portal/subtenants", { name: "Cellar" });
  const below = await api("POST", "/v1/portal/auth/switch-tenant", { tenantId: subtenant.id });
  const { agent } = await as(below)("POST", "/v1/portal/agents", { name: "Cellarer" });
  const { key } = await as(below)("POST", "/v1/portal/api-keys", { name: "k", agentId: agent.id });
  assert.equal(await ask(key, "m-1"), 200);
  for (let tries = 0, n = 0; n !== 1 && tries < 600; tries++) {
    await new Promise((go) => setTimeout(go, 100));
    n = (await api("GET", "/v1/portal/analytics/summary?rollup=true")).totalRequests;
  }
  const { page } = await open(t);
  await enter(page, owner, "/app/usage");
  await page.getByRole("heading", { name: /No agent of vic's team was asked/ }).waitFor();
  await page.getByLabel("with the teams below").check();
  await page.getByRole("table", { name: "Usage by model" }).getByRole("row", { name: /^m-1 1/ }).waitFor();
  await page.waitForURL(/below=true/);
});
