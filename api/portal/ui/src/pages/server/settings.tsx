import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { client, data, type Schemas } from "../../lib/api";
import { ago, moment } from "../../lib/format";
import { Busy, EntityLink, Failure, useTitle } from "../../parts/basics";
import { Choice, Field, fieldsOf } from "../../parts/field";

type Settings = Schemas["Settings"];
type Change = Schemas["AdminSetSettingsRequest"];

export function ServerSettings() {
  useTitle("Server settings");
  const got = useQuery({ queryKey: ["server settings"], queryFn: () => data(client.GET("/v1/admin/settings")) });
  if (got.isPending) return <Busy what="The settings" />;
  if (got.error) return <Failure error={got.error} retry={() => void got.refetch()} />;
  const s = got.data;
  return (
    <>
      <h1>Server settings</h1>
      <div className="cards">
        <SignUps s={s} />
        <Embedder key={s.updatedAt} s={s} />
      </div>
      {s.updatedAt && s.updatedByAdminId && (
        <p className="faint">
          Changed <time title={moment(s.updatedAt)}>{ago(s.updatedAt)}</time> by <EntityLink id={s.updatedByAdminId} label="who" />
        </p>
      )}
      <p>What else can be set is set where the server is started: stemma serve --help lists it.</p>
    </>
  );
}

function useSave() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Change) => data(client.PUT("/v1/admin/settings", { body })),
    onSuccess: (now) => queries.setQueryData(["server settings"], now),
  });
}

function SignUps({ s }: { s: Settings }) {
  const save = useSave();
  return (
    <section className="card" aria-labelledby="sign-ups">
      <h2 id="sign-ups">
        New accounts <span className={`badge ${s.signupsEnabled ? "good" : ""}`}>{s.signupsEnabled ? "open" : "closed"}</span>
      </h2>
      <p>{s.signupsEnabled ? "Anybody can make an account with a team of its own." : "Nobody can make an account without an invitation into a team."}</p>
      {save.error && <Failure error={save.error} />}
      <button type="button" disabled={save.isPending} onClick={() => save.mutate({ signupsEnabled: !s.signupsEnabled })}>
        {s.signupsEnabled ? "Close to new accounts" : "Open to new accounts"}
      </button>
    </section>
  );
}

type Way = "none" | "house" | "own";

function Embedder({ s }: { s: Settings }) {
  const [way, setWay] = useState<Way>(s.defaultEmbedderProviderId ? "house" : s.defaultEmbedderProvider ? "own" : "none");
  const house = useQuery({ queryKey: ["providers"], queryFn: () => data(client.GET("/v1/admin/providers")) });
  const save = useSave();
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const f = fieldsOf(e.currentTarget);
    if (way === "none") return save.mutate({ defaultEmbedderProvider: "", defaultEmbedderProviderId: "" });
    if (way === "house") return save.mutate({ defaultEmbedderProviderId: f.gateway, defaultEmbedderModel: f.model });
    save.mutate({ defaultEmbedderProvider: f.kind, defaultEmbedderModel: f.model, defaultEmbedderBaseUrl: f.baseUrl, ...(f.apiKey ? { defaultEmbedderApiKey: f.apiKey } : {}) });
  };
  return (
    <section className="card" aria-labelledby="embedder">
      <h2 id="embedder">Default embedder</h2>
      <p className="faint">It is kept for tenants to begin with. Knowledge bases are still embedded as STEMMA_EMBEDDINGS_URL says.</p>
      <form onSubmit={submit}>
        <Choice
          label="Embedder"
          value={way}
          onChange={(e) => setWay(e.target.value as Way)}
          of={[
            ["none", "none"],
            ["house", "one of this server's providers"],
            ["own", "another service"],
          ]}
        />
        {way === "house" && <Choice key={house.data?.length} name="gateway" label="Provider" defaultValue={s.defaultEmbedderProviderId ?? ""} of={(house.data ?? []).map((p) => [p.id, p.name])} />}
        {way === "own" && (
          <>
            <Choice name="kind" label="Kind" defaultValue={s.defaultEmbedderProvider ?? "openai"} of={["openai", "azure", "ollama", "gemini"].map((k) => [k, k])} />
            <Field name="baseUrl" label="Address" type="url" hint="Left empty, that of the kind" defaultValue={s.defaultEmbedderBaseUrl ?? ""} />
            <Field name="apiKey" label="Key" type="password" autoComplete="off" hint={s.defaultEmbedderApiKey ? "One is kept. Left empty it stays." : "Kept sealed, and never shown again"} />
          </>
        )}
        {way !== "none" && <Field name="model" label="Model" required maxLength={200} defaultValue={s.defaultEmbedderModel ?? ""} />}
        {save.error && <Failure error={save.error} />}
        <button disabled={save.isPending}>Save the embedder</button>
        {save.isSuccess && <span role="status"> Saved.</span>}
      </form>
    </section>
  );
}
