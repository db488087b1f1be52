//! The units run in Node: what they test knows no page.
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["test/unit/**/*.test.ts"], environment: "node" } });
