import { defineConfig } from "vite";

const server = process.env.STEMMA_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  esbuild: { jsx: "automatic" },
  build: { outDir: "dist", emptyOutDir: false, assetsInlineLimit: 0, target: "es2022", chunkSizeWarningLimit: 700 },
  server: { proxy: { "^/(?!app|assets|src|node_modules|@|$)": server } },
});
