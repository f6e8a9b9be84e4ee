// How the page is built: one bundle of modern JavaScript, everything from the page's own address. In development the
// gateway named by LYCEUM_GATEWAY answers calls, so that the page always speaks with the real fabric.

import { loadEnv } from "vite";
import { defineConfig } from "vitest/config";

const gateway = loadEnv("", ".", "LYCEUM_").LYCEUM_GATEWAY ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "./",
  build: { target: ["chrome125", "firefox128", "safari18"], assetsInlineLimit: 0, sourcemap: false },
  server: { host: "127.0.0.1", proxy: { "^/(gateway|lyceum\\.)": gateway } },
  test: { include: ["test/**/*.test.ts"] },
});
