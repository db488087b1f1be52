//! On the way in a busy server is asked again, and nobody else is.

import { FailedError } from "pomelo-client-ts";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { explain, fetched, patiently } from "../../src/protocol/session";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const failing = (code: number) => new FailedError("area.playerHandler.enterScene", code, { code });

test("a busy server is asked again until it has time", async () => {
  const ask = vi.fn<() => Promise<string>>().mockRejectedValueOnce(failing(503)).mockRejectedValueOnce(failing(503)).mockResolvedValue("in");
  const asked = patiently(ask);
  await vi.runAllTimersAsync();
  expect(await asked).toBe("in");
  expect(ask).toHaveBeenCalledTimes(3);
});

test("not for ever, and then it is said in words", async () => {
  const ask = vi.fn<() => Promise<string>>().mockImplementation(() => Promise.reject(failing(503)));
  const asked = patiently(ask).catch(explain);
  await vi.runAllTimersAsync();
  expect(await asked).toMatchObject({ key: "fail.busy", loginAgain: false });
});

test("any other refusal is one", async () => {
  const ask = vi.fn<() => Promise<string>>().mockRejectedValue(failing(500));
  await expect(patiently(ask)).rejects.toMatchObject({ code: 500 });
  expect(ask).toHaveBeenCalledOnce();
});

test("a part of the page that can't be fetched is said in words", async () => {
  const failed = await fetched(() => Promise.reject(new TypeError("Failed to fetch dynamically imported module: http://x/stage.js"))).catch(explain);
  expect(failed).toMatchObject({ key: "login.noServer", loginAgain: false });
  expect(await fetched(() => Promise.resolve(7))).toBe(7);
});
