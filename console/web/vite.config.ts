import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// The console serves what is built under /app/; while pages are worked on, `npm run dev` takes its
// answers from a console that runs at CONSOLE_URL.
const CONSOLE_URL = process.env.CONSOLE_URL ?? "http://127.0.0.1:8110";
const ASKED = "^/(?!app/|@|src/|node_modules/).*";

export default defineConfig({
  base: "/app/",
  plugins: [react()],
  build: {
    outDir: "../src/console/static",
    emptyOutDir: true,
    // Each of them knows light-dark() and color-mix(), so that nothing is rewritten for older ones.
    target: ["chrome123", "edge123", "firefox120", "safari17.5"],
    // The console lets fonts and scripts come from itself alone, not out of data: addresses.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
  },
  server: { proxy: { [ASKED]: CONSOLE_URL } },
  test: { include: ["src/**/*.test.{ts,tsx}"] },
});
