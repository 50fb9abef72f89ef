import type { TFunction } from "i18next";

import type { Evidence, Money, ReasonCode } from "../api/types";

/** A length of time in its largest units: "3 d 4 h", "3 天 4 小时"; in one: "3 d". */
export function spell(seconds: number, t: TFunction, most = 2): string {
  const whole = Math.max(0, Math.round(seconds));
  const units: [string, number][] = [
    ["d", Math.floor(whole / 86_400)],
    ["h", Math.floor((whole % 86_400) / 3_600)],
    ["min", Math.floor((whole % 3_600) / 60)],
    ["s", whole % 60],
  ];
  const first = units.findIndex(([, n]) => n > 0);
  if (first < 0) return t("time.s", { n: 0 });
  return units
    .slice(first, first + most)
    .filter(([, n]) => n > 0)
    .map(([unit, n]) => t(`time.${unit}`, { n }))
    .join(" ");
}

/** Formats are dear to make and a list has hundreds of figures: one for each language and currency. */
const moneys = new Map<string, Intl.NumberFormat>();
const moments = new Map<string, Intl.DateTimeFormat>();

function kept<T>(formats: Map<string, T>, key: string, make: () => T): T {
  const format = formats.get(key) ?? make();
  formats.set(key, format);
  return format;
}

export function moneyIn(language: string, { amount, currency }: Money): string {
  return kept(
    moneys,
    `${language} ${currency}`,
    () => new Intl.NumberFormat(language, { style: "currency", currency }),
  ).format(
    amount as unknown as number, // a decimal text is read exactly: no float between
  );
}

export function exactIn(language: string, at: string): string {
  return kept(
    moments,
    language,
    () => new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" }),
  ).format(new Date(at));
}

/** Who must act: `role:sales_manager`, `party:customer`, `system:erp`, `person:sales-07`. */
export function ownerWords(owner: string, t: TFunction): string {
  const [kind, name = ""] = owner.split(/:(.*)/s);
  if (kind === "person" || !name) return name || owner;
  return t(`owner.${kind}.${name}`, { defaultValue: name.replaceAll("_", " ") });
}

/** `order-svc` and `order` alike: the service by the name of its stage. */
export function serviceWords(service: string, t: TFunction): string {
  return t(`stage.${service.replace(/-svc$/, "")}`, { defaultValue: service });
}

export function actWords(action: string, t: TFunction): string {
  return t(`action.${action.replaceAll(" ", "_")}`, { defaultValue: action });
}

export function gateWords(gate: string, t: TFunction): string {
  return t(`gate.${gate.replace(":", "_")}`, { defaultValue: gate.replaceAll("_", " ") });
}

/** `ltc.order.gate_opened.v1` → "order gate opened", in the reader's words where we have them. */
export function factWords(type: string, t: TFunction): string {
  const [, noun = type, verb = ""] = type.split(".");
  if (verb.startsWith("gate_")) return `${t(`stage.${noun}`)} · ${t(`fact.${verb}`)}`;
  return t(`fact.${noun}_${verb}`, { defaultValue: `${noun} ${verb.replaceAll("_", " ")}` });
}

export interface Told {
  reason: ReasonCode | null;
  stage: string;
  state: string;
  gate: string | null;
  owner: string | null;
  since: string | null;
  overdue_s: number | null;
  sentence: string;
}

/** The one sentence. The console's own is English; in other languages it is put together anew from
 *  what it was made of. */
export function sentenceIn(language: string, told: Told, t: TFunction): string {
  if (language === "en" && told.sentence) return told.sentence;
  const late =
    told.overdue_s && told.overdue_s > 0
      ? t("sentence.late", { for: spell(told.overdue_s, t) })
      : "";
  const since = told.since ? t("sentence.since", { at: exactIn(language, told.since) }) : "";
  const key = told.reason ?? (told.state === "open" ? "MOVING" : told.state.toUpperCase());
  return t(`sentence.${key}`, {
    stage: t(`stage.${told.stage}`),
    gate: told.gate ? gateWords(told.gate, t) : t("sentence.nextStep"),
    owner: told.owner ? ownerWords(told.owner, t) : t("sentence.someone"),
    since,
    late,
  });
}

/** One thing that was seen. The console's own words are English; what a service said of itself stays
 *  as it said it. */
export function proofIn(language: string, proof: Evidence, t: TFunction): string {
  const values = Object.entries(proof.values ?? {});
  if (language === "en" || values.length === 0) return proof.text;
  const said: Record<string, string | number> = {};
  for (const [name, value] of values) {
    if (name.endsWith("_at")) said[name] = exactIn(language, String(value));
    else if (name === "type") said[name] = factWords(String(value), t);
    else if (name === "gate") said[name] = gateWords(String(value), t);
    else if (name === "status") said[name] = t(`parked.${value}`, { defaultValue: String(value) });
    else said[name] = value;
  }
  return t(`proof.${proof.kind}`, { ...said, defaultValue: proof.text });
}
