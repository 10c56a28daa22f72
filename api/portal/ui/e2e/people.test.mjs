import assert from "node:assert/strict";
import { test } from "node:test";
import { account, as, call, confirm, enter, expectedFailure, look, narrow, open, signIn, url } from "./world.mjs";

const phone = { viewport: { width: 360, height: 740 } };

test("an account is made with a team, and comes back", async (t) => {
  const { page, allow } = await open(t);
  const email = `new-${process.pid}@example.com`;
  await page.goto("/app/keys");
  await page.getByRole("tab", { name: "Make an account" }).click();
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill("correct horse");
  await page.getByLabel("Name of your team").fill("New house");
  await look(page, "signup");
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.getByRole("heading", { name: "Keys", exact: true }).waitFor();
  await page.getByRole("button", { name: email }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();

  allow(expectedFailure);
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill("wrong horse");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("alert").getByText("the email or the password is wrong").waitFor();
  await look(page, "signin-wrong");
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("button", { name: email }).waitFor();
});

test("where no new accounts are taken, who signs up is told what lets in", async (t) => {
  const { page } = await open(t);
  await call("PUT", "/v1/admin/settings", { signupsEnabled: false });
  try {
    await page.goto("/app/sign-in");
    await page.getByRole("tab", { name: "Make an account" }).click();
    await page.getByText("This server takes new accounts by invitation alone").waitFor();
    await look(page, "signup-closed");
  } finally {
    await call("PUT", "/v1/admin/settings", { signupsEnabled: true });
  }
});

test("a sign-in leads nowhere but to this server", async (t) => {
  const who = await account("eli");
  const { page } = await open(t);
  await enter(page, who);
  for (const [next, to] of [
    ["/app/runs?status=failed", "/app/runs?status=failed"],
    ["https://elsewhere.example/", "/"],
    ["//elsewhere.example/", "/"],
    ["/\\elsewhere.example/", "/"],
    ["/\t/elsewhere.example/", "/"],
    ["javascript:alert(1)", "/"],
  ]) {
    await page.goto(`/app/sign-in?next=${encodeURIComponent(next)}`);
    assert.equal(await page.getByRole("link", { name: "Go on" }).getAttribute("href"), to, next);
  }
});

test("an invitation says where it leads, lets in as often as it says, and then explains itself", async (t) => {
  const owner = await account("ivy");
  const { page, allow, context } = await open(t);
  await enter(page, owner, "/app/members");
  await page.getByLabel("People it lets in").fill("2");
  await page.getByLabel("It holds for").selectOption({ label: "a day" });
  await page.getByRole("button", { name: "Make an invitation" }).click();
  const link = await page.locator(".fresh code").textContent();
  await page.getByRole("list", { name: "Open invitations" }).getByText("used 0 of 2 times").waitFor();
  await look(page, "members");

  // Somebody new opens the link.
  const guest = await context.browser().newContext({ baseURL: url });
  const there = await guest.newPage();
  await there.goto(link);
  await there.getByText("You are invited to join ivy's team").waitFor();
  await look(there, "signin-invited");
  await there.getByLabel("Email").fill(`gus-${process.pid}@example.com`);
  await there.getByLabel("Password").fill("correct horse");
  await there.getByRole("button", { name: "Make the account and join" }).click();
  await there.getByRole("heading", { name: /Lately/ }).waitFor();
  const members = (await as(owner)("GET", "/v1/portal/members")).members;
  assert.deepEqual(members.map((m) => m.role), ["owner", "member"]);

  // Somebody with an account, who is signed in, joins with one click and is there.
  const kim = await account("kim");
  const { page: other } = await open(t);
  await enter(other, kim);
  await other.goto(link);
  await other.getByRole("button", { name: /Join ivy's team as kim/ }).click();
  await other.getByRole("heading", { name: /Lately/ }).waitFor();
  await other.goto("/app/members");
  await other.getByText("Who is in ivy's team").waitFor();
  assert.equal((await as(owner)("GET", "/v1/portal/members")).members.length, 3);
  assert.equal(await other.getByRole("heading", { name: "Invitations" }).count(), 0, "a member makes no invitations");

  // It is used up, and one that never was is not.
  allow(expectedFailure);
  const { page: late, allow: allowLate } = await open(t, phone);
  allowLate(expectedFailure);
  await late.goto(link);
  await late.getByRole("alert").getByText("The invitation to ivy's team has been used up").waitFor();
  await look(late, "signin-used-phone");
  await narrow(late, "a used invitation");
  await late.goto("/signup?invite=nonsense");
  await late.getByRole("alert").getByText("There is no such invitation").waitFor();
  await guest.close();
});

test("somebody who has an account signs in with an invitation and joins", async (t) => {
  const owner = await account("jon");
  const kay = await account("kay");
  const { inviteUrl } = await as(owner)("POST", "/v1/portal/invites", { maxUses: 1 });
  const { page } = await open(t);
  await page.goto(inviteUrl);
  await page.getByRole("tab", { name: "Sign in" }).click();
  await page.getByLabel("Email").fill(kay.email);
  await page.getByLabel("Password").fill(kay.password);
  await page.getByRole("button", { name: "Sign in and join" }).click();
  await page.getByRole("heading", { name: /Lately/ }).waitFor();
  assert.equal((await as(owner)("GET", "/v1/portal/members")).members.length, 2);
});

test("members get another role, are removed, and leave", async (t) => {
  const owner = await account("lea");
  const invite = await as(owner)("POST", "/v1/portal/invites", {});
  const [max, ned] = [await account("max", { inviteToken: invite.token }), await account("ned", { inviteToken: invite.token })];
  const roles = async () => (await as(owner)("GET", "/v1/portal/members")).members.map((m) => `${m.email.split("-")[0]} ${m.role}`).join(", ");
  const { page, allow } = await open(t);
  allow(expectedFailure);
  await enter(page, owner, "/app/members");
  const people = page.getByRole("list", { name: "Members" });
  const row = (who) => people.getByRole("listitem").filter({ hasText: who.email });
  await row(max).getByRole("combobox").selectOption("owner");
  await row(max).getByText("saved", { exact: true }).waitFor();
  assert.match(await roles(), /max owner/);

  await row(ned).getByRole("button", { name: /^Remove/ }).click();
  await look(page, "members-confirm");
  await page.keyboard.press("Escape");
  await page.getByRole("alertdialog").waitFor({ state: "detached" });
  assert.match(await roles(), /ned member/);
  await row(ned).getByRole("button", { name: /^Remove/ }).click();
  await confirm(page, "Remove");
  await row(ned).waitFor({ state: "detached" });
  assert.equal(await roles(), "lea owner, max owner");

  // Max owns it too now; Lea leaves and is signed out, as it was her only team.
  await page.getByRole("button", { name: "Leave lea's team" }).click();
  await confirm(page, "Leave");
  await page.getByRole("tab", { name: "Sign in" }).waitFor();
  assert.deepEqual((await as(max)("GET", "/v1/portal/members")).members.map((m) => m.id), [max.user.id]);

  // The last owner is told what to do first.
  await enter(page, max, "/app/members");
  await page.getByRole("button", { name: "Leave lea's team" }).click();
  await confirm(page, "Leave");
  await page.getByRole("alert").getByText("make another member the owner first").waitFor();
});

test("invitations are copied and revoked", async (t) => {
  const owner = await account("oli");
  const { page, context } = await open(t);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const { inviteUrl, id } = await as(owner)("POST", "/v1/portal/invites", { maxUses: 3 });
  await enter(page, owner, "/app/members");
  const open1 = page.getByRole("list", { name: "Open invitations" });
  await open1.getByRole("button", { name: "Copy the link of the invitation" }).click();
  await open1.getByText("copied").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), inviteUrl);
  await open1.getByRole("button", { name: "Revoke" }).click();
  await confirm(page, "Revoke");
  await page.getByRole("heading", { name: "No invitation is open" }).waitFor();
  await page.getByText("One that is over").click();
  await page.getByText(/^revoked/).waitFor();
  const mine = (await as(owner)("GET", "/v1/portal/invites")).invites.find((i) => i.id === id);
  assert.ok(mine.revokedAt && !mine.isActive);
});

test("a team below is made and entered, and nothing of the last team is seen there", async (t) => {
  const owner = await account("pia");
  const { page } = await open(t);
  await enter(page, owner, "/app/members");
  await page.getByLabel("Name of a new team below").fill("Garden");
  await page.getByRole("button", { name: "Make the team" }).click();
  await page.getByRole("button", { name: "Work in Garden" }).waitFor();
  await page.getByRole("button", { name: owner.email }).click();
  await page.getByRole("menuitemradio", { name: "Garden" }).waitFor();
  await look(page, "account-menu");
  await page.getByRole("menuitemradio", { name: "Garden" }).click();
  await page.getByRole("heading", { name: "Seven days of Garden" }).waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("m");
  await page.getByText("Who is in Garden").waitFor();
  assert.equal(await page.getByText("pia's team").count(), 0);
  await page.goto("/app/account");
  await page.getByRole("button", { name: "Work in pia's team" }).click();
  await page.getByRole("heading", { name: "Seven days of pia's team" }).waitFor();
  assert.equal((await as(owner)("GET", "/v1/portal/subtenants")).subtenants[0].name, "Garden");
});

test("one's name and password are changed, and other sessions end", async (t) => {
  const who = await account("quin");
  const { page, allow } = await open(t);
  allow(expectedFailure);
  await enter(page, who, "/app/account");
  await page.getByLabel("Name", { exact: true }).fill("Quin Abel");
  await page.getByRole("button", { name: "Save the name" }).click();
  await page.getByText("Saved").waitFor();
  assert.equal((await as(who)("GET", "/users/me")).properties.label, "Quin Abel");

  await page.getByLabel("The password now").fill("wrong horse");
  await page.getByLabel("Another").fill("battery staple");
  await page.getByRole("button", { name: "Change the password" }).click();
  await page.getByRole("alert").getByText("the old password is wrong").waitFor();
  await page.getByLabel("The password now").fill(who.password);
  await page.getByRole("button", { name: "Change the password" }).click();
  await page.getByText("It is changed").waitFor();
  await look(page, "account");
  await assert.rejects(as(who)("GET", "/v1/portal/me"), /401/);
  await page.reload();
  await page.getByRole("heading", { name: "Your account" }).waitFor();

  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await confirm(page, "Sign out everywhere");
  await page.getByRole("tab", { name: "Sign in" }).waitFor();
  await enter(page, { ...who, password: "battery staple" });
  await page.getByRole("heading", { name: /Lately/ }).waitFor();
});

test("the audit tells in words who came in and who was kept out", async (t) => {
  const owner = await account("rob");
  const invite = await as(owner)("POST", "/v1/portal/invites", {});
  const sam = await account("sam", { inviteToken: invite.token });
  await assert.rejects(as(sam)("GET", "/v1/portal/invites"), /403/);
  await assert.rejects(as(sam)("GET", `/tenants/${owner.tenant.id}/audit`), /403/);
  const { page } = await open(t);
  await enter(page, owner, "/app/audit");
  const entries = page.getByRole("list", { name: "Entries" });
  await entries.getByText("was refused “list tenant audit”").waitFor();
  await entries.getByText("signed in with a password").first().waitFor();
  await look(page, "audit");
  await page.getByLabel("Show").selectOption({ label: "refusals" });
  await entries.getByText("signed in with a password").first().waitFor({ state: "detached" });
  await entries.getByText("was refused “list tenant audit”").waitFor();
  assert.match(page.url(), /show=refused/);
  await entries.getByRole("link", { name: /^Only about/ }).first().click();
  await page.getByText("Only about", { exact: false }).first().waitFor();
  assert.match(page.url(), new RegExp(`about=${sam.user.id}`));
  await page.getByLabel("Show").selectOption({ label: "changed passwords" });
  await page.getByRole("heading", { name: "Nothing of that kind" }).waitFor();
  await page.getByRole("button", { name: "Show everything" }).click();
  await entries.getByText("signed in with a password").first().waitFor();

  // It is not for members, who are told who to ask.
  const { page: other } = await open(t);
  await enter(other, sam, "/app/audit");
  await other.getByRole("heading", { name: "It is for owners" }).waitFor();
});

test("a key without a team is told what needs one", async (t) => {
  const { page, allow } = await open(t);
  allow(expectedFailure);
  await signIn(page);
  for (const path of ["/app/members", "/app/usage", "/app/audit"]) {
    await page.goto(path);
    await page.getByRole("heading", { name: "This belongs to a team, and you are in none" }).waitFor();
    assert.equal(await page.getByRole("link", { name: "Sign in with an account" }).getAttribute("href"), `/app/sign-in?next=${encodeURIComponent(path)}`);
  }
  await look(page, "teamless");
  await page.goto("/app/account");
  await page.getByRole("heading", { name: "You came in by a key" }).waitFor();

  // The operator reads the account of any tenant.
  const tenant = (await account("tom")).tenant;
  await call("GET", `/tenants/${tenant.id}/audit`);
  await page.goto(`/app/audit?tenant=${tenant.id}`);
  await page.getByRole("list", { name: "Entries" }).or(page.getByRole("heading", { name: "Nothing yet" })).first().waitFor({ state: "attached" });
});

test("a telephone has room for people, account and audit", async (t) => {
  const owner = await account("a-rather-long-name-of-somebody-who-signs-up");
  await as(owner)("POST", "/v1/portal/invites", { maxUses: 3 });
  const { page } = await open(t, phone);
  await enter(page, owner);
  await page.getByRole("heading", { name: /Seven days/ }).waitFor();
  await look(page, "home-phone");
  await narrow(page, "home");
  for (const [path, heading] of [
    ["/app/members", "Invitations"],
    ["/app/account", "Password"],
    ["/app/audit", "Audit"],
    ["/app/usage", "Usage"],
  ]) {
    await page.goto(path);
    await page.getByRole("heading", { name: heading, exact: true }).waitFor();
    await look(page, `${path.slice(5)}-phone`);
    await narrow(page, path);
  }
});
