//! How the pages are built: the game and its gallery, one page each.
import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    chunkSizeWarningLimit: 900,
    rollupOptions: { input: { index: "index.html", gallery: "gallery.html" } },
  },
  server: {
    // The accounts are another process while developing.
    proxy: Object.fromEntries(["/login", "/register", "/config.json"].map((path) => [path, "http://127.0.0.1:3001"])),
  },
});
