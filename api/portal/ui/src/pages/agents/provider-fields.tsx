import type { Schemas } from "../../lib/api";
import { Area, Choice, Field } from "./fields";
import { addresses, kinds, type Draft, type View } from "./provider";

type Props = { of: View; draft: Draft; available: Schemas["AvailableProvider"][]; inherits: string; disabled?: boolean; onChange: (d: Draft) => void };

// ProviderFields say who answers. A key goes in and never comes out again.
export function ProviderFields({ of, draft: d, available, inherits, disabled, onChange }: Props) {
  const set = (part: Partial<Draft>) => onChange({ ...d, ...part });
  const moved = of !== null && (of.provider !== d.kind || (of.baseUrl ?? "") !== d.baseUrl.trim());
  const chosen = available.find((p) => p.id === d.gateway);
  return (
    <>
      <Choice
        label="Who answers"
        value={d.from}
        disabled={disabled}
        options={[["inherit", inherits], ["own", "A provider of its own"], ...(available.length || d.from === "operator" ? [["operator", "A provider of this server's operator"] as const] : [])]}
        onChange={(from) => set({ from: from as Draft["from"], gateway: from === "operator" ? d.gateway || (available[0]?.id ?? "") : d.gateway })}
      />
      {d.from === "operator" && (
        <Choice label="Provider" value={d.gateway} disabled={disabled} options={[...(chosen ? [] : [[d.gateway, d.gateway || "Choose one"] as const]), ...available.map((p) => [p.id, `${p.name} (${p.type})`] as const)]} onChange={(gateway) => set({ gateway })} />
      )}
      {d.from === "own" && (
        <>
          <Choice label="Kind of provider" value={d.kind} disabled={disabled} options={kinds} onChange={(kind) => set({ kind })} />
          <Field label="Address" type="url" value={d.baseUrl} disabled={disabled} placeholder={addresses[d.kind]} hint={d.kind === "azure" ? "That of your resource" : "Empty for the provider's own"} onChange={(baseUrl) => set({ baseUrl })} />
          <Field
            label="Key"
            type="password"
            autoComplete="new-password"
            value={d.apiKey}
            disabled={disabled}
            placeholder={of?.hasApiKey && !moved ? "One is kept" : "None is kept"}
            hint={of?.hasApiKey ? (moved ? "The key that is kept was for another provider or address: give one for this, or it is used without" : "Sealed, and never shown again. Leave it empty to keep it") : "It is kept sealed, and never shown again"}
            onChange={(apiKey) => set({ apiKey })}
          />
        </>
      )}
      {d.from !== "inherit" && (
        <Field
          label="Model"
          value={d.model}
          disabled={disabled}
          hint={chosen?.availableModels.length ? `When a client names none. It has ${chosen.availableModels.join(", ")}` : "When a client names none"}
          onChange={(model) => set({ model })}
        />
      )}
      {d.from === "own" && d.kind === "azure" && (
        <>
          <Field label="Deployment" value={d.deployment} disabled={disabled} onChange={(deployment) => set({ deployment })} />
          <Field label="Version of the API" value={d.apiVersion} disabled={disabled} placeholder="2024-10-21" onChange={(apiVersion) => set({ apiVersion })} />
          <Area label="Deployments by model" rows={3} value={d.deployments} disabled={disabled} hint="One a line: gpt-4o = my-deployment" onChange={(deployments) => set({ deployments })} />
        </>
      )}
    </>
  );
}
