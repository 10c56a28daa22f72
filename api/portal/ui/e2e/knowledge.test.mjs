import assert from "node:assert/strict";
import { test } from "node:test";
import { call, confirm, expectedFailure, look, open, url } from "./world.mjs";

const bases = "/v1/portal/knowledge-bases";

// signUp makes an account with a team of its own, and gives what calls the API as it.
async function signUp(page, name) {
  await page.goto("/app/sign-in?next=/app/knowledge");
  await page.getByRole("tab", { name: "Make an account" }).click();
  await page.getByLabel("Email").fill(`${name}@example.com`);
  await page.getByLabel("Password").fill("correct horse battery");
  await page.getByLabel("Name of your team").fill(`House of ${name}`);
  await page.getByRole("button", { name: "Make the account" }).click();
  await page.getByRole("heading", { name: "Knowledge bases" }).waitFor();
  const { credential } = JSON.parse(await page.evaluate(() => localStorage.getItem("stemma.session")));
  return (method, path, body) => call(method, path, body, "", { Authorization: `Bearer ${credential}` });
}

const text = (name, content, mimeType = "text/plain") => ({ name, mimeType, buffer: Buffer.from(content) });

// make makes a knowledge base by the API.
async function make(as, name, files, settings = {}) {
  const { token } = as;
  const form = new FormData();
  Object.entries({ name, ...settings }).forEach(([n, v]) => form.append(n, String(v)));
  Object.entries(files).forEach(([n, content]) => form.append("files", new File([content], n)));
  const got = await fetch(url + bases, { method: "POST", headers: { Authorization: `Bearer ${token}` }, body: form });
  assert.equal(got.status, 200, await got.clone().text());
  return (await got.json()).id;
}

