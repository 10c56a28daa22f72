// Light, dark, or as the system has it.

export type Theme = "system" | "light" | "dark";
const place = "stemma.theme";

export function theme(): Theme {
  const value = localStorage.getItem(place);
  return value === "light" || value === "dark" ? value : "system";
}

export function setTheme(next: Theme) {
  if (next === "system") localStorage.removeItem(place);
  else localStorage.setItem(place, next);
  applyTheme();
}

export function applyTheme() {
  const value = theme();
  if (value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
}

export function isDark(): boolean {
  const value = theme();
  return value === "dark" || (value === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
}

// onTheme tells when the colours change, by choice or with the system.
export function onTheme(tell: () => void): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const page = new MutationObserver(tell);
  system.addEventListener("change", tell);
  page.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => {
    system.removeEventListener("change", tell);
    page.disconnect();
  };
}
