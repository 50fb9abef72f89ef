import dayjs from "dayjs";
import "dayjs/locale/zh-cn";
import duration from "dayjs/plugin/duration";
import relativeTime from "dayjs/plugin/relativeTime";
import i18next from "i18next";
import { initReactI18next } from "react-i18next";

import en from "./en.json";
import zh from "./zh-CN.json";

dayjs.extend(duration);
dayjs.extend(relativeTime);

export const LANGUAGES = { en: "English", "zh-CN": "中文" } as const;
export type Language = keyof typeof LANGUAGES;
const KEPT = "console.language";

function firstLanguage(): Language {
  const kept = window.localStorage.getItem(KEPT);
  if (kept === "en" || kept === "zh-CN") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

function follow(language: string): void {
  dayjs.locale(language === "zh-CN" ? "zh-cn" : "en");
  document.documentElement.lang = language;
}

export function speak(language: Language): void {
  window.localStorage.setItem(KEPT, language);
  follow(language);
  void i18next.changeLanguage(language);
}

const language = firstLanguage();
follow(language);
void i18next.use(initReactI18next).init({
  lng: language,
  fallbackLng: false,
  resources: { en: { translation: en }, "zh-CN": { translation: zh } },
  interpolation: { escapeValue: false },
  returnNull: false,
});

export default i18next;
