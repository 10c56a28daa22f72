import assert from "node:assert/strict";
import { test } from "node:test";
import { call, open, signIn } from "./world.mjs";

const pages = ["/", "/app/explore", "/app/explore?q=type%3Acollection&view=table", "/app/runs", "/app/keys", "/app/server", "/app/server/tenants", "/app/server/providers", "/app/server/prices", "/app/server/usage", "/app/server/traces", "/app/server/settings"];

test("Tab goes through every page in order, and shows where it is", async (t) => {
  const { page } = await open(t);
  const note = await call("POST", "/entities", { type: "note", properties: { label: "Tabbed" } });
  await signIn(page);
  for (const path of [...pages, `/app/e/${note.id}`, `/app/e/${note.id}?tab=history`, `/app/e/${note.id}?tab=permissions`]) {
    await page.goto(path);
    await page.getByRole("heading", { level: 1 }).first().waitFor({ state: "attached" });
    await page.evaluate(() => {
      window.stops = [];
      document.activeElement.blur();
      document.addEventListener("focusin", ({ target }) => {
        if (document.activeElement !== target) return; // a group of tabs hands it on at once
        const style = getComputedStyle(target);
        const box = target.getBoundingClientRect();
        const editor = target.closest(".cm-editor"); // which has the outline in the place of its text
        window.stops.push({ name: `${target.tagName} ${target.getAttribute("aria-label") ?? target.textContent.slice(0, 40)}`, shown: Boolean(editor) || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 0 && box.height > 0) });
      });
    });
    for (let n = 0; n < 40; n++) await page.keyboard.press("Tab");
    const stops = await page.evaluate(() => window.stops);
    const skip = stops.findIndex((s) => /Skip to the content/.test(s.name));
    assert.ok(path.startsWith("/app/explore") ? skip >= 0 : skip === 0, `${path}: the first places are ${stops.slice(0, 3).map((s) => s.name)}`); // questions begin in their editor
    assert.ok(stops.length > 6, `${path} has ${stops.length} places for Tab`);
    assert.deepEqual(stops.filter((s) => !s.shown).map((s) => s.name), [], `${path}: where the focus is cannot be seen`);
  }
});

test("another page takes the focus along and says its title", async (t) => {
  const { page } = await open(t);
  await signIn(page);
  const told = (heading) => page.waitForFunction((text) => document.activeElement?.tagName === "H1" && document.activeElement.textContent === text && document.title === `${text} · Stemma`, heading);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Runs" }).focus();
  await page.keyboard.press("Enter");
  await told("Runs");
  await page.getByRole("button", { name: "Server", exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Prices" }).focus();
  await page.keyboard.press("Enter");
  await told("Prices");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("Keys");
  await page.getByRole("option", { name: "Keys", exact: true }).click();
  await told("Keys");
  await page.keyboard.type("ge"); // the page of questions takes the focus to its editor
  await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label") === "Query");
});

test("Escape closes what is open, and the focus goes back to what opened it", async (t) => {
  const { page } = await open(t);
  const made = await call("POST", "/v1/admin/tenants", { name: "Escaped" });
  await signIn(page);
  const back = async (opener, isOpen) => {
    await opener.focus();
    await page.keyboard.press("Enter");
    await isOpen.waitFor();
    await page.keyboard.press("Escape");
    await isOpen.waitFor({ state: "detached" });
    await page.waitForFunction((el) => document.activeElement === el, await opener.elementHandle());
  };
  await back(page.getByRole("button", { name: /^Find/ }), page.getByPlaceholder("Find entities by what they say"));
  await back(page.getByRole("button", { name: "Account" }), page.getByRole("menu"));
  await back(page.getByRole("button", { name: "Server", exact: true }), page.getByRole("menu"));
  await page.goto(`/app/server/tenants/${made.id}`);
  await back(page.getByRole("button", { name: "Delete the tenant" }), page.getByRole("dialog"));
  await page.getByRole("link", { name: "Stemma" }).focus();
  await page.keyboard.type("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.activeElement?.textContent === "Stemma");
});
