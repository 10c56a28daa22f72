import assert from "node:assert/strict";
import { test } from "node:test";
import { call, expectedFailure, look, open, signIn, typedStyle } from "./world.mjs";

async function letters(label) {
  const collection = await call("POST", "/collections", { label });
  const made = [];
  for (const n of [1, 2, 3]) {
    const letter = await call("POST", "/entities", { type: "letter", collection: collection.id, properties: { label: `${label} letter ${n}`, year: 1850 + n, place: "Rome" } });
    await call("POST", "/entities", { type: "person", collection: collection.id, properties: { label: `${label} writer ${n}` }, relationships: [{ predicate: "wrote", peer: letter.id }] });
    made.push(letter);
  }
  return { collection, made };
}

test("a wrong key is told, and a right one goes on to where one wanted to be", async (t) => {
  const { page, allow } = await open(t);
  allow(expectedFailure);
  await page.goto("/app/explore?q=type%3Acollection");
  await page.getByRole("tab", { name: "Use a key" }).click();
  await look(page, "sign-in");
  await page.getByRole("textbox", { name: "Key" }).fill("uk_00000000000000000000000000");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByRole("textbox", { name: "Key" }).fill(process.env.STEMMA_KEY);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("textbox", { name: "Query" }).waitFor();
  assert.match(page.url(), /explore\?q=type/);
});

test("what somebody does appears at home at once", async (t) => {
  const { page } = await open(t);
  await signIn(page);
  await page.getByText("live", { exact: true }).waitFor();
  const { collection } = await letters("Feed");
  await page.getByRole("list").getByRole("link", { name: "Feed letter 3" }).first().waitFor();
  await look(page, "home");
  await page.getByRole("link", { name: "Feed letter 3" }).first().click();
  await page.getByRole("heading", { name: "Feed letter 3" }).waitFor();
  assert.ok(collection.id);
});

test("a query is answered as list, table and graph, and a wrong one says where it is wrong", async (t) => {
  const { page, allow } = await open(t);
  allow(typedStyle);
  const { collection, made } = await letters("Query");
  await signIn(page);
  await page.getByRole("link", { name: "Explore", exact: true }).click();
  await look(page, "explore-empty");
  const query = page.getByRole("textbox", { name: "Query" });
  await query.fill(`@${collection.id} <-[collection]- type:person -[wrote]-> type:letter`);
  await query.press("Control+Enter");
  await page.getByText("3 results").waitFor();
  assert.equal(await page.locator(".results li").count(), 3);
  await look(page, "explore-list");
  await page.getByRole("button", { name: "Table" }).click();
  await page.getByRole("cell", { name: made[0].id }).waitFor();
  await look(page, "explore-table");
  await page.getByRole("button", { name: "Graph" }).click();
  await page.getByText(/7 entities, 6 relationships/).waitFor();
  await look(page, "explore-graph");
  await page.getByRole("button", { name: "Save this query" }).click();
  await page.getByRole("list", { name: "Saved queries" }).waitFor();
  allow(expectedFailure);
  await query.fill("type:person -[");
  await query.press("Control+Enter");
  await page.getByRole("alert").getByText(/found the end of the query/).waitFor();
  await page.locator(".fault").waitFor();
  await call("POST", "/entities", { type: "diary", collection: collection.id, properties: { label: "Query diary", description: "Rain over the harbour of Ancona" } });
  for (;;) {
    const { results } = await call("POST", "/search/discover", { query: "the harbour of Ancona", fresh: true });
    if (results.some((r) => r.label === "Query diary")) break; // search has come so far
  }
  for (const words of ["type:diary", "the harbour of Ancona"]) {
    await query.fill(words);
    await query.press("Control+Enter");
    await page.getByRole("button", { name: "List", exact: true }).click();
    await page.getByText("Rain over the harbour of Ancona").waitFor();
  }
  await page.getByText(/found by words and meaning/).waitFor();
});

