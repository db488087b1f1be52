import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { checked } from "../../src/protocol/accounts";
import { explain } from "../../src/protocol/session";
import { en } from "../../src/text/en";
import { zh } from "../../src/text/zh";
import { type Key, setLanguage, t, told } from "../../src/text/text";
import { plain, scopeOf } from "../../src/world/talk";
import { FailedError } from "pomelo-client-ts";

afterEach(() => setLanguage("en"));

const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).toSorted();

describe("the words", () => {
  it("are the same ones in both languages, with the same places to fill", () => {
    expect(Object.keys(zh)).toEqual(Object.keys(en));
    for (const key of Object.keys(en) as Key[]) expect([key, places(zh[key])]).toEqual([key, places(en[key])]);
  });

  it("are filled, and follow the language", () => {
    expect(t("hud.level", { level: 7 })).toBe("Level 7");
    setLanguage("zh");
    expect(t("hud.level", { level: 7 })).toBe("7 级");
  });
});

/** A table's rows, by the names of its columns. */
function rows(table: string): Record<string, string>[] {
  const [, columns = [], ...data] = JSON.parse(readFileSync(new URL(`../../../game-server/config/data/${table}.json`, import.meta.url), "utf8")) as string[][];
  return data.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i] ?? ""])));
}

describe("what the tables say", () => {
  it("is known in Chinese, sentence by sentence, and stays as it is if it is not", () => {
    const shown = { equipment: ["desc"], item: ["desc"], fightskill: ["desc"], task: ["name", "acceptTalk", "workTalk", "finishTalk"], talk: ["npcword", "myword"], team: ["teamName"] };
    const sentences = Object.entries(shown).flatMap(([table, columns]) => rows(table).flatMap((row) => columns.map((column) => row[column] ?? "")));
    expect(sentences.length).toBeGreaterThan(150);
    expect(sentences.map(told)).toEqual(sentences);
    setLanguage("zh");
    expect(sentences.filter((sentence) => !/[\u4e00-\u9fff]/.test(told(sentence)))).toEqual([]);
    expect(told("A sentence of another game.")).toBe("A sentence of another game.");
  });
});

describe("what is refused", () => {
  it("is said at its field before anything is asked", () => {
    expect(checked(" ", "x")?.field).toBe("name");
    expect(checked("a".repeat(51), "x")?.key).toBe("login.nameLong");
    expect(checked("ann", "")?.field).toBe("password");
    expect(checked("ann", "x", "y")?.field).toBe("again");
    expect(checked("ann", "x", "x")).toBeUndefined();
  });

  it("by the way in, is explained by its code; some of it only another login mends", () => {
    const failed = (code: number) => explain(new FailedError("connector.entryHandler.entry", code, {}));
    expect([failed(1001), failed(1002), failed(1003)].map(({ key, loginAgain }) => [key, loginAgain])).toEqual([["fail.tokenInvalid", true], ["fail.tokenExpired", true], ["fail.userMissing", true]]);
    expect(failed(2001)).toMatchObject({ key: "fail.noConnector", loginAgain: false });
    expect(failed(500).key).toBe("fail.other");
  });
});

describe("talk", () => {
  it("knows scopes by their signs, and text by its entities", () => {
    expect(["D41313", "F7A900", "0897f7", "279106"].map(scopeOf)).toEqual(["all", "area", "team", "private"]);
    expect(plain("a &lt;i&gt; &quot;b&quot; &amp;lt;")).toBe('a <i> "b" &lt;');
  });
});
