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
    chunkSizeWarningLimit: 900,
  },
  server: { proxy: { [ASKED]: CONSOLE_URL } },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"] },
});
