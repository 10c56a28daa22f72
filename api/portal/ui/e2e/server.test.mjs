import assert from "node:assert/strict";
import { test } from "node:test";
import { call, confirm, expectedFailure, key, look, open, signIn, url } from "./world.mjs";

const heading = (page, name) => page.getByRole("heading", { level: 1, name }).waitFor();

// tenant has an agent of the built-in model, and a key of it.
async function tenant(name) {
  const made = await call("POST", "/v1/admin/tenants", { name });
  const { token } = await call("POST", "/v1/portal/auth/switch-tenant", { tenantId: made.id });
  await call("POST", "/v1/portal/agents", { name: `${name} helper` }, undefined, { Authorization: `Bearer ${token}` });
  const { key } = await call("POST", `/v1/admin/tenants/${made.id}/api-keys`, { name: "website" });
  return { ...made, key, token };
}

async function member() {
  const answer = await fetch(`${url}/v1/portal/auth/signup`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ email: `no-operator-${Date.now()}@example.com`, password: "correct horse", tenantName: "No operator" }) });
  assert.ok(answer.ok);
  return answer.json();
}

test("the menu of the server is the operator's, and health shows itself anew", async (t) => {
  const { page } = await open(t);
  await signIn(page);
  await page.getByRole("button", { name: "Server", exact: true }).click();
  await page.getByRole("menuitem", { name: "Health" }).click();
  await heading(page, "Server health");
  await page.getByText("Everything works").waitFor();
  await page.getByRole("heading", { name: "Network main ready" }).waitFor();
  await page.getByRole("region", { name: "Attestation" }).getByText("Signed changes").waitFor();
  await page.getByRole("region", { name: "Network main" }).getByText("Each of the").click();
  for (const follower of ["search-text", "search-meaning", "attest", "graph"]) await page.getByRole("region", { name: "Network main" }).getByText(follower, { exact: true }).waitFor();
  await look(page, "server-health");
  const before = (await call("GET", "/v1/admin/health")).networks[0].seq;
  await call("POST", "/entities", { type: "note", properties: { label: "one more" } });
  await page.waitForFunction((before) => {
    const dts = [...document.querySelectorAll("section.card dt")];
    return Number(dts.find((d) => d.textContent === "Changes").nextElementSibling.textContent.replace(/\D/g, "")) > before;
  }, before);
});