test("an entity is edited, compared, restored; who is late sees both and decides", async (t) => {
  const { page, allow } = await open(t);
  allow(typedStyle);
  const { made } = await letters("Edit");
  const letter = made[0];
  await signIn(page);
  await page.goto(`/app/e/${letter.id}`);
  await page.getByRole("heading", { name: "Edit letter 1" }).waitFor();
  await page.getByText("← wrote").waitFor();
  await look(page, "entity");

  await page.getByRole("tab", { name: "JSON" }).click();
  const editor = page.getByRole("textbox", { name: "Properties as JSON" });
  await editor.fill('{"label": "Edit letter 1", "year": 1851, "place": "Venice"}');
  await page.getByRole("textbox", { name: "What this change is" }).fill("it was Venice");
  await look(page, "entity-json");
  await page.getByRole("button", { name: "Save as version 2" }).click();
  await page.getByRole("button", { name: "Save as version 3" }).waitFor();
  assert.equal((await call("GET", `/entities/${letter.id}`)).properties.place, "Venice");

  const tip = await call("GET", `/entities/${letter.id}/tip`);
  await call("PUT", `/entities/${letter.id}`, { expect_tip: tip.cid, properties: { pages: 4 } });
  allow(expectedFailure);
  await editor.fill('{"label": "Edit letter 1", "year": 1851, "place": "Padua"}');
  await page.getByRole("button", { name: "Save as version 3" }).click();
  await page.getByRole("heading", { name: /Somebody else changed it/ }).waitFor();
  await look(page, "entity-conflict");
  await page.getByRole("textbox", { name: "What you wrote" }).fill('{"label": "Edit letter 1", "year": 1851, "place": "Padua", "pages": 4}');
  await page.getByRole("button", { name: "Save as version 4" }).click();
  await page.getByRole("button", { name: "Save as version 5" }).waitFor();
  const now = await call("GET", `/entities/${letter.id}`);
  assert.deepEqual([now.ver, now.properties.place, now.properties.pages], [4, "Padua", 4]);

  await page.getByRole("tab", { name: "History" }).click();
  await page.getByText("it was Venice").waitFor();
  await page.getByRole("button", { name: "Version 2" }).click();
  await page.getByRole("row", { name: "place Rome Venice" }).waitFor();
  await look(page, "entity-history");
  await page.getByRole("listitem").filter({ hasText: "Version 1" }).getByRole("button", { name: "Restore" }).click();
  await page.getByText(/^Version 5/).first().waitFor();
  assert.equal((await call("GET", `/entities/${letter.id}`)).properties.place, "Rome");

  await page.getByRole("tab", { name: "Permissions" }).click();
  await page.getByText("entity:update").first().waitFor();
  await page.getByRole("tab", { name: "Proof" }).click();
  await page.getByRole("heading", { name: /log/ }).waitFor();
  await look(page, "entity-proof");
});

test("the keyboard alone finds things and goes anywhere", async (t) => {
  const { page } = await open(t);
  await letters("Keyboard");
  await signIn(page);
  await page.keyboard.press("Control+k");
  await page.keyboard.type("Keyboard letter 2");
  await page.getByRole("option", { name: "letter Keyboard letter 2" }).waitFor();
  await look(page, "palette");
  await page.keyboard.press("Escape");
  await page.keyboard.type("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await look(page, "shortcuts");
  await page.keyboard.press("Escape");
  await page.keyboard.type("ge");
  await page.getByRole("textbox", { name: "Query" }).waitFor();
});

test("what is not there says so and leads on", async (t) => {
  const { page, allow } = await open(t);
  allow(expectedFailure);
  await signIn(page);
  await page.goto("/app/nowhere");
  await page.getByRole("heading", { name: "There is no such page" }).waitFor();
  await look(page, "missing");
  await page.goto("/app/e/01ARZ3NDEKTSV4RRFFQ69G5FAV");
  await page.getByRole("alert").waitFor();
  await page.getByRole("banner").getByRole("button", { name: "Account" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("tab", { name: "Use a key" }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem("stemma.session")), null);
});

test("a telephone has room for all of it", async (t) => {
  const { page } = await open(t, { viewport: { width: 360, height: 740 } });
  const { made } = await letters("Phone");
  await signIn(page);
  for (const path of ["/", "/app/explore?q=type%3Aletter&view=table", `/app/e/${made[0].id}`, "/app/runs", "/app/keys"]) {
    await page.goto(path);
    await page.locator("main h1").first().waitFor({ state: "attached" });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(over, 0, `${path} is ${over} pixels too wide`);
  }
});
