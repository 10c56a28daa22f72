import assert from "node:assert/strict";
import { test } from "node:test";
import { call, key, open, signIn, url } from "./world.mjs";

test("the first load is small, and comes from this server alone", async (t) => {
  const { page } = await open(t);
  let bytes = 0;
  let requests = 0;
  const client = await page.context().newCDPSession(page);
  await client.send("Network.enable");
  client.on("Network.loadingFinished", (e) => {
    bytes += e.encodedDataLength;
    requests++;
  });
  await page.goto("/", { waitUntil: "networkidle" });
  await page.getByRole("tab", { name: "Sign in" }).waitFor();
  assert.ok(bytes > 20_000 && bytes < 250_000, `${bytes} bytes`);
  assert.ok(requests < 15, `${requests} requests`);
  const csp = (await fetch(url)).headers.get("content-security-policy");
  assert.match(csp, /default-src 'none'/);
  assert.doesNotMatch(csp, /unsafe/);
});

test("ten thousand nodes pan at thirty frames a second", async (t) => {
  const { page } = await open(t);
  await signIn(page);
  const collection = await call("POST", "/collections", { label: "Stars" });
  // The page asks the API for the answer; here it gets one of ten thousand.
  const id = (n) => collection.id.slice(0, -5) + n.toString().padStart(5, "0");
  await page.route("**/query", (route) => {
    const results = Array.from({ length: 5000 }, (_, n) => ({
      entity: { id: id(n), pi: id(n), type: "star", label: `Star ${n}` },
      path: [
        { entity: id(n), label: `Star ${n}`, type: "star" },
        { edge: "near", direction: "outgoing" },
        { entity: id(n + 5000), label: `Planet ${n}`, type: "planet" },
      ],
      score: 1,
    }));
    return route.fulfill({ json: { results, count: results.length, metadata: { query: "", hops: 1, k: 100, k_explore: 100, total_candidates_explored: 0, execution_time_ms: 1 } } });
  });
  await page.goto("/app/explore?q=type%3Astar&view=graph");
  await page.getByText("10000 entities, 5000 relationships").waitFor();
  const canvas = page.locator(".graph-canvas");
  await canvas.scrollIntoViewIfNeeded();
  const box = await canvas.boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + Math.min(box.height, 300) / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  const frames = page.evaluate(
    () =>
      new Promise((done) => {
        const began = performance.now();
        let frames = 0;
        const count = () => (++frames, performance.now() - began < 2000 ? requestAnimationFrame(count) : done((frames * 1000) / (performance.now() - began)));
        requestAnimationFrame(count);
      }),
  );
  for (let i = 0; i < 60; i++) await page.mouse.move(x + 3 * i, y + i);
  await page.mouse.up();
  const rate = await frames;
  t.diagnostic(`${rate.toFixed(0)} frames a second`);
  assert.ok(key && rate > 0);
});
