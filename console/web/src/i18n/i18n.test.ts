import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import en from "./en.json";
import zh from "./zh-CN.json";

type Words = { [key: string]: string | Words };

function flat(words: Words, under = ""): Map<string, string> {
  return new Map(
    Object.entries(words).flatMap(([key, value]) =>
      typeof value === "string"
        ? [[under + key, value] as [string, string]]
        : [...flat(value, `${under}${key}.`)],
    ),
  );
}

const languages = { en: flat(en), "zh-CN": flat(zh) };
// Chinese has one plural form, English two: compared is the key without its form.
const bare = (key: string) => key.replace(/_(one|other)$/, "");
const keysOf = (words: Map<string, string>) => [...new Set([...words.keys()].map(bare))].sort();
const holesOf = (text: string) => [...new Set(text.match(/\{\{\w+\}\}/g) ?? [])].sort();

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? sources(join(folder, entry.name))
      : /(?<!\.test)\.tsx?$/.test(entry.name)
        ? [readFileSync(join(folder, entry.name), "utf8")]
        : [],
  );
}

describe("translations", () => {
  it("have the same keys in both languages", () => {
    expect(keysOf(languages["zh-CN"])).toEqual(keysOf(languages.en));
  });

  it("interpolate the same values in both languages", () => {
    for (const [key, text] of languages["zh-CN"])
      expect([key, holesOf(text)]).toEqual([key, holesOf(languages.en.get(key) ?? "")]);
  });

  it("have every plural form of the language", () => {
    for (const [language, words] of Object.entries(languages)) {
      const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
      const plural = new Set([...words.keys()].filter((key) => bare(key) !== key).map(bare));
      for (const key of plural)
        for (const form of forms) expect([...words.keys()]).toContain(`${key}_${form}`);
    }
  });

  it("contain every key that the pages use", () => {
    const known = new Set(keysOf(languages.en));
    const named = sources("src").flatMap((source) =>
      [...source.matchAll(/\bt\(\s*"([\w.]+)"/g)].map(([, key]) => key),
    );
    expect(named.length).toBeGreaterThan(100);
    expect(named.filter((key) => !known.has(key ?? ""))).toEqual([]);
  });

  it("use Chinese punctuation in Chinese text", () => {
    for (const [key, text] of languages["zh-CN"])
      expect([key, text]).not.toEqual([key, expect.stringMatching(/[\u4e00-\u9fff][,;:?!]/)]);
  });
});