test("a knowledge base is made of files, filled, and emptied", async (t) => {
  const { page, allow } = await open(t);
  const as = await signUp(page, "marmot");
  await page.getByRole("heading", { name: "None yet" }).waitFor();
  await look(page, "knowledge-empty");
  await page.getByRole("link", { name: "Make a knowledge base" }).click();
  await page.getByText(/Texts are turned into vectors by/).waitFor();
  await page.getByLabel("Name", { exact: true }).fill("Alps");
  await page.getByRole("button", { name: "Make the knowledge base" }).click();
  await page.getByRole("alert").getByText("Choose one file at least").waitFor();
  await page.getByText("How files are cut").click();
  await page.getByLabel("Size of a chunk").fill("40");
  await page.getByLabel("Overlap").fill("30");
  await page.getByLabel("Choose files").setInputFiles([text("marmots.md", "# Marmots\n\nMarmots sleep all winter. " + "They whistle when an eagle comes near. ".repeat(20), ""), text("ibex.txt", "Ibex climb walls.")]);
  await look(page, "knowledge-new");
  allow(expectedFailure);
  await page.getByRole("button", { name: "Make the knowledge base" }).click();
  await page.getByRole("alert").getByText(/at most half of chunk_tokens: 20/).waitFor();
  await page.getByLabel("Overlap").fill("0");
  await page.getByRole("button", { name: "Make the knowledge base" }).click();
  await page.getByRole("heading", { name: "Alps", level: 1 }).waitFor();
  const id = page.url().split("/").pop();
  const table = page.getByRole("region", { name: "Files" });
  await table.getByRole("row", { name: /ibex.txt ready 1 chunk/ }).waitFor();
  assert.equal((await as("GET", `${bases}/${id}`)).settings.chunk_tokens, 40);

  await page.getByLabel("Add files").setInputFiles([text("ibex.txt", "Ibex climb dams."), text("marmots.md", "# Marmots\n\nMarmots sleep all winter. " + "They whistle when an eagle comes near. ".repeat(20), ""), text("birds.csv", "name,where\nchough,rocks\n", "text/csv"), { name: "photo.png", mimeType: "image/png", buffer: Buffer.from("\x89PNG\r\n\x1a\n", "latin1") }]);
  const uploads = page.getByRole("region", { name: "Uploads" });
  await uploads.getByText("3 of 4 uploaded, 1 failed").waitFor();
  await uploads.getByText(/ibex.txt.*the next version of the file of its name/).waitFor();
  await uploads.getByText(/marmots.md.*it was there already/).waitFor();
  await uploads.getByRole("alert").getByText(/photo.png is not of a format.*Save it in another format/).waitFor();
  await table.getByRole("row", { name: /birds.csv ready/ }).waitFor();
  await look(page, "knowledge-files");
  const sources = (await as("GET", `${bases}/${id}/sources`)).sources;
  assert.deepEqual(sources.map((s) => s.sourcePath).sort(), ["birds.csv", "ibex.txt", "marmots.md"]);

  await table.getByRole("button", { name: "Remove birds.csv" }).click();
  await confirm(page, "Remove");
  await table.getByRole("row", { name: /birds.csv/ }).waitFor({ state: "detached" });
  assert.equal((await as("GET", `${bases}/${id}/sources`)).sources.length, 2);

  await page.getByRole("navigation", { name: "Where it is" }).getByRole("link", { name: "Knowledge bases" }).click();
  await page.getByRole("list", { name: "Knowledge bases" }).getByRole("link", { name: "Alps" }).waitFor();
  await look(page, "knowledge");
  await page.getByRole("link", { name: "Alps" }).click();
  await page.getByRole("tab", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Delete the knowledge base" }).click();
  await confirm(page, "Delete");
  await page.getByRole("heading", { name: "None yet" }).waitFor();
  assert.deepEqual((await as("GET", bases)).knowledgeBases, []);
});

test("chunks are read, a question tries them, and another cut reaches the files", async (t) => {
  const { page, allow } = await open(t);
  const as = await signUp(page, "ibex");
  as.token = JSON.parse(await page.evaluate(() => localStorage.getItem("stemma.session"))).credential;
  const whistle = Array.from({ length: 60 }, (_, n) => `The marmot whistles for the ${n}th time today.`).join(" ");
  const id = await make(as, "Peaks", { "marmots.txt": whistle, "ibex.txt": "Ibex climb walls and dams." }, { chunk_tokens: 20, overlap_tokens: 0 });
  await page.goto(`/app/knowledge/${id}?tab=chunks`);
  const { total } = await as("GET", `${bases}/${id}/chunks`);
  assert.ok(total > 25, `${total} chunks`);
  await page.getByText(`1 to 25 of ${total} chunks`).waitFor();
  await look(page, "knowledge-chunks");
  await page.getByRole("button", { name: "Further" }).click();
  await page.getByText(`26 to ${Math.min(50, total)} of ${total} chunks`).waitFor();
  await page.getByRole("tab", { name: "Files" }).click();
  await page.getByRole("link", { name: "1 chunk", exact: true }).click();
  await page.getByText("1 to 1 of 1 chunk of one file").waitFor();
  await page.getByText("Ibex climb walls and dams.").waitFor();
  await page.getByText(/of ibex.txt, version \d+/).waitFor();

  await page.getByRole("tab", { name: "Try a question" }).click();
  await page.getByRole("heading", { name: "See what an agent would be given" }).waitFor();
  await page.getByRole("textbox", { name: "Question" }).fill("who climbs walls");
  await page.getByLabel("At most").fill("1");
  await page.getByRole("button", { name: "Find chunks" }).click();
  const found = page.getByRole("list", { name: "Found" });
  await found.getByText("Ibex climb walls and dams.").waitFor();
  assert.equal(await found.getByRole("listitem").count(), 1);
  await look(page, "knowledge-try");
  const [best] = (await as("POST", `${bases}/${id}/search`, { query: "who climbs walls", topK: 1 })).chunks;
  await found.getByText(best.similarityScore.toFixed(3)).waitFor();
  assert.match(await found.getByRole("link", { name: "ibex.txt" }).getAttribute("href"), new RegExp(best.fileId));
  await page.reload(); // what was asked is in the address
  await found.getByText("Ibex climb walls and dams.").waitFor();
  await page.getByLabel("Least similarity").fill("0.99");
  await page.getByRole("button", { name: "Find chunks" }).click();
  await page.getByRole("heading", { name: "Nothing is near enough" }).waitFor();

  await page.getByRole("tab", { name: "Settings" }).click();
  await look(page, "knowledge-settings");
  await page.getByLabel("Size of a chunk").fill("200");
  await page.getByLabel("Chunks for an answer").fill("3");
  await page.getByRole("button", { name: "Save the settings" }).click();
  await page.getByRole("status").getByText(/^Saved/).waitFor();
  await page.getByText(/Files are being read and cut/).waitFor({ state: "detached" });
  await page.getByRole("tab", { name: "Chunks" }).click();
  await page.getByText(/^1 to \d+ of \d+ chunks$/).waitFor();
  const now = await as("GET", `${bases}/${id}`);
  assert.deepEqual([now.searchReady, now.settings.chunk_tokens, now.settings.top_k], [true, 200, 3]);
  assert.ok(now.chunkCount < total, `${now.chunkCount} chunks, ${total} before`);

  // Of content that no text is read out of, the page says why nothing is found.
  allow(expectedFailure);
  const ibex = (await as("GET", `${bases}/${id}/sources`)).sources.find((s) => s.sourcePath === "ibex.txt");
  await page.goto(`/app/e/${ibex.fileId}`);
  await page.getByLabel("Replace the content").setInputFiles({ name: "ibex.png", mimeType: "image/png", buffer: Buffer.from("\x89PNG\r\n\x1a\n", "latin1") });
  await page.getByText("This is called image/png, and cannot be shown as that").waitFor();
  await page.goto(`/app/knowledge/${id}`);
  await page.getByRole("row", { name: /nothing found in it.*not of a format/ }).waitFor();
  await look(page, "knowledge-refused");
});

test("who is in no team with a key makes one, or is led to sign in", async (t) => {
  const { page, allow } = await open(t);
  allow(expectedFailure);
  const out = await fetch(`${url}/auth/signup`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ email: "chough@example.com", password: "correct horse battery", label: "Chough" }) });
  const { access_token } = await out.json();
  const { key } = await call("POST", "/users/me/keys", { label: "of the chough" }, "", { Authorization: `Bearer ${access_token}` });
  await page.goto("/app/sign-in?next=/app/knowledge");
  await page.getByRole("tab", { name: "Use a key" }).click();
  await page.getByRole("textbox", { name: "Key" }).fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "This belongs to a team, and you are in none" }).waitFor();
  await look(page, "knowledge-no-team");
  assert.match(await page.getByRole("link", { name: "Sign in with an account" }).getAttribute("href"), /sign-in\?next=/);
  await page.getByLabel("Name of the team").fill("House of choughs");
  await page.getByRole("button", { name: "Make the team" }).click();
  await page.getByRole("heading", { name: "None yet" }).waitFor();
  const answer = await call("GET", bases, undefined, key);
  assert.deepEqual(answer.knowledgeBases, []);
});

