// The provider of an agent or a team, as a form has it.
import type { Schemas } from "../../lib/api";

export type View = Schemas["ProviderView"] | null;
export type Input = Schemas["ProviderInput"];
export type Draft = { from: "inherit" | "own" | "operator"; kind: string; baseUrl: string; apiKey: string; model: string; deployment: string; apiVersion: string; deployments: string; gateway: string };

export const kinds = [
  ["openai", "OpenAI, or what speaks like it"],
  ["azure", "Azure OpenAI"],
  ["anthropic", "Anthropic"],
  ["gemini", "Google Gemini"],
  ["ollama", "Ollama"],
] as const;

export const addresses: Record<string, string> = {
  openai: "https://api.openai.com/v1",
  azure: "https://my-name.openai.azure.com",
  anthropic: "https://api.anthropic.com",
  gemini: "https://generativelanguage.googleapis.com",
  ollama: "http://127.0.0.1:11434/v1",
};

export function draftOf(v: View): Draft {
  return {
    from: v === null ? "inherit" : v.gatewayProviderId ? "operator" : "own",
    kind: v?.provider ?? "openai",
    baseUrl: v?.baseUrl ?? "",
    apiKey: "",
    model: v?.model ?? "",
    deployment: v?.deployment ?? "",
    apiVersion: v?.apiVersion ?? "",
    deployments: Object.entries(v?.deploymentMap ?? {})
      .map(([model, name]) => `${model} = ${name}`)
      .join("\n"),
    gateway: v?.gatewayProviderId ?? "",
  };
}

function deployments(text: string): Record<string, string> {
  const out: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const [model, name] = line.split("=").map((s) => s.trim());
    if (model && name) out[model] = name;
  }
  return out;
}

// changes are what the form has that is not there yet; undefined for nothing.
export function changes(v: View, d: Draft): Input | undefined {
  const was = draftOf(v);
  if (d.from === "inherit") return v === null ? undefined : { provider: "" };
  const out: Input = {};
  const texts = d.from === "own" ? { provider: d.kind, baseUrl: d.baseUrl, model: d.model, deployment: d.deployment, apiVersion: d.apiVersion, gatewayProviderId: "" } : { provider: "", baseUrl: "", model: d.model, deployment: d.deployment, apiVersion: "", gatewayProviderId: d.gateway };
  const had: Record<string, string> = { provider: v?.provider ?? "", baseUrl: was.baseUrl, model: was.model, deployment: was.deployment, apiVersion: was.apiVersion, gatewayProviderId: was.gateway };
  for (const [name, text] of Object.entries(texts)) if (text.trim() !== had[name]) out[name as "model"] = text.trim();
  if (d.deployments !== was.deployments) out.deploymentMap = deployments(d.deployments);
  if (d.apiKey && d.from === "own") out.apiKey = d.apiKey.trim();
  if (out.provider === "" && out.gatewayProviderId === undefined && d.from === "operator") out.gatewayProviderId = d.gateway;
  return Object.keys(out).length ? out : undefined;
}
