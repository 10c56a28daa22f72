import { useState } from "react";
import { Choice, Field } from "./field";

const kinds: [string, string][] = [
  ["openai", "OpenAI, or what speaks like it"],
  ["anthropic", "Anthropic"],
  ["gemini", "Google Gemini"],
  ["azure", "Azure OpenAI"],
  ["ollama", "Ollama"],
];

export type ProviderKind = "openai" | "anthropic" | "gemini" | "azure" | "ollama";

type Known = { kind?: string | null; model?: string | null; baseUrl?: string | null; deployment?: string | null; apiVersion?: string | null; hasKey?: boolean };

// ProviderFields are those that say how a provider of language models is reached.
export function ProviderFields({ kind: first, model, baseUrl, deployment, apiVersion, hasKey }: Known) {
  const [kind, setKind] = useState(first ?? "openai");
  return (
    <>
      <Choice name="kind" label="Kind" of={kinds} value={kind} onChange={(e) => setKind(e.target.value)} />
      <Field name="model" label="Model" hint="When neither an agent nor a client names one" defaultValue={model ?? ""} maxLength={200} />
      <Field name="baseUrl" label="Address" hint={kind === "azure" ? "https://….openai.azure.com" : "Left empty, that of the kind"} type="url" required={kind === "azure"} defaultValue={baseUrl ?? ""} />
      <Field name="apiKey" label="Key" type="password" autoComplete="off" hint={hasKey ? "One is kept. Left empty it stays, unless kind or address change." : "Kept sealed, and never shown again"} />
      {kind === "azure" && (
        <>
          <Field name="deployment" label="Deployment" defaultValue={deployment ?? ""} maxLength={200} />
          <Field name="apiVersion" label="API version" defaultValue={apiVersion ?? ""} maxLength={50} />
        </>
      )}
    </>
  );
}

// providerOf is what those fields say. An empty text takes away what there was; an
// empty key leaves the one that is kept.
export function providerOf(f: Record<string, string>) {
  return {
    kind: f.kind as ProviderKind,
    model: f.model ?? "",
    baseUrl: f.baseUrl ?? "",
    ...(f.deployment !== undefined ? { deployment: f.deployment } : {}),
    ...(f.apiVersion !== undefined ? { apiVersion: f.apiVersion } : {}),
    ...(f.apiKey ? { apiKey: f.apiKey } : {}),
  };
}
