// The browser, and a signed-in page of it. What the tests see is the real server.
import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { after } from "node:test";
import { chromium } from "playwright-core";

export const url = process.env.STEMMA_URL;
export const key = process.env.STEMMA_KEY;
const shots = process.env.STEMMA_SHOTS; // where pictures of pages go, if anywhere
const failures = shots ?? "screenshots"; // and those of pages on which a test failed

export const expectedFailure = /Failed to load resource/; // of a request that the test makes fail

// What Chromium puts into an editor with the text that replaces a coloured one. The
// policy refuses it, and the editor takes the text alone.
export const typedStyle = /Applying inline style/;

// A test that fails leaves what it did not come to close.
const browsers = new Set();
after(() => Promise.all([...browsers].map((b) => b.close())));

// open starts a browser. Whatever a page complains about fails the test, but for
// what the test expects; requests go to the server, and where elsewhere says.
export async function open(t, { elsewhere, ...options } = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  browsers.add(browser);
  const complaints = [];
  const allowed = [/GPU stall|GL Driver/];
  t.after(async () => {
    const wrong = complaints.filter((c) => !allowed.some((a) => a.test(c)));
    if (!t.passed || wrong.length) for (const page of browser.contexts().flatMap((c) => c.pages())) await evidence(page, t.name);
    await browser.close();
    assert.deepEqual(wrong, []);
  });
  const context = await browser.newContext({ baseURL: url, viewport: { width: 1200, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000); // a slow machine gets there too
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && complaints.push(m.text()));
  page.on("pageerror", (e) => complaints.push(e.stack ?? e.message));
  page.on("request", (r) => !/^(data|blob):/.test(r.url()) && ![url, elsewhere].some((at) => at && r.url().startsWith(at)) && complaints.push(`a request to ${r.url()}`));
  return { page, context, allow: (what) => allowed.push(what) };
}

// evidence is what a page looked like when a test failed on it.
async function evidence(page, name) {
  mkdirSync(failures, { recursive: true });
  const path = `${failures}/failed-${name.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 60)}`;
  await page.screenshot({ path: `${path}.png` }).catch(() => undefined); // a page that hangs gives none
  const html = await Promise.race([page.content(), new Promise((go) => setTimeout(go, 5000, ""))]).catch(() => "");
  writeFileSync(`${path}.html`, `<!-- ${page.url()} -->\n${html}`);
  console.error(`what it looked like: ${path}.png, ${path}.html`);
}

export async function signIn(page, credential = key) {
  await page.goto("/");
  await page.getByRole("tab", { name: "Use a key" }).click();
  await page.getByRole("textbox", { name: "Key" }).fill(credential);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: /Lately/ }).waitFor();
}

// call is the API, as a script would use it.
export async function call(method, path, body, credential = key, more = {}) {
  const answer = await fetch(url + path, { method, headers: { Authorization: `ApiKey ${credential}`, "Content-Type": "application/json", ...more }, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text && JSON.parse(text);
}

// account makes somebody with a team, and gives the session that the API answers.
// Where the server trusts a proxy, each comes from an address of its own.
let accounts = 0;
export async function account(name, more = {}) {
  const body = { email: `${name}-${process.pid}-${++accounts}@example.com`, password: "correct horse", tenantName: `${name}'s team`, ...more };
  const answer = await fetch(`${url}/v1/portal/auth/signup`, { method: "POST", headers: { "Content-Type": "application/json", "X-Forwarded-For": `10.0.0.${accounts}` }, body: JSON.stringify(body) });
  assert.equal(answer.status, 201, await answer.clone().text());
  return { ...(await answer.json()), ...body };
}

// enter signs in with an account, and as is call in its name.
export async function enter(page, who, path = "/") {
  await page.goto(`/app/sign-in?next=${encodeURIComponent(path)}`);
  await page.getByLabel("Email").fill(who.email);
  await page.getByLabel("Password").fill(who.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL((at) => at.pathname !== "/app/sign-in");
  await page.getByRole("navigation", { name: "Main" }).waitFor();
}

export const as = (who) => (method, path, body) => call(method, path, body, who.token, { Authorization: `Bearer ${who.token}` });

// confirm says yes to what is asked before something that cannot be taken back.
export async function confirm(page, action) {
  const asked = page.getByRole("alertdialog");
  await asked.getByRole("button", { name: action, exact: true }).click();
  await asked.waitFor({ state: "detached" });
}

// makeAgent makes one of the caller's team.
export async function makeAgent(name, more = {}) {
  return (await call("POST", "/v1/portal/agents", { name, ...more })).agent;
}

// narrow fails for a page that is wider than a telephone.
export async function narrow(page, name) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(over <= 0, `${name} is ${over} pixels too wide`);
}

// look takes a picture of a page in both colours, and has axe judge it.
export async function look(page, name) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    if (shots) {
      mkdirSync(shots, { recursive: true });
      await page.screenshot({ path: `${shots}/${name}-${colorScheme}.png` });
    }
    const found = await new AxeBuilder({ page }).options({ preload: false }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
    const bad = found.violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join("; ")}`);
    assert.deepEqual(bad, [], `${name}, ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
}
