// The queue: keys to move in it, and new rows that do not jump under the pointer.
import { keys } from "./keys.js";

const rows = () => [...document.querySelectorAll("#rows tr")];
const here = () => rows().findIndex((row) => row.contains(document.activeElement));
const go = (step) => {
  const all = rows();
  const to = Math.min(Math.max(here() + step, 0), all.length - 1);
  all[to]?.querySelector("a, button")?.focus();
};

keys([
  { key: "j", shown: "J", zh: "下一件工单", en: "next referral", act: () => go(1) },
  { key: "k", shown: "K", zh: "上一件工单", en: "previous referral", act: () => go(-1) },
]);
