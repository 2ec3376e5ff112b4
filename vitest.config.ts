// All TypeScript tests. A file that needs a browser's globals says `// @vitest-environment happy-dom` in its first lines.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.{ts,tsx}"],
    testTimeout: 10_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
    server: { deps: { inline: ["convex-test"] } },
  },
});
