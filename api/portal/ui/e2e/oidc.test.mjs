import assert from "node:assert/strict";
import { test } from "node:test";
import { account, as, enter, expectedFailure, look, narrow, open, url } from "./world.mjs";

const provider = process.env.STEMMA_PROVIDER;

// at opens a browser that goes to the provider too.
const at = (t, options = {}) => open(t, { elsewhere: provider, ...options });

// prove signs in at the provider.
async function prove(page, name) {
  await page.waitForURL((u) => u.origin === provider);
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((u) => u.origin === url);
}

const stored = (page) => page.evaluate(() => JSON.parse(localStorage.getItem("stemma.session")));

test("somebody signs in by the provider, lands where they wanted to go, and is the same the next time", async (t) => {
  const seen = [];
  const { page } = await at(t);
  page.on("request", (r) => seen.push([r.url(), r.headers().referer ?? ""]));
  await page.goto("/app/runs?status=failed");
  await page.getByRole("link", { name: "Continue with Example House" }).waitFor();
  await look(page, "signin-provider");
  await page.getByRole("link", { name: "Continue with Example House" }).click();
  await prove(page, "alice");
  await page.getByRole("heading", { name: "Runs", exact: true }).waitFor();
  assert.equal(new URL(page.url()).search, "?status=failed");
  assert.equal(new URL(page.url()).hash, "");
  const first = await stored(page);
  assert.deepEqual([first.kind, first.email, first.tenant.name], ["token", "alice@example.com", "Alice's team"]);
  for (const [to, referer] of seen) {
    assert.ok(!to.includes(first.credential) && !referer.includes("oidc="), `${to} from ${referer}`);
    assert.ok(!new URL(to).search.includes("oidc="), "the code for the session is in no query");
  }

  // The history of the browser kept nothing that lets in again.
  assert.ok(!(await page.evaluate(() => location.href)).includes("oidc="));

  const { page: again } = await at(t);
  await again.goto("/app/sign-in");
  await again.getByRole("link", { name: "Continue with Example House" }).click();
  await prove(again, "alice");
  await again.getByRole("heading", { name: /Lately/ }).waitFor();
  assert.equal((await stored(again)).user, first.user);
  await again.goto("/app/account");
  await again.getByText("alice@example.com").first().waitFor();
});

test("an invitation goes with it to the provider and back", async (t) => {
  const owner = await account("ona");
  const { inviteUrl } = await as(owner)("POST", "/v1/portal/invites", { maxUses: 1 });
  const { page } = await at(t);
  await page.goto(inviteUrl);
  await page.getByText("You are invited to join ona's team").waitFor();
  await page.getByRole("link", { name: "Continue with Example House" }).click();
  await prove(page, "bob");
  await page.getByRole("heading", { name: /Lately/ }).waitFor();
  assert.equal((await stored(page)).tenant.id, owner.tenant.id);
  const members = (await as(owner)("GET", "/v1/portal/members")).members;
  assert.deepEqual(members.map((m) => [m.name, m.email].join()).slice(1), ["Bob,bob@example.com"]);

  // The invitation is used up: who brings it is told, and can come in without.
  const { page: late, allow } = await at(t);
  allow(expectedFailure);
  await late.goto(`/v1/portal/auth/oidc/start?invite=${new URL(inviteUrl).searchParams.get("invite")}`);
  await prove(late, "carl");
  await late.getByRole("alert").getByText("The invitation to ona's team has been used up").waitFor();
  await look(late, "signin-provider-used");
  await late.getByRole("link", { name: "Continue with Example House" }).click();
  await prove(late, "carl");
  await late.getByRole("heading", { name: /Lately/ }).waitFor();
  assert.equal((await stored(late)).tenant.name, "Carl's team");
});

test("an address that the provider has not verified is shown to nobody, and opens nobody's account", async (t) => {
  const { page } = await at(t);
  await page.goto("/app/sign-in");
  await page.getByRole("link", { name: "Continue with Example House" }).click();
  await prove(page, "mallory");
  await page.getByRole("heading", { name: /Lately/ }).waitFor();
  assert.equal((await stored(page)).email, undefined);
  await page.goto("/app/members");
  await page.getByRole("list", { name: "Members" }).getByText("Mallory").waitFor();
  assert.equal(await page.getByText("mallory@example.com").count(), 0);
});

test("what comes to nothing at the provider is explained where one signs in", async (t) => {
  const { page } = await at(t, { viewport: { width: 360, height: 740 } });
  await page.goto("/app/keys");
  await page.getByRole("link", { name: "Continue with Example House" }).click();
  await page.waitForURL((u) => u.origin === provider);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("alert").getByText("Example House did not sign you in").waitFor();
  assert.ok(!page.url().includes("#"));
  assert.equal(new URL(page.url()).searchParams.get("next"), "/app/keys");
  await look(page, "signin-denied-phone");
  await narrow(page, "a sign-in that was denied");

  await page.goto("/v1/portal/auth/oidc/callback?state=made-up&code=made-up");
  await page.getByRole("alert").getByText("begun in another browser").waitFor();
  await page.goto("/app/sign-in#oidc=made-up");
  await page.getByRole("alert").waitFor();
});

test("a password still lets in beside the provider", async (t) => {
  const who = await account("dan");
  const { page } = await at(t);
  await enter(page, who);
  await page.getByRole("heading", { name: /Lately/ }).waitFor();
  await page.goto("/app/sign-in");
  await page.getByText(`You are signed in as ${who.email}`).waitFor();
  await page.getByRole("link", { name: "Go on" }).click();
  await page.getByRole("heading", { name: /Lately/ }).waitFor();
});
