import assert from "node:assert/strict";
import { test } from "node:test";
import { call, look, open, signIn } from "./world.mjs";

// family is a collection of people and letters in a line, and somebody apart: Ann
// wrote a letter to Bob, who knows Cid; Dot is alone.
async function family(label) {
  const collection = await call("POST", "/collections", { label });
  const make = async (type, name, relationships = []) => (await call("POST", "/entities", { type, collection: collection.id, properties: { label: `${label} ${name}` }, relationships })).id;
  const cid = await make("person", "Cid");
  const bob = await make("person", "Bob", [{ predicate: "knows", peer: cid }]);
  const letter = await make("letter", "letter", [{ predicate: "addressed_to", peer: bob }]);
  const ann = await make("person", "Ann", [{ predicate: "wrote", peer: letter }]);
  const dot = await make("person", "Dot");
  return { collection, ann, bob, cid, letter, dot };
}

test("two entities are chosen by the keyboard, and the path between them stands out and is said", async (t) => {
  const { page } = await open(t);
  const made = await family("Kin");
  await signIn(page);
  await page.goto(`/app/graph/${made.collection.id}`);
  await page.getByText("5 entities, 3 relationships").waitFor();
  const list = page.getByRole("region", { name: "Entities on the canvas" });
  await list.getByRole("button", { name: "person Kin Ann", exact: true }).focus();
  await page.keyboard.press("Enter");
  await list.getByRole("button", { name: "And Kin Cid, for the paths between" }).focus();
  await page.keyboard.press("Enter");
  const paths = page.getByRole("region", { name: "Paths between them" });
  await paths.getByRole("button", { name: "Either way: 2 steps" }).waitFor(); // by the collection that both are in
  await paths.getByRole("button", { name: "Along the arrows: 3 steps" }).focus();
  await page.keyboard.press("Enter");
  assert.equal((await paths.locator(".path").last().textContent()).replace(/\s+/g, " ").trim(), "Kin Ann — wrote → Kin letter — addressed_to → Kin Bob — knows → Kin Cid");
  const asked = await call("POST", "/graph/paths", { source_ids: [made.ann], target_ids: [made.cid], direction: "outgoing" });
  assert.equal(asked.paths[0].length, 3);
  await look(page, "graph-path");
  await paths.getByLabel("At most").selectOption("2");
  await paths.getByRole("button", { name: "Along the arrows" }).waitFor({ state: "detached" });
  await list.getByRole("button", { name: "person Kin Dot", exact: true }).click({ modifiers: ["Shift"] });
  await page.getByRole("region", { name: "Chosen" }).getByRole("button", { name: "Open Kin Dot" }).waitFor();
});

test("types and relations are hidden, neighbours come in, and the colours follow the theme", async (t) => {
  const { page } = await open(t);
  const made = await family("Clan");
  await signIn(page);
  await page.goto(`/app/explore?q=${encodeURIComponent(`@${made.letter} -[addressed_to]-> type:person`)}&view=graph`);
  await page.getByText("2 entities, 1 relationships").waitFor();
  const list = page.getByRole("region", { name: "Entities on the canvas" });
  await list.getByRole("button", { name: "person Clan Bob", exact: true }).focus();
  await page.keyboard.press("+");
  await page.getByText("4 entities, 3 relationships").waitFor(); // Cid, and the collection
  await page.getByRole("group", { name: "Relations that are shown" }).getByLabel("knows").waitFor();
  const canvas = page.locator(".graph-canvas");
  const arranged = () => page.getByText("Arranging them").waitFor({ state: "detached" });
  await arranged();
  const whole = await canvas.screenshot();
  await page.getByRole("group", { name: "Relations that are shown" }).getByLabel("knows").uncheck();
  await page.waitForFunction(() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(() => go(true)))));
  const without = await canvas.screenshot();
  assert.ok(!whole.equals(without), "an edge is still drawn");
  await page.getByRole("group", { name: "Types that are shown" }).getByLabel("person").uncheck();
  await list.getByRole("button", { name: "person Clan Bob", exact: true }).waitFor({ state: "detached" });
  await page.getByRole("group", { name: "Types that are shown" }).getByLabel("person").check();
  await page.emulateMedia({ colorScheme: "dark" });
  await page.waitForFunction(() => getComputedStyle(document.querySelector(".swatch")).backgroundColor === "rgb(111, 207, 168)");
  await page.getByRole("button", { name: "letter Clan letter", exact: true }).click();
  await page.getByRole("button", { name: "Open Clan letter" }).click();
  await page.getByRole("heading", { level: 1, name: "Clan letter" }).waitFor();
});

test("on a telephone the list is below the picture", async (t) => {
  const { page } = await open(t, { viewport: { width: 360, height: 740 } });
  const made = await family("Small");
  await signIn(page);
  await page.goto(`/app/graph/${made.collection.id}`);
  await page.getByText("5 entities, 3 relationships").waitFor();
  await page.getByRole("button", { name: "person Small Ann", exact: true }).click();
  await look(page, "graph-phone");
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
});