test("a telephone has room for knowledge bases", async (t) => {
  const { page } = await open(t, { viewport: { width: 360, height: 740 } });
  const as = await signUp(page, "pika");
  as.token = JSON.parse(await page.evaluate(() => localStorage.getItem("stemma.session"))).credential;
  const id = await make(as, "Small", { "a-file-with-a-rather-long-name-that-has-no-spaces.txt": "Pikas gather flowers in the summer and dry them." });
  for (const [path, shown] of [
    ["/app/knowledge", page.getByRole("link", { name: "Small" })],
    ["/app/knowledge/new", page.getByRole("button", { name: "Make the knowledge base" })],
    [`/app/knowledge/${id}`, page.getByRole("region", { name: "Files" })],
    [`/app/knowledge/${id}?tab=chunks`, page.getByText("1 to 1 of 1 chunk")],
    [`/app/knowledge/${id}?tab=try&q=flowers`, page.getByRole("list", { name: "Found" })],
    [`/app/knowledge/${id}?tab=settings`, page.getByRole("button", { name: "Save the settings" })],
  ]) {
    await page.goto(path);
    await shown.waitFor();
    await look(page, `phone-knowledge-${path.replace(id, "id").replace(/[^a-z]+/g, "-")}`);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(over <= 0, `${path} is ${over} pixels too wide`);
  }
});
