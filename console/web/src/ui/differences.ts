import { create } from "jsondiffpatch";

export interface Difference {
  path: string;
  before: unknown;
  after: unknown;
}

const differ = create({
  objectHash: (item, index) => {
    const named = item as Record<string, unknown>;
    return String(named.line_no ?? named.id ?? named.sku ?? named.number ?? `#${index}`);
  },
  arrays: { detectMove: false },
});

/** The fields that differ, each with what it was and what it is; undefined where it was not. */
export function differences(before: unknown, after: unknown): Difference[] {
  return flatten(differ.diff(before, after), "");
}

// jsondiffpatch: [new], [old, new], [old, 0, 0]; in arrays `_n` is an index of the old one.
function flatten(delta: unknown, path: string): Difference[] {
  if (delta === undefined) return [];
  if (Array.isArray(delta)) {
    if (delta.length === 1) return [{ path, before: undefined, after: delta[0] }];
    if (delta.length === 2) return [{ path, before: delta[0], after: delta[1] }];
    return delta[2] === 0 ? [{ path, before: delta[0], after: undefined }] : [];
  }
  const { _t: kind, ...fields } = delta as Record<string, unknown>;
  return Object.entries(fields).flatMap(([name, inner]) => {
    const at = kind === "a" ? `[${name.replace("_", "")}]` : path ? `.${name}` : name;
    return flatten(inner, path + at);
  });
}

export function asText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
