import assert from "node:assert/strict";
import { test } from "node:test";
import { call, look, open, signIn } from "./world.mjs";

async function record(input) {
  const run = await call("POST", "/api/v1/runs", { trigger_type: "api", input }, undefined, { "X-Agent-Name": "sales-bot" });
  const id = run.run_id ?? run.id;
  await call("POST", `/api/v1/runs/${id}/steps`, { step_type: "reasoning", sequence: 1, input: "What does the report say?", output: "Sales went up by a third", model: "gpt-4o", tokens_used: 120 });
  return id;
}

test("a run is found, replayed live, verified, and its evidence taken along", async (t) => {
  const { page } = await open(t);
  await signIn(page);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Runs" }).click();
  await page.getByRole("heading", { name: "Runs", exact: true }).waitFor();
  const id = await record("Summarise the fourth quarter");
  await page.reload();
  await page.getByRole("link", { name: "Summarise the fourth quarter" }).waitFor();
  await look(page, "runs");
  await page.getByLabel("Status").selectOption("completed");
  await page.getByRole("link", { name: "Summarise the fourth quarter" }).waitFor({ state: "detached" });
  await page.getByLabel("Status").selectOption("running");
  await page.getByRole("link", { name: "Summarise the fourth quarter" }).click();
  await page.getByText("live", { exact: true }).waitFor();
  await page.getByText("Input and output").first().click();
  await page.getByText("Sales went up by a third").first().waitFor();
  await call("PATCH", `/api/v1/runs/${id}`, { status: "completed", output: "Up by a third" });
  await page.locator(".badge", { hasText: "completed" }).waitFor();
  await page.reload();
  await page.getByText(/Whole: \d+ entries hash as they say, and the run's manifest pins the last/).waitFor();
  await look(page, "run");
  let bundle;
  for (let tries = 0; !bundle && tries < 100; tries++) {
    const download = page.waitForEvent("download", { timeout: 2000 }).catch(() => null);
    await page.getByRole("button", { name: "Evidence to check without this server" }).click();
    const got = await download;
    if (got) bundle = JSON.parse(await new Response(await got.createReadStream()).text());
  }
  assert.ok(bundle.entries.length >= 3 && bundle.checkpoint && bundle.verifier_key);
});

test("keys are made, shown once, and revoked", async (t) => {
  const { page } = await open(t);
  await signIn(page);
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Keys" }).click();
  for (const [section, form] of [
    ["Your keys", /^uk_[0-9a-f]{64}$/],
    ["Keys for recording", /^ark_live_[0-9a-f]{64}$/],
  ]) {
    const region = page.getByRole("region", { name: section });
    await region.getByLabel("Name of a new key").fill(`made by ${section}`);
    await region.getByRole("button", { name: "Make a key" }).click();
    const fresh = await region.locator(".fresh code").textContent();
    assert.match(fresh, form);
    await region.getByRole("cell", { name: `made by ${section}`, exact: true }).waitFor();
    if (section === "Your keys") {
      await call("GET", "/users/me", undefined, fresh);
      await look(page, "keys");
    }
    await region.getByRole("button", { name: `Revoke made by ${section}` }).click();
    await page.getByRole("alertdialog", { name: `Revoke made by ${section}?` }).getByRole("button", { name: "Revoke" }).click();
    await region.getByRole("cell", { name: `made by ${section}`, exact: true }).waitFor({ state: "detached" });
    if (section === "Your keys") await assert.rejects(call("GET", "/users/me", undefined, fresh));
  }
});
