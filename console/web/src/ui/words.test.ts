import i18next, { type TFunction } from "i18next";
import { beforeAll, describe, expect, it } from "vitest";

import { REASONS } from "../api/types";
import en from "../i18n/en.json";
import zhWords from "../i18n/zh-CN.json";
import type { Evidence } from "../api/types";
import {
  factWords,
  gateWords,
  moneyIn,
  ownerWords,
  proofIn,
  sentenceIn,
  spell,
  type Told,
} from "./words";

let zh: TFunction;
let english: TFunction;

beforeAll(async () => {
  await i18next.init({
    resources: { en: { translation: en }, "zh-CN": { translation: zhWords } },
    interpolation: { escapeValue: false },
    fallbackLng: false,
  });
  zh = i18next.getFixedT("zh-CN");
  english = i18next.getFixedT("en");
});

const told: Told = {
  reason: "WAITING_HUMAN",
  stage: "quote",
  state: "open",
  gate: "approval",
  owner: "role:sales_manager",
  since: "2026-11-24T08:29:01Z",
  overdue_s: 100_800,
  sentence: "Waits in quote at gate 'approval'.",
};

describe("reason sentence", () => {
  it("is the console's English sentence", () => {
    expect(sentenceIn("en", told, english)).toBe(told.sentence);
  });

  it("names owner, gate, start and delay in Chinese", () => {
    const sentence = sentenceIn("zh-CN", told, zh);
    expect(sentence).toMatch(/^自 2026年11月24日 .*起，报价阶段等待销售经理处理“审批”/);
    expect(sentence).toMatch(/，已超期 1 天 4 小时。$/);
  });

  it("is complete in Chinese for every reason, also with few inputs", () => {
    for (const reason of REASONS) {
      const bare = { ...told, reason, gate: null, owner: null, since: null, overdue_s: null };
      const sentence = sentenceIn("zh-CN", bare, zh);
      expect(sentence).toMatch(/^报价阶段.*。$/);
      expect(sentence).not.toMatch(/\{\{|sentence\.|[a-z]{3}/);
    }
  });

  it("distinguishes ended from active journeys", () => {
    const calm = { ...told, reason: null };
    expect(sentenceIn("zh-CN", { ...calm, state: "settled" }, zh)).toContain("已结清");
    expect(sentenceIn("zh-CN", { ...calm, since: null }, zh)).toBe("报价阶段正在进行。");
  });
});

describe("reason inputs", () => {
  const proofs: Evidence[] = [
    {
      kind: "gate",
      text: "gate 'approval' of Q-1 is open",
      service: "quote-svc",
      values: { gate: "approval", number: "Q-1", due_at: "2026-11-24T08:29:01Z" },
    },
    {
      kind: "parked",
      text: "2 of key k on ltc.deal.v1: dead, KeyError",
      service: "deal-svc",
      values: {
        messages: 2,
        key: "k",
        topic: "ltc.deal.v1",
        status: "dead",
        error_class: "KeyError",
      },
    },
    {
      kind: "outbox",
      text: "in the outbox",
      service: "deal-svc",
      values: { type: "ltc.deal.won.v1", since_at: "2026-11-24T08:29:01Z" },
    },
    {
      kind: "offset",
      text: "the group is at 3",
      service: "deal-svc",
      values: { type: "ltc.deal.won.v1", place: "ltc.deal.v1/4", offset: 7, at: 3 },
    },
    {
      kind: "schedule",
      text: "30 days after signature",
      service: "billing-svc",
      values: { days: 30, signed_at: "2026-11-24T08:29:01Z" },
    },
  ];

  it("use the console's words in English and are complete in Chinese", () => {
    for (const proof of proofs) {
      expect(proofIn("en", proof, english)).toBe(proof.text);
      const said = proofIn("zh-CN", proof, zh);
      expect(said).toMatch(/[\u4e00-\u9fff]/);
      expect(said).not.toMatch(/\{\{|proof\.|parked\.|undefined/);
    }
    expect(proofIn("zh-CN", proofs[3] as Evidence, zh)).toContain("消费组在 3");
  });

  it("keep a message of a service unchanged", () => {
    const proof = { kind: "service", text: "no answer in 2 s", service: "deal-svc", values: {} };
    expect(proofIn("zh-CN", proof, zh)).toBe("no answer in 2 s");
  });
});

describe("formatting", () => {
  it("shows a duration in its two largest units, or in one", () => {
    expect(spell(3 * 86_400 + 4 * 3_600 + 59, english)).toBe("3 d 4 h");
    expect(spell(3_600, english)).toBe("1 h");
    expect(spell(0.2, english)).toBe("0 s");
    expect(spell(93_000, zh, 1)).toBe("1 天");
  });

  it("keeps every digit of an amount", () => {
    const money = { amount: "9007199254740993.01", currency: "EUR" };
    expect(moneyIn("en", money)).toBe("€9,007,199,254,740,993.01");
    expect(moneyIn("en", { amount: "12500000", currency: "JPY" })).toBe("¥12,500,000");
  });

  it("names owners, gates and events, with the raw name as fallback", () => {
    expect(ownerWords("party:customer", zh)).toBe("客户");
    expect(ownerWords("person:sales-07", zh)).toBe("sales-07");
    expect(ownerWords("role:night_watch", english)).toBe("night watch");
    expect(gateWords("signature:customer", english)).toBe("customer's signature");
    expect(factWords("ltc.order.gate_overdue.v1", zh)).toBe("订单 · 等待超期");
    expect(factWords("ltc.order.melted_down.v1", english)).toBe("order melted down");
  });
});
