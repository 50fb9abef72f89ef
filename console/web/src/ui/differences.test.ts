import { expect, it } from "vitest";

import { differences } from "./differences";

it("difference names each changed field with both values", () => {
  const before = { status: "draft", total: { amount: "10.00" }, note: "x" };
  const after = { status: "sent", total: { amount: "12.00" }, by: "ops" };
  expect(differences(before, after)).toEqual([
    { path: "status", before: "draft", after: "sent" },
    { path: "total.amount", before: "10.00", after: "12.00" },
    { path: "note", before: "x", after: undefined },
    { path: "by", before: undefined, after: "ops" },
  ]);
});

it("difference matches order lines by number, not by position", () => {
  const before = {
    lines: [
      { line_no: 1, quantity: 4 },
      { line_no: 2, quantity: 2 },
    ],
  };
  const after = { lines: [{ line_no: 2, quantity: 3 }] };
  expect(differences(before, after)).toEqual([
    { path: "lines[0].quantity", before: 2, after: 3 },
    { path: "lines[0]", before: { line_no: 1, quantity: 4 }, after: undefined },
  ]);
});

it("difference omits unchanged fields", () => {
  expect(differences({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toEqual([]);
});