test("a member sees no menu of the server, and may sign in as who runs it", async (t) => {
  const { page, allow } = await open(t);
  const { token, user, tenant } = await member();
  await page.goto("/app/sign-in");
  await page.evaluate(([s]) => localStorage.setItem("stemma.session", JSON.stringify(s)), [{ credential: token, kind: "token", user: user.id, email: user.email, tenant }]);
  await page.goto("/app/server");
  await heading(page, "For whoever runs this server");
  assert.equal(await page.getByRole("button", { name: "Server", exact: true }).count(), 0);
  await look(page, "server-sign-in");
  allow(expectedFailure);
  await page.getByLabel("Email").fill("admin");
  await page.getByLabel("Password").fill("uk_00000000000000000000000000");
  await page.getByRole("button", { name: "Sign in as who runs the server" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Password").fill(key);
  await page.getByRole("button", { name: "Sign in as who runs the server" }).click();
  await page.getByRole("button", { name: "Not now" }).click();
  await heading(page, "Server health");
  await page.getByRole("button", { name: "Server", exact: true }).waitFor();
  await page.getByRole("navigation", { name: "Server" }).getByRole("link", { name: "Tenants", exact: true }).click();
  await page.getByRole("link", { name: "No operator" }).first().waitFor();
});

test("a tenant is made, changed, given a provider and keys, deleted, and comes back", async (t) => {
  const { page } = await open(t);
  const house = await call("POST", "/v1/admin/providers", { name: "House of tenants", type: "openai", baseUrl: "https://models.example/v1", model: "m-1", tenantAvailable: true });
  await signIn(page);
  await page.goto("/app/server/tenants");
  await page.getByLabel("Name", { exact: true }).fill("Operated");
  await page.getByLabel("Short name").fill("operated");
  await look(page, "server-tenants");
  await page.getByRole("button", { name: "Make the tenant" }).click();
  await heading(page, /^Operated/);
  const id = page.url().split("/").pop();

  await page.getByLabel("Name", { exact: true }).fill("Operated well");
  await page.getByRole("button", { name: "Save the settings" }).click();
  await heading(page, /^Operated well/);
  assert.equal((await call("GET", `/v1/admin/tenants/${id}`)).name, "Operated well");

  const models = page.getByRole("region", { name: "Language models" });
  await models.getByLabel("Its agents are answered by").selectOption("house");
  await models.getByLabel("Provider").selectOption(house.id);
  const answered = page.waitForResponse((r) => r.url().endsWith("/provider-config"));
  await models.getByRole("button", { name: "Save who answers" }).click();
  await answered;
  assert.equal((await call("GET", `/v1/admin/tenants/${id}`)).providerConfig.gatewayProviderId, house.id);

  const { token } = await call("POST", "/v1/portal/auth/switch-tenant", { tenantId: id });
  await call("POST", "/v1/portal/agents", { name: "Helper" }, undefined, { Authorization: `Bearer ${token}` });
  await page.getByLabel("Name of a new key").fill("shop");
  await page.getByRole("button", { name: "Make a key" }).click();
  assert.match(await page.locator(".fresh code").textContent(), /^loom_sk_/);
  await page.getByRole("cell", { name: "shop", exact: true }).waitFor();
  await look(page, "server-tenant");
  await page.getByRole("button", { name: "Revoke shop" }).click();
  await confirm(page, "Revoke");
  await page.getByRole("button", { name: "Take shop off the list" }).click();
  await page.getByRole("cell", { name: "shop", exact: true }).waitFor({ state: "detached" });

  await page.getByRole("button", { name: "Delete the tenant" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete Operated well?" });
  assert.ok(await dialog.getByRole("button", { name: "Delete the tenant" }).isDisabled());
  await dialog.getByLabel("Type operated to go on").fill("operated");
  await look(page, "server-tenant-delete");
  await dialog.getByRole("button", { name: "Delete the tenant" }).click();
  await page.getByRole("button", { name: "Bring it back" }).waitFor();
  await assert.rejects(call("GET", `/v1/admin/tenants/${id}`), /404/);
  await page.getByRole("button", { name: "Bring it back" }).click();
  await heading(page, /^Operated well switched off/);
  assert.equal((await call("GET", `/v1/admin/tenants/${id}`)).status, "inactive");
});

test("a provider is made, opened, granted, taken away and deleted", async (t) => {
  const { page } = await open(t);
  const other = await call("POST", "/v1/admin/tenants", { name: "Granted one" });
  await signIn(page);
  await page.goto("/app/server/providers");
  await page.getByLabel("Name", { exact: true }).fill("Cloud");
  await page.getByLabel("Kind").selectOption("anthropic");
  await page.getByLabel("Model", { exact: true }).fill("claude-sonnet-4-5");
  await page.getByLabel("Key", { exact: true }).fill("sk-secret");
  await look(page, "server-providers");
  await page.getByRole("button", { name: "Make the provider" }).click();
  await heading(page, /^Cloud/);
  const id = page.url().split("/").pop();
  assert.equal((await call("GET", `/v1/admin/providers/${id}`)).type, "anthropic");

  await page.getByRole("button", { name: "Open it to all tenants" }).click();
  await page.getByRole("button", { name: "Close it to others" }).click();
  await page.getByRole("button", { name: "Open it to all tenants" }).waitFor();
  await page.getByLabel("Another tenant").selectOption(other.id);
  await page.getByRole("button", { name: "Grant it" }).click();
  await page.getByRole("button", { name: "Take it away from Granted one" }).waitFor();
  assert.deepEqual((await call("GET", `/v1/admin/providers/${id}/tenants`)).tenants.map((x) => x.id), [other.id]);
  await look(page, "server-provider");
  await page.getByRole("button", { name: "Take it away from Granted one" }).click();
  await page.getByText("No tenant by name.").waitFor();

  await page.getByLabel("What it is for").fill("For everybody");
  await page.getByRole("button", { name: "Save the provider" }).click();
  await page.waitForFunction(() => document.querySelector('input[name="description"]').value === "For everybody" && document.querySelector('input[name="apiKey"]').value === "");
  await page.getByRole("button", { name: "Delete the provider" }).click();
  await page.getByLabel("Type Cloud to go on").fill("Cloud");
  await page.getByRole("dialog").getByRole("button", { name: "Delete the provider" }).click();
  await heading(page, "Model providers");
  await assert.rejects(call("GET", `/v1/admin/providers/${id}`), /404/);
});

test("prices are set whole; who is late is told; what has none is unknown", async (t) => {
  const { page, allow } = await open(t);
  await signIn(page);
  await page.goto("/app/server/prices");
  await heading(page, "Prices");
  await page.getByRole("button", { name: "Add a model" }).click();
  await page.getByLabel("Name of the model").last().fill("m-priced*");
  await page.getByLabel("Input of m-priced*").fill("1.5");
  await page.getByLabel("Output of m-priced*").fill("6");
  await look(page, "server-prices");
  await page.getByRole("button", { name: "Save all prices" }).click();
  await page.getByText(/^Version \d+, set/).waitFor();
  const now = await call("GET", "/v1/admin/prices");
  const row = now.prices.find((p) => p.model === "m-priced*");
  assert.deepEqual([row.input, row.output, row.cachedInput], [1.5, 6, undefined]);

  await call("PUT", "/v1/admin/prices", { prices: [...now.prices, { model: "m-other", input: 1, output: 1 }], expect_tip: now.cid });
  allow(expectedFailure);
  await page.getByLabel("Input of m-priced*").fill("2");
  await page.getByRole("button", { name: "Save all prices" }).click();
  await page.getByRole("button", { name: "Drop my changes and load theirs" }).click();
  await page.getByLabel("Input of m-other").waitFor();
  await page.getByRole("button", { name: "Remove m-other" }).click();
  await page.getByRole("button", { name: "Save all prices" }).click();
  await page.getByLabel("Input of m-other").waitFor({ state: "detached" });
  await page.getByText(new RegExp(`^Version ${now.ver + 2}, set`)).waitFor();
  assert.ok(!(await call("GET", "/v1/admin/prices")).prices.some((p) => p.model === "m-other"));
});

test("usage is summed by tenant and model, and a call is read to its steps", async (t) => {
  const { page } = await open(t);
  const acme = await tenant("Usage Acme");
  for (const content of ["One", "Two"]) {
    const answer = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers: { Authorization: `Bearer ${acme.key}`, "Content-Type": "application/json" }, body: JSON.stringify({ messages: [{ role: "user", content }] }) });
    assert.equal(answer.status, 200, await answer.text());
  }
  await signIn(page);
  await page.getByRole("button", { name: "Server", exact: true }).click();
  await page.getByRole("menuitem", { name: "Calls of all tenants" }).click();
  await heading(page, "Calls of language models");
  await page.getByLabel("Of", { exact: true }).selectOption(acme.id);
  await page.getByRole("cell", { name: "Usage Acme helper" }).nth(1).waitFor(); // written behind the answer; the page looks again by itself
  await look(page, "server-traces");
  await page.getByRole("row").nth(1).getByRole("link").click();
  await heading(page, /^A call of Usage Acme helper/);
  await page.getByText("All of it").first().click();
  await look(page, "server-trace");

  await page.getByRole("navigation", { name: "Server" }).getByRole("link", { name: "Usage of all tenants" }).click();
  await page.getByRole("region", { name: "By tenant" }).getByRole("link", { name: "Usage Acme" }).waitFor();
  await page.locator(".chart canvas").first().waitFor();
  await look(page, "server-usage");
  await page.getByRole("region", { name: "By tenant" }).getByRole("link", { name: "Usage Acme" }).click();
  await heading(page, "Usage of Usage Acme");
  await page.getByLabel("Calls of").selectOption("168");
  await page.getByRole("region", { name: "By model" }).getByRole("cell", { name: "stemma/extract" }).waitFor();
  assert.match(page.url(), /window=168/);
  assert.equal((await call("GET", `/v1/admin/analytics/summary?window=168&tenant_id=${acme.id}`)).totalRequests, 2);
});

test("settings close the server to new accounts, and open it", async (t) => {
  const { page } = await open(t);
  await signIn(page);
  await page.goto("/app/server/settings");
  await page.getByRole("button", { name: "Close to new accounts" }).click();
  await page.getByRole("button", { name: "Open to new accounts" }).waitFor();
  assert.equal((await call("GET", "/v1/admin/settings")).signupsEnabled, false);
  await page.getByRole("button", { name: "Open to new accounts" }).click();
  await page.getByRole("button", { name: "Close to new accounts" }).waitFor();
  await page.getByLabel("Embedder", { exact: true }).selectOption("own");
  await page.getByLabel("Model").fill("text-embedding-3-small");
  await look(page, "server-settings");
  await page.getByRole("button", { name: "Save the embedder" }).click();
  await page.getByText(/^Changed/).waitFor();
  assert.equal((await call("GET", "/v1/admin/settings")).defaultEmbedderModel, "text-embedding-3-small");
  await page.getByLabel("Embedder", { exact: true }).selectOption("none");
  await page.getByRole("button", { name: "Save the embedder" }).click();
  await page.waitForFunction(async (key) => (await (await fetch("/v1/admin/settings", { headers: { Authorization: `ApiKey ${key}` } })).json()).defaultEmbedderModel === null, key);
});

test("a telephone has room for the operator's pages", async (t) => {
  const { page } = await open(t, { viewport: { width: 360, height: 740 } });
  const acme = await tenant("Narrow");
  await signIn(page);
  for (const [path, name] of [["", "health"], ["/tenants", "tenants"], [`/tenants/${acme.id}`, "tenant"], ["/providers", "providers"], ["/prices", "prices"], ["/usage", "usage"], ["/traces", "traces"], ["/settings", "settings"]]) {
    await page.goto(`/app/server${path}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.waitForLoadState("load");
    await look(page, `server-${name}-phone`);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${path} is ${over} pixels too wide`);
  }
});
